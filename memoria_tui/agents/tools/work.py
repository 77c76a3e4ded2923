"""The tools that track work time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from memoria_tui.agents.own_words import in_tools
from memoria_tui.agents.tool import Agent, Day, Number, Text
from memoria_tui.agents.tool_answers import one_line
from services.errors import Conflict, InvalidInput, MemoriaError
from services.model import DEFAULT_CATEGORY, ReportBy, SessionCategory, SessionDraft, SessionStatus, WorkSession
from services.times import Period, day_of, duration, first_weekday, parse_days
from services.work.report_values import Report, ReportGroup, ReportUnit, SessionFilter

_MOST_GROUPS = 100
_MOST_NOTES = 20
"""The last ones that are told."""
_LONGEST = 500
"""Characters of a note or a description."""

SessionId = Annotated[
    str | None, Field(description="Id of the session, or its beginning; needed only where several are open")
]
Issue = Annotated[int, Field(ge=0, lt=2**31), Number]
Period_ = Literal["today", "week", "month", "year", "all"]


@dataclass(frozen=True, slots=True)
class Session:
    """A work session as it is now."""

    id: str
    description: str
    status: SessionStatus
    elapsed: str
    """Worked, without pauses: h:mm:ss."""
    category: SessionCategory
    started_at: datetime
    ended_at: datetime | None = None
    paused: str = ""
    client: str = ""
    project: str = ""
    notes: tuple[str, ...] = ()
    note: str = ""
    """What a person should look at."""


@dataclass(frozen=True, slots=True)
class Running:
    sessions: tuple[Session, ...]
    """Active and paused, oldest first."""
    warnings: tuple[str, ...] = ()


async def work_start(
    agent: Agent,
    description: Annotated[Text, Field(description="What is worked on")],
    category: SessionCategory = DEFAULT_CATEGORY,
    client: str | None = None,
    project: str | None = None,
    issue: Issue | None = None,
    pr: Issue | None = None,
    branch: str | None = None,
) -> Session:
    """Start to track work time. Clients and projects that do not exist are made, and the answer says so. Several
    sessions may run at once, up to the limit of the settings."""
    draft = SessionDraft(description, category, client, project, issue, pr, branch)
    new = await agent.services.work.new_names(draft)
    session = await agent.services.work.start(draft)
    return _session(agent, session, f"new: {', '.join(new)}" if new else "")


async def work_stop(
    agent: Agent,
    session_id: SessionId = None,
    notes: Annotated[str | None, Field(description="What was done")] = None,
) -> Session:
    """Stop a work session, with a note of what was done."""
    told: list[MemoriaError] = []
    try:
        session = await agent.services.work.stop(session_id, note=notes, unremembered=told.append)
    except Conflict as error:
        if not (notes and session_id and isinstance(error.current, WorkSession)):
            raise
        session = await agent.services.work.note(notes, session_id)
        return _session(agent, session, "it was stopped already; the note was added to it")
    return _session(agent, session, "; ".join([*_long(agent, session), *(in_tools(str(one)) for one in told)]))


async def work_status(agent: Agent) -> Running:
    """Say which work sessions are open, and what is odd about them."""
    status = await agent.services.work.status()
    sessions = tuple(_session(agent, one) for one in status.sessions)
    return Running(sessions, tuple(one.message for one in status.warnings))


async def work_pause(
    agent: Agent, session_id: SessionId = None, reason: Annotated[str | None, Field(description="Why")] = None
) -> Session:
    """Pause a work session: the time until it is resumed is not counted."""
    return _session(agent, await agent.services.work.pause(session_id, reason=reason))


async def work_resume(agent: Agent, session_id: SessionId = None) -> Session:
    """Resume a paused work session."""
    return _session(agent, await agent.services.work.resume(session_id))


async def work_note(
    agent: Agent, note: Annotated[Text, Field(description="What to note")], session_id: SessionId = None
) -> Session:
    """Add a note to a work session, an open one or one that is over."""
    return _session(agent, await agent.services.work.note(note, session_id))


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    time: str
    """h:mm:ss."""
    hours: float
    share: float
    """Of the whole, 0..1."""
    sessions: int


@dataclass(frozen=True, slots=True)
class WorkReport:
    """Worked time of completed sessions, in days of the person's zone."""

    first: date
    last: date
    """Included."""
    zone: str
    by: ReportBy
    time: str
    hours: float
    sessions: int
    groups: tuple[Group, ...]
    """Most time first; days in their order."""
    notes: tuple[str, ...] = ()


