"""Worked time added up: by client, project, category or day, over days of the person's zone, to the second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from functools import cache, partial, reduce
from math import fsum
from operator import or_
from typing import assert_never

from services.errors import InvalidInput, NotFound
from services.model import Flaw, ReportBy, SessionStatus, WorkSession
from services.ports import Clock
from services.records import Records
from services.records.session_conditions import SessionSelection
from services.records.session_reports import ReportQuestion, ReportRow
from services.records.stored_sessions import StoredSession
from services.settings import Settings
from services.storable_text import quoted
from services.times import Period, day_begins, day_of, first_weekday, work_zone, zone_name
from services.unknown_names import instead
from services.work import rules
from services.work.report_values import (
    Client,
    DayPart,
    LogOrder,
    LogPage,
    Project,
    Report,
    ReportCell,
    ReportGroup,
    ReportUnit,
    SessionFilter,
    UnitTotal,
)
from services.work.worked_time import (
    Span,
    day_starts,
    days_between,
    flaws,
    hours_between,
    parts_of,
    period,
    spans_of,
    split,
)

_PAGE = 1000
_GROUP_BY = "summary_group_by"
_LOG_ORDER = "work_log_order"
"""Its value is `["duration", true]`: by what, and whether the last comes first."""
_MOST_OVERLAPPING = 50
"""Sessions that are looked at for overlaps with one."""


class ReportService:
    """Reports and the log, in the person's zone."""

    def __init__(self, records: Records, settings: Settings, clock: Clock) -> None:
        self._records = records
        self._settings = settings
        self._clock = clock
        self._week_begins = first_weekday(settings)

    async def zone(self) -> tzinfo:
        """The person's, in which days are cut, with the hour at which they begin."""
        return work_zone(self._settings)

    async def this_day(self) -> date:
        """The day of work that it is."""
        return day_of(self._clock(), await self.zone())

    async def current(self, unit: ReportUnit) -> Period:
        """This day, week, month or year."""
        return period(unit, await self.this_day(), self._week_begins)

    async def group_by(self) -> ReportBy:
        """What a person grouped the Summary by last, also in an earlier start of the program; never by day."""
        kept = (await self._records.user_settings.all()).get(_GROUP_BY)
        return next((by for by in ReportBy if by == kept and by is not ReportBy.DAY), ReportBy.CLIENT)

    async def keep_group_by(self, by: ReportBy) -> None:
        """Keeps it for the next start."""
        await self._records.user_settings.set(_GROUP_BY, by.value)

    async def log_order(self) -> tuple[LogOrder, bool]:
        """How a person sorted the log last, and whether it descends, also in an earlier start; else newest first."""
        kept = (await self._records.user_settings.all()).get(_LOG_ORDER)
        known = ((order, descending) for order in LogOrder for descending in (True, False))
        return next((one for one in known if list(one) == kept), (LogOrder.START, True))

    async def keep_log_order(self, order: LogOrder, *, descending: bool) -> None:
        """Keeps it for the next start."""
        await self._records.user_settings.set(_LOG_ORDER, [order.value, descending])

    async def report(
        self,
        span: Period,
        by: ReportBy = ReportBy.CLIENT,
        unit: ReportUnit = ReportUnit.DAY,
        where: SessionFilter | None = None,
        *,
        include_open: bool = False,
    ) -> Report:
        """Worked time of the days of `span`; `first` and `last` of the filter narrow them further.

        Completed sessions count, open ones only with `include_open`. Raises NotFound for a name nobody has.
        """
        where = where or SessionFilter()
        span = Period(max(span.first, where.first or span.first), min(span.last, where.last or span.last))
        zone = await self.zone()
        clients = await self._records.clients.clients() if where.clients or by is ReportBy.CLIENT else []
        projects = await self._records.clients.projects() if where.projects or by is ReportBy.PROJECT else []
        listed, bounds = days_between(span.first, span.last, zone)
        question = ReportQuestion(
            selection=_selection(where, clients, projects),
            by=by,
            bounds=bounds,
            units=_units(listed, ReportUnit.DAY if by is ReportBy.DAY else unit, self._week_begins),
        )
        rows, odd = await self._records.reports.worked(question) if listed else ([], [])
        sums = _Sums(question)
        for row in rows:
            sums.add(row)
        now = self._clock()
        unfinished = [one for one in odd if one.session.status is not SessionStatus.COMPLETED]
        for stored in odd:
            if include_open or stored not in unfinished:
                sums.add_session(stored.session, now)
        starts, names = _unit_starts(listed, question.units), _names(by, clients, projects)
        listed_ones: tuple[Client | Project, ...] = (*clients, *projects)
        numbers = {names.get(one.id): one.number for one in listed_ones}
        made = _Reading(span, zone, by, unit, starts, names, numbers).report(sums)
        worked = [split(spans_of(one.session, now), bounds) for one in unfinished]
        return replace(
            made,
            as_of=now,
            open_sessions=len(unfinished),
            paused_sessions=sum(one.session.status is SessionStatus.PAUSED for one in unfinished),
            open_seconds=fsum(seconds for one in worked for seconds in one.values()),
            flawed=tuple(_flawed(odd, now)),
        )

    async def hours(
        self, span: Period, where: SessionFilter | None = None, *, include_open: bool = False
    ) -> tuple[tuple[float, ...], ...]:
        """Worked seconds by weekday, Monday first, and by hour of the clock on the wall, added up over the days.

        Open sessions as in `report`. Raises NotFound for a name nobody has.
        """
        where = where or SessionFilter()
        span = Period(max(span.first, where.first or span.first), min(span.last, where.last or span.last))
        clients = await self._records.clients.clients() if where.clients else []
        projects = await self._records.clients.projects() if where.projects else []
        zone, selection = await self.zone(), _selection(where, clients, projects)
        bounds = day_starts(span.first, span.last, zone)
        if bounds[0] >= bounds[-1]:
            return ((0.0,) * 24,) * 7
        added, odd = await self._records.hours.by_hour(selection, bounds[0], bounds[-1], zone)
        worked = [one for one in odd if include_open or one.session.status is SessionStatus.COMPLETED]
        seconds = self._by_hour([one.session for one in worked], span, zone)
        return tuple(
            tuple(fsum((added[unit], *seconds.get(unit, ()))) for unit in range(day * 24, day * 24 + 24))
            for day in range(7)
        )

    def _by_hour(self, sessions: Iterable[WorkSession], span: Period, zone: tzinfo) -> Mapping[int, Sequence[float]]:
        """Seconds in the days of `span` by the hours of `hours_between`."""
        seconds: dict[int, list[float]] = {}
        cut = cache(partial(hours_between, zone=zone))
        for session in sessions:
            if not (worked := spans_of(session, self._clock())):
                continue
            first, last = day_of(worked[0].start, zone), day_of(worked[-1].end, zone)
            bounds, units = cut(max(first, span.first), min(last, span.last))
            for hour, length in split(worked, bounds).items():
                seconds.setdefault(units[hour], []).append(length)
        return seconds

    async def log(
        self,
        where: SessionFilter | None = None,
        order: LogOrder = LogOrder.START,
        *,
        descending: bool = True,
        after: str | None = None,
        limit: int = 100,
    ) -> LogPage:
        """Sessions with time in the days of the filter, a page at a time; sorted by the start, cut at midnight.

        `limit` counts sessions that begin on the page; its days also list what of earlier sessions falls into them.
        Raises NotFound for a name nobody has, InvalidInput for an `after` that is no `next` of a page.
        """
        where = where or SessionFilter()
        clients = await self._records.clients.clients() if where.clients else []
        projects = await self._records.clients.projects() if where.projects else []
        selection = _selection(where, clients, projects, await self.zone())
        if order is not LogOrder.START:
            stored, following = await self._records.log.page(selection, order, descending, after, limit)
            return LogPage(tuple(one.session for one in stored), self._flaws(stored), following)
        reached, place = _place(after)
        stored, following = await self._records.log.page(selection, order, descending, place, limit)
        zone = await self.zone()
        last = day_of(stored[-1].session.start, zone) if following else None
        first, final = where.first or date.min, where.last or date.max
        # Days that begin on this page: their sessions are complete, and what crosses their midnights belongs here.
        days = Period(_after(last or _before(first)), reached or final)
        if not descending:
            days = Period(_after(reached or _before(first)), last or final)
        crossing = await self._crossing(selection, days, zone)
        ids = {one.session.id for one in stored}
        carried = [one for one in crossing if one.session.id not in ids]
        parts = [part for one in stored for part in self._begun(one.session, days, zone)]
        parts += [part for one in carried for part in parts_of(one.session, self._clock(), zone, days.first, days.last)]
        parts.sort(key=lambda part: (part.start, part.session.id), reverse=descending)
        sessions, flawed = tuple(one.session for one in stored), self._flaws([*stored, *carried])
        return LogPage(sessions, flawed, following and f"{last} {following}", tuple(parts))

    async def overlaps(self, sessions: Iterable[WorkSession]) -> Mapping[str, Sequence[tuple[WorkSession, timedelta]]]:
        """By the id of each stopped session with others that were worked on at the same time, and for how long.

        Only a minute or more counts.
        """
        stopped = {one.id: one for one in sessions if one.status is SessionStatus.COMPLETED}
        overlapping, now = await self._records.log.overlapping(list(stopped), _MOST_OVERLAPPING), self._clock()
        found = {id_: rules.overlaps(stopped[id_], others, now) for id_, others in overlapping.items()}
        return {id_: both for id_, both in found.items() if both}

    async def sessions(self, where: SessionFilter) -> list[WorkSession]:
        """All that began in the days of a filter, whole, oldest first.

        Raises NotFound for a name nobody has.
        """
        found: list[WorkSession] = []
        after: str | None = None
        while True:
            page = await self.log(where, descending=False, after=after, limit=_PAGE)
            found += page.sessions
            if (after := page.next) is None:
                return found

    async def _crossing(self, selection: SessionSelection, days: Period, zone: tzinfo) -> list[StoredSession]:
        """What began before the days and reaches into them."""
        if days.first == date.min or days.first > days.last:
            return []
        begins = day_starts(days.first, days.first, zone)[0]
        return await self._records.log.touching(selection, begins, begins)

    def _begun(self, session: WorkSession, days: Period, zone: tzinfo) -> list[DayPart]:
        """The part of the day on which a session began, and those of other days that begin on the page."""
        day = day_of(session.start, zone)
        parts = parts_of(session, self._clock(), zone, day, max(day, days.last))
        return [part for part in parts if part.day == day or days.first <= part.day <= days.last]

    def _flaws(self, stored: Iterable[StoredSession]) -> dict[str, tuple[Flaw, ...]]:
        return dict(_flawed(stored, self._clock()))

    async def today(self) -> Report:
        """What was worked today; what is open counts."""
        return await self.report(await self.current(ReportUnit.DAY), ReportBy.DAY, include_open=True)

    async def total(self, where: SessionFilter) -> tuple[int, float]:
        """How many sessions have time in the days of a filter, and its seconds; what is open counts.

        Raises NotFound for a name nobody has.
        """
        today = (await self.current(ReportUnit.DAY)).first
        extent = await self._records.reports.extent() or (self._clock(),) * 2
        zone = await self.zone()
        first, last = (day_of(instant, zone) for instant in extent)
        span = Period(min(first, today), max(last, today))
        made = await self.report(span, ReportBy.CATEGORY, ReportUnit.YEAR, where, include_open=True)
        return made.sessions, made.total_seconds

    async def worked(self, by: ReportBy) -> Mapping[str | None, float]:
        """Exact seconds of all completed sessions by id of client or project; None: those without.

        The one truth about time. The database's own column, which other programs read, counts whole minutes.
        """
        extent = await self._records.reports.extent()
        if extent is None:
            return {}
        bounds = (extent[0], extent[1] + timedelta(microseconds=1))
        sums = _Sums(ReportQuestion(SessionSelection(), by, bounds, (0,)))
        rows, odd = await self._records.reports.worked(sums.question)
        for row in rows:
            sums.add(row)
        for stored in odd:
            if stored.session.status is SessionStatus.COMPLETED:
                sums.add_session(stored.session, self._clock())
        return {key: fsum(cell.seconds) for (key, _), cell in sums.cells.items()}

    async def refresh_views(self) -> bool:
        """Brings the views that other programs read up to date; slow, for the background. False: somebody else does."""
        return await self._records.reports.refresh_views()


