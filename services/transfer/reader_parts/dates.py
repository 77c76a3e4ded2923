"""One reader for the dates that other programs and people write. Pure.

Read are ISO 8601, dates in words (`January 5, 2026`), in figures (`05/01/2026`), without separators (`20260105`,
`202601051030`) and seconds, milliseconds, micro- and nanoseconds since 1970. Where figures can be two days, the first
one is the day, and `doubt` says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

from services.storable_text import quoted
from services.times import read_iso

_COMPACT = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_MOST = 64
"""Characters of a date."""
_EPOCHS = ((1e8, 1e11, 1), (1e11, 1e14, 1e3), (1e14, 1e17, 1e6), (1e17, 1e20, 1e9))
"""From, below, and a second in that unit: from 1973 on, whatever the unit."""
_NUMBER = re.compile(r"\d+(\.\d*)?", re.ASCII)
_TWO_FIGURES = re.compile(r"\s*(\d{1,2})[./-](\d{1,2})[./-]\d{2,4}\b", re.ASCII)
_MOST_MONTHS = 12
_YEAR_FIRST = re.compile(r"\d{4}\D", re.ASCII)


@dataclass(frozen=True, slots=True)
class FoundDate:
    iso: str | None
    """ISO 8601, with a zone where the value tells it; None for what is no date."""
    doubt: str = ""
    """What a person must know about the reading."""


NO_DATE = FoundDate(None)


def has_day_first(values: Iterable[object]) -> bool | None:
    """Whether the dates of a column have the day first, by those that can be only one day; None: they do not say."""
    found = [one for value in values if isinstance(value, str) and (one := _TWO_FIGURES.match(value))]
    sure = {int(one[1]) > _MOST_MONTHS for one in found if (int(one[1]) > _MOST_MONTHS) != (int(one[2]) > _MOST_MONTHS)}
    return sure.pop() if len(sure) == 1 else None


def read_date(value: object, *, day_first: bool = True) -> FoundDate:
    """The date that a value of another program or of front matter tells."""
    match value:
        case bool():
            return NO_DATE
        case date():
            return FoundDate(value.isoformat())
        case int() | float():
            return _since_1970(value)
        case str() if len(value) <= _MOST:
            return _written(value.strip().removeprefix("[[").removesuffix("]]").strip("\"' "), day_first=day_first)
        case _:
            return NO_DATE


def _written(text: str, *, day_first: bool = True) -> FoundDate:
    if form := _COMPACT.get(len(text)) if text.isascii() and text.isdigit() else None:
        try:
            return FoundDate(datetime.strptime(text, form).isoformat())  # noqa: DTZ007 - it tells no zone
        except ValueError:
            pass
    if _NUMBER.fullmatch(text):
        return _since_1970(float(text))
    return FoundDate(text) if read_iso(text) else _in_words(text, day_first)


def _since_1970(number: float) -> FoundDate:
    if isinstance(number, int) and len(str(number)) in _COMPACT and (found := _written(str(number))).iso:
        return found
    for least, below, second in _EPOCHS:
        if least <= number < below:
            return FoundDate((datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=number / second)).isoformat())
    return NO_DATE


def _in_words(text: str, day_first: bool) -> FoundDate:
    if (read := _parsed(text, day_first=day_first and _YEAR_FIRST.match(text) is None)) is None:
        return NO_DATE
    other = _parsed(text, day_first=False)
    doubt = ""
    if other is not None and other.date() != read.date():
        doubt = f"{quoted(text)} can be two days; it is read with the day first, as {read.date()}"
    return FoundDate(read.isoformat(), doubt)


def _parsed(text: str, *, day_first: bool) -> datetime | None:
    """The date in the text, None unless it names a day, a month and a year."""
    from dateutil.parser import parse

    found = []
    for default in (datetime(2001, 1, 1, tzinfo=None), datetime(2002, 2, 2, tzinfo=None)):  # noqa: DTZ001
        try:
            found.append(parse(text, default=default, dayfirst=day_first, tzinfos=_known_zone))
        except (ValueError, OverflowError, TypeError, ArithmeticError):
            return None
    return found[0] if found[0] == found[1] and 1 < found[0].year < 9999 else None


def _known_zone(_: str | None, offset: int | None) -> timezone | None:
    """Zones by their offset alone: what `CST` means depends on who wrote it."""
    return None if offset is None else timezone(timedelta(seconds=offset))
