"""Work sessions and their pauses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


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
    notes: tuple[str, ...] = ()
    memory_id: str | None = None

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
