"""Facts in which two texts that say the same thing differ, sentence by sentence.

Facts are numbers, also in words, dates, comparisons such as `<` or `!=`, and negations.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_SENTENCES = re.compile(r"(?<=[.!?;])\s+|\n+")
_MONTH = (
    r"(?:jan(?:uary?)?|feb(?:ruary?)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|jun[ei]?|jul[yi]?|aug(?:ust)?|sep(?:t(?:ember)?)?"
    r"|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)"
)
_YEAR = r"(?:,?\s+\d{4})?(?!\w)"
DATE = (
    rf"(?i:(?<!\w)(?:(?=\d)\d{{1,2}}(?:st|nd|rd|th|\.)?\s+(?:of\s+)?{_MONTH}\b\.?{_YEAR}"
    rf"|(?=[jfmasond]){_MONTH}\.?\s+(?:\d{{1,2}}(?:st|nd|rd|th)?{_YEAR}|\d{{4}}(?!\w))))"
)
"""Pattern of a day or month in words, with its year where it has one: «3 March 2027», «May 17th», «May 2027»."""
_WORDS = re.compile(
    DATE + r"|(?:(?<!\w)[-−])?\d(?:[\d.,:/-]*\d)?|[^\W\d_]+(?:['’]t)?|[!=<>]=|[<>≤≥≠]|(?<!\w)!(?=\w)", re.UNICODE
)
_DATE = re.compile(DATE)
_SMALL = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen
""".split()  # noqa: SIM905
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety hundred".split()  # noqa: SIM905
_NUMBERS = {word: str(number) for number, word in enumerate(_SMALL) if word != "one"} | {
    word: str(number) for number, word in zip(range(20, 101, 10), _TENS, strict=True)
}
"""«one» is a pronoun, too."""
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

    Of the first 60 sentences and 4,000 characters.
    """
    others = _sentences(there)
    said = {one.text for one in others}
    found: dict[tuple[str, str], None] = {}
    for sentence in _sentences(here):
        if sentence.text in said:
            continue
        if others and (best := max(others, key=sentence.likeness)) and sentence.likeness(best) >= _SAME:
            found |= dict.fromkeys(sentence.differences(best))
    return _not_in_the_same_place(found, here, there) if found else ()


def _not_in_the_same_place(found: Iterable[tuple[str, str]], here: str, there: str) -> tuple[tuple[str, str], ...]:
    """Those of the facts that the other text does not have in the same place, however it is cut into sentences."""
    from rapidfuzz.distance import Indel

    ours, theirs = ([_key(word) for word in _words(text[:_READ])] for text in (here, there))
    blocks = [one for one in Indel.opcodes(ours, theirs) if one.tag != "equal"]
    alone = {
        word for one in blocks for word in ours[one.src_start : one.src_end] + theirs[one.dest_start : one.dest_end]
    }
    return tuple(
        pair
        for pair in found
        if any(_key(side) in alone or not alone.isdisjoint(map(_key, side.split())) for side in pair if side)
    )


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.replace("−", "-"))


def _key(word: str) -> str:
    """The same for a number in figures and in words, and for a date in whatever order: «3 May», «May 3rd»."""
    plain = word.casefold()
    if _DATE.fullmatch(word):
        return " ".join(sorted([*re.findall(r"\d+", plain), *(one[:3] for one in re.findall(r"[^\W\d]{3,}", plain))]))
    return _NUMBERS.get(plain, plain)


def _is_fact(word: str) -> bool:
    return bool(
        not word[0].isalpha() or _DAY_OR_MONTH.fullmatch(word) or _DATE.fullmatch(word) or word.casefold() in _NUMBERS
    )


def _parts(text: str) -> list[str]:
    return [one for one in _SENTENCES.split(text) if one.strip()]


def _sentences(text: str) -> list[_Sentence]:
    """Those that have words, such as no «1.» of a list; all where none has."""
    sentences = [_Sentence(one) for one in _parts(text[:_READ])[:_MOST]]
    return [one for one in sentences if one.words] or sentences


class _Sentence:
    def __init__(self, text: str) -> None:
        self.text = text.strip()
        words = _words(text)
        self._negations = [word for word in words if _NEGATION.fullmatch(word)]
        others = [word for word in words if not _NEGATION.fullmatch(word)]
        self._facts = [word for word in others if _is_fact(word)]
        self.words = {word.casefold() for word in words} - {one.casefold() for one in (*self._facts, *self._negations)}

    def likeness(self, other: _Sentence) -> float:
        """Share of the words that both have, facts left out; 1 where neither has any."""
        together = len(self.words | other.words)
        return len(self.words & other.words) / together if together else 1.0

    def differences(self, other: _Sentence) -> list[tuple[str, str]]:
        said, answered = ({_key(one) for one in facts} for facts in (self._facts, other._facts))
        ours = [one for one in self._facts if _key(one) not in answered]
        theirs = [one for one in other._facts if _key(one) not in said]
        found = list(zip(ours, theirs, strict=False))
        if len(self._negations) != len(other._negations):
            mine, others = Counter(self._negations), Counter(other._negations)
            found.append((" ".join((mine - others).elements()), " ".join((others - mine).elements())))
        return found
