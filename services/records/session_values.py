"""What is asked of the sessions that are stored, and what is written to them, with instants and ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.model import Pause, ReportBy, SessionCategory, SessionStatus, WorkSession
from services.work.work_values import Flaw


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session with what was wrong with its pauses when they were read."""

    session: WorkSession
    flaws: tuple[Flaw, ...] = ()
    updated_at: datetime | None = None
    """When some program last wrote it."""


@dataclass(frozen=True, slots=True)
class SessionChange:
    columns: Mapping[str, object] = field(default_factory=dict)
    """Columns of `work_sessions` with their new values."""
    client: str | None = None
    """Name; "" for none."""
    project: str | None = None
    """Name; "" for none."""
    note: str | None = None
    """To be appended."""
    pause: Pause | None = None
    """To be appended."""
    until: datetime | None = None
    """Pauses end here: open ones are closed, later ones go."""
    pauses: tuple[Pause, ...] | None = None
    """To stand in place of all that are there."""


Change = Callable[[StoredSession], SessionChange]
"""Gives what to write for a session as it stands, locked; raises to write nothing."""


@dataclass(frozen=True, slots=True)
class SessionSelection:
    """Which sessions are meant, with instants and ids in place of days and names."""

    since: datetime | None = None
    until: datetime | None = None
    client_ids: tuple[str | None, ...] = ()
    project_ids: tuple[str | None, ...] = ()
    categories: tuple[SessionCategory, ...] = ()
    statuses: tuple[SessionStatus, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class ReportQuestion:
    """What to add up: sessions by `by`, cut at `bounds`."""

    selection: SessionSelection
    by: ReportBy
    bounds: Sequence[datetime]
    """Starts of days, ascending, and the end of the last."""
    units: Sequence[int]
    """Number of the unit in which each day lies, ascending from 0."""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """Worked time of one group in one unit."""

    key: str | None
    """Id of a client or project, name of a category; None for those without and for reports by day."""
    unit: int
    seconds: float
    sessions: int
    """Sessions that touch this unit."""
    fresh: int
    """Those of them that touch no earlier unit of the report."""
    days: frozenset[int]
    """Days with time, numbered as `bounds`."""