@dataclass(slots=True)
class _Cell:
    seconds: list[float] = field(default_factory=list)
    sessions: int = 0
    fresh: int = 0
    days: int = 0
    """As of a row."""


class _Sums:
    """Adds up what the database added up and sessions taken one by one, by group and unit."""

    def __init__(self, question: ReportQuestion) -> None:
        self.question = question
        self.cells: dict[tuple[str | None, int], _Cell] = {}

    def add(self, row: ReportRow) -> None:
        if (cell := self.cells.get((row.key, row.unit))) is None:
            cell = self.cells[row.key, row.unit] = _Cell()
        cell.seconds.append(row.seconds)
        cell.sessions += row.sessions
        cell.fresh += row.fresh
        cell.days |= row.days

    def add_session(self, session: WorkSession, now: datetime) -> None:
        """Counts in every unit that it touches, even where no time of it is left."""
        bounds, units = self.question.bounds, self.question.units
        end = max(session.end or now, session.start + timedelta(microseconds=1))
        worked = split(spans_of(session, now), bounds)
        touched = [units[day] for day in sorted(split([Span(session.start, end)], bounds))]
        key = _key(session, self.question.by)
        for day, seconds in worked.items():
            cell = self.cells.setdefault((key, units[day]), _Cell())
            cell.seconds.append(seconds)
            cell.days |= 1 << day
        for number, unit in enumerate(dict.fromkeys(touched)):
            cell = self.cells.setdefault((key, unit), _Cell())
            cell.sessions += 1
            cell.fresh += number == 0


