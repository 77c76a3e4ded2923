"""Work that is billed: what clients agreed to, timesheets of a month, what was billed, and budgets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from services.errors import Conflict, Malformed
from services.model import Entity, SessionStatus, WorkSession
from services.records import Records
from services.times import Period, day_begins, month_end, month_start, zone_name
from services.work.billing_values import (
    METADATA,
    TERMS,
    BudgetUse,
    Line,
    Rate,
    RoundingPer,
    Terms,
    Timesheet,
    terms_of,
    unread_terms,
)
from services.work.clients_and_projects import ClientService
from services.work.report_values import (
    Client,
    DayPart,
    Project,
    ReportUnit,
    SessionFilter,
    WarningKind,
    WorkStatus,
    WorkWarning,
)
from services.work.reports import ReportService

_PAGE = 500


class BillingService:
    """Rates, rounding and budgets of clients and projects, and what comes of them."""

    def __init__(self, records: Records, reports: ReportService, clients: ClientService) -> None:
        self._records = records
        self._reports = reports
        self._clients = clients

    async def set_terms(self, kind: Entity, name: str, terms: Terms, before: Terms | None = None) -> bool:
        """What a client or project agreed to from now on; undo brings back what it was. False: it was so already.

        Raises NotFound, Ambiguous, InvalidInput, and Conflict with the terms as they stand when they are not `before`
        any more.
        """
        meant = await (self._clients.project(name) if kind is Entity.PROJECT else self._clients.client(name))
        for term in TERMS:
            if kind is Entity.PROJECT and term.of_clients and getattr(terms, term.name):
                raise Malformed(f"the {term.name} is agreed with the client, not for a project")

        def change(metadata: Mapping[str, object]) -> Mapping[str, object]:
            if before is not None and (now := terms_of(metadata)) != before:
                raise Conflict(f'the terms of "{meant.name}" were changed by another program', now)
            kept = {key: value for key, value in metadata.items() if key != METADATA}
            said = {**unread_terms(metadata), **terms.json()}
            return {**kept, METADATA: said} if said else kept

        return await self._records.clients.change_metadata(kind, meant.id, change, "billing")

    async def timesheet(self, client: str, month: date) -> Timesheet:
        """The billable work of the month in which a day is. Raises NotFound."""
        meant = await self._clients.client(client)
        first = month_start(month)
        span = Period(first, month_end(first))
        where = SessionFilter(span.first, span.last, clients=(meant.name,))
        parts = [part for part in await self._parts(where) if part.session.client_id == meant.id]
        owned = {one.id: terms_of(one.metadata) for one in await self._records.clients.projects()}
        terms, zone = terms_of(meant.metadata), await self._reports.zone()
        done = [part for part in parts if part.session.status is SessionStatus.COMPLETED]
        unbillable = (worked_time(part) for part in done if not part.session.billable)
        return Timesheet(
            client=meant.name,
            month=first,
            zone=zone_name(zone),
            day_begins=day_begins(zone),
            rounding=terms.rounding,
            lines=lines_of([part for part in done if part.session.billable], terms, owned, f"{first:%Y-%m}"),
            unbillable=sum(unbillable, timedelta()),
            open_sessions=len({part.session.id for part in parts} - {part.session.id for part in done}),
            budgets=await self.near({meant.id, *(part.session.project_id for part in parts)}, first),
        )

    async def mark(self, sheet: Timesheet, *, billed: bool) -> int:
        """Marks the sessions of a timesheet as billed for its month, or not billed, as one act; gives how many.

        Raises NotFound, and Conflict with the timesheet as it is by now when that is another one.
        """
        now = await self.timesheet(sheet.client, sheet.month)
        if now.marked(billed=billed).lines != sheet.marked(billed=billed).lines:
            raise Conflict(f"the timesheet of {sheet.client} changed since it was read; look at it again", now)
        return await self._records.sessions.bill(sheet.session_ids, f"{sheet.month:%Y-%m}", billed=billed)

    async def budgets(
        self, ids: Iterable[str | None] | None = None, month: date | None = None, *, open_too: bool = True
    ) -> tuple[BudgetUse, ...]:
        """Every budget with what is used of it, also by open sessions; `ids`: only of these clients and projects.

        Of a budget by the month: in that in which the day `month` is, None: in this one.
        """
        listed: list[tuple[Entity, Client | Project]] = [
            *((Entity.CLIENT, one) for one in await self._records.clients.clients()),
            *((Entity.PROJECT, one) for one in await self._records.clients.projects()),
        ]
        wanted = None if ids is None else set(ids)
        found = []
        for kind, one in listed:
            budget = terms_of(one.metadata).budget
            if budget is None or (wanted is not None and one.id not in wanted):
                continue
            first, last = budget.since, None
            if budget.monthly:
                begins = month_start(month) if month else (await self._reports.current(ReportUnit.MONTH)).first
                first, last = max(begins, first or begins), month and month_end(month)
            if first and last and first > last:
                continue  # it was agreed later
            owner = (one.name,) if isinstance(one, Client) else (one.client,)
            projects = (one.name,) if isinstance(one, Project) else ()
            where = SessionFilter(first, last, clients=owner, projects=projects, billable=True)
            where = where if open_too else replace(where, statuses=(SessionStatus.COMPLETED,))
            _, seconds = await self._reports.total(where)
            found.append(BudgetUse(kind, one.id, one.name, budget, seconds, month))
        return tuple(found)

    async def warnings(self, sessions: Sequence[WorkSession]) -> tuple[WorkWarning, ...]:
        """Of the budgets that these sessions use, those of which little is left."""
        ids = {id_ for one in sessions for id_ in (one.client_id, one.project_id) if id_}
        if not ids:
            return ()
        near = await self.near(ids)
        return tuple(
            WorkWarning(
                WarningKind.BUDGET,
                tuple(one.id for one in sessions if use.id in (one.client_id, one.project_id)),
                use.description,
            )
            for use in near
        )

    async def watched(self, status: WorkStatus) -> WorkStatus:
        """With the warnings of budgets, which the file for prompts has then too."""
        near = await self.warnings(status.sessions)
        await self._records.update_prompts(status.sessions, {one.message: one.session_ids[0] for one in near})
        return replace(status, warnings=(*status.warnings, *near))

    async def near(self, ids: Iterable[str | None], month: date | None = None) -> tuple[BudgetUse, ...]:
        """Of what `budgets` gives, those of which little is left, or nothing."""
        return tuple(use for use in await self.budgets(ids, month) if use.is_near)

    async def _parts(self, where: SessionFilter) -> list[DayPart]:
        parts: list[DayPart] = []
        after: str | None = None
        while True:
            page = await self._reports.log(where, descending=False, after=after, limit=_PAGE)
            parts += page.parts
            if (after := page.next) is None:
                return parts


def worked_time(part: DayPart) -> timedelta:
    """Exact to the microsecond."""
    return timedelta(microseconds=round(part.seconds * 10**6))


def lines_of(parts: Iterable[DayPart], terms: Terms, of_projects: Mapping[str, Terms], month: str) -> tuple[Line, ...]:
    """The lines of a timesheet of a client's parts of days, in their order; the parts are those of one month.

    Rounded by session, all of a session in the month is one line; rounded by day, all of a day at one rate in one
    project is one.
    """
    per_day = terms.rounding is not None and terms.rounding.per is RoundingPer.DAY
    first_day: dict[str, date] = {}
    grouped: dict[tuple[object, ...], list[DayPart]] = {}
    rates: dict[tuple[object, ...], Rate | None] = {}
    for part in parts:
        session = part.session
        day = part.day if per_day else first_day.setdefault(session.id, part.day)
        of_project = of_projects.get(session.project_id or "", Terms())
        rate = of_project.rate(day, session.category) or terms.rate(day, session.category)
        one = (session.project_id, rate, month in session.billed) if per_day else (session.id,)
        grouped.setdefault((day, *one), []).append(part)
        rates[(day, *one)] = rate
    lines = (_line(some, rates[key], terms, month) for key, some in grouped.items())
    return tuple(sorted(lines, key=lambda line: line.day))


def _line(parts: Sequence[DayPart], rate: Rate | None, terms: Terms, month: str) -> Line:
    worked = sum(map(worked_time, parts), timedelta())
    categories = {part.session.category for part in parts}
    return Line(
        day=parts[0].day,
        description="; ".join(dict.fromkeys(part.session.description for part in parts)),
        project=parts[0].session.project,
        category=categories.pop() if len(categories) == 1 else None,
        session_ids=tuple(dict.fromkeys(part.session.id for part in parts)),
        worked=worked,
        time=terms.rounding.of(worked) if terms.rounding else worked,
        rate=rate,
        is_billed=month in parts[0].session.billed,
    )
