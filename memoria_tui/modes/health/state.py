"""What the Health screen draws, and the lines of its sections at the left."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, assert_never

from textual.content import Content

from memoria_tui.text import present
from services.errors import MemoriaError
from services.integrity.check import Check
from services.integrity.checks import CHECKS
from services.integrity.defects import DescribedDefect, Survey
from services.model import MemoryType, Progress, StoreKind, StoreStatus

if TYPE_CHECKING:
    from services.backup.backup_values import Archive
    from services.curation.memory_health import MemoryHealth
    from services.health import Waiting
    from services.model.database import DatabaseStatus
    from services.points import CollectionInfo
    from services.ports import Draft
    from services.records.access_tokens import AccessToken
    from services.records.connected_agents import ConnectedAgent
    from services.reembedding.reembed_values import ReembedState
    from services.work.writer_zone import Zones


class Section(Enum):
    """A line at the left; its details stand at the right."""

    QDRANT = "Qdrant"
    POSTGRES = "PostgreSQL"
    EMBEDDER = "Embedder"
    QUEUE = "Queue"
    AGENTS = "Connected"
    TOKENS = "Access tokens"
    TRASH = "Trash"
    BACKUPS = "Backups"
    MODEL = "Model"
    CARE = "Care"

    @property
    def title(self) -> str:
        return self.value


MOST_TRASH = 100
"""Memories in the trash up to which they are counted."""
Line = Section | Check
"""What is listed at the left."""
GROUPS: Mapping[str, tuple[Line, ...]] = {
    "Stores": (Section.QDRANT, Section.POSTGRES, Section.EMBEDDER),
    "Waiting": (Section.QUEUE,),
    "Integrity": CHECKS,
    "Agents": (Section.AGENTS, Section.TOKENS),
    "Kept": (Section.TRASH, Section.BACKUPS, Section.MODEL),
    "Memories": (Section.CARE,),
}
STORES: Mapping[Line, StoreKind] = {
    Section.QDRANT: StoreKind.QDRANT,
    Section.POSTGRES: StoreKind.POSTGRES,
    Section.EMBEDDER: StoreKind.EMBEDDER,
}

Refused = MemoriaError
"""In the place of a value that could not be had."""


@dataclass(frozen=True, slots=True)
class Health:
    """All that was asked; what one store cannot say does not hide what the others say."""

    stores: Mapping[StoreKind, StoreStatus]
    collections: Mapping[MemoryType, CollectionInfo] | Refused
    database: DatabaseStatus | Refused
    pending: int | Refused
    waiting: tuple[Waiting, ...] | Refused
    """The first of those that are pending."""
    trash: int | Refused
    """Memories in it, counted up to a hundred."""
    zones: Zones
    folder: str
    """Where backups are written."""
    archives: tuple[Archive, ...] | Refused
    """Daily ones too, newest first."""
    daily: str
    """When one is made by itself, and how many are kept."""
    daily_problems: Sequence[str]
    """Why the last one was not made, and what is wrong with others, a line each."""
    languages: str
    """What to do where many memories are in languages that the model hardly knows, "" elsewhere."""
    model: ReembedState | Refused
    care: MemoryHealth | Refused
    """What is reviewed, stale, orphaned and so on."""
    agents: tuple[ConnectedAgent, ...] | Refused
    """Who called last first."""
    tokens: tuple[AccessToken, ...] | Refused
    """Newest first; revoked and expired ones too."""

    @property
    def former(self) -> Draft | None:
        """The vectors that were in use before and are kept, as far as it is known."""
        return None if isinstance(self.model, MemoriaError) else self.model.former


@dataclass(frozen=True, slots=True)
class Checked:
    """The last look at all memories and relations."""

    survey: Survey
    findings: Mapping[Check, tuple[DescribedDefect, ...]]
    """The first of each kind, described."""
    mark: object
    """What the stores held then, to tell whether to look again."""
    missing: str = ""
    """Memories that other programs deleted, in one line; "" for none."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """All that is drawn; the look at all memories and relations may still be under way."""

    health: Health
    checked: Checked | Refused | None = None
    looking: Progress | None = None
    stale: bool = False
    """Others wrote since that look."""


@dataclass(frozen=True, slots=True)
class Running:
    """Long work under way."""

    what: str
    since: datetime
    progress: Progress | None = None


class Pace:
    """Lets through a few a second of what comes more often: each costs the event loop the time of drawing it."""

    def __init__(self, every: float = 0.2) -> None:
        self._every = every
        self._next = 0.0

    @property
    def due(self) -> bool:
        """True, and then False for the next `every` seconds."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._every
        return True


