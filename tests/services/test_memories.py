"""Creating, reading, editing and storing memories over real stores."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from services.errors import Ambiguous, Conflict, InvalidInput, NotFound
from services.memories.chunking import chunk_id, chunks
from services.memories.editing import edited
from services.memories.payload import State
from services.memories.storing_many import Incoming, StoredMany
from services.model import Action, Memory, MemoryChanges, MemoryDraft, MemoryType, RelationType, content_hash
from services.points import Point
from services.ports import NewChange, NewRelation
from services.records import Records, Transaction
from tests.services.memory_world import World, open_world, store_many, vector_of

ID = "5fb66a64-fc17-40a0-9052-fa0d9035e93c"
OTHER = "5fb66a65-0000-40a0-9052-fa0d9035e93c"
LONG = "".join(f"Sentence number {number} of a long memory. " for number in range(12))


@pytest.fixture
async def world(records: Records) -> AsyncIterator[World]:
    async with open_world(records) as opened:
        yield opened


def upstream_chunk(index: int, *, count: int = 2, text: str = "piece", whole: str = "piece one, piece two") -> Point:
    payload = {
        "content": f"{text} {index}",
        "full_content": whole,
        "memory_type": "semantic",
        "updated_at": "2026-11-20T10:00:00",
        "tags": ["old"],
        "importance": 0.5,
        "ticket": "OPS-1",
        "is_chunk": True,
        "parent_id": ID,
        "chunk_index": index,
        "chunk_count": count,
    }
    return Point(chunk_id(ID, index), payload, vector_of(f"{text} {index}"))


async def test_a_short_memory_is_one_point_as_upstream_writes_it(world: World) -> None:
    memory = await world.service.create(MemoryDraft("short\0", tags=("a", "b"), project="api", metadata={"x": [1]}))
    ((type_, point),) = await world.points(memory.id)
    assert type_ is MemoryType.SEMANTIC
    assert point.id == memory.id
    assert point.payload == {
        "content": "short\0",
        "memory_type": "semantic",
        "created_at": "2026-11-20T13:00:01",
        "updated_at": "2026-11-20T13:00:01",
        "accessed_at": "2026-11-20T13:00:01",
        "access_count": 0,
        "importance": 0.5,
        "tags": ["a", "b"],
        "project": "api",
        "x": [1],
        "confidence": 0.8,
        "is_chunk": False,
        "parent_id": memory.id,
    }
    assert point.has_vector
    assert not memory.pending
    assert await world.service.pending_count() == 0
    (change,) = await world.service.history(memory.id)
    assert (change.action, change.before, change.content_hash) == (Action.CREATED, None, content_hash(memory.content))


async def test_tags_have_no_blanks_around_them(world: World) -> None:
    memory = await world.service.create(MemoryDraft("text", tags=(" spaced ", "spaced", " ", "two words")))
    assert memory.tags == ("spaced", "two words")
    edited = await world.service.update(memory, MemoryChanges(tags=("a ", "a")))
    assert edited.tags == ("a",)


async def test_a_long_memory_is_stored_in_chunks_and_read_whole(world: World) -> None:
    memory = await world.service.create(MemoryDraft(LONG, type=MemoryType.EPISODIC))
    points = await world.points(memory.id)
    texts = chunks(LONG, 60, 10)
    assert [point.payload["content"] for _, point in points] == list(texts)
    assert [point.id for _, point in points] == [chunk_id(memory.id, index) for index in range(len(texts))]
    assert all(point.payload["full_content"] == LONG and point.payload["is_chunk"] is True for _, point in points)
    assert (memory.content, memory.chunk_count, memory.headless) == (LONG, len(texts), False)


async def test_a_memory_is_found_by_id_prefix_and_the_id_of_a_chunk(world: World) -> None:
    long = await world.service.create(MemoryDraft(LONG, id=ID.upper()))
    assert long.id == ID
    assert (await world.service.get(chunk_id(ID, 3))).id == ID
    assert (await world.service.get("5fb66a64fc")).id == ID
    await world.service.create(MemoryDraft("short", id=OTHER))
    assert (await world.service.get("5FB66A65")).id == OTHER
    with pytest.raises(Ambiguous, match="5fb66a6"):
        await world.service.get("5fb66a6")
    for nothing in ("beef", "not an id", "", str(uuid.uuid4()), chunk_id(ID, 3)[:8]):
        with pytest.raises(NotFound):
            await world.service.get(nothing)


async def test_a_change_of_keys_reaches_every_chunk_without_embedding(world: World) -> None:
    await world.put(MemoryType.SEMANTIC, upstream_chunk(0), upstream_chunk(1))
    memory = await world.service.get(ID)
    changes = MemoryChanges(tags=("new",), metadata={"domain": "auth"}, removed_keys=("ticket",))
    edited = await world.service.update(memory, changes)
    assert world.embedder.embedded == []
    points = await world.points(ID)
    assert [point.payload["content"] for _, point in points] == ["piece 0", "piece 1"]
    for _, point in points:
        assert (point.payload["tags"], point.payload["domain"]) == (["new"], "auth")
        assert "ticket" not in point.payload
        assert point.payload["updated_at"] != "2026-11-20T10:00:00"
        assert point.has_vector
    assert (await world.service.history(ID))[0].summary == "tags +new −old, removed ticket, set domain"
    assert edited.metadata == {"domain": "auth"}


async def test_a_change_of_text_embeds_only_new_chunks_and_leaves_no_old_ones(world: World) -> None:
    memory = await world.service.create(MemoryDraft(LONG))
    world.embedder.embedded.clear()
    longer = await world.service.update(memory, MemoryChanges(content=LONG + "One more sentence at the end of it."))
    assert 0 < len(world.embedder.embedded) <= 2
    assert len(await world.points(memory.id)) == longer.chunk_count > memory.chunk_count
    short = await world.service.update(longer, MemoryChanges(content="now short"))
    ((_, point),) = await world.points(memory.id)
    assert (point.id, point.payload["is_chunk"], "full_content" in point.payload) == (memory.id, False, False)
    again = await world.service.update(short, MemoryChanges(content=LONG))
    assert [point.id for _, point in await world.points(memory.id)] == [
        chunk_id(memory.id, index) for index in range(again.chunk_count)
    ]
    assert (await world.service.history(memory.id))[0].summary == "edited text +1 −1 lines"


async def test_an_edit_that_changes_nothing_writes_nothing(world: World) -> None:
    memory = await world.service.create(MemoryDraft("text", tags=("a",)))
    same = await world.service.update(memory, MemoryChanges(content="text", tags=("a",), importance=0.5))
    assert same == memory
    assert len(await world.service.history(memory.id)) == 1


async def test_a_legacy_point_and_a_headless_group_are_read_and_edited(world: World) -> None:
    await world.put(MemoryType.SEMANTIC, Point(OTHER, {"content": "old", "tags": "one"}, vector_of("old")))
    await world.put(MemoryType.SEMANTIC, upstream_chunk(1))
    legacy, headless = await world.service.get(OTHER), await world.service.get(ID)
    assert (legacy.content, legacy.tags, legacy.headless) == ("old", ("one",), False)
    assert (headless.content, headless.headless, headless.chunk_count) == ("piece one, piece two", True, 1)
    await world.service.update(headless, MemoryChanges(tags=("kept",)))
    assert (await world.service.get(ID)).tags == ("kept",)
    whole = await world.service.update(await world.service.get(ID), MemoryChanges(content="whole again"))
    assert not whole.headless
    assert [point.id for _, point in await world.points(ID)] == [ID]


async def test_agents_that_look_do_not_hinder_an_edit_and_other_keys_keep_their_current_value(world: World) -> None:
    memory = await world.service.create(MemoryDraft("text", metadata={"mine": 1, "theirs": 1}))
    await world.vectors.set_payload(
        MemoryType.SEMANTIC, [memory.id], {"access_count": 7, "importance": 0.9, "accessed_at": "x", "theirs": 2}
    )
    edited = await world.service.update(memory, MemoryChanges(content="edited", metadata={"mine": 2}))
    assert (edited.content, edited.access_count, edited.importance) == ("edited", 7, 0.9)
    assert (edited.metadata["mine"], edited.metadata["theirs"]) == (2, 2)


async def test_a_key_changed_outside_is_a_conflict_until_it_was_seen(world: World) -> None:
    memory = await world.service.create(MemoryDraft("text", tags=("a",)))
    await world.vectors.set_payload(MemoryType.SEMANTIC, [memory.id], {"content": "outside", "tags": ["b"]})
    with pytest.raises(Conflict, match="content") as caught:
        await world.service.update(memory, MemoryChanges(content="mine"))
    assert isinstance(caught.value.current, Memory)
    assert caught.value.current.content == "outside"
    with pytest.raises(Conflict, match="tags"):
        await world.service.update(memory, MemoryChanges(tags=("c",)))
    assert (await world.service.update(memory, MemoryChanges(tags=("b",)))).tags == ("b",)
    assert (await world.service.update(caught.value.current, MemoryChanges(content="mine"))).content == "mine"
    await world.vectors.delete_points(MemoryType.SEMANTIC, [memory.id])
    with pytest.raises(Conflict) as gone:
        await world.service.update(memory, MemoryChanges(content="again"))
    assert gone.value.current is None


async def test_concurrent_edits_of_one_memory_are_done_one_after_the_other(world: World) -> None:
    memory = await world.service.create(MemoryDraft("text"))
    await asyncio.gather(*(world.service.edit_many([memory.id], add_tags=[f"t{number}"]) for number in range(8)))
    assert set((await world.service.get(memory.id)).tags) == {f"t{number}" for number in range(8)}
    assert len(await world.service.history(memory.id)) == 9


async def test_tags_are_added_and_removed_on_what_is_there_now_whatever_others_did_since_it_was_opened(
    world: World,
) -> None:
    opened = await world.service.create(MemoryDraft("text", tags=("a", "b")))
    added = [MemoryChanges(add_tags=(f"t{number}",), remove_tags=("a",)) for number in range(8)]
    await asyncio.gather(*(world.service.update(opened, one) for one in added))
    assert set((await world.service.get(opened.id)).tags) == {"b", *(f"t{number}" for number in range(8))}
    await world.service.update(opened, MemoryChanges(content="theirs"))
    with pytest.raises(Conflict, match="content"):
        await world.service.update(opened, MemoryChanges(content="mine", add_tags=("c",)))
    assert "c" not in (await world.service.get(opened.id)).tags


async def test_a_save_that_is_cancelled_halfway_is_finished_first(world: World) -> None:
    world.embedder.may_answer.clear()
    saving = asyncio.create_task(world.service.create(MemoryDraft(LONG, id=ID)))
    while not await world.service.pending_count():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    saving.cancel()
    world.embedder.may_answer.set()
    with pytest.raises(asyncio.CancelledError):
        await saving
    assert await world.service.pending_count() == 0
    memory = await world.service.get(ID)
    assert (memory.content, memory.pending) == (LONG, False)


async def test_a_memory_is_embedded_while_it_is_committed_and_not_read_again(world: World) -> None:
    async def embedding(_: Transaction) -> Sequence[NewChange]:
        async with asyncio.timeout(60):
            await world.embedder.asked.wait()
        return ()

    await world.service.create(MemoryDraft("the first makes the collections"))
    world.embedder.asked.clear()
    world.vectors.scroll = None  # type: ignore[method-assign, assignment]
    memory = await world.service.create(MemoryDraft("one text"), also=embedding)
    del world.vectors.scroll
    assert memory == await world.service.get(memory.id)


async def test_a_save_that_is_refused_embeds_no_more(world: World) -> None:
    async def refused(_: Transaction) -> Sequence[NewChange]:
        await world.embedder.asked.wait()
        raise Conflict("no", None)

    world.embedder.may_answer.clear()
    with pytest.raises(Conflict):
        await world.service.create(MemoryDraft("one text"), also=refused)
    assert len(asyncio.all_tasks()) == 1
    assert not world.embedder.embedded


async def test_a_change_of_type_moves_all_points_with_their_vectors(world: World) -> None:
    await world.put(MemoryType.SEMANTIC, upstream_chunk(0), upstream_chunk(1))
    moved = await world.service.update(await world.service.get(ID), MemoryChanges(type=MemoryType.PROCEDURAL))
    assert moved.type is MemoryType.PROCEDURAL
    assert moved.metadata["success_rate"] == 1.0
    points = await world.points(ID)
    assert [(type_, point.payload["content"]) for type_, point in points] == [
        (MemoryType.PROCEDURAL, "piece 0"),
        (MemoryType.PROCEDURAL, "piece 1"),
    ]
    assert all(point.has_vector and point.payload["memory_type"] == "procedural" for _, point in points)
    assert world.embedder.embedded == []


async def test_without_the_embedder_a_memory_is_saved_as_pending_and_embedded_later(world: World) -> None:
    world.embedder.away = True
    memory = await world.service.create(MemoryDraft(LONG))
    assert memory.pending
    assert memory.content == LONG
    tagged = await world.service.update(memory, MemoryChanges(tags=("meanwhile",)))
    assert tagged.pending
    assert await world.service.recover() == 0
    assert await world.service.pending_count() == 1
    (entry,) = await world.records.outbox.entries()
    assert entry.last_error == "the embedder is away"
    world.embedder.away = False
    assert await world.service.recover(due_only=True) == 0
    assert await world.service.recover() == 1
    embedded = await world.service.get(memory.id)
    assert (embedded.pending, embedded.tags, embedded.content) == (False, ("meanwhile",), LONG)
    assert len(await world.service.history(memory.id)) == 2


async def test_another_models_store_keeps_saving_and_never_mixes_vectors(world: World) -> None:
    await world.vectors.ensure(4, "other")
    await world.vectors.upsert(MemoryType.SEMANTIC, [Point(OTHER, {"content": "x"}, [1.0, 0.0, 0.0, 0.0])])
    memory = await world.service.create(MemoryDraft("text"))
    assert memory.pending
    kept = await world.service.update(await world.service.get(OTHER), MemoryChanges(tags=("a",)))
    assert not kept.pending
    moved = await world.service.update(kept, MemoryChanges(type=MemoryType.EPISODIC))
    assert (moved.pending, moved.content, moved.tags) == (True, "x", ("a",))
    assert await world.service.recover() == 0
    assert world.embedder.embedded == []


async def test_many_are_edited_in_one_act(world: World) -> None:
    ids = [(await world.service.create(MemoryDraft(f"text {number}", tags=("old",)))).id for number in range(5)]
    assert await world.service.edit_many(ids, add_tags=["new"], remove_tags=["old"], project="api") == 5
    assert await world.service.edit_many(ids, add_tags=["new"]) == 0
    gone = await world.service.create(MemoryDraft("gone"))
    await world.service.delete([gone.id])
    with pytest.raises(NotFound, match="deleted meanwhile"):
        await world.service.edit_many([gone.id], add_tags=["new"])
    groups = {(await world.service.history(memory_id))[0].group for memory_id in ids}
    assert len(groups) == 1
    assert (await world.service.get(ids[0])).project == "api"
    assert await world.service.edit_many(ids, project="", importance=0.9, type=MemoryType.EPISODIC) == 5
    memory = await world.service.get(ids[4])
    assert (memory.project, memory.importance, memory.type) == (None, 0.9, MemoryType.EPISODIC)


@pytest.mark.parametrize(
    "changes",
    [
        MemoryChanges(importance=1.5),
        MemoryChanges(metadata={"parent_id": "x"}),
        MemoryChanges(tags=("a text " * 40,)),
        MemoryChanges(project="a text " * 40),
        MemoryChanges(tags=("two\nlines",)),
        MemoryChanges(project="\x1b[31mred"),
    ],
)
async def test_values_that_cannot_be_are_refused(world: World, changes: MemoryChanges) -> None:
    memory = await world.service.create(MemoryDraft("text"))
    with pytest.raises(InvalidInput):
        await world.service.update(memory, changes)
    with pytest.raises(InvalidInput):
        await world.service.create(MemoryDraft("x", importance=-1))
    with pytest.raises(InvalidInput):
        await world.service.create(MemoryDraft("x", id="17"))
    with pytest.raises(InvalidInput, match="a name has at most 200"):
        await world.service.create(MemoryDraft("x", tags=("a text " * 40,)))
    told = r"^'a\\u202eb': a name takes no line breaks, controls or invisible characters; it has U\+202E$"
    for draft in (MemoryDraft("x", tags=("a\u202eb",)), MemoryDraft("x", project="a\u202eb")):
        with pytest.raises(InvalidInput, match=told):
            await world.service.create(draft)
    with pytest.raises(Conflict):
        await world.service.create(MemoryDraft("x", id=memory.id))


def test_names_that_others_wrote_stay_whatever_is_in_them_and_can_be_taken_away() -> None:
    stored = State(MemoryType.SEMANTIC, {"content": "x", "tags": ["a\nb", "long " * 50], "project": " \x1bp "})
    more = edited(stored, MemoryChanges(tags=("a\nb", "long " * 50, " new "), project=" \x1bp "))
    assert more.payload == {**stored.payload, "tags": ["a\nb", ("long " * 50).strip(), "new"]}
    assert edited(more, MemoryChanges(tags=("new",), project=" ")).payload == {"content": "x", "tags": ["new"]}
    twice = State(stored.type, {"content": "x", "tags": ["a", "a"]})
    assert edited(twice, MemoryChanges(importance=0.5)).payload["tags"] == ["a", "a"], "they stay as others wrote them"


async def test_many_are_stored_and_storing_them_again_changes_nothing(world: World) -> None:
    memories = [Memory(str(uuid.uuid4()), MemoryType.EPISODIC, f"text {number}") for number in range(30)]
    long = Memory(ID, MemoryType.SEMANTIC, LONG, metadata={"x": None, "created_at": "last week"})
    texts = chunks(LONG, 60, 10)
    items = [Incoming(memory) for memory in memories]
    items.append(Incoming(long, tuple(vector_of(f"kept {text}") for text in texts), "watched"))
    assert await store_many(world.service, items) == StoredMany(created=31)
    assert not set(texts) & set(world.embedder.embedded)
    assert await store_many(world.service, items) == StoredMany(unchanged=31)
    assert len(await world.service.history(ID)) == 1
    assert await world.service.pending_count() == 0
    stored = await world.service.get(ID)
    assert replace(stored, chunk_count=1) == long
    changed = [Incoming(replace(memories[0], tags=("new",))), Incoming(memories[1]), Incoming(memories[0])]
    assert await store_many(world.service, changed) == StoredMany(unchanged=3)  # as it was, in the end
    assert (await world.service.get(memories[0].id)).tags == ()


@pytest.mark.parametrize("vectors", [((1.0,) * 8,) * 2, ((1.0,) * 3,), ((float("nan"),) * 8,)])
async def test_given_vectors_that_do_not_fit_are_made_again(
    world: World, vectors: tuple[tuple[float, ...], ...]
) -> None:
    memory = Memory(ID, MemoryType.SEMANTIC, "text")
    await store_many(world.service, [Incoming(memory, vectors, "watched")])
    assert world.embedder.embedded == ["text"]
    await store_many(world.service, [Incoming(Memory(OTHER, MemoryType.SEMANTIC, "two"), ((1.0,) * 8,), "unknown")])
    assert world.embedder.embedded == ["text", "two"]


async def test_texts_that_no_store_can_hold_are_brought_into_a_form_that_is_kept(world: World) -> None:
    memory = await world.service.create(MemoryDraft("a\ud800b\0", metadata={"n": float("inf")}))
    assert memory.content == "a\ufffdb\0"
    assert await store_many(world.service, [Incoming(memory)]) == StoredMany(unchanged=1)
    await world.service.update(memory, MemoryChanges(content="\udfff"))
    await world.service.undo()
    assert (await world.service.get(memory.id)).content == "a\ufffdb\0"


async def test_a_very_long_memory_is_saved_and_read(world: World) -> None:
    text = LONG * 500
    memory = await world.service.create(MemoryDraft(text))
    assert memory.content == text
    assert memory.chunk_count == len(chunks(text, 60, 10))
    assert not memory.pending


async def test_relations_show_the_other_end_also_when_it_is_named_by_a_chunk(world: World) -> None:
    memory = await world.service.create(MemoryDraft("text"))
    long = await world.service.create(MemoryDraft(LONG))
    nothing = str(uuid.uuid4())
    async with world.records.transaction() as transaction:
        await transaction.relations.insert(
            [
                NewRelation(memory.id, chunk_id(long.id, 2), RelationType.FIXES),
                NewRelation(nothing, memory.id, RelationType.CAUSES),
            ]
        )
    causes, fixes = sorted(await world.service.relations(memory.id), key=lambda one: one.relation.type)
    assert fixes.outgoing
    assert fixes.other is not None
    assert fixes.other.id == long.id
    assert (causes.outgoing, causes.other) == (False, None)


async def test_the_newest_update_is_told_for_polling(world: World) -> None:
    assert await world.service.latest_update() is None
    memory = await world.service.create(MemoryDraft("text"))
    before = await world.service.latest_update()
    await world.service.update(memory, MemoryChanges(tags=("a",)))
    after = await world.service.latest_update()
    assert before is not None
    assert after is not None
    assert after > before


async def test_a_chunk_is_never_written_over_a_memory_that_stands_under_its_id(world: World) -> None:
    """MCP Memoria's web page makes a memory under the id of a chunk when that chunk's text is edited there."""
    memory = await world.service.create(MemoryDraft("short"))
    squatter = chunk_id(memory.id, 0)
    await world.put(MemoryType.SEMANTIC, Point(squatter, {"content": "mine", "parent_id": squatter}, vector_of("mine")))
    await world.service.update(memory, MemoryChanges(content=LONG))
    assert (await world.service.get(squatter)).content == "mine"
    whole = await world.service.get(memory.id)
    assert (whole.content, whole.headless, whole.pending) == (LONG, False, False)
    await world.service.update(whole, MemoryChanges(content=LONG + " more"))
    await world.service.delete([memory.id])
    assert (await world.service.get(squatter)).content == "mine"
    await world.service.restore([memory.id])
    assert (await world.service.get(memory.id)).content == LONG + " more"
    assert (await world.service.get(squatter)).content == "mine"
