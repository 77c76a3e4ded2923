"""Zones, and what a person types for a time or a day: `-15m`, `9:30`, `yesterday 17:00`, `last-week`, `2026-10`.

There are two zones. The person's is for all that is shown, filtered or cut into days. MCP Memoria writes its dates
without a zone, in the local time of the machine on which it runs (in Docker: UTC); `WriterZone` is the type of that
zone, so that a function which reads or writes such stamps cannot be given the person's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NewType, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.errors import InvalidInput, Malformed
from services.settings import WEEKDAYS, Settings
from services.storable_text import quoted

Clock = Callable[[], datetime]
"""Says what time it is, aware; tests hold it still."""
WriterZone = NewType("WriterZone", tzinfo)
"""The zone of zone-less stamps."""

_AGO = re.compile(
    r"-?\s*(?:(?P<years>\d+)y)?(?:(?P<months>\d+)mo)?(?:(?P<weeks>\d+)w)?\s*(?:(?P<days>\d+)d)?"
    r"\s*(?:(?P<hours>\d+)h)?\s*(?:(?P<minutes>\d+)m)?\s*(?:(?P<seconds>\d+)s)?",
    re.ASCII,
)
_WITHOUT_UNIT = re.compile(r"(-\s*|.*\dh\s*)\d+", re.ASCII)
_CALENDAR = ("years", "months", "weeks", "days")
"""Units by which the wall clock goes back; the others are lengths."""
_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2})(?::(\d{2}))?)?\s*(am|pm)?", re.ASCII)
_WITH_OFFSET = re.compile(r"(.+\S)\s*([+-]\d{2}:\d{2})", re.ASCII)
"""A time of day with how far it is from UTC, as where the clocks show it twice."""
_HOURS = re.compile(r"(\d{1,4}):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_LONGEST = timedelta(hours=9999, minutes=59, seconds=59)
_DAY_FIRST = re.compile(r"\s*\d{1,2}\.")
_DECIMAL_HOURS = re.compile(r"(\d{1,4}[.,]\d{1,4})\s*h?", re.ASCII)
_YEAR_OR_MONTH = re.compile(r"([12]\d{3})(?:-(\d{1,2}))?", re.ASCII)
_RELATIVE_DAYS = {"today": 0, "yesterday": -1}
_SPAN_WORD = re.compile(r"(this|last)[- ](week|month|year)")
_NIGHT = timedelta(hours=6)
"""How far from what it is about a time without a day may be on another day, as `23:50` at half past midnight."""
_DAYS = "today, monday, last-week, last-month, 2026, 2026-10 or 2026-10-05"
"""What names one day or more, for messages."""
SPAN_WORDS = ("today", "yesterday", "this-week", "last-week", "this-month", "last-month", "this-year", "last-year")
ALLOWED = "today, yesterday, monday, last-week, last-month, 3h, 3d, 2w, 6mo, 1y, 2026, 2026-10, 2026-10-05, 9:30 or ISO"
"""What `parse_since` takes, for help and errors."""

Moment = TypeVar("Moment", date, datetime)


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `first` to `last`, both included."""

    first: date
    last: date


def person_zone(settings: Settings) -> tzinfo:
    """The zone of all that a person sees: that of the settings, else the system's."""
    return zone_of(settings.zone)


def writer_zone(settings: Settings) -> WriterZone:
    """The zone of zone-less stamps: that of the settings, else the person's."""
    return WriterZone(zone_of(settings.writer_zone or settings.zone))


class WorkZone(tzinfo):
    """The person's zone with days of work that begin at a later hour than 0:00."""

    def __init__(self, zone: tzinfo, begins: int) -> None:
        self.zone, self.begins = zone, begins

    @property
    def key(self) -> str:
        """The IANA name."""
        return zone_name(self.zone)

    def utcoffset(self, when: datetime | None) -> timedelta | None:
        return None if when is None else when.replace(tzinfo=self.zone).utcoffset()

    def dst(self, when: datetime | None) -> timedelta | None:
        return None if when is None else when.replace(tzinfo=self.zone).dst()

    def tzname(self, when: datetime | None) -> str | None:
        return None if when is None else when.replace(tzinfo=self.zone).tzname()

    def fromutc(self, when: datetime) -> datetime:
        return when.replace(tzinfo=UTC).astimezone(self.zone).replace(tzinfo=self)


