"""Facts in which two texts that say the same thing differ, sentence by sentence.

Facts are numbers, dates, comparisons such as `<` or `!=`, and negations.
"""

from __future__ import annotations

import re
from collections import Counter

_SENTENCES = re.compile(r"(?<=[.!?;])\s+|\n+")
_WORDS = re.compile(
    r"(?:(?<!\w)[-−])?\d(?:[\d.,:/-]*\d)?|[^\W\d_]+(?:['’]t)?|[!=<>]=|[<>≤≥≠]|(?<!\w)!(?=\w)", re.UNICODE
)
_NEGATION = re.compile(
    r"!|not|no|never|without|cannot|disabled|off|false|\w+n['’]t|nicht|kein|keine|nie|ohne|non|pas|jamais|sans|sin|nunca",
    re.IGNORECASE,
)
_DAY_OR_MONTH = re.compile(
    "(?:mon|tues|wednes|thurs|fri|satur|sun)days?|jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|june?|july?|"
    "aug(?:ust)?|sep(?:tember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?",
    re.IGNORECASE,
)
_SAME = 0.5
"""Share of their words from which two sentences speak of the same thing."""
_READ, _MOST = 4_000, 60
"""Characters of a text that are compared, and sentences."""


def differing_facts(here: str, there: str) -> tuple[tuple[str, str], ...]:
    """What one text says of a fact and the other otherwise, in the order of the first: (("10", "60"), ("not", "")).

    Only as far as `is_read_whole` says.
    """
    others = _sentences(there)
    said = {one.text for one in others}
    found: dict[tuple[str, str], None] = {}
    for sentence in _sentences(here):
        if sentence.text in said:
            continue
        if others and (best := max(others, key=sentence.likeness)) and sentence.likeness(best) >= _SAME:
            found |= dict.fromkeys(sentence.differences(best))
    return tuple(found)


def is_read_whole(text: str) -> bool:
    """Whether all facts of a text are compared."""
    return len(text) <= _READ and len(_parts(text)) <= _MOST


def _parts(text: str) -> list[str]:
    return [one for one in _SENTENCES.split(text) if one.strip()]


def _sentences(text: str) -> list[_Sentence]:
    """Those that have words, such as no «1.» of a list; all where none has."""
    sentences = [_Sentence(one) for one in _parts(text[:_READ])[:_MOST]]
    return [one for one in sentences if one.words] or sentences


class _Sentence:
    def __init__(self, text: str) -> None:
        self.text = text.strip()
        words = _WORDS.findall(text.replace("−", "-"))
        self._negations = [word for word in words if _NEGATION.fullmatch(word)]
        others = [word for word in words if not _NEGATION.fullmatch(word)]
        self._facts = [word for word in others if not word[0].isalpha() or _DAY_OR_MONTH.fullmatch(word)]
        self.words = {word.casefold() for word in words} - {one.casefold() for one in (*self._facts, *self._negations)}

    def likeness(self, other: _Sentence) -> float:
        """Share of the words that both have, facts left out; 1 where neither has any."""
        together = len(self.words | other.words)
        return len(self.words & other.words) / together if together else 1.0

    def differences(self, other: _Sentence) -> list[tuple[str, str]]:
        said, answered = ({one.casefold() for one in facts} for facts in (self._facts, other._facts))
        ours = [one for one in self._facts if one.casefold() not in answered]
        theirs = [one for one in other._facts if one.casefold() not in said]
        found = list(zip(ours, theirs, strict=False))
        if len(self._negations) != len(other._negations):
            mine, others = Counter(self._negations), Counter(other._negations)
            found.append((" ".join((mine - others).elements()), " ".join((others - mine).elements())))
        return found
