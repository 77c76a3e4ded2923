"""Runs acts again and again, killed before their first, second, third, … step, and checks the store after each kill.

`python -m tests.integration.killed FOLDER URL ACT…` prints how many steps of each were killed, a line an act; exit
status 1 tells of damage. Each life is a fork of this process, so that it costs milliseconds, and first checks what the
one before left behind. Qdrant Edge runs inside the killed process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from services.adapters.postgres.database import CheckedDatabase, Database
from services.memories.chunking import chunk_id, chunks
from services.memories.memory_service import MemoryService
from services.memories.payload import State
from services.memories.stored_memories import read_stored
from services.memories.storing_many import Incoming
from services.model import (
    Entity,
    Memory,
    MemoryChanges,
    MemoryDraft,
    MemoryType,
    RelationType,
)
from services.points import Point, Vector
from services.ports import NewRelation
from services.records import Records
from services.settings import Settings
from tests.integration.edge_here import EdgeHere
from tests.integration.forks import in_a_fork
from tests.services.memory_world import TickingClock, WatchedEmbedder, store_many, vector_of

LONG = "".join(f"Sentence number {number} of a long memory. " for number in range(9))
OTHER = "".join(f"Sentence number {number} of another text. " for number in range(5))
MOST_STEPS = 60
MANY = 110
"""Memories of an act on so many that their plans go to the disk, and are written in two batches."""


class Steps:
    """Counts the steps of an act and kills the process before the chosen one."""

    def __init__(self) -> None:
        self.left = 0
        """Before the kill; none where it is 0 or less."""

    def kill_before(self, step: int) -> None:
        self.left = step

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class SteppedRecords(Records):
    """Real records; commits are steps: of a transaction that is killed earlier, no database keeps anything either."""

    step: Callable[[], None]

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with super().transaction() as transaction:
            yield transaction
            self.step()


class SteppedEmbedder(WatchedEmbedder):
    """Embedding is a step."""

    def __init__(self, step: Callable[[], None]) -> None:
        super().__init__()
        self._step = step

    async def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        self._step()
        return await super().embed_documents(texts)


class Life:
    """One life of a program over the store."""

    def __init__(self, folder: Path, url: str) -> None:
        self.steps = Steps()
        settings = Settings(home=folder, chunk_size=60, chunk_overlap=10, actor="tester", zone="Europe/Rome")
        self.vectors = EdgeHere(folder / "qdrant", self.steps)
        self.records = SteppedRecords(CheckedDatabase(Database(url)), settings)
        self.records.step = self.steps
        self.service = MemoryService(self.vectors, SteppedEmbedder(self.steps), self.records, settings, TickingClock())


def many_of(ids: Sequence[str]) -> list[str]:
    """More memories for an act on so many that their plans go to the disk."""
    return [str(uuid.uuid5(uuid.NAMESPACE_URL, f"{ids[0]} {number}")) for number in range(MANY)]


def ids_of(act: str, step: int) -> list[str]:
    """Two memories of their own for each kill."""
    return [str(uuid.uuid5(uuid.NAMESPACE_URL, f"{act} {step} {place}")) for place in range(2)]


async def prepare(life: Life, act: str, ids: Sequence[str]) -> Memory:
    """What stands in the store before the act: two related memories, the first one long."""
    if act == "delete very many":
        items = [Memory(one, MemoryType.SEMANTIC, "one of many") for one in many_of(ids)]
        await store_many(life.service, [Incoming(item) for item in items])
    if act == "undo import":
        await life.service.create(MemoryDraft(OTHER, id=ids[1]))
        memory = Memory(ids[0], MemoryType.SEMANTIC, LONG)
        items = [memory, *(Memory(one, MemoryType.SEMANTIC, "one of many") for one in many_of(ids))]
        await store_many(life.service, [Incoming(item) for item in items])
        return memory
    if act in ("create", "bulk", "bulk of very many"):
        await life.service.create(MemoryDraft(OTHER, id=ids[1]))
        return Memory(ids[0], MemoryType.SEMANTIC, LONG)
    memory = await life.service.create(MemoryDraft(LONG, id=ids[0], metadata={"ticket": 1}))
    await life.service.create(MemoryDraft(OTHER, id=ids[1]))
    async with life.records.transaction() as transaction:
        await transaction.relations.insert([NewRelation(ids[0], ids[1], RelationType.FIXES)])
    if act in ("restore", "undo deletion"):
        await life.service.delete(ids[:1])
    if act == "undo edit":
        await life.service.update(memory, MemoryChanges(content=OTHER))
    return memory


async def perform(life: Life, act: str, memory: Memory, ids: Sequence[str]) -> None:
    """The act that is killed."""
    match act:
        case "create":
            await life.service.create(MemoryDraft(LONG, id=ids[0]))
        case "edit":
            await life.service.update(memory, MemoryChanges(content=OTHER, tags=("edited",)))
        case "shorten":
            await life.service.update(memory, MemoryChanges(content="short"))
        case "change keys":
            await life.service.update(memory, MemoryChanges(tags=("new",), removed_keys=("ticket",)))
        case "change type":
            await life.service.update(memory, MemoryChanges(type=MemoryType.EPISODIC))
        case "edit many":
            await life.service.edit_many(ids, add_tags=["many"], type=MemoryType.PROCEDURAL)
        case "delete":
            await life.service.delete(ids)
        case "restore":
            await life.service.restore(ids[:1])
        case "undo edit" | "undo deletion" | "undo import":
            await life.service.undo()
        case "bulk":
            items = [Memory(ids[1], MemoryType.EPISODIC, LONG, tags=("moved",)), memory]
            await store_many(life.service, [Incoming(item) for item in items])
        case "bulk of very many":
            items = [memory, *(Memory(one, MemoryType.SEMANTIC, "one of many") for one in many_of(ids))]
            await store_many(life.service, [Incoming(item) for item in items])
        case "delete very many":
            await life.service.delete([*ids, *many_of(ids)])


async def check(life: Life, act: str, ids: Sequence[str]) -> None:
    """After the next start nothing is lost, doubled, half chunked or without its history."""
    await life.service.recover()
    assert await life.service.pending_count() == 0, "an outbox entry is left"
    stored = await read_stored(life.vectors, ids)
    for memory_id in ids:
        history = await life.records.history.changes_of(Entity.MEMORY, memory_id)
        assert len({change.id for change in history}) <= 3, "a change is doubled"
        after = State.from_json(history[0].after) if history and history[0].after else None
        states = stored.get(memory_id, [])
        if after is None:
            assert not states, "a memory without a state in the history"
            assert not await life.records.relations.touching([memory_id]), "a relation of a deleted memory"
            continue
        assert len(states) == 1, f"{len(states)} states of one memory"
        assert states[0].state == after, "points and history differ"
        texts = chunks(after.content, 60, 10)
        assert states[0].texts == texts, "half chunked"
        assert all(near(point, text) for point, text in zip(states[0].points, texts, strict=True)), "a wrong vector"
        indexes = [chunk_id(memory_id, index) for index in range(len(texts))] if len(texts) > 1 else [memory_id]
        assert [point.id for point in states[0].points] == indexes, "wrong ids"
    many = await read_stored(life.vectors, many_of(ids))
    assert len(many) in (0, len(many_of(ids))), "a part of an act"
    of_many = act.endswith("very many") or act == "undo import"
    assert bool(many) == (ids[0] in stored if of_many else False), "a part of an act"
    assert all(len(states) == 1 and states[0].points[0].vector for states in many.values())
    if act not in ("create", "bulk", "bulk of very many", "undo import") and len(stored) == 2:
        assert len(await life.records.relations.touching(ids)) == 1, "the relation is lost"
    assert act in ("create", "delete", "delete very many") or ids[1] in stored, "a bystander is lost"
    before = [len(await life.records.history.changes_of(Entity.MEMORY, one)) for one in ids]
    assert await life.service.recover() == 0
    assert before == [len(await life.records.history.changes_of(Entity.MEMORY, one)) for one in ids]
    if act == "undo import":
        await check_undo(life, act, ids, there=bool(many))


async def check_undo(life: Life, act: str, ids: Sequence[str], *, there: bool) -> None:
    """The import can be undone, also where it already was, once it is done again; in the end nothing of it is left."""
    imported = [ids[0], *many_of(ids)]
    for _ in range(1 if there else 2):
        there = not there
        await (life.service.redo() if there else life.service.undo())
        assert len(await read_stored(life.vectors, imported)) == (len(imported) if there else 0), "half undone"
    assert ids[1] in await read_stored(life.vectors, ids), "a bystander is lost"


def near(point: Point, text: str) -> bool:
    """True when the point has the vector of this text."""
    vector = point.vector or ()
    return len(vector) == 8 and all(abs(a - b) < 1e-5 for a, b in zip(vector, vector_of(text), strict=True))


def killed(act: str, folder: Path, url: str) -> int:
    """Kills the act before every step; gives 1 when something was damaged."""
    survived: Sequence[str] = ()
    for step in range(1, MOST_STEPS):
        ids = ids_of(act, step)

        async def live(step: int = step, ids: Sequence[str] = ids, survived: Sequence[str] = survived) -> None:
            life = Life(folder, url)
            if survived:
                await check(life, act, survived)
            memory = await prepare(life, act, ids)
            life.steps.kill_before(step)
            await perform(life, act, memory, ids)

        async def look(ids: Sequence[str] = ids) -> None:
            life = Life(folder, url)
            await check(life, act, ids)

        ended = in_a_fork(live)
        if ended not in (0, -signal.SIGKILL) or (ended == 0 and in_a_fork(look) != 0):
            print(
                f"{act}: damaged when killed before step {step} or the one before (ended with {ended})", file=sys.stderr
            )
            return 1
        if ended == 0:
            print(step - 1, flush=True)  # before the next fork, which would write it too
            return 0
        survived = ids
    return 1


def main(folder: Path, url: str, *acts: str) -> int:
    """Kills these acts one after the other on one store; gives 1 when something was damaged."""
    return max(killed(act, folder, url) for act in acts)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
