"""Words of the memories that one program keeps for the next one, which then need not read them first."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pytest

from services.points import Point, Scroll
from services.ports import VectorStore
from services.search.vocabulary import Vocabulary

TEXTS = ("tokens expire after an hour", "tokens are kept", "deploy on friday")


class Texts:
    """A store of these texts, that counts how often it is read; `meanwhile` happens while it is."""

    def __init__(self, texts: Sequence[str] = TEXTS) -> None:
        self.texts, self.read = texts, 0
        self.meanwhile: Callable[[], None] = lambda: None

    async def scroll(self, request: Scroll) -> list[Point]:
        self.read += 1
        self.meanwhile()
        return [Point(str(place), {"content": text}, None) for place, text in enumerate(self.texts)]


def words(store: Texts, file: Path) -> Vocabulary:
    return Vocabulary(cast("VectorStore", store), file)


async def kept(file: Path) -> dict[str, float]:
    """What one program reads and keeps."""
    first = words(Texts(), file)
    found = await first.weights("tokens deploy")
    assert first._reading is not None
    await first._reading
    return found


async def test_what_one_program_kept_the_next_one_does_not_read(tmp_path: Path) -> None:
    found = await kept(tmp_path / "words.json")
    assert (tmp_path / "words.json").stat().st_mode & 0o077 == 0
    store = Texts()
    later = words(store, tmp_path / "words.json")
    assert await later.weights("tokens deploy") == found
    assert await later.completions("tok") == ("tokens",)
    assert store.read == 0


async def test_kept_words_are_read_again_once_the_program_has_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept(tmp_path / "words.json")
    monkeypatch.setattr("services.search.vocabulary._SETTLED_SECONDS", -1.0)
    store = Texts(["another text"])
    later = words(store, tmp_path / "words.json")
    await later.weights("tokens")
    assert later._reading is not None
    await later._reading
    assert store.read
    assert await later.completions("anot") == ("another",)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"texts": 0, "counts": {}}', '{"texts": 2, "counts": {"a": 3}}', '{"texts": "x", "counts": 1}'],
)
async def test_damaged_words_are_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "words.json").write_text(content)
    store = Texts()
    assert await words(store, tmp_path / "words.json").weights("tokens")
    assert store.read


@pytest.mark.parametrize("age", [90_000.0, -90_000.0])
async def test_words_of_another_day_are_as_none(tmp_path: Path, age: float) -> None:
    await kept(tmp_path / "words.json")
    os.utime(tmp_path / "words.json", (time.time(), time.time() - age))
    store = Texts()
    await words(store, tmp_path / "words.json").weights("tokens")
    assert store.read


async def test_no_word_of_a_deleted_memory_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "words.json"
    await kept(file)
    store = Texts()
    one = words(store, file)
    one.forget()
    assert not file.exists()
    store.meanwhile = one.forget  # deleted while it is read
    await one.weights("tokens")
    assert one._reading is not None
    await one._reading
    assert not file.exists()


async def test_a_file_holds_no_more_than_the_most_frequent_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.search.vocabulary._MOST_KEPT", 1)
    await kept(tmp_path / "words.json")
    assert set(json.loads((tmp_path / "words.json").read_text())["counts"]) == {"tokens"}
