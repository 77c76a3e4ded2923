"""Days on which the goals ask for no work: public holidays of a country, and absences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, timedelta
from importlib.util import find_spec

from services.errors import InvalidInput, Malformed
from services.storable_text import quoted
from services.times import Period

_COUNTRY = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,3}))?")
_LONGEST = 400
"""Days of an absence."""
_ANY_YEAR = 2026
WORKING_DAYS = 5
"""Of a week, from Monday."""


def read_country(text: str) -> str:
    """`IT`, or `DE-BY` with a part of the country. Raises InvalidInput for what is written otherwise."""
    if not _COUNTRY.fullmatch(name := text.strip().upper()):
        raise Malformed(f"{quoted(text)} is not a country; write IT, or DE-BY for a part of it")
    return name


def require_holidays(country: str) -> None:
    """Raises InvalidInput where the public holidays of a country are not known, or the package lacks."""
    if find_spec("holidays") is None:
        raise InvalidInput("public holidays need a package more: pip install 'memoria-tui[holidays]'")
    _public(country, _ANY_YEAR)


def read_absences(text: str) -> str:
    """Days and spans of days with commas between: `2026-08-10..2026-08-21, 2026-12-24`. Raises InvalidInput."""
    spans = map(_span, _parts(text))
    return ", ".join(str(first) if first == last else f"{first}..{last}" for first, last in spans)


def days_off(country: str | None, absences: str | None, span: Period) -> Mapping[date, str]:
    """The days of a span that are off, each with why; none of a country whose package lacks."""
    found: dict[date, str] = {}
    if country and find_spec("holidays") is not None:
        with suppress(InvalidInput):  # another program's words
            for year in range(span.first.year, span.last.year + 1):
                found |= _public(country, year)
    for first, last in map(_span, _parts(absences or "")):
        found |= {first + timedelta(number): "absent" for number in range((last - first).days + 1)}
    return {day: found[day] for day in sorted(found) if span.first <= day <= span.last}


def asked_of_day(day: date, hours: float, off: Mapping[date, str]) -> float:
    """The hours that a goal of so many asks of a day: none of a day off, nor of a Saturday or Sunday."""
    return 0.0 if day in off or day.weekday() >= WORKING_DAYS else hours


def left_of_week(off: Mapping[date, str]) -> float:
    """Which share of the working days of a week is none of these days."""
    return 1 - sum(day.weekday() < WORKING_DAYS for day in off) / WORKING_DAYS


def _public(country: str, year: int) -> dict[date, str]:
    """Public holidays of a year. Raises InvalidInput."""
    import holidays  # takes half a second

    name, _, part = country.partition("-")
    try:
        return dict(holidays.country_holidays(name, subdiv=part or None, years=year))
    except NotImplementedError as error:
        raise InvalidInput(f"the holidays of {country} are not known") from error


def _parts(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[,\n]", text) if part.strip()]


def _span(text: str) -> tuple[date, date]:
    first, _, last = text.partition("..")
    try:
        begin, end = date.fromisoformat(first.strip()), date.fromisoformat((last or first).strip())
    except ValueError as error:
        raise Malformed(f"{quoted(text)} is not a day; write 2026-12-24, or 2026-08-10..2026-08-21") from error
    if not 0 <= (end - begin).days < _LONGEST:
        raise Malformed(f"{quoted(text)}: an absence ends after it begins, and within {_LONGEST} days")
    return begin, end
