"""What is asked about work time, and what the log, reports and warnings say. All frozen.

Seconds are exact. Dates are days of the person's zone, both ends included. Names that are None mean «without».
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum

from services.model import Flaw, ReportBy, SessionCategory, SessionStatus, WorkSession
from services.times import Period


class WarningKind(StrEnum):
    """What a person should look at."""

    FORGOTTEN = "forgotten"
    OVERLAP = "overlap"
    SAME_PROJECT = "same-project"
    PARALLEL_LIMIT = "parallel-limit"
    FLAWED = "flawed"
    BUDGET = "budget"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class WorkWarning:
    """One thing to look at, with the sessions it is about."""

    kind: WarningKind
    session_ids: tuple[str, ...]
    message: str
    """One line for a person; descriptions in it are untrusted text."""


@dataclass(frozen=True, slots=True)
class WorkStatus:
    """What runs now."""

    now: datetime
    sessions: tuple[WorkSession, ...]
    """Active and paused, oldest first."""
    warnings: tuple[WorkWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions are meant; all of the conditions together."""

    first: date | None = None
    last: date | None = None
    clients: tuple[str | None, ...] = ()
    """Any of these names; None: those without a client."""
    projects: tuple[str | None, ...] = ()
    categories: tuple[SessionCategory, ...] = ()
    statuses: tuple[SessionStatus, ...] = ()
    issues: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
    """All of them."""
    billable: bool | None = None
    """None: whether or not."""
    text: str = ""
    """Is in one of `SEARCHED_PARTS`, in any case of letters; or `#42`."""


class LogOrder(StrEnum):
    """What the log can be sorted by."""

    START = "start"
    DURATION = "duration"
    DESCRIPTION = "description"


@dataclass(frozen=True, slots=True)
class DayPart:
    """What of a session falls into one day of the person's zone."""

    session: WorkSession
    day: date
    start: datetime
    """The first instant of the day where the session began earlier. UTC, as `end`."""
    end: datetime | None
    """The first instant of the next day where the session goes on there; None: it is still open."""
    seconds: float
    """Worked on that day, as reports count it."""
    earlier: float = 0.0
    """Seconds that the session was worked on the days before."""

    @property
    def is_complete(self) -> bool:
        """Whether all of the session falls into this day."""
        return self.start == self.session.start and self.end == self.session.end

    def seconds_at(self, now: datetime) -> float:
        """As `seconds`; what is open counts up to `now`."""
        return self.seconds if self.end else max(0.0, self.session.elapsed_seconds(now) - self.earlier)


@dataclass(frozen=True, slots=True)
class LogPage:
    sessions: tuple[WorkSession, ...]
    """Those that began in the days of the filter; sorted by something else than the start, those with time there."""
    flaws: Mapping[str, tuple[Flaw, ...]]
    """By session id; only sessions that have some."""
    next: str | None
    """Give it back for the page after this one; None on the last."""
    parts: tuple[DayPart, ...] = ()
    """Sorted by the start: the sessions cut at midnight, and the days' parts of those that began before."""


_NEVER = datetime.max.replace(tzinfo=UTC)


class ReportUnit(StrEnum):
    """How finely a report is cut in time."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class ReportGroup:
    name: str | None
    """Client, project («client / project» where the name alone would be ambiguous), category or ISO day."""
    seconds: float
    sessions: int
    """Sessions that worked here, each once."""
    days: int
    """Days on which some of it was worked."""
    number: int | None = None
    """Of the client or project."""


@dataclass(frozen=True, slots=True)
class ReportCell:
    """What one group worked in one unit of time."""

    start: date
    """First day of the unit, or of the report where the unit began before it."""
    name: str | None
    seconds: float
    sessions: int
    days: int


@dataclass(frozen=True, slots=True)
class UnitTotal:
    """What was worked in one unit of time, by all groups together."""

    start: date
    """As of a cell."""
    seconds: float
    sessions: int
    days: int


@dataclass(frozen=True, slots=True)
class Report:
    """Worked time of a period. Groups, cells and the total are the same seconds, added up in different ways."""

    period: Period
    zone: str
    by: ReportBy
    unit: ReportUnit
    groups: tuple[ReportGroup, ...]
    """Most time first; days in order."""
    cells: tuple[ReportCell, ...]
    """In order of time, then of `groups`; only those with time."""
    total_seconds: float
    sessions: int
    days: int
    open_sessions: int = 0
    """Active and paused sessions of the period: counted only when the report was asked to."""
    flawed: tuple[tuple[str, tuple[Flaw, ...]], ...] = ()
    """Sessions of the period that cannot be true as they stand: id and why."""
    units: tuple[UnitTotal, ...] = ()
    """In order of time; only those with sessions."""
    open_seconds: float = 0.0
    """What the active and paused sessions worked in the period, counted or not."""
    paused_sessions: int = 0
    """How many of the open sessions are paused."""
    day_begins: int = 0
    """The hour at which its days begin."""
    as_of: datetime = _NEVER
    """Until when open sessions are counted."""

    @property
    def running(self) -> int:
        """How many sessions of the period were running."""
        return self.open_sessions - self.paused_sessions

    def since(self, now: datetime) -> float:
        """Seconds that those which ran have worked since, added up."""
        return self.running * max(0.0, (now - self.as_of).total_seconds())

    @property
    def open_line(self) -> str:
        """«2 running, 1 paused»; "" when none is open."""
        numbers = {"running": self.running, "paused": self.paused_sessions}
        return ", ".join(f"{number} {what}" for what, number in numbers.items() if number)


@dataclass(frozen=True, slots=True)
class Client:
    """A client, for whom work is tracked."""

    id: str
    name: str
    metadata: Mapping[str, object] = field(default_factory=dict)
    number: int = 0
    """In the order in which clients were made; a colour of its own goes by it."""


@dataclass(frozen=True, slots=True)
class Project:
    id: str
    name: str
    client_id: str | None = None
    client: str | None = None
    """Name."""
    repo: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    number: int = 0
    """As of a client."""


@dataclass(frozen=True, slots=True)
class ClientTotal:
    """A client with what was worked for it, ever."""

    client: Client | None
    """None: the sessions without a client."""
    minutes: int
    """Of completed sessions, by the database's own column: whole ones of each session, as MCP Memoria counts.

    `ReportService.worked` gives the exact time.
    """
    sessions: int
    """Completed ones; also of `last`."""
    open: int
    """Sessions that are running or paused."""
    projects: int
    last: datetime | None
    """Start of the newest session."""


@dataclass(frozen=True, slots=True)
class ProjectTotal:
    """A project with what was worked on it, ever."""

    project: Project | None
    minutes: int
    """As of a client, also what follows."""
    sessions: int
    open: int
    last: datetime | None
