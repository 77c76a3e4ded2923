"""What Memori keeps comes over whole, once, and nothing of Memori is touched."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from services.adapters.memori_database import MemoriDatabase, MemoriSource
from services.container import Services
from services.errors import AuthenticationFailed, InvalidInput, MemoriaError, StoreMismatch, StoreUnavailable
from services.memories.stored_memories import read_stored
from services.model import Memory, MemoryChanges, MemoryType, Relation, RelationType
from services.points import Scroll
from services.ports import machine_clock
from services.settings import Settings
from services.transfer.import_run import ImportReport
from services.transfer.reader_parts.memori import tally, turns
from services.transfer.reader_parts.type_names import memory_type, relation_type
from tests.services import memori_schema
from tests.services.edge_here import services_here
from tests.services.servers import pgbouncer


@pytest.fixture
async def services(tmp_path: Path, postgres_url: str) -> AsyncIterator[Services]:
    async with services_here(Settings(home=tmp_path / "home", database_url=postgres_url, zone="UTC")) as services:
        yield services


async def taken_in(services: Services, url: str) -> ImportReport:
    return await services.importing.import_sources([MemoriSource(MemoriDatabase(url), machine_clock)])


async def memories(services: Services) -> dict[str, Memory]:
    """By table and id in Memori."""
    found = {}
    for type_ in MemoryType:
        ids = [str(p.payload["parent_id"]) for p in await services.vectors.scroll(Scroll(type_, 10_000))]
        for memory_id in await read_stored(services.vectors, list(dict.fromkeys(ids))):
            memory = await services.memories.get(memory_id)
            found[f"{memory.metadata['memori_table']} {memory.metadata['memori_id']}"] = memory
    return found


async def relations(services: Services) -> list[Relation]:
    return [one async for batch in services.records.relations.all() for one in batch]


async def test_everything_comes_over_once_and_the_source_stays_as_it_is(services: Services, empty_url: str) -> None:
    memori_schema.make(empty_url)
    before = memori_schema.everything(empty_url)
    report = await taken_in(services, empty_url)

    found = await memories(services)
    assert (report.memories, len(found)) == (12, 12)
    fact = found["memories 1"]
    assert (fact.type, fact.content, fact.project) == (MemoryType.SEMANTIC, "The queue delivers twice", "api")
    assert (fact.tags, fact.importance) == (("fact", "queue", "expired"), 0.9)
    told = {"user_id": "ana", "category": "fact", "source_type": "chat", "confidence": 0.875, "use_count": 4}
    assert told.items() <= fact.metadata.items()
    assert fact.metadata["lineage"] == {"parents": [3]}
    assert fact.metadata["ticket"] == {"n": 7}
    assert fact.metadata["memori_metadata"] == {"content": "clash"}
    assert str(fact.metadata["expires_at"]).startswith("2020-01-01")
    assert fact.created_at is not None
    assert fact.created_at.isoformat() == "2026-01-01T08:00:00+00:00"
    rule = found["memories 2"]
    assert (rule.type, rule.tags, rule.metadata["expires_at"]) == (MemoryType.PROCEDURAL, ("Rules",), "infinity")
    assert rule.metadata["memori_metadata"] == [1, "two"]
    assert found["memories 3"].type is MemoryType.EPISODIC
    assert (found["memories 4"].type, found["memories 4"].tags) == (MemoryType.SEMANTIC, ("whatever",))
    assert found["memories 4"].content == "odd \x1b[31m [b]x[/] 日本 👩‍💻"
    assert len(found["memories 5"].content) == 22_000
    assert found["entities 1"].content == "Ana leads the team"
    assert found["entities 3"].content == "Kafka\n\na log"
    assert found["entities 2"].tags == ("entity", "team")
    assert found["conversations 2"].content == "user: first?\n\nassistant: sure"

    named = {memory.id: name for name, memory in found.items()}
    drawn = {(named[one.source_id], one.type, named[one.target_id]): one.metadata for one in await relations(services)}
    assert set(drawn) == {
        ("entities 1", RelationType.PART_OF, "entities 2"),
        ("entities 2", RelationType.DERIVES, "entities 3"),
        ("entities 1", RelationType.RELATED, "entities 3"),
        ("conversations 1", RelationType.FOLLOWS, "conversations 2"),
        ("conversations 4", RelationType.FOLLOWS, "conversations 1"),
    }
    works = drawn["entities 1", RelationType.PART_OF, "entities 2"]
    assert (works["relationship_type"], works["since"], works["user_id"]) == ("worksFor", 2024, "ana")
    assert [one["relationship_type"] for one in cast("list[dict[str, object]]", works["also"])] == ["contains"]
    left_out = {one.record for one in report.failed}
    assert left_out == {
        "memories 6", "memories 7", "entities 4", "conversations 3",
        "relationships 5", "relationships 6", "relationships 7", "relationships 8",
    }  # fmt: skip

    again = await taken_in(services, empty_url)
    assert (again.memories, again.relations) == (0, 0)
    assert await memories(services) == found
    assert memori_schema.everything(empty_url) == before

    await services.memories.undo()
    assert (await memories(services), await relations(services)) == ({}, [])
    assert (await taken_in(services, empty_url)).memories == 12


async def test_what_changed_there_comes_and_what_is_newer_here_stays(services: Services, empty_url: str) -> None:
    memori_schema.make(empty_url)
    await taken_in(services, empty_url)
    found = await memories(services)
    await services.memories.update(found["memories 1"], MemoryChanges(content="corrected here"))
    memori_schema.run(
        empty_url,
        "UPDATE memori.memories SET content = 'later', updated_at = '2026-02-01Z' WHERE id IN (1, 3);"
        "INSERT INTO memori.memories (content, category) VALUES ('new', 'skill');"
        "INSERT INTO memori.conversations (user_id, session_id, messages, created_at)"
        " VALUES ('ana', 's', '[\"last\"]', '2026-03-06Z')",
    )
    report = await taken_in(services, empty_url)
    assert (report.memories, report.relations) == (3, 1)
    found = await memories(services)
    assert [found[f"memories {number}"].content for number in (1, 3, 8)] == ["corrected here", "later", "new"]

    # What was deleted here is not brought back, and neither are its relations.
    await services.memories.delete([found["entities 1"].id])
    report = await taken_in(services, empty_url)
    assert (report.memories, report.relations, len(report.failed)) == (0, 0, 8)
    assert "entities 1" not in await memories(services)


async def test_it_is_read_through_pgbouncer_while_others_write(empty_url: str, tmp_path: Path) -> None:
    memori_schema.make(empty_url)
    with pgbouncer(empty_url, tmp_path) as url:
        direct, _ = tally(MemoriSource(MemoriDatabase(empty_url), machine_clock))
        records = MemoriSource(MemoriDatabase(url), machine_clock).records()
        first = next(records)
        memori_schema.run(empty_url, "DELETE FROM memori.conversations; DELETE FROM memori.memories WHERE id > 1")
        assert len([first, *records]) == sum(direct.memories.values()) + sum(direct.relations.values()) + 8


async def test_two_databases_are_kept_apart_and_older_tables_are_enough(
    services: Services, empty_url: str, postgres_url: str
) -> None:
    for url in (empty_url, postgres_url):
        memori_schema.run(
            url,
            "CREATE SCHEMA memori; CREATE TABLE memori.memories (id serial, content text, created_at timestamp);"
            "INSERT INTO memori.memories (content, created_at) VALUES ('one', '2026-01-01 10:00')",
        )
        assert (await taken_in(services, url)).memories == 1
        assert (await taken_in(services, url)).unchanged == 1
    counts, bad = tally(MemoriSource(MemoriDatabase(empty_url), machine_clock))
    assert (counts.memories, counts.relations, bad) == ({"semantic": 1}, {}, [])


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT", "no schema `memori`"),
        ("CREATE SCHEMA memori; CREATE TABLE memori.entities (id int)", "no table `memories`"),
        ("CREATE SCHEMA memori; CREATE TABLE memori.memories (id int, text text)", "no column content"),
    ],
)
def test_a_database_that_is_not_memoris_is_told_in_one_line(empty_url: str, sql: str, words: str) -> None:
    memori_schema.run(empty_url, sql)
    with pytest.raises(StoreMismatch, match=words), MemoriDatabase(empty_url).snapshot():
        raise AssertionError


def test_an_address_that_is_wrong_is_told_in_one_line_without_the_password(empty_url: str) -> None:
    base = empty_url.rpartition("@")[2]
    wrong: list[tuple[str, type[MemoriaError]]] = [
        ("mysql://x", InvalidInput),
        ("postgresql://u:secret@127.0.0.1:1/x", StoreUnavailable),
        (f"postgresql://nobody:secret@{base}", AuthenticationFailed),
        (empty_url.replace("@/", "@/gone_"), StoreUnavailable),
        (f"{empty_url}&colour=red", InvalidInput),
    ]
    for url, kind in wrong:
        with pytest.raises(kind) as raised, MemoriDatabase(url).snapshot():
            raise AssertionError
        text = str(raised.value)
        assert "secret" not in text
        assert "MEMORIA_DATABASE_URL" not in text
        assert "\n" not in text


def test_names_are_known_however_they_are_written() -> None:
    assert [memory_type(name) for name in ("Skills", "how-to", "Conscious Info", None, "identity", "process")] == [
        MemoryType.PROCEDURAL, MemoryType.PROCEDURAL, MemoryType.EPISODIC, MemoryType.SEMANTIC, MemoryType.SEMANTIC,
        MemoryType.PROCEDURAL,
    ]  # fmt: skip
    assert relation_type("DependsOn") == (RelationType.DERIVES, False)
    assert relation_type("caused by") == (RelationType.CAUSES, True)
    assert relation_type("admires") == (RelationType.RELATED, False)


def test_messages_of_any_form_are_read() -> None:
    assert turns([{"role": "user", "content": "hi"}, {"text": "bare"}, "said", None, {"role": "user"}]) == [
        "user: hi", "bare", "said",
    ]  # fmt: skip
    assert turns({"turns": [{"speaker": "Ana", "message": {"text": "x"}}]}) == ["Ana: x"]
    assert turns([{"role": "tool", "call": {"n": 1}}]) == ['tool: {"role": "tool", "call": {"n": 1}}']
    assert turns(None) == turns([]) == turns({}) == []
