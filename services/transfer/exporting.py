"""Writes everything into one file of lines, from which `import` makes the same store again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from services.acting import Scope, require
from services.batches import batches
from services.errors import Conflict
from services.files import AtomicFile
from services.memories.chunking import chunks
from services.memories.stored_memories import Stored, all_stored, read_stored
from services.model import Advance, Progress, Relation, untold
from services.ports import Clock, VectorStore
from services.records import Records
from services.records.relation_states import relation_state
from services.settings import Settings
from services.transfer.formats import own_export
from services.transfer.formats.own_rows import change_row

_PAGE = 500
_LOOKS, _PAUSE = 20, 0.25
"""How often, and how many seconds apart, an export looks whether what is being saved is there."""


class ExportService:
    """Lossless exports, streamed."""

    def __init__(self, vectors: VectorStore, records: Records, settings: Settings, clock: Clock) -> None:
        self._vectors = vectors
        self._records = records
        self._settings = settings
        self._clock = clock

    async def export(
        self, path: Path, ids: Sequence[str] | None = None, *, progress: Advance = untold
    ) -> Mapping[str, int]:
        """Writes the file, or leaves the one that is there: a half-written file is never seen. Gives counts by kind.

        Raises StorageFull, InvalidInput when the folder does not exist, or what the stores raise.
        """
        require(Scope.ADMIN, "write files on the machine of the server")
        counts: Counter[str] = Counter()
        total = None if ids is None else len(ids)
        with AtomicFile(path) as file:
            async for line in self.lines(ids, counts):
                file.write(line)
                if counts.total() % _PAGE == 0:
                    progress(Progress(counts["memories"], total, f"{path} (memories)"))
        return dict(counts)

    async def lines(self, ids: Sequence[str] | None = None, counts: Counter[str] | None = None) -> AsyncIterator[bytes]:
        """The lines of an export of the whole store, or of these memories with their relations and history.

        Raises Conflict while changes are not in the vector store yet: the file would lack them.
        """
        await self._require_applied()
        counts = Counter() if counts is None else counts
        yield own_export.encode(
            own_export.header(self._clock(), await self._vectors.model(), self._settings, part=ids is not None)
        )
        async for kind, name, value in self._values(ids):
            counts[name] += 1
            yield own_export.encode({kind: value})
        yield own_export.encode({"end": dict(counts)})

    async def _require_applied(self) -> None:
        for _ in range(_LOOKS):
            if not await self._records.outbox.entries(untried=True, limit=1):
                return
            await asyncio.sleep(_PAUSE)
        number = len(await self._records.outbox.entries(untried=True, limit=100_000))
        raise Conflict(f"{number:,} memories are still being saved: nothing was exported, try again in a while", None)

    async def _values(self, ids: Sequence[str] | None) -> AsyncIterator[tuple[str, str, Mapping[str, object]]]:
        if ids is None:
            async for value in self._around():
                yield value
        async for stored in self._whole() if ids is None else self._chosen(ids):
            yield "memory", "memories", self._memory(stored)
        async for relation in self._relations(ids):
            yield "relation", "relations", relation_state(relation)

    async def _around(self) -> AsyncIterator[tuple[str, str, Mapping[str, object]]]:
        """What is neither memory nor relation. The history comes first, so that an import adds to it at its end."""
        async for changes in self._records.history.all():
            for change in changes:
                yield "history", "changes", change_row(change)
        for table in own_export.TABLES:
            async for rows in self._records.rows.of(table):
                for row in rows:
                    yield table, table, row
        async for sessions in self._records.rows.sessions():
            for session in sessions:
                yield "work_sessions", "sessions", session

    async def _whole(self) -> AsyncIterator[Stored]:
        """Every memory once, page by page."""
        for type_ in await self._vectors.info():
            async for memories in all_stored(self._vectors, type_):
                for stored in memories:
                    yield stored

    async def _chosen(self, ids: Sequence[str]) -> AsyncIterator[Stored]:
        for some in batches(ids, _PAGE):
            for states in (await read_stored(self._vectors, some)).values():
                yield states[0]

    def _memory(self, stored: Stored) -> dict[str, object]:
        line: dict[str, object] = {
            "id": stored.id,
            "type": str(stored.state.type),
            "payload": dict(stored.state.payload),
        }
        vectors = [own_export.pack(point.vector) for point in stored.points if point.vector is not None]
        if stored.texts and len(vectors) == len(stored.texts):
            line["vectors"] = vectors
            if stored.texts != chunks(stored.state.content, self._settings.chunk_size, self._settings.chunk_overlap):
                line["texts"] = list(stored.texts)
        return line

    async def _relations(self, ids: Sequence[str] | None) -> AsyncIterator[Relation]:
        if ids is None:
            async for batch in self._records.relations.all():
                for relation in batch:
                    yield relation
            return
        inside = frozenset(ids)
        for relation in await self._records.relations.touching(ids):
            if relation.source_id in inside and relation.target_id in inside:
                yield relation
