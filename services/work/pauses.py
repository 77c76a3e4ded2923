"""Pauses as `work_sessions.pauses` holds them: `[{"start": iso, "end": iso|null, "reason": text|null}]`.

Upstream reads zone-less local times only, so they are written zone-less in the writer's zone; both forms are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from services.model import Pause
from services.times import WriterZone, to_stamp
from services.work.model import Flaw

_WIDEST_SHIFT = 26
"""Hours between the local times of the two places on Earth that are furthest apart."""


def encoded(pauses: Iterable[Pause], zone: WriterZone) -> list[dict[str, str | None]]:
    """Pauses as JSON can hold them."""
    return [_encoded(pause, zone) for pause in pauses]


def decoded(
    stored: object, zone: WriterZone, start: datetime, end: datetime
) -> tuple[tuple[Pause, ...], tuple[Flaw, ...]]:
    """The pauses of a session that lasts from `start` to `end` (now, while it runs), and what is wrong with them.

    A time in the hour that the clocks repeat is taken for the one that lies in the session. Zone-less pauses that lie
    outside and that one shift of whole quarters of an hour brings inside were written in another zone: they are moved,
    and flagged.
    """
    entries, (read, shifted) = _entries(stored), _placed(stored, zone, start, end)
    pauses = tuple(pause for pause in read if pause is not None)
    flaws = (Flaw.PAUSE_UNREADABLE,) if len(pauses) < len(entries) or (stored and not entries) else ()
    return pauses, (*flaws, Flaw.PAUSE_SHIFTED) if shifted else flaws


def rewritten(
    stored: object,
    zone: WriterZone,
    start: datetime,
    end: datetime,
    *,
    until: datetime | None = None,
    begun: Pause | None = None,
) -> list[object]:
    """Stored pauses with every readable time zone-less, what cannot be read kept as it is.

    `until` ends what is open, shortens what lasts longer and drops what begins later; `begun` is put at the end.
    """
    kept: list[object] = []
    for entry, pause in zip(_entries(stored), _placed(stored, zone, start, end)[0], strict=True):
        if pause is None or not isinstance(entry, Mapping):
            kept.append(entry)
        elif until is None or pause.start <= until:
            stop = pause.end if until is None else min(pause.end or until, until)
            kept.append({**entry, **_encoded(Pause(pause.start, stop, pause.reason), zone)})
    return kept if begun is None else [*kept, _encoded(begun, zone)]


def minutes(pauses: Iterable[Pause]) -> int:
    """`total_pause_minutes` by upstream's formula: Σ int(seconds / 60) over closed pauses."""
    return sum(int((pause.end - pause.start).total_seconds() / 60) for pause in pauses if pause.end)


def _encoded(pause: Pause, zone: WriterZone) -> dict[str, str | None]:
    return {
        "start": to_stamp(pause.start, zone),
        "end": to_stamp(pause.end, zone) if pause.end else None,
        "reason": pause.reason,
    }


def _entries(stored: object) -> Sequence[object]:
    return stored if isinstance(stored, Sequence) and not isinstance(stored, str) else ()


def _placed(stored: object, zone: WriterZone, start: datetime, end: datetime) -> tuple[list[Pause | None], bool]:
    """One pause an entry, None for what is none, and whether they had to be moved into the session."""
    entries = _entries(stored)
    read = [_pause(entry, zone, start, end) for entry in entries]
    shift = _shift([pause for pause in read if pause], start, end) if all(map(_zoneless, entries)) else None
    if not shift:
        return read, False
    return [p and Pause(p.start + shift, p.end + shift if p.end else None, p.reason) for p in read], True


def _pause(entry: object, zone: WriterZone, start: datetime, end: datetime) -> Pause | None:
    if not isinstance(entry, Mapping):
        return None
    begun = _instant(entry.get("start"), zone, start, end)
    ended = _instant(entry.get("end"), zone, begun or start, end)
    if begun is None or (ended is None and entry.get("end") is not None):
        return None
    reason = entry.get("reason")
    return Pause(begun, ended, reason if isinstance(reason, str) else None)


def _instant(text: object, zone: WriterZone, low: datetime, high: datetime) -> datetime | None:
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