def work_zone(settings: Settings) -> tzinfo:
    """The zone in which days of work are cut: the person's, with the hour at which their day begins."""
    zone = person_zone(settings)
    return WorkZone(zone, settings.day_begins) if settings.day_begins else zone


def day_begins(zone: tzinfo) -> int:
    """The hour at which days of work begin."""
    return zone.begins if isinstance(zone, WorkZone) else 0


def day_start(day: date, zone: tzinfo) -> datetime:
    """The first instant of a day of work, in UTC."""
    return datetime(day.year, day.month, day.day, day_begins(zone), tzinfo=zone).astimezone(UTC)


def calendar_day(instant: datetime, zone: tzinfo) -> date:
    """The day that a calendar shows at an instant, whenever days of work begin."""
    return instant.astimezone(zone).date()


def day_of(instant: datetime, zone: tzinfo) -> date:
    """The day of work in which an instant lies: the last one that has begun."""
    day = calendar_day(instant, zone)
    if isinstance(zone, WorkZone):
        while day_start(day, zone) > instant:
            day -= timedelta(1)
    return day


def zone_of(name: str | None) -> tzinfo:
    """The zone of an IANA name, the system's for None. Raises InvalidInput for a name that is none."""
    if name is None:
        from pendulum.tz.local_timezone import get_local_timezone

        return get_local_timezone()
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(f"{quoted(name)} is not a time zone; it must be a name such as Europe/Rome") from error


def zone_name(zone: tzinfo) -> str:
    """The IANA name, or the abbreviation where the system's zone has no name."""
    return str(getattr(zone, "key", "") or zone.tzname(datetime(2000, 1, 1)) or zone)  # noqa: DTZ001


def to_stamp(instant: datetime, zone: WriterZone) -> str:
    """An instant as MCP Memoria writes and can read it: ISO 8601 without a zone."""
    return to_wall_clock(instant, zone).isoformat()


def to_wall_clock(instant: datetime, zone: WriterZone) -> datetime:
    """An instant as zone-less stamps have it."""
    return instant.astimezone(zone).replace(tzinfo=None)


def read_iso(value: object) -> datetime | None:
    """A date and time with or without a zone; None for what is none, or cannot be brought into every zone."""
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return read if read is not None and 1 < read.year < 9999 else None


def read_stamp(value: object, zone: WriterZone) -> datetime | None:
    """The instant of a date as memories hold it, None when it cannot be read. A zone in the text wins over `zone`."""
    read = read_iso(value)
    return read and (read if read.tzinfo else read.replace(tzinfo=zone))


def minute(instant: datetime, zone: tzinfo) -> str:
    """`2026-11-20 09:30`, as a person of that zone reads it."""
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"


def duration(seconds: float) -> str:
    """«1:23:45»; hours go on beyond a day."""
    passed = max(0, int(seconds))
    return f"{passed // 3600}:{passed // 60 % 60:02}:{passed % 60:02}"


def whole(instant: datetime) -> datetime:
    """The second that an instant lies in: what is begun and ended at whole seconds adds up as it is shown."""
    return instant.replace(microsecond=0)


def person_clock(settings: Settings) -> Clock:
    """The clock of the machine, in the person's zone."""
    return lambda: datetime.now(person_zone(settings))


def first_weekday(settings: Settings) -> int:
    """On which day a week begins, 0 = Monday."""
    return WEEKDAYS.index(settings.first_weekday)


def week_start(day: date, week_begins: int) -> date:
    """The day on which the week of `day` begins; weekdays count from 0 = Monday."""
    return day - timedelta((day.weekday() - week_begins) % 7)


def month_start(day: date) -> date:
    return day.replace(day=1)


