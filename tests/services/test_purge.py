"""Purging: what a person asks to be erased is gone from both stores, the history and later backups."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest

from services.errors import Conflict, NotFound
from services.model import Action, Entity, Kind, MemoryChanges, MemoryDraft, RelationType
from services.points import Point
from services.ports import NewRelation
from services.records import Records
from tests.services.memory_world import World, open_world
from tests.services.servers import query

SECRET = "the key is hunter2-zebra"
LONG = "".join(f"{SECRET}, sentence {number}. " for number in range(12))


@pytest.fixture
async def world(records: Records) -> AsyncIterator[World]:
    async with open_world(records) as opened:
        yield opened


def dump(url: str) -> str:
    """Every row of every table, as text."""
    tables = query(
        url,
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind IN ('r', 'm') AND n.nspname IN ('public', 'memoria_tui')",
    )
    return "\n".join(str(query(url, f"SELECT t::text FROM {name} t")) for (name,) in tables)


async def test_nothing_of_a_purged_memory_is_left_in_either_store(world: World, postgres_url: str) -> None:
    first = await world.service.create(MemoryDraft("before", tags=("hunter2-tag",)))
    memory = await world.service.update(first, MemoryChanges(content=LONG))
    other = await world.service.create(MemoryDraft("another one"))
    async with world.records.transaction() as transaction:
        await transaction.relations.insert(
            [NewRelation(memory.id, other.id, RelationType.FIXES, metadata={"why": "hunter2-why"})]
        )
        await transaction.rejected.add(memory.id, other.id, RelationType.CAUSES)
    await world.service.delete([memory.id])
    assert "hunter2" in dump(postgres_url)
    purged = await world.service.purge([memory.id])
    assert (purged.memories, "hunter2" in dump(postgres_url)) == (1, False)
    assert await world.points(memory.id) == []
    assert query(postgres_url, "SELECT count(*) FROM public.rejected_suggestions") == [(0,)]
    (line,) = await world.records.history.changes_of(Entity.MEMORY, memory.id)
    assert (line.action, line.kind, line.summary) == (Action.DELETED, Kind.PURGE, "purged")
    assert (line.before, line.after, line.content_hash) == (None, None, None)
    assert await world.service.trash() == ()
    assert not await world.service.trash_ids()
    with pytest.raises(NotFound, match="not in the trash"):
        await world.service.restore([memory.id])


async def test_a_memory_that_was_not_deleted_is_purged_where_it_is(world: World, postgres_url: str) -> None:
    memory = await world.service.create(MemoryDraft(LONG))
    await world.service.purge([memory.id])
    assert await world.points(memory.id) == []
    assert "hunter2" not in dump(postgres_url)
    with pytest.raises(NotFound):
        await world.service.get(memory.id)


async def test_what_else_an_act_changed_can_still_be_undone(world: World) -> None:
    memories = [await world.service.create(MemoryDraft(f"memory {number}")) for number in range(3)]
    await world.service.edit_many([one.id for one in memories], project="moved")
    for one in memories:
        await world.service.get(one.id)
    await world.service.purge([memories[0].id])
    await world.service.undo()
    assert [(await world.service.get(one.id)).project for one in memories[1:]] == [None, None]


async def test_what_is_older_than_a_purge_is_not_undone_without_a_question(world: World) -> None:
    kept, gone = [await world.service.create(MemoryDraft(text)) for text in ("kept", "gone")]
    for text in ("kept since", "kept still"):
        kept = await world.service.update(kept, MemoryChanges(content=text))
    await world.service.delete([gone.id])
    await world.service.purge([gone.id])
    asked = await world.service.undo_preview()
    assert asked.reasons(asked.act.actor, asked.act.program) == (
        "something was erased for good since, which cannot be undone",
    )
    await world.service.undo(asked.group)
    asked = await world.service.undo_preview()
    assert asked.reasons(asked.act.actor, asked.act.program) == ()


async def test_only_what_was_deleted_before_an_instant_is_named(world: World, postgres_url: str) -> None:
    old, new = [await world.service.create(MemoryDraft(text)) for text in ("old", "new")]
    await world.service.delete([old.id])
    (instant,) = query(postgres_url, "SELECT clock_timestamp()")[0]
    await world.service.delete([new.id])
    assert isinstance(instant, datetime)
    assert list(await world.service.trash_ids(instant)) == [old.id]
    assert list(await world.service.trash_ids()) == [new.id, old.id]
    assert not await world.service.trash_ids(datetime(2020, 1, 1, tzinfo=UTC))


async def test_nothing_is_purged_while_points_of_it_are_stored(world: World, postgres_url: str) -> None:
    memory = await world.service.create(MemoryDraft(SECRET))
    ((type_, point),) = await world.points(memory.id)
    await world.service.delete([memory.id])
    async with world.records.transaction() as transaction:
        (change,) = await world.records.history.changes_of(Entity.MEMORY, memory.id, limit=1)
        await transaction.outbox.put({memory.id: change.id})
    with pytest.raises(Conflict, match="nothing was purged"):
        await world.service.purge([memory.id])
    async with world.records.transaction() as transaction:
        await transaction.outbox.remove({memory.id: change.id})
    await world.put(type_, Point(point.id, point.payload, point.vector))
    await world.service.purge([memory.id])
    assert "hunter2" not in dump(postgres_url)


async def test_what_was_restored_or_changed_while_a_person_was_asked_stays(world: World) -> None:
    drafts = ("gone", "restored", "deleted again", "edited", "here")
    gone, restored, again, edited, here = [await world.service.create(MemoryDraft(text)) for text in drafts]
    await world.service.delete([gone.id, restored.id, again.id])
    seen = await world.service.trash_ids() | await world.service.numbers([edited.id, here.id])
    await world.service.restore([restored.id, again.id])
    await world.service.delete([again.id])
    await world.service.update(edited, MemoryChanges(content="a new text"))
    purged = await world.service.purge(list(seen), seen)
    assert (purged.memories, set(purged.left)) == (2, {restored.id, again.id, edited.id})
    assert list(await world.service.trash_ids()) == [again.id]
    assert (await world.service.get(restored.id)).content == "restored"
    assert (await world.service.get(edited.id)).content == "a new text"
    assert (await world.service.purge([restored.id], seen)).memories == 0


async def test_an_unknown_memory_is_told_and_nothing_is_purged(world: World) -> None:
    memory = await world.service.create(MemoryDraft(SECRET))
    await world.service.delete([memory.id])
    with pytest.raises(NotFound, match="not in the trash"):
        await world.service.purge([memory.id, str(uuid4())])
    assert (await world.service.deleted(memory.id)).content == SECRET


async def test_the_history_stays_append_only_for_everybody_else(world: World, postgres_url: str) -> None:
    memory = await world.service.create(MemoryDraft(SECRET))
    await world.service.purge([memory.id])
    for statement in ("DELETE FROM memoria_tui.audit_log", "TRUNCATE memoria_tui.audit_log CASCADE"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            query(postgres_url, statement)
