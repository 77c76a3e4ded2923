"""What kind of answer a question's own word asks for, and which texts have one: a time, a number, a name. Pure."""

from __future__ import annotations

import re

_NUMBERS = "a|an|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|few|several|couple|dozen|half"
_SPANS = "seconds?|minutes?|hours?|days?|nights?|weeks?|weekends?|months?|years?|decades?"
_DAYS = "mon|tues|wednes|thurs|fri|satur|sun"
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"

_TIME = re.compile(
    rf"\b(?:{_SPANS}|(?:{_DAYS})days?|{_MONTHS}|yesterday|today|tomorrow|tonight|morning|noon|afternoon|evening"
    r"|midnight|ago|last|next|since|until|soon|recently|spring|summer|autumn|fall|winter"
    r"|\d{4}|\d{1,2}:\d\d|\d{1,2}(?:am|pm|st|nd|rd|th))\b",
    re.IGNORECASE,
)
_SPAN = re.compile(
    rf"\b(?:(?:\d+|{_NUMBERS})(?:\W+\w+){{0,2}}?\W+(?:{_SPANS})|(?:week|month|year)s|since)\b", re.IGNORECASE
)
_NUMBER = re.compile(
    rf"\d|\b(?:{_NUMBERS.removeprefix('a|an|')}|hundreds?|thousands?|once|twice|both|many)\b", re.IGNORECASE
)
_CAPITAL = rf"(?!(?:(?:{_DAYS.title()})day|{_MONTHS.title()})s?\b)[^\W\d_a-zß-öø-ÿ]"
"""A letter with which no day or month begins."""
_NAME = re.compile(rf"(?<=[^\W\d_A-Z] |[,;:] ){_CAPITAL}[\w'’-]+")
"""A word with a capital letter within a sentence."""
_PLACE = re.compile(rf"\b(?:in|at|to|from|near)\s+(?:the\s+)?{_CAPITAL}\w")

_ASKS = re.compile(
    r"\b(?:how\s+(?:(?P<span>long|old)|(?P<number>many|much|large|big|often|far|high|fast)\b)?"
    r"|(?P<name>who|whom|whose)|(?P<place>where)|(?P<time>when|what\s+(?:time|date|day|month|year))"
    r"|what|which|why)\b",
    re.IGNORECASE,
)
_ANSWERS = {"span": _SPAN, "number": _NUMBER, "name": _NAME, "place": _PLACE, "time": _TIME}


def asked_for(question: str) -> re.Pattern[str] | None:
    """What occurs in a text that has an answer of the kind that is asked for; None where any text may be one.

    The first question word tells: "what do I do when it rains" asks for no time. English.
    """
    found = _ASKS.search(question)
    return _ANSWERS.get(found.lastgroup or "") if found else None
