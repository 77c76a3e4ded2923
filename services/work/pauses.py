"""Pauses as `work_sessions.pauses` holds them: `[{"start": iso, "end": iso|null, "reason": text|null}]`.

Upstream reads zone-less local times only, so these are written zone-less in the writer's zone. Beside each stands its
instant under a key that upstream does not read: `start_at` and `end_at` are the same wall clock with its offset. An
instant counts for as long as its wall clock is that of the text: where another program wrote the text again or dropped
the key, the text is read in the writer's zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from services.model import Flaw, Pause
from services.times import WriterZone, read_iso, to_stamp
from services.work.worked_time import CLOCK_SKEW

_WIDEST_SHIFT = 26
"""Hours between the local times of the two places on Earth that are furthest apart."""
_DAY = timedelta(days=1)


def encoded(pauses: Iterable[Pause], zone: WriterZone) -> list[dict[str, str | None]]:
    """Pauses as JSON can hold them."""
    return [_encoded(pause, zone) for pause in pauses]


def decoded(
    stored: object, zone: WriterZone, start: datetime, end: datetime
) -> tuple[tuple[Pause, ...], tuple[Flaw, ...]]:
    """The pauses of a session that lasts from `start` to `end` (now, while it runs), and what is wrong with them.

    A time without an instant in the hour that the clocks repeat is taken for the one that lies in the session. Pauses
    without instants that lie outside and that one shift of whole quarters of an hour brings inside were written in
    another zone: they are moved.
    """
    if not stored:
        return (), ()
    entries = _entries(stored, zone, start, end)
    pauses = tuple(entry.pause for entry in entries if entry.pause is not None)
    return pauses, (Flaw.PAUSE_UNREADABLE,) if len(pauses) < len(entries) or not entries else ()


def rewritten(
    stored: object,
    zone: WriterZone,
    start: datetime,
    end: datetime,
    *,
    until: datetime | None,
    begun: Pause | None = None,
) -> list[object]:
    """Stored pauses with `begun` at the end; `until` ends what is open, shortens what lasts longer, drops later ones.

    What need not change stays as it was written, but for texts with a zone, on which upstream fails.
    """
    kept: list[object] = []
    for entry in _entries(stored, zone, start, end):
        if entry.pause is None:
            kept.append(entry.stored)
        elif until is None or entry.pause.start <= until:
            stop = entry.pause.end if until is None else min(entry.pause.end or until, until)
            kept.append(_changed(entry, Pause(entry.pause.start, stop, entry.pause.reason), zone))
    return kept if begun is None else [*kept, _encoded(begun, zone)]


def replaced(stored: object, zone: WriterZone, start: datetime, end: datetime, pauses: Iterable[Pause]) -> list[object]:
    """`pauses` in place of the stored ones; those that are the same stay as they were written."""
    left = [entry for entry in _entries(stored, zone, start, end) if entry.pause is not None]
    written: list[object] = []
    for pause in pauses:
        known = next((entry for entry in left if entry.pause and entry.pause.start == pause.start), None)
        if known is None:
            written.append(_encoded(pause, zone))
        else:
            left.remove(known)
            written.append(_changed(known, pause, zone))
    return written


def minutes(pauses: Iterable[Pause]) -> int:
    """`total_pause_minutes` by upstream's formula: Σ int(seconds / 60) over closed pauses."""
    return sum(int((pause.end - pause.start).total_seconds() / 60) for pause in pauses if pause.end)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One element of the stored list, with the pause that it tells of."""

    stored: object
    pause: Pause | None = None
    """None: it tells of none."""
    guessed: bool = False
    """Whether the start was read in the writer's zone, for want of an instant."""


def _encoded(pause: Pause, zone: tzinfo) -> dict[str, str | None]:
    ended = _stamped("end", pause.end, zone) if pause.end else {"end": None}
    return {**_stamped("start", pause.start, zone), **ended, "reason": pause.reason}


def _stamped(key: str, instant: datetime, zone: tzinfo) -> dict[str, str | None]:
    return {key: to_stamp(instant, WriterZone(zone)), f"{key}_at": instant.astimezone(zone).isoformat()}


def _changed(entry: _Entry, pause: Pause, zone: WriterZone) -> object:
    """The entry as it is to be written for `pause`, which begins when it does."""
    assert entry.pause is not None
    assert isinstance(entry.stored, Mapping)
    if _has_zone(entry.stored.get("start")) or _has_zone(entry.stored.get("end")):
        return {**entry.stored, **_encoded(pause, zone)}
    if entry.pause == pause:
        return entry.stored
    changed = {**entry.stored, "reason": pause.reason} if pause.reason != entry.pause.reason else dict(entry.stored)
    if pause.end != entry.pause.end:
        changed.pop("end_at", None)
        changed |= _stamped("end", pause.end, _clock_of(entry, zone)) if pause.end else {"end": None}
    return changed


