"""A backup that is made while others write: what is in it belongs together."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from services.adapters.edge.edge_store import EdgeVectorStore
from services.container import Services
from services.errors import Conflict, NotFound
from services.memories.chunking import chunks
from services.memories.payload import State
from services.memories.stored_memories import ONE_EACH, Stored, read_stored
from services.model import Entity, MemoryChanges, MemoryDraft, MemoryType, RelationType
from services.points import Point, Scroll
from tests.services.backup_world import Store, open_store
from tests.services.edge_here import Here
from tests.services.memory_world import DIMENSIONS, quick_folder, vector_of
from tests.services.servers import query
from tests.services.stores import ident, point

AT_START = 60
_CHANGED = "SELECT DISTINCT entity_id FROM memoria_tui.audit_log WHERE entity = 'memory'"
_RELATIONS = """
SELECT id, source_id, target_id, EXISTS (SELECT FROM memoria_tui.audit_log WHERE entity_id = relation.id) AS recorded
FROM memory_relations relation
"""


async def write_until(done: asyncio.Event, services: Services, ids: list[str], seed: int) -> int:
    """Creates, edits, links and deletes without a rest; gives how often."""
    dice = random.Random(seed)
    for number in itertools.count():
        if done.is_set():
            return number
        try:
            await _write(services, ids, dice, f"{seed}-{number}")
        except (Conflict, NotFound):
            continue
    return 0


async def _write(services: Services, ids: list[str], dice: random.Random, name: str) -> None:
    memories, text = services.memories, f"text {name}. " * dice.choice((1, 12))
    match dice.randrange(5):
        case 0:
            ids.append((await memories.create(MemoryDraft(text, dice.choice(list(MemoryType))))).id)
        case 1 | 2:
            await memories.update(await memories.get(dice.choice(ids)), MemoryChanges(content=text, tags=(name,)))
        case 3:
            one, other = dice.sample(ids, 2)
            await services.graph.link(one, other, dice.choice(list(RelationType)))
        case 4 if len(ids) > AT_START // 2:
            gone = ids.pop(dice.randrange(len(ids)))
            await memories.delete([gone])
        case _:
            await memories.edit_many(dice.sample(ids, 3), add_tags=[name])


class Watched(EdgeVectorStore):
    """A store that knows how often a backup has looked through its memories for the first time."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Here(folder))
        self.editing = asyncio.Lock()
        self.looks = 0

    async def scroll(self, request: Scroll) -> list[Point]:
        page = await super().scroll(request)
        first = request.where == ONE_EACH and request.with_vectors
        if first and request.collection is MemoryType.SEMANTIC and len(page) < request.limit:
            async with self.editing:
                self.looks += 1
        return page


async def write_as_others_do(done: asyncio.Event, vectors: Watched) -> list[str]:
    """As MCP Memoria edits a memory: its points deleted first, then written again, without any history.

    Half of them during one look, the others during the next: what is away each time one looks, nobody can know of.
    """
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(6)]
    for number in itertools.count():
        async with vectors.editing:
            one = ids[(2 * number + vectors.looks % 2) % len(ids) if number >= len(ids) else number]
            text = f"upstream {number} of {one}"
            await vectors.delete_points(MemoryType.SEMANTIC, [one])
            payload = {"content": text, "updated_at": f"2026-11-20T10:00:{number % 60:02}.{number:06}"}
            await vectors.upsert(MemoryType.SEMANTIC, [Point(one, {**payload, "parent_id": one}, vector_of(text))])
        if done.is_set():
            break
    return ids


async def test_what_is_written_meanwhile_is_in_it_whole_or_not_at_all(postgres_url: str, empty_url: str) -> None:
    with quick_folder() as name:
        folder = Path(name)
        vectors = Watched(folder / "vectors")
        async with open_store(folder / "source", postgres_url, vectors=vectors) as source:
            ids = [
                (await source.services.memories.create(MemoryDraft(f"memory {n}. " * 9))).id for n in range(AT_START)
            ]
            done = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                writers = [tasks.create_task(write_until(done, source.services, ids, seed)) for seed in range(3)]
                upstream = tasks.create_task(write_as_others_do(done, vectors))
                await source.services.backup.backup(folder / "warm")
                archive = await source.services.backup.backup(folder / "backups")
                done.set()
        async with open_store(folder / "target", empty_url) as target:
            comparison = await target.services.restoring.compare(archive.path)
            await target.services.restoring.restore(comparison)
            found = await check_memories(target)
            await check_relations(target)
            await check_others(target, upstream.result())

    assert vectors.looks == 2
    assert archive.counts["memories"] == found + len(upstream.result())
    assert sum(writer.result() for writer in writers) > 5


