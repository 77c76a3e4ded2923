"""Facts in which two texts that say the same thing differ: numbers, dates and negations, sentence by sentence."""

from __future__ import annotations

import re

_SENTENCES = re.compile(r"(?<=[.!?;])\s+|\n+")
_WORDS = re.compile(r"\d[\d.,:/-]*\d|\d|[^\W\d_]+(?:['’]t)?", re.UNICODE)
_NEGATION = re.compile(
    r"not|no|never|without|cannot|disabled|off|false|\w+n['’]t|nicht|kein|keine|nie|ohne|non|pas|jamais|sans|sin|nunca",
    re.IGNORECASE,
)
_DAY_OR_MONTH = re.compile(
    "(?:mon|tues|wednes|thurs|fri|satur|sun)day|jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|june?|july?|"
    "aug(?:ust)?|sep(?:tember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?",
    re.IGNORECASE,
)
_SAME = 0.5
"""Share of their words from which two sentences speak of the same thing."""
_READ, _MOST = 4_000, 60
"""Characters of a text that are compared, and sentences."""


def differing_facts(here: str, there: str) -> tuple[tuple[str, str], ...]:
    """What one text says of a fact and the other otherwise, in the order of the first: (("10", "60"), ("not", ""))."""
    others = [_Sentence(text) for text in _sentences(there)]
    found: dict[tuple[str, str], None] = {}
    for text in _sentences(here):
        sentence = _Sentence(text)
        if others and (best := max(others, key=sentence.likeness)) and sentence.likeness(best) >= _SAME:
            found |= dict.fromkeys(sentence.differences(best))
    return tuple(found)


def _sentences(text: str) -> list[str]:
    return [one for one in _SENTENCES.split(text[:_READ]) if one.strip()][:_MOST]


class _Sentence:
    def __init__(self, text: str) -> None:
        words = _WORDS.findall(text)
        self._facts = [word for word in words if word[0].isdigit() or _DAY_OR_MONTH.fullmatch(word)]
        self._negations = [word for word in words if _NEGATION.fullmatch(word)]
        said = {word.casefold() for word in words}
        self._words = said - {one.casefold() for one in (*self._facts, *self._negations)}

    def likeness(self, other: _Sentence) -> float:
        """Share of the words that both have, facts left out."""
        together = len(self._words | other._words)
        return len(self._words & other._words) / together if together else 0.0

    def differences(self, other: _Sentence) -> list[tuple[str, str]]:
        ours = [one for one in self._facts if one not in other._facts]
        theirs = [one for one in other._facts if one not in self._facts]
        found = list(zip(ours, theirs, strict=False))
        if bool(self._negations) is not bool(other._negations):
            found.append((" ".join(self._negations), " ".join(other._negations)))
        return found
