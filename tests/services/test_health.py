"""Health tells what is wrong, in one line each, and changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.container import Services
from services.model import MemoryDraft, MemoryType
from services.points import Point
from services.settings import Settings
from services.transfer.reader_parts.imported_records import RelationRecord
from services.transfer.reader_parts.record_reading import relation_record
from tests.services.edge_here import services_here

UPSTREAM = Path(__file__).parents[2].parent / "shared" / "data" / "upstream-dev"


@pytest.fixture
async def services(tmp_path: Path, postgres_url: str) -> AsyncIterator[Services]:
    async with services_here(Settings(home=tmp_path, database_url=postgres_url, zone="UTC")) as services:
        yield services


async def copy_upstream(services: Services) -> None:
    """Points and relations as upstream stored them, untouched by an import."""
    await services.vectors.ensure(services.embedder.dimensions, services.embedder.model)
    points: dict[MemoryType, list[Point]] = {type_: [] for type_ in MemoryType}
    with (UPSTREAM / "qdrant-points.jsonl").open("rb") as lines:
        for line in lines:
            one = json.loads(line)
            points[MemoryType(one["collection"])].append(Point(one["id"], one["payload"]))
    for type_, found in points.items():
        await services.vectors.upsert(type_, found)
    backup = json.loads((UPSTREAM / "rest-backup.json").read_text("utf-8"))
    records = [relation_record("", relation) for relation in backup["relations"]]
    async with services.records.transaction() as transaction:
        await transaction.relations.insert([one.relation for one in records if isinstance(one, RelationRecord)])


def count_of(problems: list[str], words: str) -> int:
    (line,) = [problem for problem in problems if words in problem]
    found = re.search(r"[\d,]*\d", line)
    assert found
    return int(found[0].replace(",", ""))


@pytest.mark.skipif(not UPSTREAM.exists(), reason="the files that upstream wrote are not here")
async def test_it_finds_the_defects_that_upstream_left(services: Services) -> None:
    await copy_upstream(services)
    truth: dict[str, Any] = json.loads((UPSTREAM / "truth.json").read_text("utf-8"))
    problems = await services.health.problems()
    assert count_of(problems, "without the first chunk") == truth["memories"]["logical"]["all"]["headless"]
    assert count_of(problems, "nested") == len(truth["memories"]["nested_metadata"])
    uneven = truth["memories"]["chunks_disagree_on_tags_importance_or_updated_at"]
    assert count_of(problems, "chunks differ") == len(uneven)
    assert count_of(problems, "to a chunk") == truth["relations"]["chunk_ended"]["count"]
    assert count_of(problems, "no memory") == truth["relations"]["orphaned"]["count"]
    qdrant, postgres, _ = await services.health.status()
    assert qdrant.counts["memories"] == truth["memories"]["logical"]["all"]["total"]
    assert qdrant.counts["points"] == truth["memories"]["points"]["all"]
    assert postgres.counts["relations"] == truth["relations"]["total"]


async def test_a_sound_store_has_no_problems(services: Services) -> None:
    await services.records.user_settings.set("work_day_hours", 99)
    assert await services.health.problems() == [
        "a setting of work cannot be used: work_day_hours is 99; it must be hours, more than 0 and at most 24; "
        "P in Work sets it"
    ]
    await services.records.user_settings.set("work_day_hours", 7)
    await services.memories.create(MemoryDraft("sound " * 200))
    assert await services.health.problems() == []
    assert all(store.ok and store.version for store in await services.health.status())


async def test_a_store_that_is_away_is_told_and_the_others_stay(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path, database_url="postgresql://u:secret@127.0.0.1:1/x", qdrant_host="127.0.0.1", qdrant_port=1
    )
    async with services_here(settings) as services:
        qdrant, postgres, embedder = await services.health.status()
    assert (qdrant.ok, postgres.ok, embedder.ok) == (False, False, True)
    for store in (qdrant, postgres):
        assert store.problems
        assert all("\n" not in problem and "secret" not in problem for problem in store.problems)


async def test_many_memories_that_are_not_in_english_are_told_with_the_model_that_knows_them(
    services: Services,
) -> None:
    german = "Die Sitzung Nummer {} läuft ab, weil das Token nicht mehr gültig ist"
    await services.memories.create_many([MemoryDraft(german.format(number)) for number in range(4)])
    await services.memories.create_many([MemoryDraft(f"Token {number} of the session was lost") for number in range(8)])
    (line,) = [one for one in await services.health.problems() if "English" in one]
    assert line.startswith("about 33% of the memories are not in English")
    assert "`memoria-tui models` lists paraphrase-multilingual-MiniLM-L12-v2" in line
    await services.memories.create_many([MemoryDraft(f"Token {number} was lost for good") for number in range(9, 18)])
    assert await services.health.languages() == ""
