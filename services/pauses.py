"""Pauses as `work_sessions.pauses` holds them: `[{"start": iso, "end": iso|null, "reason": text|null}]`.

Upstream reads zone-less local times only, so they are written zone-less in the writer's zone; both forms are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from services.model import Pause
from services.worktime import Flaw

_WIDEST_SHIFT = 26
"""Hours between the local times of the two places on Earth that are furthest apart."""


def written(instant: datetime, zone: tzinfo) -> str:
    """An instant as upstream can read it."""
    return instant.astimezone(zone).replace(tzinfo=None).isoformat()


def encoded(pauses: Iterable[Pause], zone: tzinfo) -> list[dict[str, str | None]]:
    """Pauses as JSON can hold them."""
    return [
        {
            "start": written(pause.start, zone),
            "end": written(pause.end, zone) if pause.end else None,
            "reason": pause.reason,
        }
        for pause in pauses
    ]


def decoded(stored: object, zone: tzinfo, start: datetime, end: datetime) -> tuple[tuple[Pause, ...], tuple[Flaw, ...]]:
    """The pauses of a session that lasts from `start` to `end` (now, while it runs), and what is wrong with them.

    A time in the hour that the clocks repeat is taken for the one that lies in the session. Zone-less pauses that lie
    outside and that one shift of whole quarters of an hour brings inside were written in another zone: they are moved,
    and flagged.
    """
    entries = stored if isinstance(stored, Sequence) and not isinstance(stored, str) else ()
    pauses = tuple(p for entry in entries if (p := _pause(entry, zone, start, end)) is not None)
    flaws = (Flaw.PAUSE_UNREADABLE,) if len(pauses) < len(entries) or (stored and not entries) else ()
    if all(map(_zoneless, entries)) and (shift := _shift(pauses, start, end)):
        moved = (Pause(p.start + shift, p.end + shift if p.end else None, p.reason) for p in pauses)
        return tuple(moved), (*flaws, Flaw.PAUSE_SHIFTED)
    return pauses, flaws


def minutes(pauses: Iterable[Pause]) -> int:
    """`total_pause_minutes` by upstream's formula: Σ int(seconds / 60) over closed pauses."""
    return sum(int((pause.end - pause.start).total_seconds() / 60) for pause in pauses if pause.end)


def _pause(entry: object, zone: tzinfo, start: datetime, end: datetime) -> Pause | None:
    if not isinstance(entry, Mapping):
        return None
    begun = _instant(entry.get("start"), zone, start, end)
    ended = _instant(entry.get("end"), zone, begun or start, end)
    if begun is None or (ended is None and entry.get("end") is not None):
        return None
    reason = entry.get("reason")
    return Pause(begun, ended, reason if isinstance(reason, str) else None)


def _instant(text: object, zone: tzinfo, low: datetime, high: datetime) -> datetime | None:
    read = _read(text)
    if read is None or read.tzinfo is not None:
        return read and read.astimezone(UTC)
    first, second = (read.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return second if not low <= first <= high and low <= second <= high else first


def _read(text: object) -> datetime | None:
    try:
        read = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return read if read is not None and 1 < read.year < 9999 else None


def _zoneless(entry: object) -> bool:
    read = _read(entry.get("start")) if isinstance(entry, Mapping) else None
    return read is not None and read.tzinfo is None


def _shift(pauses: Sequence[Pause], start: datetime, end: datetime) -> timedelta | None:
    """The smallest shift, of whole hours if one fits, that brings all pauses inside; None when none has to or can."""
    if not pauses or all(start <= p.start <= end for p in pauses):
        return None
    first = min(p.start for p in pauses)
    last = max(p.end or p.start for p in pauses)
    shifts = [n * timedelta(minutes=15) for n in range(-_WIDEST_SHIFT * 4, _WIDEST_SHIFT * 4 + 1)]
    fitting = [shift for shift in shifts if start <= first + shift and last + shift <= end]
    return min(fitting, key=lambda shift: (shift % timedelta(hours=1) != timedelta(), abs(shift)), default=None)
