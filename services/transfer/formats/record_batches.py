"""Reads the next batches of records while one is stored."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Iterator

from services.memories.chunking import is_chunk_id
from services.together import prefetched
from services.transfer.formats.imported_records import MemoryRecord, Record, RelationRecord

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