async def work_report(
    agent: Agent,
    period: Annotated[Period_, Field(description="week: the last 7 days; month, year: this one")] = "month",
    start_date: Annotated[Day | None, Field(description="First day, instead of a period: 2026-11-20, monday")] = None,
    end_date: Annotated[Day | None, Field(description="Last day, included")] = None,
    group_by: Annotated[ReportBy | None, Field(description=f"{ReportBy.CLIENT} if omitted")] = None,
    client: str | None = None,
    project: str | None = None,
    category: SessionCategory | None = None,
) -> WorkReport:
    """Add up the time that was worked. A client or project that nobody has is an error, never everybody's time."""
    where = SessionFilter(
        clients=(client,) if client else (),
        projects=(project,) if project else (),
        categories=(category,) if category else (),
    )
    days = await _days(agent, period, start_date, end_date)
    made = await agent.services.reports.report(days, group_by or ReportBy.CLIENT, ReportUnit.DAY, where)
    return WorkReport(
        made.period.first,
        made.period.last,
        made.zone,
        made.by,
        duration(made.total_seconds),
        _hours(made.total_seconds),
        made.sessions,
        tuple(_group(one, made) for one in made.groups[:_MOST_GROUPS]),
        tuple(_remarks(made)),
    )


def _group(one: ReportGroup, made: Report) -> Group:
    share = round(one.seconds / made.total_seconds, 3) if made.total_seconds else 0.0
    return Group(one.name or f"no {made.by}", duration(one.seconds), _hours(one.seconds), share, one.sessions)


def _remarks(made: Report) -> Iterator[str]:
    """What a reader of the report should know."""
    if made.open_sessions:
        yield f"{made.open_line}, {duration(made.open_seconds)} so far, not counted"
    if len(made.groups) > _MOST_GROUPS:
        yield f"only the first {_MOST_GROUPS} of {len(made.groups)} groups: choose fewer days, a client or a project"
    for session_id, flaws in made.flawed[:_MOST_NOTES]:
        yield f"session {session_id} {', '.join(flaws)}"


async def _days(agent: Agent, period: Period_, first: str | None, last: str | None) -> Period:
    """Raises InvalidInput for what is no day, or a last day before the first."""
    reports, week_begins = agent.services.reports, first_weekday(agent.services.settings)
    zone = await reports.zone()
    today = await reports.this_day()
    end = parse_days(last, today, week_begins).last if last else today
    if first:
        begin = parse_days(first, today, week_begins).first
        if begin > end:
            raise InvalidInput(f"the last day, {end}, is before the first, {begin}")
        return Period(begin, end)
    if last or period == "all":
        oldest = (await reports.log(SessionFilter(last=end), descending=False, limit=1)).sessions
        return Period(min(end, day_of(oldest[0].start, zone) if oldest else end), end)
    if period == "week":
        return Period(today - timedelta(6), today)
    return Period((await reports.current(ReportUnit("day" if period == "today" else period))).first, today)


def _long(agent: Agent, session: WorkSession) -> Sequence[str]:
    """Says that a session may have been forgotten."""
    worked, most = session.elapsed_seconds(agent.services.clock()), agent.services.settings.work_session_warning_hours
    if not most or worked <= most * 3600:
        return ()
    return (f"that is more than {most:g} hours: tell the person, who can correct its end",)


def _session(agent: Agent, session: WorkSession, note: str = "") -> Session:
    now = agent.services.clock()
    paused = session.paused_seconds(now)
    return Session(
        session.id,
        one_line(session.description, _LONGEST),
        session.status,
        duration(session.elapsed_seconds(now)),
        session.category,
        session.start,
        session.end,
        paused=duration(paused) if paused else "",
        client=session.client or "",
        project=session.project or "",
        notes=tuple(one_line(text, _LONGEST) for text in session.notes[-_MOST_NOTES:]),
        note=note,
    )


def _hours(seconds: float) -> float:
    return round(seconds / 3600, 2)
