"""Work sessions and their pauses: what is known of one, what begins one, and what an edit changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from services.model.memories import any_of


class SessionStatus(StrEnum):
    """State of a work session."""

    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"


class SessionCategory(StrEnum):
    """Kind of work."""

    CODING = "coding"
    REVIEW = "review"
    MEETING = "meeting"
    SUPPORT = "support"
    RESEARCH = "research"
    DOCUMENTATION = "documentation"
    DEVOPS = "devops"
    OTHER = "other"


class ReportBy(StrEnum):
    """What a report adds up by."""

    CLIENT = "client"
    PROJECT = "project"
    CATEGORY = "category"
    DAY = "day"

    @property
    def field(self) -> str | None:
        """The field of a session, and column, that has its group; None where the time has it."""
        match self:
            case ReportBy.CLIENT:
                return "client_id"
            case ReportBy.PROJECT:
                return "project_id"
            case ReportBy.CATEGORY:
                return "category"
            case ReportBy.DAY:
                return None
        assert_never(self)


class Flaw(StrEnum):
    """What cannot be true of a session as it is stored."""

    ENDS_BEFORE_START = "ends before it starts"
    NO_END = "is completed without an end"
    PAUSE_OUTSIDE = "has a pause outside itself"
    PAUSES_TOO_LONG = "has pauses longer than itself"
    PAUSE_REVERSED = "has a pause that ends before it starts"
    PAUSE_OPEN = "is completed with an open pause"
    PAUSE_UNREADABLE = "has a pause that cannot be read"


@dataclass(frozen=True, slots=True)
class Pause:
    """An interruption of a work session; `end` is None while it lasts."""

    start: datetime
    end: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class WorkSession:
    """A span of work, with its pauses."""

    id: str
    description: str
    category: SessionCategory
    status: SessionStatus
    start: datetime
    end: datetime | None = None
    pauses: tuple[Pause, ...] = ()
    client: str | None = None
    """Name."""
    project: str | None = None
    """Name."""
    client_id: str | None = None
    project_id: str | None = None
    issue_number: int | None = None
    pr_number: int | None = None
    branch: str | None = None
    tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    memory_id: str | None = None
    billable: bool = True
    billed: tuple[str, ...] = ()
    """Months whose time was billed: `2026-11`."""

    def paused_seconds(self, now: datetime) -> float:
        """Seconds of all pauses up to `now`, the open one included; what overlaps counts once."""
        return self._paused(now).total_seconds()

    def elapsed_seconds(self, now: datetime) -> float:
        """Seconds worked up to `now` or the end: the span less its pauses, never below 0."""
        # Exact until the end: as floats, a paused session would waver around a whole second.
        return max(0.0, ((self.end or now) - self.start - self._paused(now)).total_seconds())

    def _paused(self, now: datetime) -> timedelta:
        total, reached = timedelta(), None
        for start, end in sorted((pause.start, pause.end or self.end or now) for pause in self.pauses):
            begun = start if reached is None else max(start, reached)
            total += max(timedelta(), end - begun)
            reached = end if reached is None else max(end, reached)
        return total


DEFAULT_CATEGORY = SessionCategory.CODING
"""Of a session whose category nobody said."""


@dataclass(frozen=True, slots=True)
class SessionDraft:
    """A session to be started, or one that is over. Client and project are names; unknown ones are made."""

    description: str
    category: SessionCategory | None = None
    """None: the default, see `category_or_default`."""
    client: str | None = None
    """None: the default of the settings; "": without a client."""
    project: str | None = None
    """As `client`."""
    issue_number: int | None = None
    pr_number: int | None = None
    branch: str | None = None
    tags: tuple[str, ...] = ()
    billable: bool = True
    start: datetime | None = None
    """None: now."""
    end: datetime | None = None
    """None: it runs."""
    pauses: tuple[Pause, ...] = ()
    """Of one that is over."""

    @property
    def category_or_default(self) -> SessionCategory:
        return self.category or DEFAULT_CATEGORY


@dataclass(frozen=True, slots=True)
class SessionChanges:
    """What an edit sets; a field that is None stays as it is. "", 0 and () remove what can be absent."""

    description: str | None = None
    category: SessionCategory | None = None
    client: str | None = None
    project: str | None = None
    issue_number: int | None = None
    pr_number: int | None = None
    branch: str | None = None
    tags: tuple[str, ...] | None = None
    billable: bool | None = None
    start: datetime | None = None
    end: datetime | None = None
    pauses: tuple[Pause, ...] | None = None
    add_pauses: tuple[Pause, ...] = ()
    """To those that the session has when it is written."""
    remove_pauses: tuple[Pause, ...] = ()
    """From the same."""
    notes: tuple[str, ...] | None = None


OURS = "memoria_tui_"
"""What begins the names of our columns in tables that others share."""
DetailValue = str | int | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class SessionDetail:
    """Something that may be known of a session besides what was done, for whom and when: a number, text or some words.

    Its field has one name in `WorkSession`, `SessionDraft` and `SessionChanges`. What reads, writes, shows
    and exports sessions goes through `SESSION_DETAILS`.
    """

    field: str
    key: str
    """Its name in forms and in the CSV of the log."""
    json: str
    label: str
    hint: str
    """What an empty field of a form asks for."""
    short: str
    """How lists show the value that takes the place of {}."""
    sentence: str
    """How the memory of a session tells it."""
    is_number: bool = False
    is_list: bool = False
    """Several words; text has them with commas between."""
    is_ours: bool = False
    """Whether its column is none of MCP Memoria's."""

    @property
    def column(self) -> str:
        return f"{OURS}{self.field}" if self.is_ours else self.field

    @property
    def column_type(self) -> str:
        return "integer" if self.is_number else "text[]" if self.is_list else "text"

    def of(self, holder: WorkSession | SessionDraft | SessionChanges) -> DetailValue:
        """The value there; None or empty when it is not known, or is not to be changed."""
        value: DetailValue = getattr(holder, self.field)
        return value

    def text(self, holder: WorkSession | SessionDraft) -> str:
        """The value as a line of text; "" when it is not known."""
        value = self.of(holder) or ""
        return ", ".join(value) if isinstance(value, tuple) else str(value)


SESSION_DETAILS = (
    SessionDetail("issue_number", "issue", "issue", "Issue", "number", "#{}", "Issue #{}.", is_number=True),
    SessionDetail("pr_number", "pull_request", "pr", "PR", "number", "PR {}", "Pull request #{}.", is_number=True),
    SessionDetail("branch", "branch", "branch", "Branch", "git branch", "{}", "Branch {}."),
    SessionDetail("tags", "tags", "tags", "Tags", "a, b", "{}", "Tags: {}.", is_list=True, is_ours=True),
)
"""In the order in which they are shown."""
SEARCHED_PARTS = ("description", "note", "branch", "client", "project")
"""Of a session: where a text is looked for."""
SEARCHED = f"{any_of(SEARCHED_PARTS)}; or #42"
"""The same as a person reads it, with what is looked for as the number of an issue or pull request."""