def _all_days(cells: Iterable[_Cell]) -> int:
    """How many days have time in one of the cells."""
    return reduce(or_, (cell.days for cell in cells), 0).bit_count()


@dataclass(frozen=True, slots=True)
class _Reading:
    """How keys and numbers of units are called."""

    span: Period
    zone: tzinfo
    by: ReportBy
    unit: ReportUnit
    starts: Sequence[date]
    """First day of each unit."""
    names: Mapping[str | None, str]
    numbers: Mapping[str | None, int]
    """Of clients or projects, by name."""

    def report(self, sums: _Sums) -> Report:
        groups = self._groups(sums)
        rank = {group.name: number for number, group in enumerate(groups)}
        cells = [
            ReportCell(
                self.starts[unit], self._name(key, unit), fsum(cell.seconds), cell.sessions, cell.days.bit_count()
            )
            for (key, unit), cell in sums.cells.items()
        ]
        everything = list(sums.cells.values())
        return Report(
            period=self.span,
            zone=zone_name(self.zone),
            day_begins=day_begins(self.zone),
            by=self.by,
            unit=self.unit,
            groups=tuple(groups),
            cells=tuple(sorted(cells, key=lambda cell: (cell.start, rank[cell.name]))),
            total_seconds=fsum(seconds for cell in everything for seconds in cell.seconds),
            sessions=sum(cell.fresh for cell in everything),
            days=_all_days(everything),
            units=tuple(self._units(sums)),
        )

    def _units(self, sums: _Sums) -> list[UnitTotal]:
        by_unit: dict[int, list[_Cell]] = {}
        for (_, unit), cell in sums.cells.items():
            by_unit.setdefault(unit, []).append(cell)
        return [
            UnitTotal(
                self.starts[unit],
                fsum(seconds for cell in cells for seconds in cell.seconds),
                sum(cell.sessions for cell in cells),
                _all_days(cells),
            )
            for unit, cells in sorted(by_unit.items())
        ]

    def _groups(self, sums: _Sums) -> list[ReportGroup]:
        by_name: dict[str | None, list[_Cell]] = {}
        for (key, unit), cell in sums.cells.items():
            by_name.setdefault(self._name(key, unit), []).append(cell)
        groups = [
            ReportGroup(
                name,
                fsum(seconds for cell in cells for seconds in cell.seconds),
                cells[0].sessions if self.by is ReportBy.DAY else sum(cell.fresh for cell in cells),
                _all_days(cells),
                self.numbers.get(name) if name is not None else None,
            )
            for name, cells in by_name.items()
        ]
        if self.by is ReportBy.DAY:
            return sorted(groups, key=lambda group: group.name or "")
        return sorted(groups, key=lambda group: (-group.seconds, group.name is None, group.name or ""))

    def _name(self, key: str | None, unit: int) -> str | None:
        return self.starts[unit].isoformat() if self.by is ReportBy.DAY else self.names.get(key, key)


