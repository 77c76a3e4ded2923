"""Sets of collections: a draft beside the set in use takes its place in one step, and the former one is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.errors import Conflict, ModelMismatch, StoreMismatch
from services.model import MemoryType
from services.points import DenseSearch, TextSearch
from services.ports import Draft, SwitchableStore, VectorStore
from tests.services.memory_world import quick_folder
from tests.services.stores import DIMENSIONS, MODEL, opened_store, point

S = MemoryType.SEMANTIC
NEXT = Draft("reembed", 2 * DIMENSIONS, "next-model")
AGAIN = Draft("restore 3f2a", DIMENSIONS, MODEL)
WIDE = [1.0] * 2 * DIMENSIONS


@pytest.fixture(params=["edge", "server"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[SwitchableStore]:
    """A store with two memories."""
    with quick_folder() as folder:
        async with opened_store(request.param, Path(folder, "qdrant")) as store:
            await store.ensure(DIMENSIONS, MODEL)
            await store.upsert(S, [point(1, "the first", [1, 0, 0, 0]), point(2, "the second", [0, 1, 0, 0])])
            yield store


async def contents(store: VectorStore) -> tuple[int, str | None, int]:
    """Points, model and dimensions of the semantic memories."""
    found = (await store.info())[S]
    return found.points, await store.model(), found.dimensions


async def test_a_draft_takes_the_place_of_the_set_in_use_which_is_kept_until_it_is_dropped(
    store: SwitchableStore,
) -> None:
    assert await store.draft() is None
    assert await store.former() is None
    draft = await store.open_draft(NEXT)
    assert await store.draft() == NEXT
    await draft.upsert(S, [point(3, "the third", WIDE)])
    await draft.upsert(MemoryType.EPISODIC, [point(4, "the fourth", WIDE)])
    await store.upsert(S, [point(5, "the fifth", [1, 0, 0, 0])])
    assert await contents(store) == (3, MODEL, DIMENSIONS)
    assert await contents(draft) == (1, "next-model", 2 * DIMENSIONS)
    await store.prepare_adoption()
    await store.upsert(S, [point(6, "written late", [1, 0, 0, 0], updated_at="2999-01-01T00:00:00")])
    await store.adopt_draft()
    assert await store.draft() is None
    assert await contents(store) == (1, "next-model", 2 * DIMENSIONS)
    with pytest.raises(ModelMismatch, match="next-model"):  # of this program, which wanted the former model
        await store.search([DenseSearch(S, [1.0] * DIMENSIONS, 5)])
    await store.ensure(NEXT.dimensions, NEXT.model)
    words, near = await store.search([TextSearch(S, "third", 5), DenseSearch(S, WIDE, 5)])
    assert [hit.id for hit in words] == [hit.id for hit in near] == [point(3).id]
    former = await store.open_former()
    assert former is not None
    assert await contents(former) == (4, MODEL, DIMENSIONS)
    (kept,) = await former.retrieve(S, [point(2).id], vectors=True)
    assert list(kept.vector or ()) == pytest.approx([0, 1, 0, 0])
    assert (described := await store.former())
    assert (described.dimensions, described.model) == (DIMENSIONS, MODEL)
    assert await store.drop_former() == 4
    assert await store.former() is None
    assert await store.open_former() is None
    assert await store.drop_former() == 0
    assert await contents(store) == (1, "next-model", 2 * DIMENSIONS)


async def test_a_second_adoption_drops_the_oldest_set_and_adopting_twice_changes_nothing(
    store: SwitchableStore,
) -> None:
    await store.open_draft(NEXT)
    await store.adopt_draft()
    await store.adopt_draft()
    assert (former := await store.former())
    assert former.model == MODEL
    draft = await store.open_draft(AGAIN)
    await draft.upsert(S, [point(7, "again", [0, 0, 0, 1])])
    await store.adopt_draft()
    assert await store.former() == NEXT
    assert await contents(store) == (1, MODEL, DIMENSIONS)
    assert await store.drop_former() == 0


async def test_a_draft_goes_on_under_its_own_name_only_and_can_be_dropped(store: SwitchableStore) -> None:
    draft = await store.open_draft(NEXT)
    await draft.upsert(S, [point(3, "the third", WIDE)])
    assert await contents(await store.open_draft(NEXT)) == (1, "next-model", 2 * DIMENSIONS)
    with pytest.raises(Conflict, match="reembed: next-model, 8 dimensions"):
        await store.open_draft(AGAIN)
    await store.drop_draft()
    await store.drop_draft()
    assert await store.draft() is None
    with pytest.raises(StoreMismatch):
        await draft.upsert(S, [point(3, "the third", WIDE)])
    assert await contents(await store.open_draft(AGAIN)) == (0, MODEL, DIMENSIONS)
    assert await contents(store) == (2, MODEL, DIMENSIONS)
