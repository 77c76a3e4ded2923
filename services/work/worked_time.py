"""Where worked time falls: spans less pauses, cut at the midnights of a zone. The whole is always the sum of its parts.

A day of a zone begins at its first instant there, or at the hour that its `WorkZone` has, so a day lasts 23, 24 or 25
hours around a change of the clocks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import accumulate, pairwise

from services.model import Flaw, Pause, SessionStatus, WorkSession
from services.times import Period, calendar_day, day_of, day_start, month_end, month_start, week_start
from services.work.report_values import DayPart, ReportUnit

CLOCK_SKEW = timedelta(minutes=1)
"""How far the clocks of two machines may differ before a pause counts as outside its session."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` up to, not including, `end`; both in UTC."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


def spans_of(session: WorkSession, now: datetime) -> tuple[Span, ...]:
    """The worked parts of a session up to `now`, in order; together they last `session.elapsed_seconds(now)`.

    Pauses are taken out where they fall. What of them is outside the session is taken off its end, so that the
    sum agrees with the database's own column; `flaws` tells of such a session.
    """
    start, end = session.start.astimezone(UTC), (session.end or now).astimezone(UTC)
    if end <= start:
        return ()
    outside = timedelta()
    reached, worked = start, []
    for pause in merged(session.pauses, end):
        inside = Span(min(max(pause.start, start), end), max(start, min(pause.end, end)))
        outside += (pause.end - pause.start) - (inside.end - inside.start)
        if inside.start > reached:
            worked.append(Span(reached, inside.start))
        reached = max(reached, inside.end)
    if reached < end:
        worked.append(Span(reached, end))
    return _shortened(worked, outside)


def merged(pauses: Iterable[Pause], end: datetime) -> list[Span]:
    """The paused time as spans in order without overlaps; an open pause lasts until `end`."""
    spans: list[Span] = []
    for start, stop in sorted((p.start.astimezone(UTC), (p.end or end).astimezone(UTC)) for p in pauses):
        if spans and start <= spans[-1].end:
            spans[-1] = Span(spans[-1].start, max(spans[-1].end, stop))
        elif stop > start:
            spans.append(Span(start, stop))
    return spans


def _shortened(spans: list[Span], by: timedelta) -> tuple[Span, ...]:
    while by and spans:
        last = spans.pop()
        if (length := last.end - last.start) > by:
            spans.append(Span(last.start, last.end - by))
            break
        by -= length
    return tuple(spans)


def day_starts(first: date, last: date, zone: tzinfo) -> list[datetime]:
    """Instants, in UTC, at which the days from `first` to `last` begin in `zone`, and that at which `last` ends."""
    return list(accumulate((day_start(day, zone) for day in days(first, last + timedelta(1))), max))


def days_between(first: date, last: date, zone: tzinfo) -> tuple[list[date], list[datetime]]:
    """The days of `day_starts`, without those that a zone skipped, and the instants at which they begin and end."""
    starts = day_starts(first, last, zone)
    lasting = [
        (day, start) for day, start, end in zip(days(first, last), starts, starts[1:], strict=False) if end > start
    ]
    return [day for day, _ in lasting], [start for _, start in lasting] + starts[-1:]


def hours_between(first: date, last: date, zone: tzinfo) -> tuple[list[datetime], list[int]]:
    """Instants, in UTC, at which the hours of the days begin and end, and 24 times the weekday and the hour of each.

    Hours are those of the clock on the wall: one that it skips is none, one that it repeats lasts twice as long. The
    weekday is that of the day of work, for what is behind midnight too.
    """
    listed, bounds = days_between(first, last, zone)
    before = bounds[0] - timedelta(seconds=1)  # the clocks may change where the first day begins
    changes = [instant for instant, _ in transitions(before, bounds[-1], zone)[1:]]
    starts: list[datetime] = []
    units: list[int] = []
    for day, begins, ends in zip(listed, bounds, bounds[1:], strict=False):
        steady = not any(begins <= instant <= ends for instant in changes)
        hours = _steady_hours(begins, ends, zone) if steady else _changed_hours(begins, ends, zone)
        starts += [start for start, _ in hours]
        units += [day.weekday() * 24 + hour for _, hour in hours]
    return [*starts, *bounds[-1:]], units


def _steady_hours(begins: datetime, ends: datetime, zone: tzinfo) -> list[tuple[datetime, int]]:
    """The hours of a day of a zone without a change of the clocks: when each begins, and which it is."""
    first, number = begins.astimezone(zone).hour, round((ends - begins) / timedelta(hours=1))
    return [(begins + timedelta(hours=past), (first + past) % 24) for past in range(number)]


