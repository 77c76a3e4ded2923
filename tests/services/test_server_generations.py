"""Sets of collections on a server: an adoption that is stopped anywhere is completed, and what is asked of Qdrant."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Coroutine
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient

from services.adapters.collections import SHARED_INDEXES
from services.adapters.server.server_store import ServerVectorStore
from services.errors import StoreUnavailable
from services.model import MemoryType
from services.points import Scroll
from services.ports import Draft
from tests.qdrant_server import Qdrant, running_qdrant
from tests.services.stores import DIMENSIONS, MODEL, ident, point

S = MemoryType.SEMANTIC
NEXT = Draft("reembed", 2 * DIMENSIONS, "next-model")
OTHER = Draft("reembed", DIMENSIONS, "other-model")
STRIDE = 1 if "MEMORIA_TEST_ACTS" in os.environ else 2
"""Changes from one that is tried to the next: each kind is made of three collections, so that all kinds are met."""
_CHANGES = ("create_collection", "delete_collection", "update_collection_aliases", "upsert", "delete")


@pytest.fixture(autouse=True)
def few_indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most requests make indexes, which are no steps here."""
    for kept in SHARED_INDEXES.values():
        for key in set(kept) - {"parent_id"}:
            monkeypatch.delitem(kept, key)


class Killed(Exception):
    """The program ends here."""


class Steps:
    """A client that stops before one of its changes, for good; remembers the changes that it made."""

    def __init__(self, client: AsyncQdrantClient, last: int | None = None) -> None:
        self._client = client
        self._left = last
        self.made: list[tuple[str, Any]] = []

    def __getattr__(self, method: str) -> Any:
        if method not in _CHANGES:
            return getattr(self._client, method)

        async def change(*arguments: Any, **keywords: Any) -> Any:
            if self._left is not None and len(self.made) >= self._left:
                raise Killed
            self.made.append((method, keywords.get("change_aliases_operations", arguments[:1])))
            return await getattr(self._client, method)(*arguments, **keywords)

        return change


def program(client: AsyncQdrantClient, last: int | None = None) -> tuple[ServerVectorStore, Steps]:
    """A program on the server that is killed before the change of this number."""
    steps = Steps(client, last)
    return ServerVectorStore(client=steps), steps  # type: ignore[arg-type]


async def filled(client: AsyncQdrantClient) -> ServerVectorStore:
    """A store as upstream makes it, with a draft beside it."""
    store, _ = program(client)
    await store.ensure(DIMENSIONS, MODEL)
    await store.upsert(S, [point(number, f"memory {number}", [1, number, 0, 0]) for number in range(1, 4)])
    draft = await store.open_draft(NEXT)
    await draft.upsert(S, [point(number, f"memory {number}", [1.0] * 2 * DIMENSIONS) for number in range(1, 4)])
    return store


async def lived(work: Coroutine[Any, Any, object]) -> bool:
    """Whether the program came to the end of the work."""
    with contextlib.suppress(Killed):
        await work
        return True
    return False


async def ids(store: ServerVectorStore) -> list[str]:
    return [one.id for one in await store.scroll(Scroll(S, 10))]


ALL = [ident(number) for number in range(1, 4)]


@pytest.mark.parametrize(
    ("again", "stride"), [(False, STRIDE), (True, 1)], ids=["collections become aliases", "aliases change"]
)
async def test_an_adoption_killed_before_any_of_its_changes_is_completed(again: bool, stride: int) -> None:
    for last in range(0, 40, stride):
        with running_qdrant() as qdrant:
            if await adopted(qdrant.client(), last, again):
                assert last >= (1 if again else 12)
                return
    pytest.fail("the adoption never ended")


