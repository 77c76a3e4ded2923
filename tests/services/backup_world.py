"""Stores to back up and to restore into, and everything they hold as one value to compare."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from services.container import Services, open_services
from services.model import MemoryDraft, MemoryType, RelationType
from services.points import Point, Scroll
from services.ports import SwitchableStore
from services.settings import Settings
from tests.services.edge_here import edge_here
from tests.services.memory_world import DIMENSIONS, TickingClock, WatchedEmbedder, vector_of
from tests.services.servers import query

LONG = "".join(f"Sentence number {number} of a long memory. " for number in range(9))
TABLES = {
    "public.clients": "to_jsonb(t)",
    "public.projects": "to_jsonb(t)",
    "public.work_sessions": "to_jsonb(t)",
    "public.memory_relations": "to_jsonb(t)",
    "public.rejected_suggestions": "to_jsonb(t)",
    "public.user_settings": "to_jsonb(t)",
    "memoria_tui.audit_log": "concat_ws('|', change_group, position, entity, entity_id, action, actor, program, "
    "changed_at AT TIME ZONE 'UTC', before::text, after::text, content_hash, undoes, summary, ends)",
    "memoria_tui.kept_vectors": "encode(vectors, 'hex')",
    "memoria_tui.embedding_schedule": "memory_id",
}


TOLERANCE = 1e-6
"""How far a number of a vector may be from that in another store: each normalises again, in floats of 32 bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """A vector that equals those whose numbers differ from its own by at most the tolerance."""

    numbers: tuple[float, ...]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Near)
            and len(self.numbers) == len(other.numbers)
            and all(abs(one - two) <= TOLERANCE for one, two in zip(self.numbers, other.numbers, strict=True))
        )

    def __str__(self) -> str:
        """The numbers to a digit that no normalising changes, for what compares texts."""
        return str([round(number, 4) for number in self.numbers])


@dataclass(frozen=True, slots=True)
class Store:
    """Services over stores of their own."""

    services: Services
    url: str
    embedder: WatchedEmbedder
    folder: Path

    async def points(self) -> dict[tuple[str, str], tuple[object, object]]:
        """Every point with payload and vector."""
        found: dict[tuple[str, str], tuple[object, object]] = {}
        for type_ in MemoryType:
            for point in await self.services.vectors.scroll(Scroll(type_, 10_000, with_vectors=True)):
                vector = None if point.vector is None else Near(tuple(point.vector))
                found[str(type_), point.id] = (dict(point.payload), vector)
        return found

    async def everything(self) -> dict[str, object]:
        """All that a backup must bring back, in a form that compares; the numbers of changes may differ."""
        rows: dict[str, object] = {
            table: sorted(str(row[0]) for row in query(self.url, f"SELECT {sql} FROM {table} t"))
            for table, sql in TABLES.items()
        }
        return {**rows, "points": await self.points()}


@contextlib.asynccontextmanager
async def open_store(
    folder: Path,
    url: str,
    *,
    vectors: SwitchableStore | None = None,
    embedder: WatchedEmbedder | None = None,
    zone: str = "Europe/Rome",
) -> AsyncIterator[Store]:
    """Services over Qdrant Edge in the folder, or over `vectors`; chunks have at most 60 characters."""
    settings = Settings(home=folder, database_url=url, chunk_size=60, chunk_overlap=10, actor="tester", zone=zone)
    embedder = embedder or WatchedEmbedder()
    store = vectors or edge_here(settings.vectors_dir)
    async with open_services(settings, vectors=store, embedder=embedder, clock=TickingClock()) as services:
        yield Store(services, url, embedder, folder)


async def fill(store: Store) -> dict[str, str]:
    """A bit of everything; gives ids by name."""
    memories = store.services.memories
    made = {
        name: (await memories.create(draft)).id
        for name, draft in {
            "plain": MemoryDraft("a plain fact \ud800", tags=("tag",), project="api"),
            "long": MemoryDraft(LONG, MemoryType.EPISODIC, metadata={"nested": {"deep": [1, 2.5, None, True]}}),
            "deleted": MemoryDraft("nul \x00 and a deleted " + LONG, MemoryType.PROCEDURAL),
            "pending": MemoryDraft("waits"),
        }.items()
    }
    await store.services.graph.link(made["plain"], made["long"], RelationType.FIXES)
    await store.services.graph.link(made["deleted"], made["plain"], RelationType.CAUSES)
    await memories.delete([made["deleted"]])
    await _upstream_points(store)
    for sql in (
        "INSERT INTO clients (name, metadata) VALUES (E'tab\\t new\\nline \\\\ back', '{\"a\": 1}')",
        "INSERT INTO projects (client_id, name) SELECT id, 'api' FROM clients",
        "INSERT INTO projects (name) VALUES ('nobody''s'), ('nobody''s')",
        """INSERT INTO work_sessions (description, client_id, project_id, start_time, end_time, status, notes, pauses)
           SELECT 'fixed it', c.id, p.id, '2026-11-20 10:00:00.123456+01', '2026-11-20 11:00+01', 'completed',
                  ARRAY['a, "quoted" note', NULL], '[{"start": "2026-11-20T10:10:00"}]'
           FROM clients c JOIN projects p ON p.client_id = c.id""",
        "INSERT INTO user_settings (key, value) VALUES ('timezone', '\"Europe/Rome\"')",
        "INSERT INTO rejected_suggestions (source_id, target_id, relation_type) "
        "VALUES (gen_random_uuid(), gen_random_uuid(), 'related')",
    ):
        query(store.url, sql.replace("%", "%%"))
    return made


async def _upstream_points(store: Store) -> None:
    """As other programs write them: without parent, without a first chunk, without a vector, under a number."""
    legacy, headless = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-0000000000aa"
    chunk = {"is_chunk": True, "parent_id": headless, "chunk_count": 3, "full_content": "one two three"}
    await store.services.vectors.upsert(
        MemoryType.SEMANTIC,
        [
            Point(legacy, {"content": "legacy", "unknown": "key"}, vector_of("legacy")),
            Point(
                "00000000-0000-4000-8000-0000000000b1", {**chunk, "content": "two", "chunk_index": 1}, vector_of("t")
            ),
            Point("00000000-0000-4000-8000-0000000000b2", {**chunk, "content": "three", "chunk_index": 2}, None),
            Point("42", {"content": "numbered"}, [1.0] + [0.0] * (DIMENSIONS - 1)),
        ],
    )
