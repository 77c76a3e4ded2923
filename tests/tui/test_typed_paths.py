"""Paths that a person types are refused in one line, whatever they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from memoria_tui.dialogs.typed_paths import why_not_new
from services.files import expanded


def test_the_folder_of_a_person_that_there_is_not_is_a_name_like_others() -> None:
    assert expanded("~nobody-is-called-so/x.csv") == Path("~nobody-is-called-so/x.csv")
    assert why_not_new("~nobody-is-called-so/x.csv") == "There is no folder ~nobody-is-called-so"


@pytest.mark.parametrize("text", ["x" * 300, f"{'y' * 300}/x.csv", "a\0b/x.csv"])
def test_what_can_be_no_file_is_refused(text: str) -> None:
    assert why_not_new(text)
