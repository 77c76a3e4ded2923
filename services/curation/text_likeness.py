"""In what way two texts are alike: by their words and facts, beside the cosine of their vectors. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.curation.differing_facts import DATE, differing_facts
from services.model import Memory
from services.records.duplicates import StoredPair

LEAST_COSINE, LEAST_OF_DATES = 0.8, 0.7
"""From which words are compared, and those of a text with a date, which makes much of its vector."""
_ALIKE = 0.96
"""Cosine from which they need not be the same ones."""
_LEAST_SHARED, _SAME_MEANING = 0.75, 0.5
"""Share of the words that both have, in general and where the cosine is that high."""
_MOST_WORDS = 2_000
"""Words of a text that are compared."""
_BEGINNING = 500
"""Characters by which capitals are told."""
_WORD, _BETWEEN = re.compile(rf"{DATE}|(?<!\w)\d[\d.,:/-]*\d|\w+"), re.compile(r"\W+")
"""A date or a number is one word: of a short text it would be many."""
_DIGITS = re.compile(r"\d+")
_DATED = re.compile(rf"\d{{4}}-\d\d|\d[./]\d\d?[./]|{DATE}")


class Alike(StrEnum):
    """In what way two memories are alike."""

    SAME = "same"
    """The same text, but for blanks and case."""
    NEAR = "near"
    """Nearly all words, and no fact differs."""
    MEANING = "meaning"
    """By their vectors, in other words."""
    DIFFERS = "differs"
    """Nearly all words, but numbers, dates or a negation differ."""


DUPLICATES = (Alike.SAME, Alike.NEAR, Alike.MEANING)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A memory that is nearly another one."""

    memory: Memory
    cosine: float
    shared: float
    """Share of their words that both have in the same order, 0..1."""
    kind: Alike


@dataclass(frozen=True, slots=True)
class _Text:
    """A text as it is compared."""

    whole: str
    plain: str
    """Without what two texts of `Alike.SAME` may differ in."""
    words: Sequence[str]

    @classmethod
    def of(cls, whole: str) -> _Text:
        return cls(whole, " ".join(whole.split()).casefold(), _WORD.findall(whole.casefold())[:_MOST_WORDS])


def has_date(text: str) -> bool:
    """Whether what is read first of it has one."""
    read = text[:_BEGINNING]
    around = (read[max(one.start() - 12, 0) : one.end() + 18] for one in _DIGITS.finditer(read))  # all of it: slow
    return any(map(_DATED.search, around))


def is_in_capitals(text: str) -> bool:
    """Whether most letters of what is read first are capitals."""
    beginning = text[:_BEGINNING]
    return sum(map(str.isupper, beginning)) > sum(map(str.islower, beginning))


def in_other_letters(text: str) -> str:
    """In small letters, where it is in capitals, else in capitals."""
    return text.lower() if is_in_capitals(text) else text.upper()


def text_hashes(texts: Mapping[str, str]) -> dict[str, int]:
    """64 bits, signed, by id: the same for texts of the same words, whatever their case, blanks and punctuation.

    It takes its time: not for the event loop.
    """
    return {id_: _hashed(text) for id_, text in texts.items()}


def _hashed(text: str) -> int:
    plain = text.casefold()
    words = _BETWEEN.sub(" ", plain).strip() or " ".join(plain.split())
    return int.from_bytes(hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).digest(), signed=True)


def alike_pairs(
    texts: Mapping[str, str], cosines: Mapping[tuple[str, str], float]
) -> dict[tuple[str, str], StoredPair]:
    """Those of the pairs that are alike. It takes its time: not for the event loop."""
    cut = {id_: _Text.of(texts[id_]) for id_ in {id_ for pair in cosines for id_ in pair}}
    found = {key: (cosine, _compared(cut[key[0]], cut[key[1]], cosine)) for key, cosine in cosines.items()}
    return {key: StoredPair(*key, cosine, *alike) for key, (cosine, alike) in found.items() if alike}


def shared_words(here: str, there: str) -> float:
    """Share of their words that two texts have in the same order, 0..1."""
    from rapidfuzz.distance import Indel

    return Indel.normalized_similarity(_Text.of(here).words, _Text.of(there).words)


def compare(here: str, there: str, cosine: float) -> tuple[float, Alike] | None:
    """How much of their words two texts share, 0..1, and in what way they are alike; None: they are not."""
    return _compared(_Text.of(here), _Text.of(there), cosine)


def _compared(here: _Text, there: _Text, cosine: float) -> tuple[float, Alike] | None:
    from rapidfuzz.distance import Indel  # later: a short command that saves hardly ever compares

    if here.plain == there.plain:
        return 1.0, Alike.SAME
    least = _SAME_MEANING if cosine >= _ALIKE else _LEAST_SHARED
    shared = Indel.normalized_similarity(here.words, there.words, score_cutoff=least)
    if shared < least:
        return None
    if differing_facts(here.whole, there.whole):
        return shared, Alike.DIFFERS
    return shared, Alike.NEAR if shared >= _LEAST_SHARED else Alike.MEANING