def _changed_hours(begins: datetime, ends: datetime, zone: tzinfo) -> list[tuple[datetime, int]]:
    """As `_steady_hours`, of any day."""
    walls = (
        datetime(day.year, day.month, day.day, hour, tzinfo=zone)
        for day in days(calendar_day(begins, zone), calendar_day(ends, zone))
        for hour in range(24)
    )
    starts = sorted({begins, *(start for wall in walls if begins < (start := wall.astimezone(UTC)) < ends)})
    return [(start, start.astimezone(zone).hour) for start in starts]


def days(first: date, last: date) -> Iterator[date]:
    """Every day from `first` to `last`, both included."""
    return (first + timedelta(n) for n in range((last - first).days + 1))


def split(spans: Iterable[Span], bounds: Sequence[datetime]) -> dict[int, float]:
    """Seconds of the spans in each bucket that has some; bucket i lasts from `bounds[i]` to `bounds[i + 1]`."""
    seconds: dict[int, float] = {}
    for span in spans:
        for index in range(max(0, bisect_right(bounds, span.start) - 1), len(bounds) - 1):
            if bounds[index] >= span.end:
                break
            part = min(span.end, bounds[index + 1]) - max(span.start, bounds[index])
            if part > timedelta():
                seconds[index] = seconds.get(index, 0.0) + part.total_seconds()
    return seconds


def parts_of(
    session: WorkSession, now: datetime, zone: tzinfo, first: date | None = None, last: date | None = None
) -> list[DayPart]:
    """The session by day, in order: a part for each day from `first` to `last` that it touches, worked on or not."""
    start, end = session.start.astimezone(UTC), (session.end or now).astimezone(UTC)
    end = max(end, start + timedelta(microseconds=1))
    begun, ended = day_of(start, zone), day_of(end - timedelta(microseconds=1), zone)
    first, last = max(first or begun, begun), min(last or ended, ended)
    if first == begun == ended == last:
        return [DayPart(session, begun, start, session.end, session.elapsed_seconds(now))]
    listed, bounds = days_between(first, last, zone) if first <= last else ([], [])
    worked = split(spans_of(session, now), bounds)
    parts = []
    for number in sorted(split([Span(start, end)], bounds)):
        stops_here = end <= bounds[number + 1]
        until = session.end if stops_here else bounds[number + 1]
        seconds = worked.get(number, 0.0)
        earlier = 0.0 if until else session.elapsed_seconds(now) - seconds
        parts.append(DayPart(session, listed[number], max(start, bounds[number]), until, seconds, earlier))
    return parts


def period(unit: ReportUnit, day: date, week_begins: int = 0) -> Period:
    """The day, week, month or year in which a day is."""
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


def flaws(session: WorkSession, now: datetime) -> tuple[Flaw, ...]:
    """What cannot be true of a session as it stands."""
    found = []
    end = session.end or now
    if session.status is SessionStatus.COMPLETED and session.end is None:
        found.append(Flaw.NO_END)
    if session.end is not None and session.end < session.start:
        found.append(Flaw.ENDS_BEFORE_START)
    elif any(p.start < session.start - CLOCK_SKEW or (p.end or p.start) > end + CLOCK_SKEW for p in session.pauses):
        found.append(Flaw.PAUSE_OUTSIDE)
    if session.pauses and session.paused_seconds(now) > max(0.0, (end - session.start).total_seconds()):
        found.append(Flaw.PAUSES_TOO_LONG)
    if any(p.end and p.end < p.start for p in session.pauses):
        found.append(Flaw.PAUSE_REVERSED)
    if session.end is not None and any(p.end is None for p in session.pauses):
        found.append(Flaw.PAUSE_OPEN)
    return tuple(found)


def transitions(first: datetime, last: datetime, zone: tzinfo) -> list[tuple[datetime, timedelta]]:
    """Offsets from UTC in force in `zone` between two instants, oldest first, each with the instant when it begins."""
    first, last = first.astimezone(UTC), last.astimezone(UTC)
    found = [(first, _offset(first, zone))]
    steps = [first + timedelta(days=n) for n in range((last - first).days + 1)] + [last]
    offsets = [_offset(step, zone) for step in steps]
    for (before, old), (after, new) in pairwise(zip(steps, offsets, strict=True)):
        if old != new:
            found.append((_change(before, after, zone), new))
    return found


def _change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    old = _offset(before, zone)
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle <= before:
            middle = before + timedelta(seconds=1)
        before, after = (middle, after) if _offset(middle, zone) == old else (before, middle)
    return after


def _offset(instant: datetime, zone: tzinfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()
