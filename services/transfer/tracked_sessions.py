"""What becomes of work that other programs tracked: which sessions are new, which change, and which stay."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from services.model import Action, Entity, Pause, SessionStatus
from services.ports import NewChange
from services.records import Records, Transaction
from services.records.columns import BILLABLE, BILLED, TAGS
from services.settings import Settings
from services.times import person_zone, whole, writer_zone
from services.transfer.import_outcome import Side
from services.transfer.import_run import ImportRun, Remark
from services.transfer.reader_parts.imported_records import SessionRecord
from services.work import pauses
from services.work.worked_time import Span, merged, spans_of

if TYPE_CHECKING:
    from services.records.exported_rows import Row, TrackedSession

_MINUTES = timedelta(seconds=30)
_SHOWN = 40
"""Characters of a description in a message."""
_TIMES = ("start_time", "end_time", "pauses", "total_pause_minutes")
_LABELS = {"start_time": "start", "end_time": "end", "total_pause_minutes": "minutes of pauses", TAGS: "tags"} | {
    BILLABLE: "billable"
}
_TAG = re.compile(r"#\S*")


@dataclass(frozen=True, slots=True)
class TrackedRow:
    """A session to be written."""

    row: Mapping[str, object]
    hash: str
    """Of what the source says of it."""
    seen: Row | None
    """What is here of it, with which it was compared."""
    overtaken: Remark
    """What is told where that changes before it is written."""


class TrackedSessions:
    """Compares the sessions of sources with what is here.

    What a source says as before changes nothing; what it says otherwise is taken where nothing was changed here; what
    was deleted or merged here stays away.
    """

    def __init__(self, records: Records, settings: Settings) -> None:
        self._records = records
        self._zone = person_zone(settings)
        self._writer_zone = writer_zone(settings)

    async def compare(self, run: ImportRun, records: Sequence[SessionRecord]) -> None:
        """Keeps for the act what is to be written, and tells the rest."""
        if not records:
            return
        new = {one.id: one for one in reversed(records) if one.id not in run.tracked}
        run.report.unchanged += len(records) - len(new)
        run.accepted += len(records)
        here = await self._records.rows.tracked(list(new))
        names = await self._known_names()
        twins, moved = await self._twins_and_moved([one for one in new.values() if here[one.id].row is None])
        for record in new.values():
            if record.id in twins:
                run.report.unchanged += 1
                run.tracked[record.id] = None
                continue
            if here[record.id].row is None and len(_spans(record, self._zone)) > 1:
                run.report.notes.append(_perhaps_later(run, record))
            if (other := moved.get(record.id)) is not None and other not in new and other not in run.tracked:
                run.report.notes.append(_perhaps_moved(run, record, other))
            said = self._row(record, names)
            run.tracked[record.id] = self._outcome(run, record, said, here[record.id])

    async def _twins_and_moved(self, records: Sequence[SessionRecord]) -> tuple[set[str], dict[str, str]]:
        """Twins, which are here under other ids, or as parts of others: exported from here, or kept by two programs.

        And those without an id of their program that overlap work of the same name here, with its id: which of the two
        the program still has cannot be known.
        """
        spans = {one.id: _spans(one, self._zone) for one in records}
        named: dict[str, list[SessionRecord]] = {}
        for one in records:
            named.setdefault(_words(one.description), []).append(one)
        twins, moved = set[str](), dict[str, str]()
        for session in await self._records.log.at_once([span for of_one in spans.values() for span in of_one]):
            worked = [(one.start, one.end) for one in spans_of(session, session.end or session.start)]
            worked.append((session.start, session.end or session.start))
            for one in named.get(_words(session.description), ()):
                begin, end = spans[one.id][0]
                if any(_same(may_be, span) for may_be in spans[one.id] for span in worked):
                    twins.add(one.id)
                elif not one.has_own_id and begin < (session.end or begin) and session.start < end:
                    moved[one.id] = session.id
        return twins, moved

    async def _known_names(self) -> Mapping[str, str]:
        """Clients and projects as they are written here, by their names in small letters."""
        clients = {f"c {one.name.lower()}": one.name for one in await self._records.clients.clients()}
        return clients | {f"p {one.name.lower()}": one.name for one in await self._records.clients.projects()}

    def _outcome(
        self, run: ImportRun, record: SessionRecord, said: Mapping[str, object], here: TrackedSession
    ) -> TrackedRow | None:
        """What is to be written of it; None: nothing."""
        hash_, side = _hash(said), run.take(record.id)
        row = TrackedRow(said, hash_, here.row, _kept_as_here(run, record, "was changed while it was imported"))
        if here.is_deleted and side is not Side.THEIRS:
            run.report.unchanged += 1
            return None
        if here.row is None:
            return row
        differing = [name for name, value in said.items() if _plain(here.row.get(name)) != _plain(value)]
        if not any(one.reason for one in record.pauses) and self._worked(here.row) == self._worked(said):
            differing = [name for name in differing if name not in _TIMES]
        if here.hash == hash_ or not differing:
            run.report.unchanged += 1
            return None
        if side is Side.MINE:
            return replace(row, row=here.row)
        if side is not Side.THEIRS and (here.is_changed or here.hash is None or here.row.get(BILLED)):
            why = "was billed, and changed in the source" if here.row.get(BILLED) else "is otherwise here"
            ours, theirs = ("\n".join(self._describe(row, name) for name in differing) for row in (here.row, said))
            run.report.kept.append(replace(_kept_as_here(run, record, why), texts=(ours, theirs)))
            return None
        return replace(row, row={**here.row, **said})

    def _worked(self, row: Mapping[str, object]) -> Sequence[tuple[datetime, datetime]] | None:
        """From when to when was worked, in whole seconds: what pauses are besides is in no source. None: not over."""
        if row.get("end_time") is None:
            return None
        reached, end = (_read(row[key]) for key in ("start_time", "end_time"))
        paused, _ = pauses.decoded(row.get("pauses"), self._writer_zone, reached, end)
        worked: list[tuple[datetime, datetime]] = []
        for pause in (*merged(paused, end), Span(end, end)):
            if (until := whole(min(pause.start, end))) > (begun := whole(reached)):
                joins = worked and worked[-1][1] == begun
                worked.append((worked.pop()[0] if joins else begun, until))
            reached = max(reached, pause.end)
        return worked

    def _describe(self, row: Mapping[str, object], name: str) -> str:
        """«end: 2026-11-20 10:30:00», in the person's zone."""
        value, label = row.get(name), _LABELS.get(name, name)
        if name == "pauses":
            begin, end = (_read(row.get(key) or row["start_time"]) for key in ("start_time", "end_time"))
            found, _ = pauses.decoded(value, self._writer_zone, begin, end)
            spans = (f"{self._local(one.start)} – {self._local(one.end) if one.end else ''}" for one in found)
            reasons = (f" ({one.reason})" if one.reason else "" for one in found)
            return f"{label}: {', '.join(map(''.join, zip(spans, reasons, strict=True))) or 'none'}"
        if name in ("start_time", "end_time"):
            return f"{label}: {self._local(_read(value)) if value else 'none'}"
        if isinstance(value, list):
            value = ", ".join(map(str, value))
        if name == BILLABLE:
            value = "no" if value is False else "yes"
        return f"{label}: {' '.join(str(value or 'none').split())}"

    def _local(self, moment: datetime) -> str:
        return f"{moment.astimezone(self._zone):%Y-%m-%d %H:%M:%S}"

    def _row(self, record: SessionRecord, names: Mapping[str, str]) -> dict[str, object]:
        """The columns that a source says something of, as JSON."""
        paused = [
            Pause(_instant(one.start, self._zone), one.end and _instant(one.end, self._zone), one.reason)
            for one in record.pauses
        ]
        start, end = _spans(record, self._zone)[0]
        return {
            "id": record.id,
            "description": record.description,
            "category": record.category.value,
            "client": names.get(f"c {record.client.lower()}", record.client) or None,
            "project": names.get(f"p {record.project.lower()}", record.project) or None,
            "start_time": start.isoformat(),
            "end_time": end.isoformat(),
            "status": SessionStatus.COMPLETED.value,
            "pauses": pauses.encoded(paused, self._writer_zone),
            "total_pause_minutes": pauses.minutes(paused),
            "notes": list(record.notes),
            TAGS: list(record.tags),
            BILLABLE: record.billable,
        }

    async def write(self, run: ImportRun, transaction: Transaction) -> Sequence[NewChange]:
        """Writes what was kept for the act, but for what others changed meanwhile; gives it for the history."""
        rows = {str(one.row["id"]): one for one in run.tracked.values() if one is not None}
        now = await transaction.rows.locked_sessions(list(rows))
        overtaken = [id_ for id_, one in rows.items() if not _is_as_seen(one.seen, now.get(id_))]
        run.report.kept += [remark for id_ in overtaken if (remark := rows.pop(id_).overtaken) not in run.report.kept]
        written = await transaction.rows.upsert_sessions([one.row for one in rows.values()])
        there = {one.entity_id for one in written}
        stay = [
            NewChange(Entity.SESSION, id_, Action.UPDATED, one.row, one.row, one.hash, "kept as it is here")
            for id_, one in rows.items()
            if id_ not in there
        ]
        said = (
            replace(one, content_hash=rows[one.entity_id].hash) if one.entity_id in rows else one for one in written
        )
        return [*said, *stay]