async def check_memories(target: Store) -> int:
    """Points and history agree, except where the outbox has an entry, which is applied; gives how many live."""
    records, memories = target.services.records, target.services.memories
    waiting = {work.memory_id for work in await records.outbox.entries()}
    changed = [str(row[0]) for row in query(target.url, _CHANGED)]
    for again in (False, True):
        stored, alive = await read_stored(target.services.vectors, changed), 0
        for memory_id in changed:
            (newest,) = await records.history.changes_of(Entity.MEMORY, memory_id, limit=1)
            states = stored.get(memory_id, [])
            alive += newest.after is not None
            if newest.after is None:
                assert not states, f"{memory_id} was deleted, and is there"
            elif again or memory_id not in waiting:
                check_whole(memory_id, states, State.from_json(newest.after))
        if not again:
            await memories.recover()
    assert await memories.pending_count() == 0
    return alive


def check_whole(memory_id: str, states: Sequence[Stored], after: State) -> None:
    assert len(states) == 1, f"{memory_id} has {len(states)} states"
    # The mark that a link sets for agents is in no history.
    now, told = ({**one.payload, "has_relations": None} for one in (states[0].state, after))
    assert (states[0].state.type, now) == (after.type, told), f"{memory_id}: points and history differ"
    assert states[0].texts == chunks(after.content, 60, 10), f"{memory_id} is half chunked"
    for one in states[0].points:
        assert one.vector is not None
        assert list(one.vector) == pytest.approx(vector_of(str(one.payload["content"])), abs=1e-5)


async def check_relations(target: Store) -> None:
    """Both ends of each relation are there, or were deleted before; each relation has its history."""
    rows = query(target.url, _RELATIONS)
    ends = {str(end) for _, source, end_, _ in rows for end in (source, end_)}
    there = await read_stored(target.services.vectors, ends, embeddings=False)
    for end in ends - set(there):
        newest = await target.services.records.history.changes_of(Entity.MEMORY, end, limit=1)
        assert newest, f"{end} is missing, and was never deleted"
        assert newest[0].after is None
    assert all(recorded for *_, recorded in rows), "a relation without its history"


async def check_others(target: Store, ids: Sequence[str]) -> None:
    """What is written without any history is there in one of its states."""
    points = await target.services.vectors.retrieve(MemoryType.SEMANTIC, ids, vectors=True)
    assert [one.id for one in points] == list(ids)
    for one in points:
        assert list(one.vector or ()) == pytest.approx(vector_of(str(one.payload["content"])), abs=1e-5)


class Meddled(EdgeVectorStore):
    """A store into which somebody without a history writes just after the backup has read a collection."""

    async def scroll(self, request: Scroll) -> list[Point]:
        page = await super().scroll(request)
        if request.collection is MemoryType.SEMANTIC and request.with_vectors and not self.meddled:
            self.meddled = True
            await self.delete_points(MemoryType.SEMANTIC, [ident(1)])
            await self.upsert(MemoryType.SEMANTIC, [point(2, "edited", vector_of("edited"), updated_at="later")])
            await self.upsert(MemoryType.SEMANTIC, [point(3, "created", vector_of("created"))])
        return page

    meddled = False


async def test_what_programs_without_a_history_write_meanwhile_is_in_it(postgres_url: str, empty_url: str) -> None:
    with quick_folder() as name:
        folder = Path(name)
        vectors = Meddled(Here(folder / "vectors"))
        async with open_store(folder / "source", postgres_url, vectors=vectors) as source:
            await vectors.ensure(DIMENSIONS, source.embedder.model)
            for number in (1, 2, 4):
                await vectors.upsert(MemoryType.SEMANTIC, [point(number, f"first {number}", vector_of("first"))])
            archive = await source.services.backup.backup(folder / "backups")
        async with open_store(folder / "target", empty_url) as target:
            await target.services.restoring.restore(await target.services.restoring.compare(archive.path))
            restored = {name: payload for (_, name), (payload, _) in (await target.points()).items()}

    assert vectors.meddled
    assert archive.counts["memories"] == 3
    assert {name: payload["content"] for name, payload in restored.items()} == {  # type: ignore[index]
        ident(2): "edited",
        ident(3): "created",
        ident(4): "first 4",
    }
