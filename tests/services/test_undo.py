"""Undo and restore: whatever was done comes back as it was, with relations and vectors."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from services.errors import Conflict, NotFound, NothingToUndo
from services.memories.chunking import chunk_id
from services.memories.memory_service import MemoryService
from services.model import Action, IfChanged, MemoryChanges, MemoryDraft, MemoryType, RelationType, title_of
from services.points import Point
from services.ports import NewRelation
from services.records import Records
from services.records.relation_states import relation_change
from tests.services.memory_world import World, open_world, vector_of

LONG = "".join(f"Sentence number {number} of a long memory. " for number in range(12))


@pytest.fixture
async def world(records: Records) -> AsyncIterator[World]:
    async with open_world(records) as opened:
        yield opened


async def link(world: World, source: str, target: str) -> str:
    """Relates two memories as the graph does, with history."""
    async with world.records.transaction() as transaction:
        (made,) = await transaction.relations.insert([NewRelation(source, target, RelationType.FIXES, 0.7)])
        await transaction.history.append(str(uuid.uuid4()), [relation_change(None, made)])
    return made.id


async def test_an_edit_is_undone_with_the_vectors_that_were_kept(world: World) -> None:
    memory = await world.service.create(MemoryDraft(LONG, tags=("a",)))
    stored = await world.points(memory.id)
    await world.service.update(memory, MemoryChanges(content="short", tags=("b",), metadata={"x": 1}))
    world.embedder.embedded.clear()
    undone = await world.service.undo()
    assert undone.line == f'Undone: edited text +1 −1 lines, tags +b −a, set x "{title_of(LONG)}"', "as it is named now"
    assert undone.entity_ids == (memory.id,)
    assert world.embedder.embedded == []
    back = await world.service.get(memory.id)
    assert (back.content, back.tags, back.metadata) == (LONG, ("a",), memory.metadata)
    assert [point.vector for _, point in await world.points(memory.id)] == [point.vector for _, point in stored]


async def test_undo_goes_on_after_a_restart_act_by_act_until_nothing_is_left(world: World) -> None:
    memory = await world.service.create(MemoryDraft("one"))
    memory = await world.service.update(memory, MemoryChanges(content="two"))
    await world.service.update(memory, MemoryChanges(type=MemoryType.EPISODIC))
    restarted = MemoryService(world.vectors, world.embedder, world.records, world.settings, world.clock)
    await restarted.undo()
    assert (await restarted.get(memory.id)).type is MemoryType.SEMANTIC
    await restarted.undo()
    assert (await restarted.get(memory.id)).content == "one"
    await restarted.undo()
    with pytest.raises(NotFound):
        await restarted.get(memory.id)
    with pytest.raises(NothingToUndo):
        await restarted.undo()
    actions = [change.action for change in await restarted.history(memory.id)]
    assert actions == [Action.DELETED, *[Action.UPDATED] * 4, Action.CREATED]


async def test_an_act_on_many_is_undone_completely(world: World) -> None:
    ids = [(await world.service.create(MemoryDraft(f"text {number}"))).id for number in range(4)]
    await world.service.edit_many(ids, add_tags=["new"])
    assert (await world.service.undo()).summary == "tags +new: 4 memories"
    assert [(await world.service.get(one)).tags for one in ids] == [()] * 4


async def test_agents_that_look_do_not_hinder_undo_but_an_edit_of_the_same_key_does(world: World) -> None:
    memory = await world.service.create(MemoryDraft("one"))
    await world.service.update(memory, MemoryChanges(content="two"))
    await world.vectors.set_payload(MemoryType.SEMANTIC, [memory.id], {"access_count": 5, "tags": ["theirs"]})
    await world.service.undo()
    back = await world.service.get(memory.id)
    assert (back.content, back.access_count, back.tags) == ("one", 5, ("theirs",))
    await world.service.update(back, MemoryChanges(content="three"))
    await world.vectors.set_payload(MemoryType.SEMANTIC, [memory.id], {"content": "outside"})
    with pytest.raises(Conflict, match='memory "outside": text; nothing was undone'):
        await world.service.undo()
    assert (await world.service.get(memory.id)).content == "outside"
    await world.service.undo(if_changed=IfChanged.FORCE)
    assert (await world.service.get(memory.id)).content == "one"


async def test_a_deletion_takes_relations_along_and_restore_brings_all_back(world: World) -> None:
    memory = await world.service.create(MemoryDraft(LONG, tags=("a",)))
    other = await world.service.create(MemoryDraft("other"))
    plain, by_chunk = await link(world, memory.id, other.id), await link(world, other.id, chunk_id(memory.id, 1))
    stored = await world.points(memory.id)
    assert await world.service.delete([chunk_id(memory.id, 0)]) == 1
    assert await world.points(memory.id) == []
    assert await world.records.relations.touching([other.id]) == []
    (trashed,) = await world.service.trash()
    assert (trashed.memory.content, trashed.relations, trashed.actor) == (LONG, 2, "tester")
    world.embedder.embedded.clear()
    assert await world.service.restore([memory.id]) == 1
    assert await world.points(memory.id) == stored
    assert world.embedder.embedded == []
    assert {one.relation.id for one in await world.service.relations(other.id)} == {plain, by_chunk}
    assert await world.service.trash() == ()
    with pytest.raises(NotFound, match="not in the trash"):
        await world.service.restore([memory.id])
    with pytest.raises(NotFound):
        await world.service.delete([str(uuid.uuid4())])


async def test_what_upstream_had_cut_comes_back_as_it_was_cut(world: World) -> None:
    memory_id = str(uuid.uuid4())
    common = {"full_content": "one two", "is_chunk": True, "parent_id": memory_id, "chunk_count": 2}
    texts = ("one", "two")
    await world.put(
        MemoryType.EPISODIC,
        *(
            Point(chunk_id(memory_id, index), {**common, "content": text, "chunk_index": index}, vector_of(text))
            for index, text in enumerate(texts)
        ),
    )
    before = await world.points(memory_id)
    await world.service.delete([memory_id])
    await world.service.undo()
    after = await world.points(memory_id)
    assert [(point.id, point.vector, point.payload["content"]) for _, point in after] == [
        (point.id, point.vector, point.payload["content"]) for _, point in before
    ]
    assert world.embedder.embedded == []


async def test_deleting_and_restoring_are_acts_that_can_be_undone(world: World) -> None:
    ids = [(await world.service.create(MemoryDraft(f"text {number}"))).id for number in range(3)]
    relation = await link(world, ids[0], ids[1])
    await world.service.delete(ids)
    assert (await world.service.undo()).summary == "deleted 3 memories, 1 relation"
    assert [one.relation.id for one in await world.service.relations(ids[0])] == [relation]
    await world.service.delete(ids[:1])
    await world.service.restore(ids[:1])
    await world.service.undo()
    with pytest.raises(NotFound):
        await world.service.get(ids[0])
    assert await world.records.relations.touching(ids) == []
    await world.service.restore(ids[:1])
    assert [one.relation.id for one in await world.service.relations(ids[1])] == [relation]


async def test_a_relation_whose_other_end_is_gone_is_left_out(world: World) -> None:
    one, two = [(await world.service.create(MemoryDraft(text))).id for text in ("one", "two")]
    await link(world, one, two)
    await world.service.delete([one])
    await world.service.delete([two])
    await world.service.restore([one])
    assert await world.service.relations(one) == ()


async def test_a_relation_comes_back_with_the_later_of_its_ends_in_any_order(world: World) -> None:
    one, two = [(await world.service.create(MemoryDraft(text))).id for text in ("one", "two")]
    relation = await link(world, one, two)
    for first, second in ((one, two), (two, one)):
        await world.service.delete([one])
        await world.service.delete([two])
        await world.service.restore([first])
        await world.service.restore([second])
        assert [found.relation.id for found in await world.service.relations(one)] == [relation]


async def test_a_relation_that_a_person_removed_stays_away_when_its_memory_comes_back(world: World) -> None:
    one, two = [(await world.service.create(MemoryDraft(text))).id for text in ("one", "two")]
    relation = await link(world, one, two)
    async with world.records.transaction() as transaction:
        removed = await transaction.relations.delete([relation])
        await transaction.history.append(str(uuid.uuid4()), [relation_change(gone, None) for gone in removed])
    await world.service.delete([one])
    await world.service.restore([one])
    assert await world.service.relations(one) == ()


async def test_a_restored_id_that_is_in_use_again_is_a_conflict(world: World) -> None:
    memory = await world.service.create(MemoryDraft("mine"))
    await world.service.delete([memory.id])
    await world.put(MemoryType.SEMANTIC, Point(memory.id, {"content": "outside"}, vector_of("outside")))
    with pytest.raises(Conflict, match="exists again"):
        await world.service.restore([memory.id])
    with pytest.raises(Conflict, match="exists again"):
        await world.service.undo()
    assert (await world.service.get(memory.id)).content == "outside"


async def test_relations_made_by_hand_are_undone(world: World) -> None:
    one, two = [(await world.service.create(MemoryDraft(text))).id for text in ("one", "two")]
    relation = await link(world, one, two)
    async with world.records.transaction() as transaction:
        removed = await transaction.relations.delete([relation])
        await transaction.history.append("unlink", [relation_change(removed[0], None)])
    await world.service.undo()
    (back,) = await world.service.relations(one)
    assert (back.relation, back.outgoing) == (removed[0], True)
    await world.service.undo()
    assert await world.service.relations(one) == ()


async def test_a_removed_relation_does_not_come_back_to_a_memory_that_was_deleted_since(world: World) -> None:
    one, two = [(await world.service.create(MemoryDraft(text))).id for text in ("one", "two")]
    relation = await link(world, one, two)
    async with world.records.transaction() as transaction:
        removed = await transaction.relations.delete([relation])
        await transaction.history.append("unlink", [relation_change(removed[0], None)])
    await world.service.delete([two])
    for if_changed in IfChanged:
        with pytest.raises((Conflict, NothingToUndo)):
            await world.service.undo("unlink", if_changed)
    assert await world.records.relations.touching([one]) == []
    (left,) = (await world.service.undo_preview("unlink")).changed
    assert left.line == 'relation "fixes": one of its memories was deleted'
    await world.service.restore([two])
    await world.service.undo("unlink")
    assert [one.id for one in await world.records.relations.touching([two])] == [relation]


async def test_an_act_on_very_many_relations_is_undone_completely(world: World) -> None:
    hub = (await world.service.create(MemoryDraft("hub"))).id
    wanted = [NewRelation(hub, str(uuid.uuid4()), RelationType.FIXES) for _ in range(230)]
    async with world.records.transaction() as transaction:
        made = await transaction.relations.insert(wanted)
        await transaction.history.append("link", [relation_change(None, one) for one in made])
        removed = await transaction.relations.delete([one.id for one in made])
        await transaction.history.append("unlink", [relation_change(one, None) for one in removed])
    await world.service.undo()
    assert {one.id: one for one in await world.records.relations.touching([hub])} == {one.id: one for one in made}
    await world.service.undo()
    assert await world.records.relations.touching([hub]) == []


async def one_chunk(world: World, text: str) -> Point:
    """A memory of exactly one chunk, as MCP Memoria makes one of a text without a place to cut."""
    memory_id = str(uuid.uuid4())
    chunk = {"full_content": text, "is_chunk": True, "parent_id": memory_id, "chunk_index": 0, "chunk_count": 1}
    payload = {"content": text, "memory_type": "semantic", "updated_at": "2026-01-02T03:04:05", **chunk}
    await world.put(MemoryType.SEMANTIC, Point(chunk_id(memory_id, 0), payload, vector_of(text)))
    return (await world.points(memory_id))[0][1]


@pytest.mark.parametrize("text", ["short", "x" * 100])
@pytest.mark.parametrize(
    "changes",
    [
        MemoryChanges(content="another"),
        MemoryChanges(content=LONG),
        MemoryChanges(tags=("new",)),
        MemoryChanges(type=MemoryType.EPISODIC),
        None,
    ],
    ids=["text", "longer", "tags", "type", "deletion"],
)
async def test_a_memory_of_one_chunk_stays_one(world: World, text: str, changes: MemoryChanges | None) -> None:
    """One text is longer than the chunks of the settings."""
    point = await one_chunk(world, text)
    memory = await world.service.get(point.id)
    if changes is None:
        await world.service.delete([memory.id])
    else:
        await world.service.update(memory, changes)
        stored = await world.points(memory.id)
        assert stored[0][1].id == point.id
        assert changes.content == LONG or (len(stored), stored[0][1].payload["chunk_count"]) == (1, 1)
    await world.service.undo()
    assert await world.points(memory.id) == [(MemoryType.SEMANTIC, point)]
    if changes is not None:
        await world.service.redo()
        await world.service.undo()
        assert await world.points(memory.id) == [(MemoryType.SEMANTIC, point)]
        assert await world.service.recover() == 0


async def test_a_plain_memory_stays_plain_through_longer_and_shorter_texts(world: World) -> None:
    memory = await world.service.create(MemoryDraft("short"))
    before = await world.points(memory.id)
    longer = await world.service.update(memory, MemoryChanges(content=LONG))
    await world.service.update(longer, MemoryChanges(content="short again"))
    assert [point.id for _, point in await world.points(memory.id)] == [memory.id]
    await world.service.undo()
    await world.service.undo()
    assert await world.points(memory.id) == before
