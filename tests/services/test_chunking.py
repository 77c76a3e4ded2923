"""What holds of the chunks of any text."""

from __future__ import annotations

import itertools
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.memories.chunking import MOST_CHUNKS, MOST_COPIED, chunk_id, chunks

ANY_TEXT = st.text(st.characters() | st.sampled_from(" \n.\u0301\u200d🏳️👩\ud83d\ude00"), max_size=400)


def spans(text: str, pieces: tuple[str, ...]) -> list[tuple[int, int]]:
    """Where the pieces stand, each as early as it can begin behind the start of the one before."""
    found: list[tuple[int, int]] = []
    for number, piece in enumerate(pieces):
        if number == len(pieces) - 1:
            start = len(text) - len(piece)
        else:
            start = text.index(piece, found[-1][0] + 1 if found else 0)
        found.append((start, start + len(piece)))
    return found


def numbered(length: int) -> str:
    """A text in which no passage of 20 characters occurs twice, so that a chunk's place is certain."""
    return "".join(f"w{number}{' ' if number % 7 else '. '}" for number in range(length))[:length]


@given(ANY_TEXT, st.integers(20, 60), st.data())
@example("x" * 400, 20, None)
def test_every_chunk_is_a_passage_of_bounded_size_and_the_ends_are_kept(
    text: str, size: int, data: st.DataObject | None
) -> None:
    overlap = data.draw(st.integers(0, size - 1)) if data else 19
    pieces = chunks(text, size, overlap)
    longest = max(size, 2 * (len(text) // MOST_CHUNKS + 1 + overlap))
    assert all(piece in text and len(piece) <= longest for piece in pieces)
    assert len(pieces) <= MOST_CHUNKS
    assert text.startswith(pieces[0])
    assert text.endswith(pieces[-1])


@given(st.integers(0, 3000), st.integers(20, 300), st.data())
def test_every_character_lies_in_a_chunk_and_neighbours_overlap_no_more_than_set(
    length: int, size: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    text = numbered(length)
    places = spans(text, chunks(text, size, overlap))
    assert places[0][0] == 0
    assert places[-1][1] == len(text)
    for (_, end), (start, _) in itertools.pairwise(places):
        assert end - overlap <= start <= end


@given(ANY_TEXT, st.integers(20, 60))
def test_without_overlap_the_chunks_make_up_the_text(text: str, size: int) -> None:
    assert "".join(chunks(text, size, 0)) == text


def test_a_text_that_fits_is_one_chunk_as_it_stands() -> None:
    assert chunks("", 500, 50) == ("",)
    assert chunks(" a\n", 500, 50) == (" a\n",)
    assert chunks("x" * 500, 500, 50) == ("x" * 500,)
    assert len(chunks("x" * 501, 500, 50)) == 2


def test_cuts_fall_on_paragraphs_then_sentences_then_words() -> None:
    assert chunks("one two. three four\n\nfive six seven eight nine", 30, 0)[0] == "one two. three four\n\n"
    assert chunks("one two three four. five six seven eight nine", 30, 0)[0] == "one two three four. "
    assert chunks("one two three four five six seven eight nine", 30, 0)[0] == "one two three four five six "


def test_an_overlap_begins_with_a_whole_word() -> None:
    second = chunks("alpha beta gamma delta epsilon zeta eta theta", 30, 12)[1]
    assert second.split()[0] in ("beta", "gamma", "delta", "epsilon")


def test_what_is_drawn_as_one_character_stays_together() -> None:
    family = "👩\u200d👩\u200d👧"
    for piece in chunks(family * 30, 23, 7):
        assert not piece.startswith("\u200d")
        assert not piece.endswith("\u200d")
    for piece in chunks("e\u0301" * 100, 21, 6):
        assert not unicodedata.combining(piece[0])
    for piece in chunks("\ud83d\ude00" * 100, 21, 6):
        assert not "\udc00" <= piece[0] <= "\udfff"
        assert not "\ud800" <= piece[-1] <= "\udbff"


def test_a_megabyte_is_cut_at_once_even_without_a_place_to_cut() -> None:
    started = time.perf_counter()
    for text in ("x" * 1_000_000, "word " * 200_000, "\u0301" * 1_000_000, "\n" * 1_000_000):
        assert sum(map(len, chunks(text, 500, 0))) == 1_000_000
    assert time.perf_counter() - started < 20


@pytest.mark.parametrize("length", [10_000, 200_000, 1_000_000, 4_000_000, 16_000_000])
@pytest.mark.parametrize("overlap", [0, 50, 499])
def test_however_long_a_text_each_of_its_chunks_may_have_a_copy_of_it(length: int, overlap: int) -> None:
    text = ("word " * (length // 5 + 1))[:length]
    pieces = chunks(text, 500, overlap)
    assert len(pieces) <= MOST_CHUNKS
    assert len(pieces) * len(text) <= MOST_COPIED
    assert (text.startswith(pieces[0]), text.endswith(pieces[-1])) == (True, True)
    assert sum(map(len, pieces)) >= len(text)


def test_a_text_of_a_few_pages_is_cut_as_finely_as_the_settings_say() -> None:
    assert max(map(len, chunks("some words of a page. " * 600, 500, 50))) <= 500


def test_ids_are_those_of_upstream() -> None:
    # A chunk that MCP Memoria 1.8.3 wrote.
    assert chunk_id("5fb66a64-fc17-40a0-9052-fa0d9035e93c", 1) == "01b12555-bfcc-54ac-a9e1-eabc26d5838f"
