"""Whether memories are in other languages than English, and what Health says about it."""

from __future__ import annotations

import pytest

from services.reembedding.languages import is_other_language


@pytest.mark.parametrize(
    "text",
    [
        "Die Sitzung läuft ab, weil das Token nicht mehr gültig ist und der Server neu startet.",
        "Le jeton expire trop tôt et les clients sont déconnectés pour une raison que nous ignorons.",
        "El token caduca demasiado pronto y los clientes se quedan sin sesión por la tarde.",
        "Il token scade troppo presto e i clienti non sono più collegati; anche la sessione della sera.",
        "令牌过期太早，客户会被登出。",
        "Токен истекает слишком рано, и клиенты выходят из системы.",
    ],
)
def test_a_text_in_another_language_is_known_by_its_common_words_or_letters(text: str) -> None:
    assert is_other_language(text)


@pytest.mark.parametrize(
    "text",
    [
        "The token expires too early, and customers are signed out after lunch.",
        "def main() -> int:\n    return os.path.join(home, 'daemon')",
        "Call Müller at Acme about the café: el Niño was mentioned in the report of the team.",
        "JWT 4711",
        "",
    ],
)
def test_english_code_and_names_are_not_taken_for_another_language(text: str) -> None:
    assert not is_other_language(text)