def running_line(running: Running, now: datetime) -> Content:
    """«Repairing  120 of 448 · 310/s · s stops»."""
    parts, progress = [], running.progress
    if progress is not None:
        of = f" of {progress.total:,}" if progress.total else ""
        parts.append(f"{present.line(progress.what)} {progress.done:,}{of}".strip())
        seconds = (now - running.since).total_seconds()
        parts += [f"{progress.done / seconds:,.0f}/s"] if seconds >= 1 and progress.done else []
    told = " · ".join(parts) or "begins …"
    return Content.assemble(
        (f" {running.what}  ", "bold $primary"), told, (" · ", "$foreground 60%"), ("s", "bold $accent"), " stops"
    )


def section_line(section: Line, report: HealthReport, now: datetime, width: int) -> Content:
    """A sign, the name, and at the right the one thing that is to be known."""
    sign, colour, told = _describe(section, report, now)
    room = max(4, width - len(section.title) - 5)
    told = present.clip(told, room)
    gap = " " * max(1, width - len(section.title) - len(told) - 4)
    return Content.assemble((f" {sign} ", colour), section.title, gap, (told, "$foreground 60%"), " ")


_FINE, _ODD, _BAD, _PLAIN = ("●", "$success"), ("!", "bold $warning"), ("✖", "bold $error"), ("·", "$foreground 45%")


def _describe(section: Line, report: HealthReport, now: datetime) -> tuple[str, str, str]:
    health = report.health
    if isinstance(section, Check):
        return _describe_check(section, report)
    match section:
        case Section.QUEUE:
            return _counted(health.pending, _ODD, "nothing pending")
        case Section.AGENTS:
            return _listed(health.agents)
        case Section.TOKENS:
            tokens = health.tokens
            valid = tokens if isinstance(tokens, MemoriaError) else [one for one in tokens if one.is_valid(now)]
            return _listed(valid)
        case Section.TRASH:
            if isinstance(report.checked, Checked) and report.checked.missing:
                return (*_ODD, "memories are missing")
            return _counted(health.trash, _PLAIN, "empty")
        case Section.BACKUPS:
            if isinstance(health.archives, MemoriaError):
                return (*_BAD, "")
            newest = next((one for one in health.archives if one.problem is None), None)
            return (
                *(_ODD if health.daily_problems else _PLAIN),
                present.age(newest.made_at, now) if newest else "none",
            )
        case Section.CARE:
            if isinstance(health.care, MemoriaError):
                return (*_BAD, "")
            share = f"{health.care.reviewed:.0%} reviewed"
            return (*_PLAIN, share if health.care.total else "no memories")
        case Section.MODEL:
            if isinstance(health.model, MemoriaError):
                return (*_BAD, "")
            return (*(_ODD if health.model.draft else _PLAIN), present.line(health.model.model or "not known"))
        case Section.QDRANT | Section.POSTGRES | Section.EMBEDDER:
            info = health.collections if section is Section.QDRANT else {}
            lacks = not isinstance(info, MemoriaError) and any(one.missing_indexes for one in info.values())
            return _describe_store(health.stores[STORES[section]], lacks=lacks)
    assert_never(section)


def _describe_store(store: StoreStatus, *, lacks: bool) -> tuple[str, str, str]:
    if not store.ok:
        return (*_BAD, "away")
    if store.read_only:
        return (*_ODD, "read-only")
    return (*(_ODD if store.problems or lacks else _FINE), present.line(store.label))


def _describe_check(check: Check, report: HealthReport) -> tuple[str, str, str]:
    if report.checked is None:
        return (*_PLAIN, "…")
    if isinstance(report.checked, MemoriaError):
        return (*_BAD, "")
    count = len(report.checked.survey.found[check])
    return (*(_PLAIN if not count or not check.repairable else _ODD), f"{count:,}" if count else "none")


def _listed(found: Sequence[object] | Refused) -> tuple[str, str, str]:
    return _counted(found if isinstance(found, MemoriaError) else len(found), _PLAIN, "none")


def _counted(count: int | Refused, sign: tuple[str, str], none: str) -> tuple[str, str, str]:
    if isinstance(count, MemoriaError):
        return (*_BAD, "")
    return (*sign, f"{count:,}") if count else (*_PLAIN, none)