def _clock_of(entry: _Entry, zone: WriterZone) -> tzinfo:
    """By which clock the start was written, so that upstream, which subtracts texts, gets the length of the pause."""
    begun = read_iso(entry.stored.get("start")) if isinstance(entry.stored, Mapping) else None
    assert begun is not None
    assert entry.pause is not None
    offset = begun - entry.pause.start.astimezone(UTC).replace(tzinfo=None)
    same = entry.pause.start.astimezone(zone).utcoffset() == offset
    return zone if same or abs(offset) >= _DAY else timezone(offset)


def _entries(stored: object, zone: WriterZone, start: datetime, end: datetime) -> list[_Entry]:
    """One entry for each element, moved into the session where they were written in another zone."""
    listed = stored if isinstance(stored, Sequence) and not isinstance(stored, str) else ()
    entries = [_entry(one, zone, start, end) for one in listed]
    if any(entry.pause is None for entry in entries):
        return entries
    shift = _shift([stamp for entry in entries for stamp in _guessed(entry)], start, end)
    return [_moved(entry, shift) if shift and entry.guessed else entry for entry in entries]


def _entry(stored: object, zone: WriterZone, start: datetime, end: datetime) -> _Entry:
    if not isinstance(stored, Mapping):
        return _Entry(stored)
    clock = _foreign_clock(stored, zone)
    sure = _known(stored, "start") or (clock and _instant(stored.get("start"), clock, start, end))
    begun = sure or _instant(stored.get("start"), zone, start, end)
    ended = _known(stored, "end") or _instant(stored.get("end"), zone, begun or start, end)
    if begun is None or (ended is None and stored.get("end") is not None):
        return _Entry(stored)
    reason = stored.get("reason")
    pause = Pause(begun, ended, reason if isinstance(reason, str) else None)
    return _Entry(stored, pause, guessed=sure is None and not _has_zone(stored.get("start")))


def _moved(entry: _Entry, shift: timedelta) -> _Entry:
    assert entry.pause is not None
    assert isinstance(entry.stored, Mapping)
    ended = entry.pause.end
    if ended is not None and len(_guessed(entry)) > 1:
        ended += shift
    return _Entry(entry.stored, Pause(entry.pause.start + shift, ended, entry.pause.reason), guessed=True)


def _guessed(entry: _Entry) -> list[datetime]:
    """The stamps that were read in the writer's zone: the start and perhaps the end of a pause, or none."""
    if entry.pause is None or not entry.guessed or not isinstance(entry.stored, Mapping):
        return []
    ended = entry.pause.end if _known(entry.stored, "end") is None else None
    return [entry.pause.start, *([ended] if ended else [])]


def _known(stored: Mapping[str, object], key: str) -> datetime | None:
    """The instant that was written beside a text, in UTC; None when it is another time than the text."""
    instant, text = read_iso(stored.get(f"{key}_at")), read_iso(stored.get(key))
    if instant is None or instant.tzinfo is None or text is None or instant.replace(tzinfo=None, fold=0) != text:
        return None
    return instant.astimezone(UTC)


def _foreign_clock(stored: Mapping[str, object], zone: WriterZone) -> tzinfo | None:
    """The clock by which we ended a pause that others began by another one than the writer's; see `_clock_of`."""
    ended = _known(stored, "end")
    written = read_iso(stored.get("end_at"))
    if ended is None or written is None or written.utcoffset() == ended.astimezone(zone).utcoffset():
        return None
    return written.tzinfo


def _instant(text: object, zone: tzinfo, low: datetime, high: datetime) -> datetime | None:
    read = read_iso(text)
    if read is None or read.tzinfo is not None:
        return read and read.astimezone(UTC)
    first, second = (read.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return second if not low <= first <= high and low <= second <= high else first


def _has_zone(text: object) -> bool:
    read = read_iso(text)
    return read is not None and read.tzinfo is not None


def _shift(stamps: Sequence[datetime], start: datetime, end: datetime) -> timedelta | None:
    """The smallest shift, of whole hours if one fits, that brings all stamps inside; None when none has to or can.

    Stamps that are outside by no more than clocks of two machines differ are inside.
    """
    start, end = start - CLOCK_SKEW, end + CLOCK_SKEW
    first, last = min(stamps, default=start), max(stamps, default=start)
    if start <= first and last <= end:
        return None
    shifts = [n * timedelta(minutes=15) for n in range(-_WIDEST_SHIFT * 4, _WIDEST_SHIFT * 4 + 1)]
    fitting = [shift for shift in shifts if start <= first + shift and last + shift <= end]
    return min(fitting, key=lambda shift: (shift % timedelta(hours=1) != timedelta(), abs(shift)), default=None)
