"""How the stores are, what waits to be done, and what is wrong with their data. Reads only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.backup.backup_values import UnfinishedRestore
from services.concurrency import together
from services.errors import MemoriaError
from services.integrity.checks import CHECKS
from services.integrity.defects import Survey
from services.integrity.integrity_service import IntegrityService
from services.memories.deleted_outside import OutsideDeletions
from services.memories.stored_memories import read_stored
from services.model import Advance, DaemonStatus, Memory, MemoryType, StoreStatus, no_progress
from services.points import EVERYTHING, CollectionInfo, Scroll
from services.ports import Embedder, VectorStore
from services.records import Records
from services.reembedding.languages import is_other_language
from services.reembedding.onnx_models import MODELS
from services.search.filters import FilterBuilder, Filters
from services.settings import Settings
from services.times import person_zone, writer_zone
from services.work.preferences import unusable

_NAMED = 3
"""Ids that a problem names."""
_SAMPLE, _FEWEST, _READ = 200, 10, 500
"""Memories of each type whose language is looked at, how many must be there, and characters of one that are read."""
_MANY_OTHERS = 0.2
"""Share of memories in other languages from which on a model for English alone is a problem."""
_MULTILINGUAL = next(one.name.rpartition("/")[2] for one in MODELS if "languages" in one.languages)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A memory whose points wait to be finished, mostly for their vectors."""

    memory_id: str
    memory: Memory | None
    """None: it is to be deleted."""
    attempts: int
    last_error: str
    """Why the last attempt failed, "" before the first."""
    next_attempt: datetime


class HealthService:
    """State of the three stores, of the work that waits, and integrity in one line a kind."""

    def __init__(
        self,
        vectors: VectorStore,
        embedder: Embedder,
        records: Records,
        integrity: IntegrityService,
        outside: OutsideDeletions,
        settings: Settings,
        unfinished_restore: Callable[[], Awaitable[UnfinishedRestore | None]],
        daemon: Callable[[], Awaitable[DaemonStatus | None]],
    ) -> None:
        self._vectors = vectors
        self._embedder = embedder
        self._records = records
        self._integrity = integrity
        self._outside = outside
        self._is_bundled = settings.is_bundled
        self._person_zone, self._writer_zone = person_zone(settings), writer_zone(settings)
        self._unfinished_restore = unfinished_restore
        self.daemon = daemon
        """How the process that holds the embedded stores is; None when there is none."""
        self._filters = FilterBuilder(vectors, records, self._writer_zone)

    async def status(self) -> tuple[StoreStatus, StoreStatus, StoreStatus]:
        """Qdrant, PostgreSQL and the embedder, asked at the same time; what is wrong stands in `problems`."""
        return await together(self._vector_status(), self._records.status(), self._embedder.status())

    async def collections(self) -> Mapping[MemoryType, CollectionInfo]:
        """Points, dimensions and missing indexes of each collection. Raises StoreUnavailable."""
        return await self._vectors.info()

    async def waiting(self, limit: int = 200) -> tuple[Waiting, ...]:
        """What waits to be finished, oldest first. Raises StoreUnavailable."""
        work = await self._records.outbox.entries(limit=limit)
        stored = await read_stored(self._vectors, [one.memory_id for one in work], embeddings=False)
        memories = {memory_id: states[0].memory(self._writer_zone) for memory_id, states in stored.items()}
        return tuple(
            Waiting(one.memory_id, memories.get(one.memory_id), one.attempts, one.last_error or "", one.next_attempt)
            for one in work
        )

    async def problems(self, progress: Advance = no_progress) -> list[str]:
        """One line for each kind of defect in the data, with how many and the first ids; reads everything once.

        Raises StoreUnavailable when a store is away.
        """
        unfinished = await self._unfinished()
        survey = await self._integrity.survey(progress=progress)
        settings = unusable(await self._records.user_settings.all())
        languages = await self.languages()
        told = [*await self._missing(), *_defect_lines(survey), *unfinished, *settings]
        return [*told, *([languages] if languages else [])]

    async def languages(self) -> str:
        """What to do where the bundled model sees many memories that are not in English; "" where it does not.

        Looks at some only: ids are random. Raises StoreUnavailable.
        """
        if not self._is_bundled:
            return ""
        first_chunks = (await self._filters.first_chunks(Filters(dict.fromkeys(MemoryType, EVERYTHING)))).where
        asked = (Scroll(type_, _SAMPLE, first_chunks[type_], payload_keys=("content",)) for type_ in MemoryType)
        texts = [
            str(one.payload.get("content", ""))
            for page in await together(*map(self._vectors.scroll, asked))
            for one in page
        ]
        share = await asyncio.to_thread(_share_of_others, texts)
        if len(texts) < _FEWEST or share < _MANY_OTHERS:
            return ""
        return (
            f"about {share:.0%} of the memories are not in English, and the bundled model knows "
            f"little else: they are found by words, hardly by meaning; `memoria-tui models` lists {_MULTILINGUAL}"
        )

    async def _missing(self) -> list[str]:
        """Memories that only the history has; those that are few go to the trash."""
        found = await self._outside.notice()
        return [found.summary_line] if found.ids else []

    async def _vector_status(self) -> StoreStatus:
        """As the store says, with memories counted instead of points."""
        status = await self._vectors.status()
        if not status.ok or not status.counts:
            return status
        try:
            counts = await self._memories()
        except MemoriaError as error:
            return replace(status, ok=False, problems=(*status.problems, str(error)))
        return replace(status, counts={**counts, "points": sum(status.counts.values())})

    async def _memories(self) -> Mapping[str, int]:
        first_chunks = (await self._filters.first_chunks(Filters(dict.fromkeys(MemoryType, EVERYTHING)))).where
        counts = await together(*(self._vectors.count(type_, first_chunks[type_]) for type_ in MemoryType))
        return {"memories": sum(counts)} | {type_.value: count for type_, count in zip(MemoryType, counts, strict=True)}

    async def _unfinished(self) -> list[str]:
        problems = []
        if pending := await self._records.outbox.count():
            waits = "memory waits for its" if pending == 1 else "memories wait for their"
            problems.append(f"{pending:,} {waits} vectors; keyword search finds what waits")
        if begun := await self._unfinished_restore():
            problems.append(begun.advice(self._person_zone))
        return problems


def _share_of_others(texts: Sequence[str]) -> float:
    return sum(is_other_language(text[:_READ]) for text in texts) / max(len(texts), 1)


def _defect_lines(survey: Survey) -> Sequence[str]:
    lines = []
    for check in CHECKS:
        if found := survey.found[check]:
            named = ", ".join(defect.id for defect in found[:_NAMED]) + (" …" if len(found) > _NAMED else "")
            what = f"{len(found):,} {check.things[len(found) > 1]} {check.problem}"
            lines.append(f"{check.title}: {what}: {named}; {check.advice}")
    return lines
