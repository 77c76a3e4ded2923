"""What upstream wrote goes in with its own numbers; twice changes nothing; nothing is lost silently."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.container import Services
from services.memories.chunking import chunk_id
from services.model import Memory, MemoryChanges, MemoryDraft, MemoryType, RelationType
from services.points import Point
from services.ports import NewRelation
from services.settings import Settings
from services.transfer.exporting import ExportService
from services.transfer.reader_parts.source import Source
from tests.services import memory_world
from tests.services.edge_here import services_here

UPSTREAM = Path(__file__).parents[2].parent / "shared" / "data" / "upstream-dev"
needs_upstream = pytest.mark.skipif(not UPSTREAM.exists(), reason="the files that upstream wrote are not here")
ID = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
async def services(tmp_path: Path, postgres_url: str) -> AsyncIterator[Services]:
    async with services_here(Settings(home=tmp_path / "home", database_url=postgres_url, zone="UTC")) as services:
        yield services


def truth() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((UPSTREAM / "truth.json").read_text("utf-8"))
    return loaded


async def all_memories(services: Services) -> dict[str, Memory]:
    return {memory.id: memory for memory in await memory_world.all_memories(services)}


def write(path: Path, *lines: object) -> Path:
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    return path


@needs_upstream
async def test_an_export_of_upstream_gives_its_true_numbers_and_its_relations_follow(services: Services) -> None:
    report = await services.importing.import_files([UPSTREAM / "export.json"])
    assert (report.memories, report.failed) == (448, [])
    memories = await all_memories(services)
    expected = truth()["memories"]
    assert Counter(str(memory.type) for memory in memories.values()) == {
        kind: expected["logical"][kind]["total"] for kind in MemoryType
    }
    projects = Counter(memory.project or "(none)" for memory in memories.values())
    assert projects == expected["projects_with_nested_fallback"]
    for sample in expected["sample"]:
        digest = hashlib.sha256(memories[sample["id"]].content.encode()).hexdigest()
        assert digest == sample["sha256"], sample["why"]
    again = await services.importing.import_files([UPSTREAM / "export.json"])
    assert (again.memories, again.unchanged) == (0, 448)

    report = await services.importing.import_files([UPSTREAM / "rest-backup.json"])
    wanted = truth()["relations"]
    ends = {end: known for one in wanted["chunk_ended"]["relations"] for end, known in mapped(one)}
    orphaned = {one["id"] for one in wanted["orphaned"]["relations"]}
    stored = {one.id: one async for batch in services.records.relations.all() for one in batch}
    for line in json.loads((UPSTREAM / "rest-backup.json").read_text("utf-8"))["relations"]:
        source, target = (ends.get(line[end], line[end]) for end in ("source_id", "target_id"))
        if line["id"] not in orphaned and source != target:
            assert (stored[line["id"]].source_id, stored[line["id"]].target_id) == (source, target)
    # Chunks that upstream cut off are known by their derived ids, so fewer ends are lost than by its points alone.
    assert (
        len([one for one in report.failed if "no memor" in one.reason])
        == (wanted["orphaned_if_removed_chunk_ids_are_derived"])
    )
    assert report.relations + len(report.failed) == wanted["total"]
    # The tags of one memory were changed in its first chunk alone: only the REST backup shows it.
    assert Counter(tag for one in (await all_memories(services)).values() for tag in one.tags) == expected["tags_all"]
    again = await services.importing.import_files([UPSTREAM / "rest-backup.json"])
    assert (again.memories, again.relations) == (0, 0)


def mapped(relation: dict[str, Any]) -> list[tuple[str, str]]:
    pairs = [(relation[end], relation[f"{end[:-3]}_parent"]) for end in ("source_id", "target_id")]
    return [(end, parent) for end, parent in pairs if parent]


@needs_upstream
@pytest.mark.parametrize("file", ["export.jsonl", "script-backup.json"])
async def test_the_small_store_comes_out_of_both_of_its_files(services: Services, file: str) -> None:
    report = await services.importing.import_files([UPSTREAM / file])
    assert (report.memories, report.failed) == (58, [])
    assert sorted(await all_memories(services)) == sorted(truth()["small_store"]["ids"])


async def test_vectors_of_a_file_are_used_when_the_same_model_made_them(services: Services, tmp_path: Path) -> None:
    text = "the queue delivers twice"
    (vector,) = await services.embedder.embed_documents([text])
    nearly = [value + 0.001 for value in map(float, vector)]
    file = write(tmp_path / "a.jsonl", {"id": ID, "payload": {"content": text}, "vector": nearly})
    await services.importing.import_files([file])
    (point,) = await services.vectors.retrieve(MemoryType.SEMANTIC, [ID], vectors=True)
    length = sum(value * value for value in nearly) ** 0.5
    assert point.vector is not None
    assert list(point.vector) == pytest.approx([value / length for value in nearly], abs=1e-4)


@pytest.mark.parametrize("vector", [[1.0] + [0.0] * 255, [0.5] * 768, ["a"], []])
async def test_vectors_of_another_model_or_size_are_made_again(
    services: Services, tmp_path: Path, vector: list[object]
) -> None:
    file = write(tmp_path / "a.jsonl", {"id": ID, "payload": {"content": "some text"}, "vector": vector})
    await services.importing.import_files([file])
    (point,) = await services.vectors.retrieve(MemoryType.SEMANTIC, [ID], vectors=True)
    (own,) = await services.embedder.embed_documents(["some text"])
    assert list(point.vector or ()) == pytest.approx(list(own), abs=1e-5)


async def test_what_is_newer_here_stays(services: Services, tmp_path: Path) -> None:
    await services.memories.create(MemoryDraft("mine", id=ID))
    old = {"content": "old", "updated_at": "2026-01-01T00:00:00"}
    report = await services.importing.import_files([write(tmp_path / "a.jsonl", {"id": ID, "payload": old})])
    assert (report.memories, report.unchanged) == (0, 1)
    new = {**old, "content": "new", "updated_at": "2036-01-01"}
    newer = write(tmp_path / "b.jsonl", {"id": ID, "payload": new}, {"content": "another"})
    for dry_run in (True, False):
        report = await services.importing.import_sources([Source(newer)], dry_run=dry_run)
        assert report.summary() == "1 memory imported · 1 memory changed"
    assert (await services.memories.get(ID)).content == "new"


async def test_an_unchanged_source_never_undoes_an_edit_whatever_its_dates(services: Services, tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("---\ntags: [x]\n---\nas imported", "utf-8")
    await services.importing.import_files([note])
    (memory,) = (await all_memories(services)).values()
    await services.memories.update(memory, MemoryChanges(content="edited here", tags=("x", "y")))
    os.utime(note, (2e9, 2e9))
    report = await services.importing.import_files([note])
    assert (report.memories, report.unchanged, report.kept) == (0, 1, [])
    (memory,) = (await all_memories(services)).values()
    assert (memory.content, memory.tags) == ("edited here", ("x", "y"))


@pytest.mark.parametrize("updated_at", ["2020-01-01T00:00:00", "2036-01-01T00:00:00"])
async def test_what_both_sides_changed_is_kept_and_told_by_name(
    services: Services, tmp_path: Path, updated_at: str
) -> None:
    given = {"content": "as imported", "updated_at": "2019-01-01T00:00:00"}
    file = write(tmp_path / "a.jsonl", {"id": ID, "payload": given})
    await services.importing.import_files([file])
    await services.memories.update(await services.memories.get(ID), MemoryChanges(content="edited here"))
    write(file, {"id": ID, "payload": {**given, "content": "edited there", "updated_at": updated_at}})
    for _ in range(2):
        report = await services.importing.import_files([file])
        assert report.memories == 0
        (kept,) = report.kept
        assert str(kept) == (
            f'{file}: line 1: "edited here" (11111111) was changed here and in the source (content): kept as it is here'
        )
    assert (await services.memories.get(ID)).content == "edited here"


async def test_what_was_changed_in_the_source_comes_in_beside_other_edits_here(
    services: Services, tmp_path: Path
) -> None:
    given = {"content": "as imported", "updated_at": "2019-01-01T00:00:00", "ticket": 1, "room": "B"}
    file = write(tmp_path / "a.jsonl", {"id": ID, "payload": given})
    await services.importing.import_files([file])
    await services.memories.update(await services.memories.get(ID), MemoryChanges(tags=("mine",), project="api"))
    del given["room"]
    write(file, {"id": ID, "payload": {**given, "content": "edited there", "ticket": 2}})
    report = await services.importing.import_files([file])
    assert (report.memories, report.kept) == (1, [])
    memory = await services.memories.get(ID)
    assert (memory.content, memory.tags, memory.project) == ("edited there", ("mine",), "api")
    assert (memory.metadata["ticket"], memory.metadata.get("room")) == (2, None)


async def test_a_dry_run_counts_what_an_import_does_and_writes_nothing(services: Services, tmp_path: Path) -> None:
    other = "22222222-2222-4222-8222-222222222222"
    await services.memories.create(MemoryDraft("there", id=other))
    lines = (
        {"id": ID, "payload": {"content": "new", "importance": 7}},
        {"id": other, "content": "there"},
        {"content": ""},
        {"source_id": ID, "target_id": other, "relation_type": "fixes"},
        {"source_id": ID, "target_id": "33333333-3333-4333-8333-333333333333", "relation_type": "fixes"},
    )
    file = write(tmp_path / "a.jsonl", *lines)
    dry = await services.importing.import_sources([Source(file)], dry_run=True)
    assert list(await all_memories(services)) == [other]
    assert dry == await services.importing.import_files([file])
    assert (dry.memories, dry.relations, dry.unchanged) == (1, 1, 1)
    assert [one.record for one in dry.failed] == ["line 3", "line 5"]
    assert [str(one) for one in dry.notes] == [f"{file}: line 1: its importance 7 is no number from 0 to 1; 1 is taken"]
    again = await services.importing.import_sources([Source(file)], dry_run=True)
    assert (again.memories, again.relations, again.unchanged) == (0, 0, 3)


async def test_a_dry_run_of_our_own_export_counts_sessions_too(
    services: Services, tmp_path: Path, second_url: str
) -> None:
    session = {"id": ID, "description": "work", "start_time": "2026-11-20T10:00:00+00:00"}
    async with services.records.transaction() as transaction:
        await transaction.rows.upsert_sessions([session])
    await services.exporting.export(tmp_path / "all.jsonl")
    assert (await services.importing.import_sources([Source(tmp_path / "all.jsonl")], dry_run=True)).unchanged == 1
    async with services_here(Settings(home=tmp_path / "second", database_url=second_url, zone="UTC")) as second:
        report = await second.importing.import_sources([Source(tmp_path / "all.jsonl")], dry_run=True)
        assert (report.sessions, report.unchanged) == (1, 0)
        assert [row async for batch in second.records.rows.sessions() for row in batch] == []


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("later", ["chunk", "memory"])
async def test_a_memory_under_the_id_of_a_first_chunk_leaves_the_other_one_complete(
    services: Services, tmp_path: Path, together: bool, later: str
) -> None:
    text = "some words of a long page. " * 60
    lines = [{"id": chunk_id(ID, 0), "payload": {"content": "edited first chunk"}}, {"id": ID, "content": text}]
    if later == "memory":
        lines.reverse()
    files = [lines] if together else [lines[:1], lines[1:]]
    for number, some in enumerate(files):
        await services.importing.import_files([write(tmp_path / f"{number}.jsonl", *some)])
    memories = await all_memories(services)
    assert {memory.content: memory.headless for memory in memories.values()} == {
        "edited first chunk": False,
        text: False,
    }
    assert memories[ID].chunk_count > 1
    await services.memories.update(memories[ID], MemoryChanges(content=f"{text} And more."))
    assert (await services.memories.get(chunk_id(ID, 0))).content == "edited first chunk"
    assert not (await services.memories.get(ID)).headless


async def test_a_source_of_which_nothing_is_imported_is_named(services: Services, tmp_path: Path) -> None:
    bad = write(tmp_path / "bad.jsonl", {"content": ""}, {"content": 3})
    report = await services.importing.import_files([bad, write(tmp_path / "good.jsonl", {"content": "x"})])
    assert report.barren == [str(bad)]
    assert report.summary() == "1 memory imported · 2 left out"


async def test_a_plain_list_keeps_the_keys_that_it_does_not_name(services: Services, tmp_path: Path) -> None:
    await services.memories.create(MemoryDraft("text", id=ID, project="api", metadata={"source": "Ana"}))
    await services.importing.import_files([write(tmp_path / "a.jsonl", {"id": ID, "content": "text", "tags": ["t"]})])
    memory = await services.memories.get(ID)
    assert (memory.tags, memory.project, memory.metadata["source"]) == (("t",), "api", "Ana")


async def test_a_payload_without_dates_goes_in_once(services: Services, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", {"id": ID, "payload": {"content": "text", "project": None}})
    assert (await services.importing.import_files([file])).memories == 1
    assert (await services.importing.import_files([file])).unchanged == 1


async def test_one_undo_takes_an_import_back(services: Services, tmp_path: Path) -> None:
    lines = ({"content": f"text {number}"} for number in range(3))
    await services.importing.import_files([write(tmp_path / "a.jsonl", *lines)])
    await services.memories.undo()
    assert await all_memories(services) == {}


async def test_a_folder_of_notes_goes_in_once(services: Services, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "a.md").write_text("---\ntags: [x]\n---\nFirst note", "utf-8")
    (notes / "b.md").write_text("Second note", "utf-8")
    assert (await services.importing.import_files([notes])).memories == 2
    assert (await services.importing.import_files([notes])).unchanged == 2
    (notes / "b.md").write_text("Second note, changed", "utf-8")
    report = await services.importing.import_files([notes])
    assert (report.memories, report.unchanged) == (1, 1)


async def test_a_relation_to_nothing_is_told_by_the_name_that_its_source_has_for_it(
    services: Services, tmp_path: Path
) -> None:
    entity = {"type": "entity", "name": "Ada", "entityType": "person", "observations": ["lifts"]}
    relation = {"type": "relation", "from": "Ada", "to": "Ghost", "relationType": "knows"}
    report = await services.importing.import_files([write(tmp_path / "memory.jsonl", entity, relation)])
    assert [one.reason for one in report.failed] == ["relation 'knows': 'Ghost' is no memory"]


async def test_a_broken_file_keeps_no_other_out(services: Services, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"memories": [{"id":', "utf-8")
    good = write(tmp_path / "good.jsonl", {"id": ID, "content": "text"})
    report = await services.importing.import_files([broken, tmp_path / "absent.json", good])
    assert report.memories == 1
    assert len(report.failed) == 2
    assert report.broken


async def test_texts_of_every_kind_survive_the_way_in_and_out(services: Services, tmp_path: Path) -> None:
    texts = [
        "nul \x00 byte",
        "\x1b[31mred\x1b]52;c;eA==\x07",
        "[bold]markup[/]",
        "\u202eright to left",
        "👨‍👩‍👧",
        "x" * 1_000_000,
    ]
    file = write(tmp_path / "a.jsonl", *({"content": text} for text in texts), {"content": "lone \ud800 surrogate"})
    report = await services.importing.import_files([file])
    assert report.memories == len(texts) + 1
    assert set(texts) <= {memory.content for memory in (await all_memories(services)).values()}


async def test_our_own_export_makes_the_same_store_again(
    services: Services, tmp_path: Path, postgres_url: str, second_url: str
) -> None:
    await services.importing.import_files(
        [write(tmp_path / "a.jsonl", {"id": ID, "content": "a " * 900, "x": {"y": 1}})]
    )
    other = await services.memories.create(MemoryDraft("the other end", tags=("t",)))
    session = {"id": ID, "description": "work", "category": "coding", "client": "Acme", "project": "api",
               "start_time": "2026-11-20T10:00:00+00:00", "end_time": "2026-11-20T11:00:00+00:00", "notes": ["done"],
               "pauses": [{"start": "2026-11-20T10:10:00", "end": "2026-11-20T10:20:00", "reason": "tea"}],
               "total_pause_minutes": 10, "status": "completed"}  # fmt: skip
    async with services.records.transaction() as transaction:
        await transaction.relations.insert([NewRelation(other.id, ID, RelationType.FIXES, weight=0.5)])
        await transaction.rows.insert("clients", [{"id": ID, "name": "Idle client", "metadata": {}}])
        await transaction.rows.upsert_sessions([session])
    gone = await services.memories.create(MemoryDraft("deleted"))
    await services.memories.delete([gone.id])
    counts = await services.exporting.export(tmp_path / "all.jsonl")
    assert counts["memories"] == 2

    async with services_here(Settings(home=tmp_path / "second", database_url=second_url, zone="UTC")) as second:
        dry = await second.importing.import_sources([Source(tmp_path / "all.jsonl")], dry_run=True)
        report = await second.importing.import_files([tmp_path / "all.jsonl"])
        assert report.failed == []
        assert report.summary() == "2 memories, 1 relation, 1 work session, 2 clients, 1 project imported"
        assert dry.summary() == report.summary()
        assert await lines_of(second.exporting) == await lines_of(services.exporting)
        (trashed,) = await second.memories.trash()
        assert trashed.memory.content == "deleted"
        again = await second.importing.import_files([tmp_path / "all.jsonl"])
        assert again.summary().startswith("nothing imported")


async def lines_of(exporting: ExportService) -> list[str]:
    """The state of a store, without what tells only of the copying."""
    lines = [json.loads(line) async for line in exporting.lines()]
    for line in lines:
        for key in ("updated_at", "created_at", "id"):
            line.get("history", {}).pop(key, None)
            line.get("projects", {}).pop(key, None)
        line.get("work_sessions", {}).pop("project_id", None)
        line.get("work_sessions", {}).pop("updated_at", None)
    return sorted(
        json.dumps(line, sort_keys=True)
        for line in lines
        if not {"format", "end"} & set(line) and line.get("history", {}).get("summary") != "imported"
    )


async def test_only_the_chosen_memories_and_their_relations_are_exported(services: Services, tmp_path: Path) -> None:
    one, two, three = [await services.memories.create(MemoryDraft(text)) for text in ("one", "two", "three")]
    async with services.records.transaction() as transaction:
        await transaction.relations.insert(
            [NewRelation(one.id, two.id, RelationType.FIXES), NewRelation(one.id, three.id, RelationType.FIXES)]
        )
    counts = await services.exporting.export(tmp_path / "two.jsonl", [one.id, two.id])
    assert counts == {"memories": 2, "relations": 1}


async def test_headless_memories_are_exported_whole(services: Services) -> None:
    payload = {"content": "two", "full_content": "one two", "is_chunk": True, "parent_id": ID, "chunk_index": 1}
    await services.vectors.ensure(services.embedder.dimensions, services.embedder.model)
    point = Point("22222222-2222-5222-8222-222222222222", {**payload, "chunk_count": 2, "tags": []})
    await services.vectors.upsert(MemoryType.EPISODIC, [point])
    lines = [json.loads(line) async for line in services.exporting.lines()]
    (memory,) = [line["memory"] for line in lines if "memory" in line]
    assert (memory["id"], memory["payload"]["content"]) == (ID, "one two")
    assert "headless" not in memory
    assert any("without the first chunk" in problem for problem in await services.health.problems())


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("between", [0, 60])
async def test_one_id_with_two_texts_is_told_and_the_later_text_is_taken(
    services: Services, tmp_path: Path, between: int
) -> None:
    others = [{"content": f"other {number}"} for number in range(between)]
    lines = [{"id": ID, "content": "first"}, *others, {"id": ID, "content": "second"}, {"id": ID, "content": "second"}]
    report = await services.importing.import_files([write(tmp_path / "a.jsonl", *lines)])
    (note,) = report.notes
    assert f"{ID} came before with another text" in str(note)
    assert (await services.memories.get(ID)).content == "second"


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("between", [0, 60])
async def test_of_two_texts_of_one_id_the_one_that_was_changed_last_is_taken(
    services: Services, tmp_path: Path, between: int
) -> None:
    new, old = ({"id": ID, "content": day, "updated_at": f"2026-05-{day}T10:00:00"} for day in ("20", "10"))
    others = [{"content": f"other {number}"} for number in range(between)]
    await services.importing.import_files([write(tmp_path / "a.jsonl", new, *others, old)])
    assert (await services.memories.get(ID)).content == "20"


async def test_a_note_that_was_renamed_stays_one_memory_with_its_relations(services: Services, tmp_path: Path) -> None:
    vault = tmp_path / "vault"
    vault.mkdir()
    (vault / "crane.md").write_text("# Crane\n\nlifts", "utf-8")
    (vault / "harbour.md").write_text("# Harbour\n\n[[crane]]", "utf-8")
    await services.importing.import_files([vault])
    before = await all_memories(services)
    (vault / "sub").mkdir()
    (vault / "crane.md").rename(vault / "sub" / "big crane.md")
    (vault / "harbour.md").write_text("# Harbour\n\n[[big crane]]", "utf-8")
    report = await services.importing.import_files([vault])
    assert [one.reason for one in report.notes] == ["it was crane.md; its memory moves along"]
    assert set(await all_memories(services)) == set(before)
    again = await services.importing.import_files([vault])
    assert (again.memories, again.relations, again.notes) == (0, 0, [])
    (vault / "sub" / "big crane.md").write_text("# Crane\n\nlifts more", "utf-8")
    later = await services.importing.import_files([vault])
    assert (later.memories, later.unchanged) == (1, 2)
    assert set(await all_memories(services)) == set(before)


async def test_a_copy_of_a_note_is_a_memory_of_its_own(services: Services, tmp_path: Path) -> None:
    (tmp_path / "one.md").write_text("# Title\n\ntext", "utf-8")
    await services.importing.import_files([tmp_path / "one.md"])
    (tmp_path / "two.md").write_text("# Title\n\ntext", "utf-8")
    report = await services.importing.import_files([tmp_path / "two.md"])
    assert (report.memories, len(await all_memories(services))) == (1, 2)


async def test_a_vault_is_imported_once_however_often_it_is_read(services: Services, tmp_path: Path) -> None:
    texts = {
        "a": "---\nid: 202608151030\ntype: note\ncreated: 05/01/2026\n---\nSee [[b]]",
        "b": "---\n**bad**\n---\ntext",
        "c": "- requires [[a]]",
    }
    (notes := tmp_path / "notes").mkdir()
    for name, text in texts.items():
        (notes / f"{name}.md").write_text(text, "utf-8")
    first = await services.importing.import_sources([Source(notes)], dry_run=True)
    assert first == await services.importing.import_files([notes])
    assert (first.memories, first.relations, len(first.notes)) == (3, 2, 3)
    again = await services.importing.import_files([notes])
    assert (again.memories, again.relations, again.unchanged) == (0, 0, 5)