def _read(stamp: object) -> datetime:
    return datetime.fromisoformat(str(stamp)).astimezone(UTC)


def _kept_as_here(run: ImportRun, record: SessionRecord, why: str) -> Remark:
    reason = f'"{_short(record.description)}" ({record.id[:8]}) {why}: kept as it is here'
    return Remark(run.source, record.where, reason, memory_id=record.id)


def _perhaps_moved(run: ImportRun, record: SessionRecord, other: str) -> Remark:
    reason = (
        f'"{_short(record.description)}" overlaps one of this name ({other[:8]}) that the source does not have: '
        "entries have no ids there; if this is it with another start, delete that one"
    )
    return Remark(run.source, record.where, reason, memory_id=record.id)


def _perhaps_later(run: ImportRun, record: SessionRecord) -> Remark:
    reason = f'"{_short(record.description)}" is in an hour that the clocks repeat: the first of the two was taken'
    return Remark(run.source, record.where, reason, memory_id=record.id)


def _short(name: str) -> str:
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"


def _is_as_seen(seen: Row | None, now: Row | None) -> bool:
    """Whether a session is what it was; what was seen also has names."""
    return seen is None and now is None if seen is None or now is None else now.items() <= seen.items()


def _words(description: str) -> str:
    """In one line, without words that a format of tags takes for tags."""
    return " ".join(_TAG.sub(" ", description).split())