def _place(after: str | None) -> tuple[date | None, str | None]:
    """The day that a page ended on, and the place where the store goes on. Raises InvalidInput."""
    if after is None:
        return None, None
    day, _, place = after.partition(" ")
    try:
        return date.fromisoformat(day), place
    except ValueError as error:
        raise InvalidInput(f"{quoted(after)} is not a place in the log") from error


def _after(day: date) -> date:
    return day + timedelta(1) if date.min < day < date.max else day


def _before(day: date) -> date:
    return day - timedelta(1) if day > date.min else day


def _unit_starts(listed: Sequence[date], units: Sequence[int]) -> list[date]:
    """The first of the listed days in each unit."""
    first: dict[int, date] = {}
    for day, unit in zip(listed, units, strict=True):
        first.setdefault(unit, day)
    return list(first.values())


def _units(listed: Iterable[date], unit: ReportUnit, week_begins: int) -> list[int]:
    """The number of the unit in which each day lies."""
    numbers: dict[date, int] = {}
    return [numbers.setdefault(period(unit, day, week_begins).first, len(numbers)) for day in listed]


def _selection(
    where: SessionFilter, clients: Sequence[Client], projects: Sequence[Project], zone: tzinfo | None = None
) -> SessionSelection:
    """Names as ids, and with a zone days as instants. Raises NotFound for a name that nobody has."""
    return SessionSelection(
        where,
        since=day_starts(where.first, where.first, zone)[0] if where.first and zone else None,
        until=day_starts(where.last, where.last, zone)[1] if where.last and zone else None,
        client_ids=_ids(where.clients, {}, clients, "client"),
        project_ids=_ids(where.projects, _project_names(projects), projects, "project"),
    )


