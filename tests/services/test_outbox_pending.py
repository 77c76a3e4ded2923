"""Outbox entries are applied to whatever the store looks like by then."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from typing import cast

import pytest

from services.errors import NotFound, StorageFull
from services.memories.current_state import ChangedOutside, merged
from services.memories.memory_service import MemoryService
from services.memories.payload import State
from services.memories.saving import BATCH
from services.memories.stored_memories import Stored, read_stored
from services.memories.storing_many import Incoming
from services.model import Action, Entity, Memory, MemoryChanges, MemoryDraft, MemoryType, RelationType
from services.points import Point
from services.ports import NewChange, NewRelation, SwitchableStore
from services.records import Records
from tests.services.memory_world import World, open_world, store_many, vector_of

BEFORE = State(MemoryType.SEMANTIC, {"content": "one", "tags": ["a"], "mine": 1})
AFTER = State(MemoryType.SEMANTIC, {"content": "two", "tags": ["a"]})


@pytest.fixture
async def world(records: Records) -> AsyncIterator[World]:
    async with open_world(records) as opened:
        yield opened


def stored(**payload: object) -> list[Stored]:
    return [Stored("id", State(MemoryType.SEMANTIC, payload), (Point("id", payload),))]


def test_a_state_that_is_partly_reached_is_reached_whole() -> None:
    for points in ({"content": "one", "tags": ["a"], "mine": 1}, {"content": "two", "tags": ["a"], "mine": 1}):
        assert merged([BEFORE, AFTER], stored(**points)) == AFTER
    assert merged([None, AFTER], []) == AFTER
    assert merged([BEFORE, None], []) is None
    assert merged([BEFORE, None], stored(**BEFORE.payload, access_count=3)) is None


def test_what_others_changed_under_other_keys_stays() -> None:
    goal = merged([BEFORE, AFTER], stored(content="one", tags=["theirs"], mine=1, access_count=4))
    assert goal == State(MemoryType.SEMANTIC, {"content": "two", "tags": ["theirs"], "access_count": 4})


def test_points_that_lack_several_changes_get_all_of_them() -> None:
    tagged = State(MemoryType.SEMANTIC, {"content": "one", "tags": ["b"], "mine": 1})
    edited = State(MemoryType.SEMANTIC, {"content": "two", "tags": ["b"], "mine": 1})
    for points in ({"content": "one", "tags": ["a"], "mine": 1}, {"content": "two", "tags": ["a"], "mine": 1}):
        assert merged([BEFORE, tagged, edited], stored(**points)) == edited
    assert merged([None, BEFORE, tagged], []) == tagged
    assert merged([BEFORE, None, tagged], []) == tagged
    with pytest.raises(ChangedOutside):
        merged([BEFORE, tagged, edited], stored(content="theirs", tags=["a"], mine=1))


@pytest.mark.parametrize(
    ("after", "points"),
    [
        (AFTER, stored(content="theirs", tags=["a"], mine=1)),
        (AFTER, stored(content="one", tags=["a"], mine=2)),
        (None, stored(content="one", tags=["theirs"], mine=1)),
        (AFTER, []),
    ],
)
def test_what_others_changed_under_the_same_keys_is_told(after: State | None, points: list[Stored]) -> None:
    with pytest.raises(ChangedOutside):
        merged([BEFORE, after], points)


async def write_entry(world: World, memory_id: str, after: State | None) -> None:
    """What a program leaves that is killed right after its transaction."""
    before = (await world.service.get(memory_id)).content
    row = NewChange(
        Entity.MEMORY,
        memory_id,
        Action.UPDATED if after else Action.DELETED,
        State(MemoryType.SEMANTIC, {"content": before}).as_json(),
        after.as_json() if after else None,
    )
    async with world.records.transaction() as transaction:
        relations = await world.records.relations.touching([memory_id])
        gone = await transaction.relations.delete([one.id for one in relations]) if after is None else []
        (number,) = await transaction.history.append("killed", [row])
        await transaction.history.append(
            "killed",
            [
                NewChange(
                    Entity.RELATION,
                    one.id,
                    Action.DELETED,
                    {"id": one.id, "source_id": one.source_id, "target_id": one.target_id, "type": str(one.type)},
                    None,
                )
                for one in gone
            ],
        )
        await transaction.outbox.put({memory_id: number})


async def test_an_edit_from_outside_wins_over_an_unfinished_save_and_is_written_down(world: World) -> None:
    memory_id = str(uuid.uuid4())
    await world.put(MemoryType.SEMANTIC, Point(memory_id, {"content": "one"}, vector_of("one")))
    await write_entry(world, memory_id, State(MemoryType.SEMANTIC, {"content": "two"}))
    await world.put(MemoryType.SEMANTIC, Point(memory_id, {"content": "theirs"}, vector_of("theirs")))
    assert await world.service.recover() == 1
    assert (await world.service.get(memory_id)).content == "theirs"
    newest = (await world.service.history(memory_id))[0]
    assert "outside" in newest.summary
    assert newest.after == {"type": "semantic", "payload": {"content": "theirs"}}
    assert await world.service.pending_count() == 0
    await world.service.undo(group=newest.group)
    assert (await world.service.get(memory_id)).content == "two"


async def test_a_memory_that_others_deleted_meanwhile_lies_in_the_trash(world: World) -> None:
    memory_id = str(uuid.uuid4())
    await world.put(MemoryType.SEMANTIC, Point(memory_id, {"content": "one"}, vector_of("one")))
    await write_entry(world, memory_id, State(MemoryType.SEMANTIC, {"content": "two"}))
    await world.vectors.delete_points(MemoryType.SEMANTIC, [memory_id])
    assert await world.service.recover() == 1
    with pytest.raises(NotFound):
        await world.service.get(memory_id)
    await world.service.restore([memory_id])
    assert (await world.service.get(memory_id)).content == "two"


async def test_a_memory_that_others_edited_is_not_deleted_and_keeps_its_relations(world: World) -> None:
    memory_id = str(uuid.uuid4())
    await world.put(MemoryType.SEMANTIC, Point(memory_id, {"content": "one"}, vector_of("one")))
    other = await world.service.create(MemoryDraft("other"))
    async with world.records.transaction() as transaction:
        await transaction.relations.insert([NewRelation(memory_id, other.id, RelationType.FIXES)])
    await write_entry(world, memory_id, None)
    await world.put(MemoryType.SEMANTIC, Point(memory_id, {"content": "theirs"}, vector_of("theirs")))
    await world.service.recover()
    assert (await world.service.get(memory_id)).content == "theirs"
    assert len(await world.service.relations(memory_id)) == 1
    assert await world.service.trash() == ()


async def test_an_outbox_entry_that_is_applied_twice_changes_nothing(world: World) -> None:
    memory = await world.service.create(MemoryDraft("one"))
    await world.service.update(memory, MemoryChanges(content="two"))
    newest = (await world.service.history(memory.id))[0]
    async with world.records.transaction() as transaction:
        await transaction.outbox.put({memory.id: newest.id})
    before = await world.points(memory.id)
    assert await world.service.recover() == 1
    assert await world.points(memory.id) == before
    assert len(await world.service.history(memory.id)) == 2


async def test_a_memory_that_the_store_refuses_does_not_hinder_the_others(world: World) -> None:
    world.embedder.away = True
    good, bad = [await world.service.create(MemoryDraft(text)) for text in ("good", "bad")]
    world.embedder.away, world.embedder.broken = False, "bad"
    assert await world.service.recover() == 1
    assert not (await world.service.get(good.id)).pending
    assert (await world.service.get(bad.id)).pending
    (entry,) = await world.records.outbox.entries()
    assert entry.last_error is not None
    assert "not finite" in entry.last_error
    world.embedder.broken = None
    assert await world.service.recover() == 1


@pytest.mark.parametrize("number", [1, 2 * BATCH])
async def test_what_is_committed_is_told_as_saved_when_the_vector_store_goes_away_meanwhile(
    world: World, number: int
) -> None:
    there = await world.service.create(MemoryDraft("there"))
    store = FullDisk(world.vectors)
    world.service._saver.applier.vectors = cast("SwitchableStore", store)
    created = await world.service.create(MemoryDraft("new"))
    saved = await world.service.update(there, MemoryChanges(content="edited"))
    assert (created.content, created.pending, saved.content, saved.pending) == ("new", True, "edited", True)
    await store_many(
        world.service,
        [Incoming(Memory(str(uuid.uuid4()), MemoryType.SEMANTIC, f"many {place}")) for place in range(number)],
    )
    store.is_full = False
    assert await world.service.recover() == number + 2
    assert (await world.service.get(created.id)).content == "new"
    assert (await world.service.get(there.id)).content == "edited"
    assert await world.service.delete([created.id]) == 1


async def test_a_memory_deleted_before_its_last_edit_was_applied_comes_back_with_the_chunks_of_that_edit(
    world: World,
) -> None:
    there, edited = ("\n\n".join(f"{word} sentence {number}. " * 30 for number in range(9)) for word in ("old", "new"))
    memory = await world.service.create(MemoryDraft(there))
    store = FullDisk(world.vectors)
    world.service._saver.applier.vectors = cast("SwitchableStore", store)
    await world.service.update(memory, MemoryChanges(content=edited))
    store.is_full = False
    assert await world.service.delete([memory.id]) == 1
    assert await world.service.restore([memory.id]) == 1
    (found,) = (await read_stored(world.vectors, [memory.id]))[memory.id]
    assert found.texts == world.service._saver.applier.chunks(edited)
    assert len(found.texts) > 1


class FullDisk:
    """A vector store that can be read, and not be written."""

    def __init__(self, store: SwitchableStore) -> None:
        self._store = store
        self.is_full = True

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def upsert(self, collection: MemoryType, points: Sequence[Point]) -> None:
        if self.is_full:
            raise StorageFull("no space left")
        await self._store.upsert(collection, points)


async def test_two_changes_that_were_never_applied_are_applied_together(world: World) -> None:
    memory = await world.service.create(MemoryDraft("one", tags=("a",)))
    state = State.from_json((await world.service.history(memory.id))[0].after or {})
    tagged = State(state.type, {**state.payload, "tags": ["b"]})
    edited = State(state.type, {**tagged.payload, "content": "two"})
    for before, after in ((state, tagged), (tagged, edited)):
        row = NewChange(Entity.MEMORY, memory.id, Action.UPDATED, before.as_json(), after.as_json())
        async with world.records.transaction() as transaction:
            (number,) = await transaction.history.append(after.content, [row])
            await transaction.outbox.put({memory.id: number})
    assert (await world.service.edit_many([memory.id], add_tags=["c"])) == 1
    memory = await world.service.get(memory.id)
    assert (memory.content, memory.tags) == ("two", ("b", "c"))
    assert await world.service.pending_count() == 0


async def test_what_lacks_only_vectors_may_be_edited_outside_until_it_has_them(world: World) -> None:
    memory = await world.service.create(MemoryDraft("one"))
    world.embedder.away = True
    await world.service.update(memory, MemoryChanges(content="two"))
    ((type_, point),) = await world.points(memory.id)
    await world.put(type_, Point(memory.id, {**point.payload, "content": "theirs"}))
    world.embedder.away = False
    assert await world.service.recover() == 1
    memory = await world.service.get(memory.id)
    assert (memory.content, memory.pending) == ("theirs", False)


async def test_any_program_embeds_some_of_what_waited_before_it_ends(world: World) -> None:
    world.embedder.away = True
    waiting = [await world.service.create(MemoryDraft(f"text {number}")) for number in range(3)]
    assert await world.service.embed_waiting() == 0
    world.embedder.away = False
    later = MemoryService(world.vectors, world.embedder, world.records, world.settings, world.clock)
    assert await later.embed_waiting(most=2) == 2
    assert await later.pending_count() == 1
    assert not (await world.service.get(waiting[0].id)).pending
    assert await later.embed_waiting() == 1
