"""How the stores are, what changes in them, and how far a long run is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.model.sessions import WorkSession


class StoreKind(StrEnum):
    """The three stores of the top line."""

    QDRANT = "qdrant"
    POSTGRES = "postgres"
    EMBEDDER = "embedder"


class Subject(StrEnum):
    """What a change made meanwhile is about."""

    MEMORIES = "memories"
    DELETIONS = "deletions"
    """Points of memories that are gone, whoever deleted them; announced together with the memories."""
    RELATIONS = "relations"
    SESSIONS = "sessions"
    NAMES = "names"
    """Clients and projects."""
    SETTINGS = "settings"
    HISTORY = "history"
    """What programs like this one noted of their changes and undos."""


@dataclass(frozen=True, slots=True)
class StoreStatus:
    kind: StoreKind
    ok: bool
    label: str
    """«embedded», «bundled» or the host, never a password."""
    version: str = ""
    latency_ms: float | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    """One line each: what is wrong and what to do."""
    read_only: str = ""
    """Why it can be read but not written, one line, also among the problems; "" when it takes writes."""
    estimated: frozenset[str] = frozenset()
    """The counts that are estimates."""
    silent: bool = False
    """True when it was asked and gives no answer, which is not `ok`."""
    failing_since: datetime | None = None
    """When it was first asked in vain, where it is asked again and again; None while it is `ok`."""
    answered_at: datetime | None = field(default=None, compare=False)
    """Its last good answer, where it is asked again and again."""


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """The store daemon of a home."""

    pid: int
    release: str
    age: float
    """Seconds since it was started."""
    memory: int
    """Bytes, with the processes that it started."""
    clients: tuple[tuple[int, str], ...]
    """Process id and name of the programs that use it, without who asks."""


MOST_UNREVIEWED = 999
"""Above which memories that wait for a review are not counted."""


@dataclass(frozen=True, slots=True)
class StatusSnapshot:
    """How the stores are, as far as they were asked, and what PostgreSQL says of work and of what waits."""

    stores: tuple[StoreStatus, ...] = ()
    """Without those that have not answered yet and may be starting."""
    pending: int = 0
    """Memories that wait for their vectors."""
    due: bool = False
    """Whether one of them is to be tried again."""
    sessions: tuple[WorkSession, ...] = ()
    """Active and paused ones, oldest first."""
    unreviewed: int = 0
    """Memories that wait for a review, counted to one more than MOST_UNREVIEWED."""

    @property
    def unreviewed_text(self) -> str:
        """«12», «999+», or nothing."""
        return f"{MOST_UNREVIEWED}+" if self.unreviewed > MOST_UNREVIEWED else str(self.unreviewed or "")

    @property
    def failing(self) -> tuple[StoreStatus, ...]:
        """The stores that do not work."""
        return tuple(store for store in self.stores if not store.ok)

    def answering_again(self, before: StatusSnapshot) -> frozenset[StoreKind]:
        """The stores that work, and did not `before`."""
        were_failing = {store.kind for store in before.failing}
        return frozenset(store.kind for store in self.stores if store.ok and store.kind in were_failing)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long run is."""

    done: int
    total: int | None
    """None while it is not known."""
    what: str = ""


Advance = Callable[[Progress], None]
"""Is called with how far a long run is."""


def no_progress(progress: Progress) -> None:
    """Tells nobody."""


def counting(progress: Advance, total: int, what: str) -> Callable[[int], None]:
    """Adds up what is called with how much more is done."""
    done = 0

    def advance(number: int) -> None:
        nonlocal done
        done = min(done + number, total)
        progress(Progress(done, total, what))

    return advance
