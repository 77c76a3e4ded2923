"""What a format of work time is, and what sessions are for it: one piece for each time without a pause."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from services.model import SessionCategory, WorkSession, counted
from services.transfer.reader_parts.tracked_time import CATEGORY, CLIENT, NOT_BILLABLE, PROJECT
from services.work.worked_time import spans_of


@dataclass(frozen=True, slots=True)
class WorkedPiece:
    """A time that was worked without a pause, in UTC and whole seconds."""

    session: WorkSession
    number: int
    """In its session, from 1."""
    start: datetime
    end: datetime

    @property
    def description(self) -> str:
        """In one line."""
        return " ".join(self.session.description.split())


@dataclass(frozen=True, slots=True)
class WrittenTime:
    """A file, and how many of the sessions are in it."""

    text: str
    sessions: int
    lost: str
    """What is not in it, in one line."""


@dataclass(frozen=True, slots=True)
class TimeWriter:
    """A format of time trackers."""

    kept: str
    lost: str
    text: Callable[[Sequence[WorkedPiece], tzinfo], str]
    """The file, with local times in the zone."""
    unit: str = "second"
    rounded: Callable[[datetime], datetime] = lambda at: at
    """To the unit; what begins and ends in the same one has no place."""

    def written(self, sessions: Sequence[WorkSession], zone: tzinfo) -> WrittenTime:
        """The file of completed sessions."""
        found = [one for one in pieces(sessions) if self.rounded(one.start) < self.rounded(one.end)]
        number = len({one.session.id for one in found})
        short = f"{counted(len(sessions) - number, 'session')} without a whole {self.unit}"
        lost = self.lost if number == len(sessions) else f"{short}; {self.lost}"
        return WrittenTime(self.text(found, zone), number, lost)


def pieces(sessions: Sequence[WorkSession]) -> list[WorkedPiece]:
    """In order of time; what is shorter than a second is none."""
    found = []
    for session in sessions:
        for number, span in enumerate(spans_of(session, session.end or session.start), 1):
            start, end = (at.replace(microsecond=0) for at in (span.start, span.end))
            if end > start:
                found.append(WorkedPiece(session, number, start, end))
    return sorted(found, key=lambda one: (one.start, one.session.id))


def tags_of(session: WorkSession) -> list[str]:
    """Its tags, then what a format with tags alone has no other place for."""
    named = ((CLIENT, session.client), (PROJECT, session.project))
    category = "" if session.category is SessionCategory.OTHER else session.category.value
    return [
        *session.tags,
        *(f"{key}:{name}" for key, name in (*named, (CATEGORY, category)) if name),
        *([] if session.billable else [NOT_BILLABLE]),
    ]
