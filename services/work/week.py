"""A week of work as it is seen: what was worked on each day, the gaps between, and what overlaps. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

from services.model import WorkSession
from services.times import Period
from services.work.rules import NOTICEABLE
from services.work.worked_time import days_between, spans_of

GAP = timedelta(minutes=5)
"""Less than that between two pieces of work is no gap."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A worked part of a session, or a gap in which nothing was worked."""

    start: datetime
    end: datetime
    session: WorkSession | None = None
    """None: a gap."""
    overlaps: bool = False
    """Whether it began before an earlier piece ended, by as much as `NOTICEABLE`."""


@dataclass(frozen=True, slots=True)
class WorkDay:
    """A day of a zone with its pieces, by their start."""

    day: date
    pieces: tuple[Piece, ...]

    @property
    def seconds(self) -> float:
        return sum((one.end - one.start).total_seconds() for one in self.pieces if one.session is not None)


def days_of(sessions: Iterable[WorkSession], period: Period, zone: tzinfo, now: datetime) -> tuple[WorkDay, ...]:
    """Each day of a period; days that a zone skipped are none."""
    worked = [(span, one) for one in sessions for span in spans_of(one, now)]
    listed, bounds = days_between(period.first, period.last, zone)
    days = []
    for number, day in enumerate(listed):
        first, last = bounds[number], bounds[number + 1]
        cut = [Piece(max(span.start, first), min(span.end, last), one) for span, one in worked]
        pieces = sorted((one for one in cut if one.start < one.end), key=lambda one: (one.start, one.end))
        days.append(WorkDay(day, tuple(_with_gaps(pieces))))
    return tuple(days)


def _with_gaps(pieces: Iterable[Piece]) -> Iterable[Piece]:
    reached: datetime | None = None
    for piece in pieces:
        if reached is not None and piece.start - reached >= GAP:
            yield Piece(reached, piece.start)
        yield replace(piece, overlaps=reached is not None and min(reached, piece.end) - piece.start >= NOTICEABLE)
        reached = piece.end if reached is None else max(reached, piece.end)
