"""The words that make up what a text says: two texts with the same ones say the same. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import zip_longest

_SAY_NOTHING = frozenset({"an", "the", "is", "are", "of"})
_BULLET = re.compile(r"^\s*(?:[-*+•]|#{1,6})\s", re.MULTILINE)
_OPENS, _ENDS = "\"'“”„‘’«»‹›([{`", "\"'“”„‘’«»‹›)]}`.,;:!…"
_DASHES = frozenset({"–", "—"})
_QUESTION = re.compile(r"\?+$")
_MOST = 2_000
"""Words that are set against one another."""


def distinctive_words(text: str) -> list[str]:
    """In their order, without case, blanks, articles, bullets, quotes, brackets, and what ends a clause.

    All else is kept: signs within and before a word («C++», «!ready», «-5», «.env»), accents, plurals, a question mark.
    """
    plain = _BULLET.sub(" ", unicodedata.normalize("NFC", text).replace("−", "-").replace("’", "'"))
    found = []
    for chunk in plain.split():
        if chunk == "a":  # of «plan A» it is a name
            continue
        word = chunk.casefold().lstrip(_OPENS).rstrip(_ENDS)
        asked = _QUESTION.search(word)
        word = _QUESTION.sub("", word).rstrip(_ENDS)
        if word and word not in _SAY_NOTHING and word not in _DASHES:
            found.append(word)
        if asked:
            found.append("?")
    return found


def says_the_same(here: str, there: str) -> bool:
    """Whether no distinctive word is lost where either text is removed."""
    return len(distinct((here, there))) == 1


def distinct(texts: Iterable[str]) -> list[str]:
    """Those that do not say the same as one before them, in their order."""
    found, seen = [], set[tuple[str, ...]]()
    for text in texts:
        said = {("as written", *text.casefold().split())}
        if words := distinctive_words(text):
            said.add(("distinctive", *words))
        if seen.isdisjoint(said):
            found.append(text)
        seen |= said
    return found


def words_that_differ(here: str, there: str) -> tuple[tuple[str, str], ...]:
    """What one text has and what the other has in its place, in their order: (("Anna", "Maria"), ("", "now")).

    As they are written, blanks left out; of very long texts only what is near the first difference.
    """
    from rapidfuzz.distance import Levenshtein

    ours, theirs = here.split(), there.split()
    same = next((place for place, (one, other) in enumerate(zip_longest(ours, theirs)) if one != other), len(ours))
    ours, theirs = ours[same : same + _MOST], theirs[same : same + _MOST]
    blocks = Levenshtein.opcodes(ours, theirs)
    return tuple(
        (" ".join(ours[one.src_start : one.src_end]), " ".join(theirs[one.dest_start : one.dest_end]))
        for one in blocks
        if one.tag != "equal"
    )