def _instant(moment: datetime, zone: tzinfo) -> datetime:
    """A time without a zone is one of the person's; as a whole second, in UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC).replace(microsecond=0)


def _spans(record: SessionRecord, zone: tzinfo) -> list[tuple[datetime, datetime]]:
    """From when to when a record may be, the likeliest first: several only where the clocks repeat an hour.

    Then those count that last as long as the source says.
    """
    found = [
        (_instant(record.start.replace(fold=begun), zone), _instant(record.end.replace(fold=ended), zone))
        for begun, ended in ((0, 0), (0, 1), (1, 0), (1, 1))
    ]
    found = [span for span in dict.fromkeys(found) if span[0] < span[1]] or found[:1]
    if (lasted := record.lasted) is None or len(found) == 1:
        return found
    return [span for span in found if abs(span[1] - span[0] - lasted) <= _MINUTES] or found[:1]


def _same(one: Sequence[datetime], other: Sequence[datetime]) -> bool:
    """Whether two spans are the same, as programs know them that know only minutes."""
    return all(abs(at - and_at) <= _MINUTES for at, and_at in zip(one, other, strict=True))


def _hash(said: Mapping[str, object]) -> str:
    return hashlib.blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=16).hexdigest()


def _plain(value: object) -> object:
    """A value as both sides write it: instants in UTC, texts in one line, and null for what is said by saying nothing.

    That is no text, no list, and that it is billable.
    """
    if isinstance(value, str):
        try:
            return (
                datetime.fromisoformat(value).astimezone(UTC) if value[:1].isdigit() and "T" in value else _line(value)
            )
        except ValueError:
            return _line(value)
    return None if value is True or value == [] else value


def _line(text: str) -> str | None:
    return " ".join(text.split()) or None
