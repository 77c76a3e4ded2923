"""Writes memories as MCP Memoria exports them: for what it, or another program, shall read. Ours alone is lossless."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from services.acting import Scope, require
from services.errors import InvalidInput
from services.files import AtomicFile
from services.memories.stored_memories import Stored, all_stored
from services.model import MemoryType
from services.ports import Clock, VectorStore


class SharedExport:
    """Memories of some types: `{"collections": {type: [{id, payload}]}}`, or one of them a line."""

    def __init__(self, vectors: VectorStore, clock: Clock) -> None:
        self._vectors = vectors
        self._clock = clock

    async def export(
        self, path: Path, types: Sequence[MemoryType] = (), *, one_a_line: bool = False, embeddings: bool = False
    ) -> Mapping[MemoryType, int]:
        """Writes a new file; gives the number of memories by type. Raises InvalidInput when the file is there already.

        `embeddings`: with the vectors of memories that have one alone; an import makes those of the others again.
        """
        require(Scope.ADMIN, "write files on the machine of the server")
        taken = InvalidInput(f"{path} is there already; nothing was written: choose another path")
        if await asyncio.to_thread(path.exists):
            raise taken
        file = AtomicFile(path)
        try:
            counts = await self._write(file, types, one_a_line=one_a_line, embeddings=embeddings)
            file.commit(replace=False)
        except BaseException as error:
            file.discard()
            if isinstance(error, FileExistsError):  # another program made it meanwhile
                raise taken from error
            raise
        return counts

    async def _write(
        self, file: AtomicFile, types: Sequence[MemoryType], *, one_a_line: bool, embeddings: bool
    ) -> Mapping[MemoryType, int]:
        counts = dict.fromkeys(types or MemoryType, 0)
        if not one_a_line:
            head = {"version": "1.0", "exported_at": self._clock().isoformat(), "include_vectors": embeddings}
            file.write(_encoded(head)[:-1] + b', "collections": {')
        for number, type_ in enumerate(counts):
            if not one_a_line:
                file.write(b"%s\n%s: [" % (b"," * bool(number), _encoded(type_)))
            async for record in self._records(type_, embeddings):
                if one_a_line:
                    file.write(_encoded({**record, "_collection": type_}) + b"\n")
                else:
                    file.write(b"%s\n%s" % (b"," * bool(counts[type_]), _encoded(record)))
                counts[type_] += 1
            file.write(b"]" if not one_a_line else b"")
        file.write(b"}}\n" if not one_a_line else b"")
        return counts

    async def _records(self, type_: MemoryType, embeddings: bool) -> AsyncIterator[dict[str, object]]:
        async for memories in all_stored(self._vectors, type_, embeddings=embeddings):
            for one in memories:
                yield {"id": one.id, "payload": dict(one.state.payload), **(_vector(one) if embeddings else {})}


def _vector(stored: Stored) -> dict[str, object]:
    vectors = [point.vector for point in stored.points]
    return {"vector": list(vectors[0])} if len(vectors) == 1 and vectors[0] else {}


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, default=str).encode("ascii")