async def adopted(client: AsyncQdrantClient, last: int, again: bool) -> bool:
    """Whether an adoption that may make `last` changes comes to its end; the next program always completes it."""
    first = await filled(client)
    if again:
        await first.adopt_draft()
        draft = await first.open_draft(OTHER)
        await draft.upsert(S, [point(number, f"memory {number}", [1, 0, 0, number]) for number in range(1, 4)])
    dying, steps = program(client, last)
    ended = await lived(dying.adopt_draft())
    next_one, _ = program(client)
    with contextlib.suppress(StoreUnavailable):  # in the gap
        assert await ids(next_one) == ALL
    assert await next_one.draft() in (None, OTHER if again else NEXT)  # asking for it completes what must be
    assert await ids(next_one) == ALL
    await next_one.adopt_draft()
    assert await next_one.draft() is None
    assert (await next_one.model()) == ("other-model" if again else "next-model")
    former = await next_one.open_former()
    assert former is not None
    assert [one.id for one in await former.scroll(Scroll(S, 10))] == ALL
    assert (await former.info())[S].dimensions == (2 * DIMENSIONS if again else DIMENSIONS)
    assert await next_one.drop_former() == 3
    assert len((await client.get_collections()).collections) == 3
    assert not ended or last - len(steps.made) in range(STRIDE)
    return ended


async def test_a_draft_whose_making_was_killed_is_made_again_without_leftovers(qdrant: Qdrant) -> None:
    client = qdrant.client()
    store, _ = program(client)
    await store.ensure(DIMENSIONS, MODEL)
    for last in range(5):
        dying, _ = program(client, last)
        assert await lived(dying.open_draft(NEXT)) == (last == 4)
        await (await store.open_draft(NEXT)).upsert(S, [point(1, "text", [1.0] * 2 * DIMENSIONS)])
        assert len((await client.get_collections()).collections) == 6
        await store.drop_draft()
        assert len((await client.get_collections()).collections) == 3


async def test_in_the_gap_readers_are_told_to_try_again_and_a_start_completes_it_without_an_empty_collection(
    qdrant: Qdrant,
) -> None:
    client = qdrant.client()
    dying, steps = program(client)
    await filled(client)
    await dying.prepare_adoption()
    before = len(steps.made)
    dying, steps = program(client, 1 + 3)  # promotes the copies, deletes the three
    with pytest.raises(Killed):
        await dying.adopt_draft()
    assert [method for method, _ in steps.made] == ["update_collection_aliases", *["delete_collection"] * 3]
    assert before
    reader, _ = program(client)
    with pytest.raises(StoreUnavailable, match="try again in a moment"):
        await reader.count(S)
    assert not (await reader.status()).ok
    starting, _ = program(client)
    await starting.ensure(NEXT.dimensions, NEXT.model)
    assert await ids(starting) == await ids(reader) == ALL


async def test_sets_behind_aliases_change_places_in_one_request(qdrant: Qdrant) -> None:
    client = qdrant.client()
    store = await filled(client)
    await store.adopt_draft()
    await store.open_draft(OTHER)
    second, steps = program(client)
    await second.adopt_draft()
    method, operations = steps.made[0]
    assert method == "update_collection_aliases"
    told = [operation.model_dump() for operation in operations]
    given = {one["create_alias"]["alias_name"]: one["create_alias"]["collection_name"] for one in told[:6]}
    assert [one["delete_alias"]["alias_name"] for one in told[6:]] == [f"{type_}-draft" for type_ in MemoryType]
    assert {given[type_] for type_ in MemoryType}.isdisjoint(given[f"{type_}-former"] for type_ in MemoryType)
    assert {method for method, _ in steps.made[1:]} == {"delete_collection"}  # of the oldest set


async def test_another_programs_change_of_size_is_noticed(qdrant: Qdrant) -> None:
    client = qdrant.client()
    store = await filled(client)
    await store.upsert(S, [point(4, "known", [1, 0, 0, 0])])
    other, _ = program(client)
    await other.adopt_draft()
    await store.upsert(S, [point(5, "of the new size", [1.0] * 2 * DIMENSIONS)])
    assert await store.count(S) == 4
