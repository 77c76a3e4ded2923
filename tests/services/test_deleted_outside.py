"""What other programs delete for good lies in our trash; a store that is not read whole is never taken for emptied."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Collection, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import cast

import pytest

from services.container import Services
from services.errors import StoreUnavailable
from services.memories.deleted_outside import UNASKED, OutsideDeletions
from services.memories.stored_memories import memory_id_of
from services.model import MemoryDraft, MemoryType, RelationType
from services.points import Scroll
from services.ports import NewRelation, SwitchableStore
from services.settings import Settings
from tests.services.edge_here import services_here


@pytest.fixture
async def services(tmp_path: Path, postgres_url: str) -> AsyncIterator[Services]:
    async with services_here(Settings(home=tmp_path, database_url=postgres_url, zone="UTC")) as services:
        yield services


async def deleted_outside(services: Services, memory_id: str) -> None:
    """As MCP Memoria deletes: the points go, relations and history stay."""
    points = await services.vectors.scroll(Scroll(MemoryType.SEMANTIC, 1000, payload_keys=("parent_id",)))
    theirs = [point.id for point in points if memory_id_of(point) == memory_id]
    await services.vectors.delete_points(MemoryType.SEMANTIC, theirs)


async def test_a_memory_that_another_program_deleted_is_in_the_trash_and_comes_back_with_its_relations(
    services: Services,
) -> None:
    gone = await services.memories.create(MemoryDraft("deleted by an agent " * 60, tags=("kept",)))
    stays = await services.memories.create(MemoryDraft("stays"))
    await services.graph.link_many([NewRelation(gone.id, stays.id, RelationType.FIXES)])
    assert (await services.memories.outside.notice()).ids == ()
    await deleted_outside(services, gone.id)
    found = await services.memories.outside.notice()
    assert (found.ids, found.living) == ((gone.id,), 2)
    (trashed,) = await services.memories.trash()
    assert (trashed.memory.content, trashed.actor) == (gone.content, "another program")
    assert trashed.relations == 1
    assert (await services.memories.outside.notice()).ids == ()
    assert await services.memories.restore([gone.id]) == 1
    back = await services.memories.get(gone.id)
    assert (back.content, back.tags) == (gone.content, ("kept",))
    assert len(await services.memories.relations(gone.id)) == 1


async def test_undo_takes_nothing_back_that_another_program_did(services: Services) -> None:
    gone = await services.memories.create(MemoryDraft("deleted by an agent"))
    stays = await services.memories.create(MemoryDraft("made last"))
    await deleted_outside(services, gone.id)
    await services.memories.outside.notice()
    undone = await services.memories.undo()
    assert undone.entity_ids == (stays.id,)


async def test_an_emptied_store_is_a_problem_that_is_named_and_nothing_is_moved_by_itself(services: Services) -> None:
    made = [await services.memories.create(MemoryDraft(f"memory {number}")) for number in range(UNASKED + 1)]
    await services.vectors.delete_points(MemoryType.SEMANTIC, [one.id for one in made])
    (told,) = [line for line in await services.health.problems() if "not in the vector store" in line]
    assert told.startswith("21 of the 21 memories")
    assert await services.memories.trash() == ()
    found = await services.memories.outside.find()
    assert await services.memories.outside.accept(found.ids) == UNASKED + 1
    assert len(await services.memories.trash(100)) == UNASKED + 1
    assert await services.health.problems() == []


async def test_an_embedded_store_whose_folder_is_gone_is_told_and_nothing_is_taken_for_deleted(
    tmp_path: Path, postgres_url: str
) -> None:
    settings = Settings(home=tmp_path, database_url=postgres_url, zone="UTC")
    async with services_here(settings) as services:
        for text in ("one", "two"):
            await services.memories.create(MemoryDraft(text))
        assert await services.memories.outside.emptied() == ""
    shutil.rmtree(settings.vectors_dir)
    async with services_here(settings) as services:
        told = await services.memories.outside.emptied()
        assert told.startswith("2 of the 2 memories that the history knows are not in the vector store")
        assert told in await services.health.problems()
        assert await services.memories.trash() == ()


class HalfRead:
    """A store that fails, or lacks collections, in the middle of being read."""

    def __init__(self, store: SwitchableStore, collections: Iterator[Collection[MemoryType]] | None = None) -> None:
        """`collections`: those that it has at each look; None: it fails."""
        self._store = store
        self._collections = collections

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def scroll(self, *_: object) -> list[object]:
        if self._collections is not None:
            return []
        raise StoreUnavailable("qdrant: away")

    async def info(self) -> object:
        info = await self._store.info()
        return info if self._collections is None else {type_: info[type_] for type_ in next(self._collections)}


@pytest.mark.parametrize(
    "collections",
    [None, repeat([MemoryType.EPISODIC]), chain(repeat([], 5), repeat(MemoryType))],
    ids=["fails", "some are there", "they come back"],
)
async def test_a_store_that_is_not_read_whole_deletes_nothing(
    services: Services, collections: Iterator[Collection[MemoryType]] | None
) -> None:
    await services.memories.create(MemoryDraft("there"))
    saver = services.memories._saver
    saver.vectors = cast("SwitchableStore", HalfRead(services.vectors, collections))
    with pytest.raises(StoreUnavailable):
        await OutsideDeletions(saver, shared=True, rest=0.0).notice()
    assert await services.memories.trash() == ()


async def test_a_shared_store_that_lost_its_collections_is_told_and_nothing_is_taken_for_deleted(
    services: Services,
) -> None:
    await services.memories.create(MemoryDraft("there"))
    saver, there = services.memories._saver, services.vectors
    saver.vectors = cast("SwitchableStore", HalfRead(there, repeat([])))
    told = await OutsideDeletions(saver, shared=True, rest=0.0).emptied()
    assert told.startswith("1 of the 1 memories that the history knows are not in the vector store: it was emptied")
    assert (await OutsideDeletions(saver, shared=True, rest=0.0).notice()).many
    assert await services.memories.trash() == ()