def months_until(last: date, count: int) -> tuple[date, ...]:
    """First days of so many months, of which that of `last` is the last one."""
    number = last.year * 12 + last.month - 1
    return tuple(date(one // 12, one % 12 + 1, 1) for one in range(number - count + 1, number + 1))


def month_end(day: date) -> date:
    return month_start(month_start(day) + timedelta(31)) - timedelta(1)


def parse_time(text: str, now: datetime, zone: tzinfo) -> datetime:
    """An instant, in UTC: ago (`-15m`, `-1h30m`), a time of today (`9:30`, `9pm`), a day with one, or ISO 8601.

    Of a time that the clocks repeat it is the first. Raises InvalidInput, also for one that they skip.
    """
    given = text.strip().lower()
    try:
        if given in ("", "now"):
            return now.astimezone(UTC)
        if (zoned := _with_offset(given)) is not None:
            return datetime.combine(calendar_day(now, zone), zoned).astimezone(UTC)
        read = _ago(given, now, zone) or _iso(text.strip(), zone) or _clock_of_a_day(given, now, zone)
        instant = _in_every_zone(read).astimezone(UTC)
    except OverflowError as error:
        raise Malformed(f"{quoted(text)} is beyond the calendar") from error
    if (there := instant.astimezone(read.tzinfo)).replace(tzinfo=None) != read.replace(tzinfo=None):
        raise SkippedTime(f"the clocks skip {read:%H:%M} on {read:%Y-%m-%d}; it would be {there:%H:%M}")
    return instant


class SkippedTime(InvalidInput):
    """A time of day that a day does not have, since the clocks go forward over it."""


def offset_if_twice(when: datetime, zone: tzinfo) -> str:
    """«+02:00» of a time that the clocks of the zone show twice on its day; "" of any other."""
    local = when.astimezone(zone)
    is_twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return local.isoformat()[-6:] if is_twice else ""


def parse_past(text: str, now: datetime, zone: tzinfo, span: tuple[datetime, datetime] | None = None) -> datetime:
    """As `parse_time`, for what has happened: a time without a day is one of today, or of yesterday in the night after.

    With `span`, that of a session, it is the last such time from its start to its end, or where it has none, the
    nearest to it of its days and the nights beside them. Raises InvalidInput.
    """
    zoned = _with_offset(text.strip().lower())
    if zoned is None and not is_clock(text):
        return parse_time(text, now, zone)
    clock = text.strip() if zoned is None else zoned.isoformat()
    first, last = span or (now, now)
    own = {calendar_day(edge, zone) for edge in (first, last)}
    days = sorted({day + timedelta(by) for day in own for by in (-1, 0, 1)}, reverse=True)
    found, skipped = dict[date, datetime](), None
    for day in days:
        try:
            found[day] = parse_time(f"{day} {clock}", now, zone)
        except SkippedTime as error:
            skipped = error if day in own else skipped
    away = {read: max(timedelta(), first - read, read - last) for read in found.values()}
    near = [read for day, read in found.items() if day in own or away[read] <= _NIGHT]
    if skipped and not near:
        raise skipped
    if span is None and not (near := [read for read in near if read <= now]):
        raise InvalidInput(f"{text.strip()} is still to come; write yesterday {text.strip()} for the one before")
    return min(near, key=away.__getitem__)


def parse_since(text: str, now: datetime, week_begins: int) -> datetime:
    """From when on: an instant as of `parse_time`, or the first one of days as of `parse_days`.

    `now` is in the person's zone, and so is the answer unless the text has another. Raises InvalidInput.
    """
    zone = now.tzinfo or UTC
    given = text.strip().lower()
    try:
        if (read := _ago(given, now, zone) or _iso(text.strip(), zone)) is not None:
            return _in_every_zone(read)
        if is_clock(given):
            return _clock_of_a_day(given, now, zone)
        return _midnight(parse_days(given, now.date(), week_begins).first, zone)
    except InvalidInput as error:
        if isinstance(error.__cause__, OverflowError):  # it is a day
            raise
        return _clock_of_a_day(given, now, zone)
    except OverflowError as error:
        raise Malformed(f"{quoted(text)} is beyond the calendar") from error


def parse_until(text: str, now: datetime, week_begins: int) -> datetime:
    """The first instant behind days as of `parse_days`, else an instant, as `parse_since`. Raises InvalidInput."""
    try:
        days = parse_days(text.strip().lower(), now.date(), week_begins)
        return _midnight(days.last + timedelta(1), now.tzinfo or UTC)
    except (InvalidInput, OverflowError):
        return parse_since(text, now, week_begins)


def parse_day(text: str, today: date) -> date:
    """A day: `today`, `yesterday`, `-3d`, a weekday (the last one, or today), ISO 8601, or as dateutil reads it.

    Raises InvalidInput.
    """
    try:
        return _in_every_zone(_day(text, today))
    except OverflowError as error:
        raise Malformed(f"{quoted(text)} is beyond the calendar") from error


def _in_every_zone(moment: Moment) -> Moment:
    """The moment. Raises OverflowError in the first and the last year, which cannot be brought into every zone."""
    if not 1 < moment.year < 9999:
        raise OverflowError
    return moment


def _day(text: str, today: date) -> date:
    given = text.strip().lower()
    if given in _RELATIVE_DAYS:
        return today + timedelta(_RELATIVE_DAYS[given])
    if (read := _days_ago(given, today)) is not None:
        return read
    named = [n for n, name in enumerate(WEEKDAYS) if len(given) > 2 and name.startswith(given)]
    if named:
        return today - timedelta((today.weekday() - named[0]) % 7)
    try:
        return date.fromisoformat(given)
    except ValueError:
        return _written_out(text, today)


def parse_days(text: str, today: date, week_begins: int) -> Period:
    """One day as of `parse_day`, or the days of a week, month or year: `last-week`, `2026-10`, `2026`.

    Raises InvalidInput.
    """
    given = text.strip().lower()
    if found := _SPAN_WORD.fullmatch(given):
        return _span(found[2], today, week_begins, back=found[1] == "last")
    if found := _YEAR_OR_MONTH.fullmatch(given):
        if found[2] is None:
            return Period(date(int(found[1]), 1, 1), date(int(found[1]), 12, 31))
        if not 1 <= int(found[2]) <= 12:
            raise Malformed(f"{quoted(text)} is not a month; write 2026-11")
        first = date(int(found[1]), int(found[2]), 1)
        return Period(first, month_end(first))
    try:
        day = parse_day(text, today)
    except InvalidInput as error:
        if "calendar" in str(error):
            raise
        raise Malformed(f"{quoted(text)} is no day, week, month or year; write {_DAYS}") from error
    return Period(day, day)


def parse_length(text: str) -> timedelta:
    """How long something took, 9,999 hours at most: `1:30`, `1h30m`, `90m`, `1.5h`. Raises InvalidInput."""
    try:
        found = _length(text.strip().lower())
    except OverflowError:
        found = timedelta.max
    if found is None:
        raise Malformed(f"{quoted(text)} is not a duration; write 1:30, 1h30m, 90m or 1.5h")
    if found > _LONGEST:
        raise Malformed("a duration has 9,999 hours at most")
    return found


def _length(given: str) -> timedelta | None:
    """None of what is no duration. Raises OverflowError."""
    if found := _HOURS.fullmatch(given):
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if found := _DECIMAL_HOURS.fullmatch(given):
        return timedelta(seconds=round(float(found[1].replace(",", ".")) * 3600))
    lengths = {} if given.startswith("-") else _lengths(given)
    return None if not lengths or set(lengths) & set(_CALENDAR) else timedelta(**lengths)


def parse_end(text: str, now: datetime, zone: tzinfo) -> datetime:
    """When something ends: `90d`, `6mo` from now, or a day, which is included. Raises InvalidInput."""
    try:
        if (lengths := _lengths(text.strip().lower())) and set(lengths) <= set(_CALENDAR):
            return _back(now.astimezone(zone), {unit: -count for unit, count in lengths.items()})
        return _midnight(parse_day(text, calendar_day(now, zone)) + timedelta(1), zone)
    except (InvalidInput, OverflowError) as error:
        raise Malformed(f"{quoted(text)} is no end; write 90d, 6mo or 2027-01-31") from error


def is_clock(text: str) -> bool:
    """Whether it is a time without a day, such as `9:30`."""
    return _clock(text.strip().lower()) is not None


def _with_offset(text: str) -> time | None:
    """The time of `02:30+02:00`; None for anything else."""
    found = _WITH_OFFSET.fullmatch(text)
    if found is None or (clock := _clock(found[1])) is None:
        return None
    hour, minute_, second = clock
    try:
        return time.fromisoformat(f"{hour:02}:{minute_:02}:{second:02}{found[2]}")
    except ValueError:
        return None


def _span(unit: str, today: date, week_begins: int, *, back: bool) -> Period:
    match unit:
        case "week":
            first = week_start(today - timedelta(7 * back), week_begins)
            return Period(first, first + timedelta(6))
        case "month":
            first = month_start(month_start(today) - timedelta(1)) if back else month_start(today)
            return Period(first, month_end(first))
        case _:
            return Period(date(today.year - back, 1, 1), date(today.year - back, 12, 31))


def _lengths(text: str) -> Mapping[str, int]:
    """«-1h30m» as numbers by unit, empty when it is no length; a number without a unit counts minutes."""
    found = _AGO.fullmatch(f"{text}m" if _WITHOUT_UNIT.fullmatch(text) else text)
    return {unit: int(count) for unit, count in found.groupdict().items() if count} if found else {}


def _ago(text: str, now: datetime, zone: tzinfo) -> datetime | None:
    """So long ago; days and longer go back by the wall clock."""
    if not (lengths := _lengths(text)):
        return None
    exact = timedelta(**{unit: count for unit, count in lengths.items() if unit not in _CALENDAR})
    return (_back(now.astimezone(zone), lengths).astimezone(UTC) - exact).astimezone(zone)


def _days_ago(text: str, today: date) -> date | None:
    lengths = _lengths(text)
    return _back(today, lengths) if lengths and set(lengths) <= set(_CALENDAR) else None


def _back(moment: Moment, lengths: Mapping[str, int]) -> Moment:
    from dateutil.relativedelta import relativedelta

    years, months, weeks, days = (lengths.get(unit, 0) for unit in _CALENDAR)
    try:
        return moment - relativedelta(years=years, months=months, weeks=weeks, days=days)
    except ValueError as error:
        raise OverflowError from error


def _iso(text: str, zone: tzinfo) -> datetime | None:
    if not re.match(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:", text):
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo is not None else read.replace(tzinfo=zone)


def _clock_of_a_day(text: str, now: datetime, zone: tzinfo) -> datetime:
    day_text, _, clock_text = text.rpartition(" ")
    if text.endswith((" am", " pm")):
        day_text, _, clock_text = day_text.rpartition(" ")
        clock_text += text[-2:]
    if (clock := _clock(clock_text)) is None:
        raise Malformed(f"{quoted(text)} is not a time; write -15m, 9:30, yesterday 17:00 or 2026-11-20 9:30")
    today = calendar_day(now, zone)
    day = parse_day(day_text, today) if day_text else today
    return datetime(day.year, day.month, day.day, *clock, tzinfo=zone)


def _clock(text: str) -> tuple[int, int, int] | None:
    if not (found := _CLOCK.fullmatch(text)) or (found[2] is None and found[4] is None):
        return None
    hour, minute_, second = int(found[1]), int(found[2] or 0), int(found[3] or 0)
    if found[4] is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[4] == "pm" else 0)
    return (hour, minute_, second) if hour < 24 and minute_ < 60 and second < 60 else None


def _midnight(day: date, zone: tzinfo) -> datetime:
    """The first instant of a day."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC).astimezone(zone)


def _written_out(text: str, today: date) -> date:
    from dateutil.parser import ParserError, parse

    try:
        if ":" in text or _lengths(text) or not re.search(r"\d", text) or re.fullmatch(r"\s*\d+\s*", text):
            raise ParserError("neither a date nor a name of a day")
        default = datetime(today.year, today.month, today.day)  # noqa: DTZ001
        # Without `ignoretz` it warns of each word that could be a zone. Where dots divide, the day comes first.
        return parse(text, default=default, ignoretz=True, dayfirst=bool(_DAY_FIRST.match(text))).date()
    except (ParserError, ArithmeticError) as error:  # of the decimals, in which it reads long numbers
        raise Malformed(f"{quoted(text)} is not a day; write today, yesterday, monday or 2026-11-20") from error


def machine_clock() -> datetime:
    return datetime.now(UTC)
