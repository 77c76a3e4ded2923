"""What a person types for a time, day or month, read in their zone: `-15m`, `9:30`, `yesterday 17:00`, `2026-11`."""

from __future__ import annotations

import locale
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo

from services.errors import InvalidInput
from services.work.model import Period, ReportUnit
from services.work.timesheet import month_end, month_start, week_start

_AGO = re.compile(r"-\s*(?:(?P<days>\d+)d)?\s*(?:(?P<hours>\d+)h)?\s*(?:(?P<minutes>\d+)m?)?\s*(?:(?P<seconds>\d+)s)?")
_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2})(?::(\d{2}))?)?\s*(am|pm)?")
_RELATIVE_DAYS = {"today": 0, "yesterday": -1}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SUNDAY_FIRST = """
    AG AS BD BR BS BT BW BZ CA CO DM DO ET GT GU HK HN ID IL IN JM JP KE KH KR LA MH MM MO MT MX MZ NI
    NP PA PE PH PK PR PT PY SA SG SV TH TT TW UM US VE VI WS YE ZA ZW
"""
_SATURDAY_FIRST = "AF BH DJ DZ EG IQ IR JO KW LY OM QA SD SY"
_FRIDAY_FIRST = "MV"
_FIRST_WEEKDAY: Mapping[str, int] = {
    territory: weekday
    for weekday, territories in ((6, _SUNDAY_FIRST), (5, _SATURDAY_FIRST), (4, _FRIDAY_FIRST))
    for territory in territories.split()
}
"""By Unicode's CLDR (weekData, release 44); everywhere else a week begins on Monday."""


def first_weekday(territory: str | None = None) -> int:
    """On which day a week begins, 0 = Monday: by the territory («US»), that of the locale when it is None."""
    if territory is None:
        name = locale.setlocale(locale.LC_TIME).partition(".")[0]
        territory = name.partition("_")[2]
    return _FIRST_WEEKDAY.get(territory, 0)


def parse_time(text: str, now: datetime, zone: tzinfo) -> datetime:
    """An instant, in UTC: ago (`-15m`, `-1h30m`), a time of today (`9:30`, `9pm`), a day with one, or ISO 8601.

    A time that the clocks skip is moved by the gap; one that they repeat is the first. Raises InvalidInput.
    """
    try:
        return _instant(text.strip(), now, zone).astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput(f"{text!r} lies beyond what a calendar can tell") from error


def parse_day(text: str, today: date) -> date:
    """A day: `today`, `yesterday`, `-3d`, a weekday (the last one, or today), ISO 8601, or as dateutil reads it.

    Raises InvalidInput.
    """
    given = text.strip().lower()
    if given in _RELATIVE_DAYS:
        return today + timedelta(_RELATIVE_DAYS[given])
    if found := re.fullmatch(r"-(\d{1,5})d", given):
        return today - timedelta(int(found[1]))
    named = [n for n, name in enumerate(_WEEKDAYS) if len(given) > 2 and name.startswith(given)]
    if named:
        return today - timedelta((today.weekday() - named[0]) % 7)
    try:
        return date.fromisoformat(given)
    except ValueError:
        return _written_out(text, today)


def parse_month(text: str, today: date) -> Period:
    """A month as `2026-11` or `11`; of this year, or of the last one where it would lie ahead. Raises InvalidInput."""
    found = re.fullmatch(r"(?:([12]\d{3})-)?(\d{1,2})", text.strip())
    if found is None or not 1 <= (month := int(found[2])) <= 12:
        raise InvalidInput(f"{text!r} is no month; write 2026-11")
    year = int(found[1]) if found[1] else today.year - (month > today.month)
    return period(ReportUnit.MONTH, date(year, month, 1))


def period(unit: ReportUnit, day: date, week_begins: int = 0) -> Period:
    """The day, week, month or year in which a day lies."""
    match unit:
        case ReportUnit.DAY:
            return Period(day, day)
        case ReportUnit.WEEK:
            first = week_start(day, week_begins)
            return Period(first, first + timedelta(6))
        case ReportUnit.MONTH:
            return Period(month_start(day), month_end(day))
        case ReportUnit.YEAR:
            return Period(date(day.year, 1, 1), date(day.year, 12, 31))


def _instant(text: str, now: datetime, zone: tzinfo) -> datetime:
    given = text.lower()
    if given in ("", "now"):
        return now
    if (found := _AGO.fullmatch(given)) and any(found.groups()):
        return now - timedelta(**{unit: int(count) for unit, count in found.groupdict(default="0").items()})
    if (read := _iso(text)) is not None:
        return read if read.tzinfo is not None else read.replace(tzinfo=zone)
    day_text, _, clock_text = given.rpartition(" ")
    if given.endswith((" am", " pm")):
        day_text, _, clock_text = day_text.rpartition(" ")
        clock_text += given[-2:]
    if (clock := _clock(clock_text)) is None:
        raise InvalidInput(f"{text!r} is no time; write -15m, 9:30, yesterday 17:00 or 2026-11-20 9:30")
    today = now.astimezone(zone).date()
    day = parse_day(day_text, today) if day_text else today
    return datetime(day.year, day.month, day.day, *clock, tzinfo=zone)


def _iso(text: str) -> datetime | None:
    if not re.match(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:", text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _clock(text: str) -> tuple[int, int, int] | None:
    if not (found := _CLOCK.fullmatch(text)) or (found[2] is None and found[4] is None):
        return None
    hour, minute, second = int(found[1]), int(found[2] or 0), int(found[3] or 0)
    if found[4] is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[4] == "pm" else 0)
    return (hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


def _written_out(text: str, today: date) -> date:
    from dateutil.parser import ParserError, parse

    try:
        if ":" in text or not re.search(r"\d", text) or re.fullmatch(r"\s*\d+\s*", text):
            raise ParserError("neither a date nor a name of a day")
        return parse(text, default=datetime(today.year, today.month, today.day)).date()  # noqa: DTZ001
    except (ParserError, OverflowError) as error:
        raise InvalidInput(f"{text!r} is no day; write today, yesterday, monday or 2026-11-20") from error