def _ids(
    names: Sequence[str | None], full: Mapping[str | None, str], listed: Sequence[Client | Project], what: str
) -> tuple[str | None, ...]:
    """Ids of all that bear one of the names, short or as reports write them, or do so in other cases of letters."""
    known = {one.id: (one.name, full.get(one.id) or one.name) for one in listed}
    lowered = {id_: tuple(map(str.lower, called)) for id_, called in known.items()}
    ids: list[str | None] = []
    for name in names:
        found = [id_ for id_, called in known.items() if name in called]
        found = found or [id_ for id_, called in lowered.items() if name is not None and name.lower() in called]
        if name is not None and not found:
            raise NotFound(f"no {what} is called {quoted(name)}; {instead(name, [one.name for one in listed])}")
        ids.extend(found or [None])
    return tuple(ids)


def _names(by: ReportBy, clients: Sequence[Client], projects: Sequence[Project]) -> dict[str | None, str]:
    """By id; {} where what is added up by is no id."""
    match by:
        case ReportBy.CLIENT:
            return {client.id: client.name for client in clients}
        case ReportBy.PROJECT:
            return _project_names(projects)
        case ReportBy.CATEGORY | ReportBy.DAY:
            return {}
    assert_never(by)


def _project_names(projects: Sequence[Project]) -> dict[str | None, str]:
    """By id; of those that share theirs with the client in front, then with the beginning of the id."""
    names: dict[str | None, str] = {project.id: project.name for project in projects}
    for name in ("{client} / {project}", "{client} / {project} ({id})"):
        times = Counter(names.values())
        for one in projects:
            if times[names[one.id]] > 1:
                names[one.id] = name.format(client=one.client or "no client", project=one.name, id=one.id[:8])
    return names


def _key(session: WorkSession, by: ReportBy) -> str | None:
    value: str | None = getattr(session, by.field) if by.field else None
    return None if value is None else str(value)


def _flawed(stored: Iterable[StoredSession], now: datetime) -> list[tuple[str, tuple[Flaw, ...]]]:
    """Sessions that cannot be true as they stand, with why."""
    found = ((one.session.id, (*one.flaws, *flaws(one.session, now))) for one in stored)
    return [(id_, odd) for id_, odd in found if odd]
