"""What a file can hold, one value a record, whatever the format; the next batch is read while one is stored."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.concurrency import prefetched
from services.memories.chunking import is_chunk_id
from services.model import MemoryType, Pause, SessionCategory
from services.points import Vector
from services.ports import NewRelation


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    where: str
    """Place in the file, for a person: «line 12», «semantic 3»."""
    id: str
    type: MemoryType
    payload: Mapping[str, object]
    """Flat, with the whole text in `content`; without the keys of chunks."""
    vectors: tuple[Vector, ...] = ()
    """One a chunk, in order; () when the file has none or not all of them."""
    texts: tuple[str, ...] = ()
    """What the vectors were made of, one text a vector."""
    model: str | None = None
    """Model of the vectors, when the file tells it."""
    whole: bool = True
    """False: the format drops keys, so keys that are absent here say nothing."""
    notes: tuple[str, ...] = ()
    """What could not be taken as it stands in the file, for a person."""
    named_type: str = ""
    """What the source calls its type, where there is no such type here."""
    file: str | None = None
    """Of a note: its path below the folder, with #section where it has some."""
    file_hash: str | None = None
    """Of a note: of the bytes that were read; None where a link led to them."""
    by_file: bool = False
    """True for a note that no id of its own tells apart, but its file alone, which may have been moved."""
    exported: bool = False
    """True for a note that this program wrote: what was deleted here since stays deleted."""
    zone: str | None = None
    """The zone of its zone-less stamps; None: as here."""


@dataclass(frozen=True, slots=True)
class RelationRecord:
    """One relation; its ends may still be ids of chunks."""

    where: str
    relation: NewRelation
    verbatim: bool = False
    """True in this program's own format: ends are taken as they are, orphaned ones too."""
    names: Mapping[str, str] = field(default_factory=dict)
    """How the source names the ends, by their ids, where those were made of names."""
    of_notes: bool = False
    """True for what the texts of its ends say, and nothing else does."""


@dataclass(frozen=True, slots=True)
class RowRecord:
    """One row of a table of the relational store, columns as keys."""

    where: str
    table: str
    """One of `own.TABLES`, `work_sessions` or `history`."""
    row: Mapping[str, object] = field(default_factory=dict)
    zone: str | None = None
    """The zone of its zone-less stamps; None: as here."""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """Work that was tracked by another program."""

    where: str
    id: str
    """The same one in every import."""
    description: str
    start: datetime
    """Without a zone: in the person's; as `end` and those of pauses."""
    end: datetime
    client: str = ""
    project: str = ""
    tags: tuple[str, ...] = ()
    category: SessionCategory = SessionCategory.OTHER
    billable: bool = True
    notes: tuple[str, ...] = ()
    pauses: tuple[Pause, ...] = ()
    has_own_id: bool = True
    """Whether its program knows it by an id, not by its start."""
    lasted: timedelta | None = None
    """How long, where the source says so: it tells which of the hours is meant that the clocks repeat."""


@dataclass(frozen=True, slots=True)
class BadRecord:
    """Something that was left out, and why."""

    where: str
    reason: str
    damaged: bool = False
    """True when the file itself breaks off here, so that more than this record is missing."""
    may_be_known: bool = True
    """False for what can be no memory that an earlier import found in the source."""


@dataclass(frozen=True, slots=True)
class RecordNote:
    """What a person must know of something that is not imported as the file has it."""

    where: str
    reason: str


Record = MemoryRecord | RelationRecord | RowRecord | SessionRecord | BadRecord | RecordNote


BATCH = 200
"""Records that are read, compared and stored together."""


def chunk_ids_last(records: Iterator[Record]) -> Iterator[Record]:
    """The records, with memories last whose id could be that of another memory's chunk.

    Upstream's web page makes a memory of its own of an edited first chunk, under the chunk's id: whichever of the two
    is stored later stands, and of the older one every other chunk still has the whole text. Relations wait too.
    """
    later: list[Record] = []
    for record in records:
        derived = isinstance(record, MemoryRecord) and is_chunk_id(record.id)
        if derived or (later and isinstance(record, RelationRecord)):
            later.append(record)
        else:
            yield record
    yield from later


def read_ahead(records: Iterator[Record]) -> AsyncIterator[list[Record]]:
    """Batches of records, read in a thread while the one before is being stored."""
    return prefetched(lambda: list(itertools.islice(records, BATCH)), _in_thread)


async def _in_thread(read: Callable[[], list[Record]]) -> list[Record]:
    """As `asyncio.to_thread`, in a thread that nobody waits for: standard input may never end."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[list[Record]] = loop.create_future()

    def settle(batch: list[Record], error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(batch)
        else:
            done.set_exception(error)

    def run() -> None:
        batch, failure = [], None
        try:
            batch = read()
        except BaseException as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(settle, batch, failure)

    threading.Thread(target=run, daemon=True).start()
    return await done
