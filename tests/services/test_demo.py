"""The demo year is believable, the same from the same seed, and apart from the user's store."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.demo.store import demo_ready, erase_demo, load_demo, make_demo
from services.demo.year import DemoYear, compose
from services.errors import InvalidInput
from services.model import MemoryDraft, MemoryType, Query, RelationType
from services.settings import Settings
from services.times import WriterZone
from tests.benchmarks.questions import questions
from tests.services.edge_here import services_here

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
ZONE = WriterZone(UTC)


@pytest.fixture(scope="module")
def year() -> DemoYear:
    return compose(NOW, ZONE)


def test_the_same_seed_gives_the_same_year(year: DemoYear) -> None:
    assert compose(NOW, ZONE) == year
    assert compose(NOW, ZONE, seed=8) != year


def test_it_holds_what_a_year_of_a_small_company_holds(year: DemoYear) -> None:
    assert 280 <= len(year.memories) <= 320
    assert {memory.type for memory in year.memories} == set(MemoryType)
    assert len({memory.content for memory in year.memories}) == len({memory.id for memory in year.memories})
    lengths = [len(memory.content) for memory in year.memories]
    assert sum(length > 500 for length in lengths) >= 8
    assert sum(length > 3000 for length in lengths) >= 3
    assert sum(bool(memory.tags) for memory in year.memories) == len(year.memories)
    assert len({memory.project for memory in year.memories}) > 5


def test_relations_are_of_all_types_and_point_the_right_way(year: DemoYear) -> None:
    assert 180 <= len(year.relations) <= 240
    assert {relation.type for relation in year.relations} == set(RelationType)
    kinds = {memory.id: memory.type for memory in year.memories}
    for relation in year.relations:
        assert relation.source_id != relation.target_id
        assert {relation.source_id, relation.target_id} <= set(kinds)
        if relation.type is RelationType.FIXES:
            assert kinds[relation.source_id] is MemoryType.PROCEDURAL
    made = {memory.id: memory.created_at or NOW for memory in year.memories}
    for relation in year.relations:
        if relation.type in (RelationType.FOLLOWS, RelationType.SUPERSEDES):
            assert made[relation.source_id] > made[relation.target_id]


def test_what_supersedes_is_about_the_same_and_one_chain_has_three(year: DemoYear) -> None:
    memories = {memory.id: memory for memory in year.memories}
    chains = {one.source_id: one.target_id for one in year.relations if one.type is RelationType.SUPERSEDES}
    for newer, older in chains.items():
        assert (memories[newer].project, memories[newer].tags) == (memories[older].project, memories[older].tags)
    assert any(older in chains for older in chains.values())


def test_the_questions_of_its_people_fit_it(year: DemoYear) -> None:
    asked = questions(year)
    answered = [one for one in asked if one.right]
    assert (len(asked), len(answered), sum(one.wordless for one in answered)) == (100, 60, 20)


def test_work_reaches_until_now_with_one_running_and_one_paused(year: DemoYear) -> None:
    assert 230 <= len(year.sessions) <= 270
    assert Counter(row["status"] for row in year.sessions)["active"] == 1
    assert Counter(row["status"] for row in year.sessions)["paused"] == 1
    starts = [datetime.fromisoformat(str(row["start_time"])) for row in year.sessions]
    assert all(start <= NOW for start in starts)
    assert min(starts) < NOW - timedelta(days=350)
    for row in year.sessions:
        for pause in row["pauses"]:  # type: ignore[attr-defined]  # rows hold anything
            assert datetime.fromisoformat(pause["start"]).tzinfo is None
        if "end_time" in row:
            assert str(row["end_time"]) > str(row["start_time"])
            assert datetime.fromisoformat(str(row["end_time"])) <= NOW


async def test_it_fills_a_store_once(tmp_path: Path, postgres_url: str) -> None:
    async with services_here(Settings(home=tmp_path, database_url=postgres_url, zone="UTC")) as services:
        assert not demo_ready(services.settings)
        await make_demo(services)
        assert demo_ready(services.settings)
        await load_demo(services)
        qdrant, postgres, _ = await services.health.status()
        year = compose(services.clock(), ZONE)
        assert qdrant.counts["memories"] == len(year.memories)
        assert postgres.counts["relations"] == len(year.relations)
        assert postgres.counts["sessions"] == len(year.sessions)
        assert await services.health.problems() == []


async def test_a_home_that_is_no_demo_is_neither_filled_nor_erased(tmp_path: Path, postgres_url: str) -> None:
    async with services_here(Settings(home=tmp_path, database_url=postgres_url, zone="UTC")) as services:
        await services.memories.create(MemoryDraft("A person's own, in a home whose name ends in -demo"))
        with pytest.raises(InvalidInput, match="holds memories that are not the demo's"):
            await make_demo(services)
        assert await services.search.count(Query()) == 1
        mine = tmp_path / "mine"
        mine.touch()
        await erase_demo(services.settings)
        assert mine.exists()
