"""What the legs of a ranked search find beside memories of very many chunks, and of texts that say nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.memories.payload import drafted
from services.memories.point_layout import points_of
from services.model import MemoryDraft, MemoryType, SearchMode
from services.storable_text import has_word, is_blank
from services.times import writer_zone
from tests.services.stores import opened_store
from tests.services.test_search import EMBEDDER, NOW, Store, uid

LINES = [f"12:00 worker {number} wrote text words of a text to the words log" for number in range(400)]
"""A log that somebody pasted, as MCP Memoria cuts it."""


@pytest.fixture(params=["edge", "server"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    async with opened_store(request.param, tmp_path / "qdrant") as vectors:
        await vectors.ensure(EMBEDDER.dimensions, EMBEDDER.model)
        yield Store(tmp_path, vectors)


def draft(number: int, content: str) -> MemoryDraft:
    return MemoryDraft(content, id=uid(number))


async def found(store: Store, raw: str, mode: SearchMode = SearchMode.HYBRID) -> set[int]:
    return set(await store.ids(raw, mode))


async def test_a_log_of_hundreds_of_chunks_does_not_hide_other_memories(store: Store) -> None:
    others = [draft(number, f"note {number}: words are text, and only text is kept") for number in range(2, 42)]
    log = draft(1, "\n".join(LINES))
    state = drafted(log, uid(1), NOW, writer_zone(store.settings))
    await store.put_points(MemoryType.SEMANTIC, points_of(uid(1), state, LINES))
    await store.put(*others)
    expected = set(range(1, 42))
    for mode in SearchMode:
        assert await found(store, "text words", mode) == expected
    assert await found(store, '"only text"') == expected - {1}
    assert await found(store, "text words -worker") == expected - {1}


async def test_texts_without_a_word_are_found_by_browsing_and_never_ranked(store: Store) -> None:
    await store.put(draft(1, "deploy on friday"), draft(2, ""), draft(3, "."), draft(4, "x"), draft(5, "認証"))
    assert not {2, 3, 4} & await found(store, "search deploy")
    assert not {2, 3, 4} & await found(store, "search deploy", SearchMode.SEMANTIC)
    assert await store.ids("search deploy") == [1, 5] or await store.ids("search deploy") == [1]
    assert await found(store, "x", SearchMode.KEYWORD) == {4}
    listing = await store.search.listing((await store.ask("")).query)
    assert listing.total == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [("", False), (" .\n", False), ("x", False), ("🎉🎉", False), ("ok", True), ("認", True), ("42", True)],
)
def test_a_text_says_something_from_two_letters_on(text: str, said: bool) -> None:
    assert has_word(text) is said


async def test_as_many_hits_are_given_as_are_asked_for(store: Store) -> None:
    await store.put(*(draft(number, f"note {number}: words are text") for number in range(1, 251)))
    for mode in SearchMode:
        query = (await store.ask("text words", mode)).query
        for limit in (40, 220, 1000):
            assert len((await store.search.search(replace(query, limit=limit))).hits) == min(limit, 250), (mode, limit)


async def test_a_memory_is_found_first_by_its_title(store: Store) -> None:
    await store.put(
        draft(1, "on-call guide on-call: who is on call reads the guide. " * 3),
        draft(2, "---\ntitle: On-call guide\n---\nStay within an hour of a computer."),
        draft(3, "# Guide of nothing\n\nOn-call is elsewhere."),
    )
    for raw in ("On-call guide", "on-call  GUIDE"):
        assert (await store.ids(raw))[0] == 2


@pytest.mark.parametrize(
    ("text", "blank"),
    [
        ("", True),
        (" \n\u200b\ufeff\u2060\u00ad\u3164", True),
        ("\u200bx", False),
        ("\u2764\ufe0f", False),
        ("\0", False),
    ],
)
def test_a_text_of_which_nothing_is_seen_is_blank(text: str, blank: bool) -> None:
    assert is_blank(text) is blank
