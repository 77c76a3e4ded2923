"""The life of a memory: confirmed, pinned, outdated from a day on, by hand and by rule."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from services.acting import Actor, Scope, acting_as
from services.curation.trust import Lifetime, LifetimeOf, TrustService
from services.errors import InvalidInput
from services.graph.graph_service import GraphService
from services.memories.editing import summary
from services.memories.memory_service import MemoryService
from services.memories.payload import State
from services.model import AGENT, Memory, MemoryDraft, MemoryType, RelationType
from services.ports import NewRelation
from services.records import Records
from services.search.query import parse_query
from services.search.search_service import SearchService
from services.times import parse_until
from tests.services.memory_world import World, open_world

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
async def world(records: Records) -> AsyncIterator[World]:
    async with open_world(records) as opened:
        yield opened


@pytest.fixture
def trust(world: World) -> TrustService:
    return TrustService(world.vectors, world.records, world.service, world.settings, lambda: NOW)


def after(world: World, days: int, service: MemoryService | None = None) -> TrustService:
    """As it is so many days later."""
    clock = NOW + timedelta(days, hours=1)
    return TrustService(world.vectors, world.records, service or world.service, world.settings, lambda: clock)


async def written(world: World, text: str, *tags: str, days: int = 0, **keys: object) -> Memory:
    """Made so many days ago."""
    made = NOW - timedelta(days)
    return await world.service.create(MemoryDraft(text, tags=tags, metadata=keys, created_at=made))


async def found(world: World, query: str) -> list[str]:
    search = SearchService(world.vectors, world.embedder, world.records, world.settings, lambda: NOW)
    listing = await search.listing(parse_query(query, now=NOW, week_begins=0))
    return sorted(hit.memory.content for hit in await listing.page(0, 10))


async def test_what_is_confirmed_is_renewed_and_tells_by_whom(world: World, trust: TrustService) -> None:
    plain = await written(world, "plain")
    ends = await written(world, "ends")
    await trust.expire([ends.id], cast("datetime", ends.updated_at) + timedelta(days=10))
    over = await written(world, "over", expires_at="2020-01-01T00:00:00+00:00")
    assert await trust.verify([plain.id, ends.id, over.id]) == 3
    memories = [await world.service.get(one.id) for one in (plain, ends, over)]
    assert {(one.last_verified, one.metadata["verified_by"]) for one in memories} == {(NOW, "tester")}
    lasts = memories[1].expires_at
    assert lasts
    assert abs(lasts - (NOW + timedelta(days=10))) < timedelta(minutes=1)
    assert memories[0].expires_at is memories[2].expires_at is None
    await world.service.undo()
    assert (await world.service.get(plain.id)).last_verified is None


async def test_what_expires_soon_is_pinned_or_is_stale_is_found(world: World, trust: TrustService) -> None:
    soon, later = await written(world, "soon"), await written(world, "later")
    await trust.expire([soon.id], NOW + timedelta(days=3))
    await trust.expire([later.id], NOW + timedelta(days=300))
    await trust.pin([later.id], pinned=True)
    assert await found(world, "is:expiring") == ["soon"]
    assert await found(world, "is:pinned") == ["later"]
    assert await found(world, "-is:pinned") == ["soon"]
    assert await found(world, "is:stale") == []
    await trust.expire([soon.id], None)
    await trust.pin([later.id], pinned=False)
    assert await found(world, "is:expiring") == await found(world, "is:pinned") == []
    with pytest.raises(InvalidInput, match="from 0 to 1"):
        await trust.set_confidence([soon.id], 2)


async def test_a_rule_lets_memories_of_a_tag_expire_but_for_pinned_ones(world: World, trust: TrustService) -> None:
    first, pinned = await written(world, "one", "release"), await written(world, "two", "release")
    await written(world, "three")
    await trust.pin([pinned.id], pinned=True)
    newer = {"field": "agent", "value": "codex", "days": 5}
    await world.records.user_settings.set("memory_lifetimes", [newer])
    await trust.set_rule(Lifetime(LifetimeOf.TAG, "release", 90))
    await trust.set_rule(Lifetime(LifetimeOf.TYPE, "procedural", 10))
    assert newer in (await world.records.user_settings.all())["memory_lifetimes"]  # type: ignore[operator]
    assert [one.days for one in await trust.rules()] == [90, 10]
    assert await after(world, 90).apply_rules() == 1
    assert (await world.service.get(first.id)).expires_at is not None
    assert await after(world, 90).apply_rules() == 0
    await trust.set_rule(Lifetime(LifetimeOf.TAG, "release", 0))
    assert [one.value for one in await trust.rules()] == ["procedural"]
    with pytest.raises(InvalidInput, match="is no type"):
        await trust.set_rule(Lifetime(LifetimeOf.TYPE, "other", 1))


async def test_what_a_rule_does_reviews_nothing(world: World, trust: TrustService) -> None:
    with acting_as(Actor(f"{AGENT}claude", Scope.WRITE)):
        memory = await written(world, "one", "release")
    await trust.set_rule(Lifetime(LifetimeOf.TAG, "release", 90))
    assert await after(world, 90).apply_rules() == 1
    assert await world.records.reviews.unreviewed_ids() == {memory.id}
    await trust.expire([memory.id], None)
    assert await world.records.reviews.unreviewed_ids() == frozenset()


async def test_a_rule_waits_for_its_day_so_that_what_changes_before_it_lives_on(
    world: World, trust: TrustService
) -> None:
    await trust.set_rule(Lifetime(LifetimeOf.TAG, "release", 90))
    memory = await written(world, "one", "release")
    assert await after(world, 80).apply_rules() == 0
    assert (await world.service.get(memory.id)).expires_at is None


async def test_what_is_pinned_while_rules_are_applied_gets_no_date(world: World, trust: TrustService) -> None:
    memory = await written(world, "one", "release")
    await trust.set_rule(Lifetime(LifetimeOf.TAG, "release", 90))

    class PinnedMeanwhile:
        """Stands before the memories: what is due is pinned just before it is written."""

        async def edit_each(self, ids: Sequence[str], *given: Any, **named: Any) -> int:
            await trust.pin(ids, pinned=True)
            return await world.service.edit_each(ids, *given, **named)

    assert await after(world, 90, cast("MemoryService", PinnedMeanwhile())).apply_rules() == 0
    assert (await world.service.get(memory.id)).expires_at is None


async def test_what_never_ends_can_be_confirmed(world: World) -> None:
    memory = await written(world, "for ever", expires_at="9999-12-31T00:00:00+00:00")
    assert await after(world, 1).verify([memory.id]) == 1
    assert (await world.service.get(memory.id)).expires_at == datetime(9999, 12, 31, tzinfo=UTC)


async def test_a_date_shows_what_was_there_and_true_then(world: World, trust: TrustService) -> None:
    old, new = await written(world, "old", days=100), await written(world, "new")
    await written(world, "ended", days=100, expires_at="2026-09-01T00:00:00+00:00")
    assert await found(world, "as-of:2026-08-20") == ["ended", "old"]
    assert await found(world, "as-of:2026-10") == ["old"]
    graph = GraphService(world.vectors, world.records, world.settings)
    await graph.link_many([NewRelation(new.id, old.id, RelationType.SUPERSEDES)])
    assert await found(world, "as-of:2026-10") == ["old"]
    assert await found(world, "as-of:2099") == ["new"]


def test_a_time_that_is_over_ends_with_its_last_day() -> None:
    assert parse_until("2026-05", NOW, 0) == datetime(2026, 6, 1, tzinfo=UTC)
    assert parse_until("2026-05-07", NOW, 0) == datetime(2026, 5, 8, tzinfo=UTC)
    assert parse_until("3h", NOW, 0) == NOW - timedelta(hours=3)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({}, {"last_verified": "2026-11-20", "verified_by": "anna"}, "confirmed"),
        ({"expires_at": "2026-11-20"}, {}, "removed expiry"),
        ({}, {"expires_at": "2026-11-20", "confidence": 0.5}, "set expiry, set confidence"),
        ({}, {"pinned": True}, "pinned"),
        ({"pinned": True}, {}, "unpinned"),
    ],
)
def test_the_history_says_of_trust_what_a_person_did(
    before: dict[str, object], after: dict[str, object], said: str
) -> None:
    assert summary(State(MemoryType.SEMANTIC, before), State(MemoryType.SEMANTIC, after)) == said
