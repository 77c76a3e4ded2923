"""Tags and projects over all memories: other spellings are found, one name for several is one act."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from services.curation.curation_values import Naming
from services.curation.tags_and_projects import NameService, similar
from services.model import FacetCount, Memory, MemoryDraft, MemoryType, Progress
from services.records import Records
from services.search.search_service import SearchService
from tests.services.memory_world import World, open_world


@pytest.fixture
async def world(records: Records) -> AsyncIterator[World]:
    async with open_world(records) as opened:
        yield opened


@pytest.fixture
def names(world: World) -> NameService:
    search = SearchService(world.vectors, world.embedder, world.records, world.settings, lambda: datetime.now(UTC))
    return NameService(world.vectors, search, world.service)


async def written(world: World, text: str, *tags: str, **fields: object) -> Memory:
    return await world.service.create(MemoryDraft(text, tags=tags, **fields))  # type: ignore[arg-type]


async def counts(names: NameService, naming: Naming = Naming.TAG) -> dict[str, int]:
    return {one.value: one.count for one in await names.in_use(naming)}


@pytest.mark.parametrize(
    ("spelled", "groups"),
    [
        ("auth Auth AUTH", [["auth", "Auth", "AUTH"]]),
        ("réunion reunion", [["réunion", "reunion"]]),
        ("api-key api_key apikeys", [["api-key", "api_key", "apikeys"]]),
        ("policy policies patch patches", [["policy", "policies"], ["patch", "patches"]]),
        ("v1-0 v1.0 v10 2.1 21 2026-1-1 2026-11", [["v1-0", "v1.0"]]),
        ("かき がき news new naïve naive", [["naïve", "naive"]]),
        ("tag tags https http rails rail dns dn", [["tag", "tags"]]),
        ("js j status statu access acces aws aw c c++", []),
    ],
)
def test_other_spellings_are_found_the_most_used_first(spelled: str, groups: list[list[str]]) -> None:
    used = [FacetCount(name, 100 - place) for place, name in enumerate(spelled.split())]
    assert [[one.value for one in some] for some in similar(used[::-1])][::-1] == groups


async def test_a_tag_is_renamed_in_its_place_in_all_memories_and_back_by_one_undo(
    world: World, names: NameService
) -> None:
    one = await written(world, "One memory, long enough to be cut into several chunks here", "a", "auths", "b")
    await written(world, "two", "auths", type=MemoryType.EPISODIC)
    other = await written(world, "three", "auth", "auths")
    told: list[Progress] = []
    assert await names.rename(Naming.TAG, {"auths": "auth"}, told.append) == 3
    assert (await world.service.get(one.id)).tags == ("a", "auth", "b")
    assert (await world.service.get(other.id)).tags == ("auth",)
    assert await counts(names) == {"auth": 3, "a": 1, "b": 1}
    assert (told[-1].done, told[-1].total) == (3, 3)
    await world.service.undo()
    assert await counts(names) == {"auths": 3, "a": 1, "auth": 1, "b": 1}


async def test_several_are_merged_and_others_deleted_at_once(world: World, names: NameService) -> None:
    memory = await written(world, "one", "Auth", "old", "AUTH")
    assert await names.rename(Naming.TAG, {"Auth": "auth", "AUTH": "auth", "old": None, "unknown": "x"}) == 1
    assert (await world.service.get(memory.id)).tags == ("auth",)
    assert await names.rename(Naming.TAG, {"unknown": "x"}) == 0


async def test_projects_are_renamed_and_taken_away(world: World, names: NameService) -> None:
    first = await written(world, "one", project="Api")
    second = await written(world, "two", project="old")
    assert await names.rename(Naming.PROJECT, {"Api": "api", "old": None}) == 2
    assert [(await world.service.get(one.id)).project for one in (first, second)] == ["api", None]
    await world.service.undo()
    assert await counts(names, Naming.PROJECT) == {"Api": 1, "old": 1}
