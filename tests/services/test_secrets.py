"""Secrets in texts: found where a prefix, a check digit or a word beside them makes sure, and masked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import get_ident
from time import process_time

import pytest

from services.errors import InvalidInput
from services.integrity.checks import SECRETS
from services.memories.chunking import chunks
from services.model import MemoryChanges, MemoryDraft
from services.points import Filter, Matches, Scroll
from services.secret_texts import describe_secrets, find_secrets, masked
from services.settings import Settings
from tests.services.edge_here import services_here

_AKIA, _AWS = "AKIA" + "IOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"
_LETTERS = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("the key AKIA" + "IOSFODNN7EXAMPLE is in use", ["AWS key"]),
        ("ghp_" + _LETTERS + " pushes", ["GitHub token"]),
        ("glpat-" + _LETTERS[:20], ["GitLab token"]),
        ("xoxb-" + "1234567890-abc", ["Slack token"]),
        ("sk_live_" + _LETTERS[:24], ["Stripe key"]),
        ("sk-ant-api03-" + _LETTERS, ["API key"]),
        ("eyJhbGciOiJI.eyJzdWIiOiIx.dozjgNryP4J3", ["JSON web token"]),
        ("jwt-eyJhbGciOiJI.eyJzdWIiOiIx.dozjgNryP4J3", ["JSON web token"]),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- and more", ["private key"]),
        ("postgresql://anna:hunter2@db:5432/x", ["password in a URL"]),
        ("The password is hunter2hunter2.", ["password"]),
        ("API_KEY=9f86d081884c7d65", ["password"]),
        ("Authorization: Bearer abcdef0123456789abcdef", ["bearer token"]),
        ("card 4111 1111 1111 1111 expires", ["card number"]),
        ("Amex 378282246310005", ["card number"]),
        ("pay to DE89 3704 0044 0532 0130 00 BY FRIDAY", ["IBAN"]),
        ("DB_PASSWORD=geheim4711Kx", ["password"]),
        ("PGPASSWORD=geheim4711Kx psql", ["password"]),
        (f"AWS_SECRET_ACCESS_KEY={_AWS}", ["password"]),
        (f"aws_secret_access_key = {_AWS}", ["password"]),
        ("client_secret: 8f7d2c1b9a0e4f63", ["password"]),
        ('{"clientSecret": "8f7d2c1b9a0e4f63"}', ["password"]),
        ("STRIPE_WEBHOOK_SECRET=xk81Lm02pq", ["password"]),
        ("SECRET_KEY_BASE: 9f86d081884c7d65", ["password"]),
        ("`refreshToken` is `a81Lm02pq9`", ["password"]),
        (f"AWS access: {_AKIA} with secret {_AWS}", ["AWS key", "AWS secret key"]),
        (f"{_AWS}\nbelongs to {_AKIA}", ["AWS secret key", "AWS key"]),
        (f"the secret for the worker is now {_AWS}", ["secret"]),
        (f"use token {_LETTERS[:9]}{_LETTERS[20:]} for it", ["secret"]),
        ("card 4111 1111 1111 1112 does not check", []),
        ("DE89 3704 0044 0532 0130 01", []),
        ("The token is refreshed after 10 s; the password: <your-password1>", []),
        ("postgresql://memoria:PASSWORD@127.0.0.1/memoria", []),
        ("commit 4f041e5a, id 4111111111111111-4111, 2026-11-29 09:50:00, order 5105105105105", []),
        ("The secret of good tests is that they are small; password: see vault, rotated 2026-11-29", []),
        ("The token lives 60 seconds, the token is base64-encoded, its key is 32-byte, token: 15-minute lifetime", []),
        ("The secret came with commit 4f041e5a9d8b7c6e5f4a3b2c1d0e9f8a7b6c5d4e", []),
        ("The key of the row is 123e4567-e89b-12d3-a456-426614174000", []),
        ("The token comes from MyServiceTokenProviderV2Factory in src/auth/TokenProviderV2/HttpFilter.py", []),
        ("secret: /run/secrets/db_v2, token = os.environ['API_TOKEN1'], PASSWORD=${DB_PASSWORD1}", []),
        ("The key is at https://keys.example.org/vks/v1/by-fingerprint/7FFB7D6BD83147D74284E3178CEB3030FFDCE258", []),
        ("The public key is SIXvRyDmBJSgatgTQRGbInBaAK+hZOQ18UmrSwnDlK8=, token = read_token(lines[2])", []),
        ("TOKEN_TTL=3600seconds1 and monkey = banana12 and KEY_ID=abcdef123456", []),
        ("A key decision: tokens expire too early, secret santa was fun", []),
    ],
)
def test_secrets_are_told_from_words(text: str, kinds: list[str]) -> None:
    assert [one.kind for one in find_secrets(text)] == kinds


@pytest.mark.parametrize(
    "run", ["a.", "xoxb-1-", "sk-", "-eyJ", "eyJaaaaaaaa-", "password: hunter2hunter2 and ", "_secret_", "key a "]
)
def test_a_long_text_takes_as_much_longer_as_it_is_longer(run: str) -> None:
    def seconds(length: int) -> float:
        """The least of three: others use the processor too."""
        text, taken = run * (length // len(run)) + "the key", []
        for _ in range(3):
            began = process_time()
            masked(text)
            taken.append(process_time() - began)
        return min(taken)

    assert seconds(160_000) < 64 * seconds(10_000) + 0.1


def test_what_is_masked_has_no_secret_and_all_else_of_the_text() -> None:
    text = "login: password = hunter2hunter2, pay DE89 3704 0044 0532 0130 00 now"
    assert masked(text) == "login: password = [password], pay [IBAN] now"
    assert describe_secrets(text) == "a password, an IBAN"
    assert masked(masked(text)) == masked(text)


SECRET = "the password is hunter2hunter2"


def settings_of(folder: Path, url: str, policy: str) -> Settings:
    return Settings(home=folder, database_url=url, zone="UTC", secrets=policy)


async def test_a_check_lists_them_and_masks_only_where_it_is_asked_for(tmp_path: Path, postgres_url: str) -> None:
    async with services_here(settings_of(tmp_path, postgres_url, "warn")) as services:
        memory = await services.memories.create(MemoryDraft(SECRET))
        assert await services.duplicate_scan.hint(memory) == "has a password"
        survey = await services.integrity.survey()
        assert (len(survey.found[SECRETS]), survey.repairable()) == (1, ())
        (finding,) = await services.integrity.describe(survey.found[SECRETS])
        assert finding.what == "has a password"
        await services.integrity.repair(survey.repairable((SECRETS,)))
        assert (await services.memories.get(memory.id)).content == "the password is [password]"
        await services.memories.undo()
        assert (await services.memories.get(memory.id)).content == SECRET


async def test_a_text_in_chunks_is_looked_through_as_a_whole_beside_the_loop(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[int] = set()

    def found(text: str) -> object:
        threads.add(get_ident())
        return find_secrets(text)

    monkeypatch.setattr("services.integrity.checks.secrets.find_secrets", found)
    settings = replace(settings_of(tmp_path, postgres_url, "warn"), chunk_size=100, chunk_overlap=0)
    across, plain = "a word and " * 7 + f"a few {SECRET}", "a word and " * 20
    assert not any(map(find_secrets, chunks(across, 100, 0)))
    async with services_here(settings) as services:
        known, _, outside = [await services.memories.create(MemoryDraft(text)) for text in (across, plain, across)]
        assert [one.id for one in (await services.integrity.survey()).found[SECRETS]] == sorted([known.id, outside.id])
        points = await services.vectors.scroll(
            Scroll(outside.type, 100, Filter((Matches("parent_id", (outside.id,)),)), with_vectors=True)
        )
        bare = [{key: value for key, value in one.payload.items() if key != "full_content"} for one in points]
        made = [replace(one, payload=payload) for one, payload in zip(points, bare, strict=True)]
        await services.vectors.upsert(outside.type, made)
        survey = await services.integrity.survey()
        assert [one.id for one in survey.found[SECRETS]] == sorted([known.id, outside.id])
        assert get_ident() not in threads
        await services.integrity.repair(survey.repairable((SECRETS,)))
        assert (await services.memories.get(outside.id)).content == across.replace("hunter2hunter2", "[password]")


@pytest.mark.parametrize("policy", ["mask", "refuse"])
async def test_what_is_new_is_masked_or_refused_as_the_settings_want_it(
    tmp_path: Path, postgres_url: str, policy: str
) -> None:
    async with services_here(settings_of(tmp_path, postgres_url, "warn")) as services:
        known = await services.memories.create(MemoryDraft(SECRET))
        plain, other = [await services.memories.create(MemoryDraft(text)) for text in ("plain", "another")]
    file = tmp_path / "some.jsonl"
    file.write_text('{"content": "API_KEY=9f86d081884c7d65"}\n{"content": "fine"}\n')
    async with services_here(settings_of(tmp_path, postgres_url, policy)) as services:
        kept = await services.memories.update(known, MemoryChanges(content=f"{SECRET}, still"))
        assert kept.content == f"{SECRET}, still"
        report = await services.importing.import_files([file])
        if policy == "refuse":
            with pytest.raises(InvalidInput, match="a password, which MEMORIA_SECRETS refuses"):
                await services.memories.update(plain, MemoryChanges(content=SECRET))
            with pytest.raises(InvalidInput, match="a password, which MEMORIA_SECRETS refuses"):
                await services.duplicates.merge([(plain, [other])], SECRET)
            assert await services.duplicates.merge([(plain, [kept])], SECRET) == 1
            assert (report.memories, len(report.failed)) == (1, 1)
        else:
            changed = await services.memories.update(plain, MemoryChanges(content=SECRET))
            assert changed.content == "the password is [password]"
            assert (report.memories, [one.reason for one in report.notes]) == (2, ["masked a password"])
