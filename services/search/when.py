"""Points in time as a person names them: `today`, `last-week`, `3d`, `2026-10`, or an ISO time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pendulum

WORDS = ("today", "yesterday", "this-week", "last-week", "this-month", "last-month", "this-year", "last-year")
ALLOWED = "today, yesterday, last-week, last-month, 3d, 2w, 6mo, 1y, 2026, 2026-10, 2026-10-05 or an ISO time"

_AGO = re.compile(r"(\d{1,6})(h|d|w|mo|y)", re.ASCII | re.IGNORECASE)
_UNITS = {"h": "hours", "d": "days", "w": "weeks", "mo": "months", "y": "years"}
_YEAR_OR_MONTH = re.compile(r"(\d{4})(?:-(\d{1,2}))?", re.ASCII)
_STARTS: Mapping[str, Callable[[pendulum.DateTime], pendulum.DateTime]] = {
    "today": lambda now: now.start_of("day"),
    "yesterday": lambda now: now.subtract(days=1).start_of("day"),
    "this-week": lambda now: now.start_of("week"),
    "last-week": lambda now: now.subtract(weeks=1).start_of("week"),
    "this-month": lambda now: now.start_of("month"),
    "last-month": lambda now: now.subtract(months=1).start_of("month"),
    "this-year": lambda now: now.start_of("year"),
    "last-year": lambda now: now.subtract(years=1).start_of("year"),
}


def parse_when(text: str, now: datetime) -> datetime:
    """The instant that `text` names, in the zone of `now`: the first one of a day, week (Monday), month or year.

    A number with a unit counts back from `now`. Raises ValueError when the text names no instant.
    """
    import pendulum

    here = pendulum.instance(now)
    if start := _STARTS.get(text.lower()):
        return start(here)
    try:
        if ago := _AGO.fullmatch(text):
            return here.subtract(**{_UNITS[ago[2].lower()]: int(ago[1])})
        if month := _YEAR_OR_MONTH.fullmatch(text):
            return pendulum.datetime(int(month[1]), int(month[2] or 1), 1, tz=here.timezone or "UTC")
        exact = datetime.fromisoformat(text)
    except OverflowError as error:
        raise ValueError(text) from error
    return exact if exact.tzinfo else pendulum.instance(exact, tz=here.timezone or "UTC")
