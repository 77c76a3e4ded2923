"""What a format of work time is, and what sessions are for it: one piece for each time without a pause."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from services.model import SessionCategory, WorkSession
from services.transfer.reader_parts.tracked_time import CATEGORY, CLIENT, NOT_BILLABLE, PROJECT
from services.work.worked_time import spans_of


@dataclass(frozen=True, slots=True)
class TimeWriter:
    """A format of time trackers."""

    kept: str
    lost: str
    text: Callable[[Sequence[WorkSession], tzinfo], str]
    """The file, of completed sessions, with local times in the zone."""


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


def pieces(sessions: Sequence[WorkSession]) -> Iterator[WorkedPiece]:
    """In order of time; what is shorter than a second is none."""
    found = []
    for session in sessions:
        for number, span in enumerate(spans_of(session, session.end or session.start), 1):
            start, end = (at.replace(microsecond=0) for at in (span.start, span.end))
            if end > start:
                found.append(WorkedPiece(session, number, start, end))
    yield from sorted(found, key=lambda one: (one.start, one.session.id))


def tags_of(session: WorkSession) -> list[str]:
    """Its tags, then what a format with tags alone has no other place for."""
    named = ((CLIENT, session.client), (PROJECT, session.project))
    category = "" if session.category is SessionCategory.OTHER else session.category.value
    return [
        *session.tags,
        *(f"{key}:{name}" for key, name in (*named, (CATEGORY, category)) if name),
        *([] if session.billable else [NOT_BILLABLE]),
    ]
