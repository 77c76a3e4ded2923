"""What was imported from where is known: what is unchanged, moved, gone or deleted here since."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from services.container import Services
from services.errors import Conflict
from services.model import Memory, MemoryChanges, RelationType, content_hash
from services.settings import Settings
from services.transfer.import_outcome import Side
from services.transfer.reader_parts.imported_records import Record
from services.transfer.reader_parts.reading_options import ReadingOptions
from services.transfer.reader_parts.source import Source
from services.transfer.reader_parts.source_ids import file_id
from services.transfer.syncing import Mode
from tests.services import memory_world
from tests.services.edge_here import services_here


@pytest.fixture
async def services(tmp_path: Path, postgres_url: str) -> AsyncIterator[Services]:
    async with services_here(Settings(home=tmp_path / "home", database_url=postgres_url, zone="UTC")) as services:
        yield services


def vault(folder: Path, **notes: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in notes.items():
        (folder / f"{name}.md").write_text(text, "utf-8")
    return folder


async def all_memories(services: Services) -> Mapping[str, Memory]:
    """By title."""
    return {memory.title: memory for memory in await memory_world.all_memories(services)}


async def test_what_was_deleted_here_stays_deleted_while_its_source_is_read_again(
    services: Services, tmp_path: Path
) -> None:
    notes = vault(tmp_path / "notes", one="# One\n\n[[two]]", two="# Two\n\ntext")
    await services.importing.import_files([notes])
    two = (await all_memories(services))["Two"]
    await services.memories.delete([two.id])
    for dry_run in (False, True):
        again = await services.importing.import_sources([Source(notes)], dry_run=dry_run)
        assert (again.memories, again.relations, again.kept) == (0, 0, [])
        assert [note.reason[:30] for note in again.notes] == ["1 memory of it was deleted her"]
    (notes / "two.md").write_text("# Two\n\nmore", "utf-8")
    changed = await services.importing.import_files([notes])
    assert [one.record for one in changed.kept] == ["two.md"]
    assert set(await all_memories(services)) == {"One"}


async def test_what_an_undo_undid_comes_in_again(services: Services, tmp_path: Path) -> None:
    notes = vault(tmp_path / "notes", one="# One\n\n[[two]]", two="# Two\n\ntext")
    await services.importing.import_files([notes])
    await services.memories.undo()
    again = await services.importing.import_files([notes])
    assert (again.memories, again.relations) == (2, 1)


async def test_changes_that_an_undo_undid_come_in_again_as_new_notes_do(services: Services, tmp_path: Path) -> None:
    notes = vault(tmp_path / "notes", one="# One\n\nold", three="# Three")
    await services.importing.import_files([notes])
    vault(notes, one="# One\n\nnew", two="# Two")
    await services.importing.import_files([notes])
    await services.memories.undo()
    preview = await services.importing.import_sources([Source(notes)], dry_run=True)
    again = await services.importing.import_files([notes])
    assert [(one.memories, one.unchanged, one.kept) for one in (preview, again)] == [(2, 1, [])] * 2
    assert (await all_memories(services))["One"].content == "# One\n\nnew"
    await services.memories.undo()
    await services.memories.redo()
    assert (await services.importing.import_files([notes])).memories == 0


@pytest.mark.parametrize("side", Side)
async def test_a_side_that_was_taken_and_undone_is_asked_for_again(
    services: Services, tmp_path: Path, side: Side
) -> None:
    notes = vault(tmp_path / "notes", one="# One\n\ntext")
    await services.importing.import_files([notes])
    one = (await all_memories(services))["One"]
    await services.memories.update(one, MemoryChanges(content="# One\n\nhere"))
    vault(notes, one="# One\n\nthere")
    await services.importing.import_sources([Source(notes)], take={one.id: Side.THEIRS}.get)
    await services.memories.undo()
    for place in ("one.md", "uno.md", "uno.md"):
        if not (notes / place).exists():
            (notes / "one.md").rename(notes / place)
        report = await services.importing.import_files([notes])
        assert [kept.texts for kept in report.kept] == [("# One\n\nhere", "# One\n\nthere")]
    await services.importing.import_sources([Source(notes)], take={one.id: side}.get)
    (found,) = (await all_memories(services)).values()
    assert (found.id, found.content) == (one.id, f"# One\n\n{'here' if side is Side.MINE else 'there'}")
    assert (await services.importing.import_files([notes])).kept == []


async def test_an_edit_here_outlasts_an_undone_import_of_other_keys(services: Services, tmp_path: Path) -> None:
    notes = vault(tmp_path / "notes", one="---\ntags: [x]\n---\n# One\n\nA")
    await services.importing.import_files([notes])
    await services.memories.update((await all_memories(services))["One"], MemoryChanges(content="# One\n\nB"))
    for tag in ("y", "z"):
        vault(notes, one=f"---\ntags: [{tag}]\n---\n# One\n\nA")
        await services.importing.import_files([notes])
    await services.memories.undo()
    for _ in range(2):
        assert len((await services.importing.import_files([notes])).kept) == 1
    assert (await all_memories(services))["One"].content == "# One\n\nB"


async def test_what_a_restored_backup_took_away_comes_in_again(services: Services, tmp_path: Path) -> None:
    notes = vault(tmp_path / "notes", one="# One\n\nold")
    await services.importing.import_files([notes])
    older = await services.backup.backup(tmp_path / "backups")
    vault(notes, one="# One\n\nnew", two="# Two\n\n[[one]]")
    await services.importing.import_files([notes])
    await services.restoring.restore(await services.restoring.compare(older.path), replace=True)
    again = await services.importing.import_files([notes])
    assert (again.memories, again.relations, again.kept) == (2, 1, [])
    assert (await all_memories(services))["One"].content == "# One\n\nnew"


@pytest.mark.parametrize("replace", [False, True])
async def test_a_backup_knows_what_came_from_where(
    services: Services, tmp_path: Path, second_url: str, replace: bool
) -> None:
    notes = vault(tmp_path / "notes", one="# One\n\ntext", two="# Two\n\n[[three]]", three="# Three")
    await services.syncing.add(notes, Mode.IN, ReadingOptions())
    await services.syncing.run()
    (notes / "one.md").rename(notes / "uno.md")
    await services.syncing.run()
    known = await all_memories(services)
    await services.memories.delete([known["Two"].id])
    backup = await services.backup.backup(tmp_path / "backups")
    async with services_here(Settings(home=tmp_path / "other", database_url=second_url, zone="UTC")) as other:
        if replace:
            vault(notes, four="# Four")
            await other.importing.import_files([notes])
        await other.restoring.restore(await other.restoring.compare(backup.path), replace=replace)
        again = await other.importing.import_files([notes])
        assert (again.memories, again.kept) == (int(replace), [])
        (notes / "uno.md").rename(notes / "eins.md")
        await other.importing.import_files([notes])
        found = await all_memories(other)
        assert {title: memory.id for title, memory in found.items() if title != "Four"} == {
            title: memory.id for title, memory in known.items() if title != "Two"
        }
        assert [one.path for one in await other.syncing.sources()] == [notes]


async def test_a_relation_that_was_deleted_here_stays_deleted(services: Services, tmp_path: Path) -> None:
    notes = vault(tmp_path / "notes", one="# One\n\n[[two]]", two="# Two\n\ntext", three="# Three\n\nold")
    await services.importing.import_files([notes])
    one = (await all_memories(services))["One"]
    two = (await all_memories(services))["Two"]
    await services.graph.unlink([link.id for link in await services.graph.between(one.id, two.id)])
    vault(notes, three="# Three\n\nnew")
    report = await services.importing.import_files([notes])
    assert (report.memories, report.relations, report.notes) == (1, 0, [])
    vault(notes, one="# One\n\n[[two]] and more")
    for dry_run in (True, False):
        report = await services.importing.import_sources([Source(notes)], dry_run=dry_run)
        assert (report.memories, report.relations) == (1, 0)
        assert [(note.record, note.reason) for note in report.notes] == [
            (
                "one.md: [[two]]",
                "relation related: it was removed here, and stays so: "
                f"`memoria-tui link {one.id[:8]} {two.id[:8]} --type related` makes it again",
            )
        ]
    lines = tmp_path / "more.jsonl"  # another format, of which nothing is known yet
    related = {"source_id": one.id, "target_id": two.id, "type": "related"}
    lines.write_text(json.dumps(related), "utf-8")
    report = await services.importing.import_sources([Source(lines)], dry_run=True)
    assert (report.relations, "it was removed here" in report.notes[-1].reason) == (0, True)
    theirs = await services.importing.import_sources([Source(lines)], dry_run=True, take=lambda _: Side.THEIRS)
    assert theirs.relations == 1


async def test_a_relation_that_was_made_another_one_here_stays_so_until_that_is_undone(
    services: Services, tmp_path: Path
) -> None:
    notes = vault(tmp_path / "notes", one="# One\n\n[[two]]", two="# Two\n\ntext")
    await services.importing.import_files([notes])
    found = await all_memories(services)
    ends = found["One"].id, found["Two"].id
    (link,) = await services.graph.between(*ends)
    await services.graph.change(link, replace(link, type=RelationType.FIXES))
    await services.syncing.add(notes, Mode.IN, ReadingOptions())
    vault(notes, one="# One\n\n[[two]] and more")
    (made,) = await services.syncing.run()
    assert (made.report.relations, "it was made another one here" in made.report.notes[0].reason) == (0, True)
    await services.graph.unlink([link.id])
    await services.memories.undo()  # it fixes again
    assert [one.type for one in await services.graph.between(*ends)] == [RelationType.FIXES]
    await services.memories.delete([ends[1]])
    vault(notes, one="# One\n\n[[two]] and much more")
    (made,) = await services.syncing.run()
    assert [one.reason for one in made.report.notes] == [
        "relation related: 'Two' was deleted here; `memoria-tui restore` brings it back"
    ]
    await services.memories.restore([ends[1]])
    (link,) = await services.graph.between(*ends)
    await services.graph.change(link, replace(link, type=RelationType.RELATED))
    await services.graph.unlink([link.id])
    await services.memories.undo()
    vault(notes, one="# One\n\n[[two]] at last")
    (made,) = await services.syncing.run()
    assert [(one.type, made.report.notes) for one in await services.graph.between(*ends)] == [
        (RelationType.RELATED, [])
    ]


async def test_a_note_that_moved_to_another_folder_stays_one_memory(services: Services, tmp_path: Path) -> None:
    here, there = vault(tmp_path / "here", one="# One\n\ntext", two="# Two"), vault(tmp_path / "there", three="# Three")
    await services.importing.import_files([here, there])
    before = {memory.id for memory in (await all_memories(services)).values()}
    (here / "one.md").rename(there / "uno.md")
    report = await services.importing.import_files([here, there])
    assert (report.memories, report.missing) == (0, [])
    assert [(one.record, one.reason) for one in report.notes] == [("uno.md", "it was one.md; its memory moves along")]
    assert {memory.id for memory in (await all_memories(services)).values()} == before


async def test_notes_that_moved_before_sources_were_known_stay_their_memories(
    services: Services, tmp_path: Path
) -> None:
    """A home of an earlier version, in which a.md was renamed and imported, and b.md was renamed since."""
    notes = vault(tmp_path / "notes", renamed="# A", moved="# B", new="# C").resolve()
    former = {}
    for title, first, last in (("A", "a.md", "renamed.md"), ("B", "b.md", "b.md")):
        origin = {"file": last, "id": file_id(str(notes), last), "hash": content_hash(f"# {title}")[:16]}
        state = {"id": file_id(str(notes), first), "content": f"# {title}", "imported_from": origin}
        former[title] = state["id"]
        (tmp_path / "former.jsonl").write_text(json.dumps(state), "utf-8")
        await services.importing.import_files([tmp_path / "former.jsonl"])
    report = await services.importing.import_files([notes])
    assert [one.reason for one in report.notes] == ["it was b.md; its memory moves along"]
    found = {title: memory.id for title, memory in (await all_memories(services)).items()}
    assert found.items() >= former.items()
    assert set(found) == {"A", "B", "C"}
    assert (await services.importing.import_files([notes])).memories == 0


async def agree_to_all(missing: object) -> bool:
    return True


async def test_what_is_gone_from_a_source_is_told_and_retired_only_by_a_yes(services: Services, tmp_path: Path) -> None:
    notes = vault(tmp_path / "notes", one="# One", two="# Two", **{"C#": "# One of its name"})
    await services.importing.import_files([notes])
    (notes / "two.md").unlink()
    told = await services.importing.import_files([notes])
    assert [one.record for one in told.missing] == ["two.md"]
    assert set(await all_memories(services)) == {"One", "Two", "One of its name"}

    retired = await services.importing.import_sources([Source(notes)], retire=agree_to_all)
    assert (retired.memories, retired.retired) == (0, 1)
    assert set(await all_memories(services)) == {"One", "One of its name"}
    await services.memories.undo()
    assert set(await all_memories(services)) == {"One", "Two", "One of its name"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CLAUDE.md", "# T\n\n## One\n\n{}\n\n## Two\n\nthe password is hunter2hunter2\n"),
        (
            "some.jsonl",
            '{{"id": "71dc8b08-7c3d-4b83-9a3b-2f7d6c2f6a01", "content": "{}"}}\n'
            '{{"id": "71dc8b08-7c3d-4b83-9a3b-2f7d6c2f6a02", "content": "the password is hunter2hunter2"}}\n',
        ),
    ],
)
async def test_what_is_refused_for_its_secrets_is_not_gone_from_its_source(
    tmp_path: Path, postgres_url: str, name: str, text: str
) -> None:
    warning = Settings(home=tmp_path / "home", database_url=postgres_url, zone="UTC")
    file = tmp_path / name
    file.write_text(text.format("old"), "utf-8")
    async with services_here(warning) as services:
        await services.importing.import_files([file])
    async with services_here(dataclasses.replace(warning, secrets="refuse")) as services:
        for content in ("new", "new", "newer"):
            file.write_text(text.format(content), "utf-8")
            report = await services.importing.import_sources([Source(file)], retire=agree_to_all)
            assert (len(report.failed), report.missing) == (1, [])


@pytest.mark.parametrize(
    ("name", "text", "broken"),
    [
        (
            "CLAUDE.md",
            "# T\n\n## One\n\n{}\n\n## Two\n\ntext\n",
            "# T\n\n## One\n\nno text \x81\x8d\n\n## Two\n\ntext\n",
        ),
        (
            "some.jsonl",
            '{{"id": "a", "content": "{}"}}\n{{"id": "b", "content": "two"}}\n',
            '{"id": "b", "content": tw}\n',
        ),
        ("some.csv", "id,content\na,{}\nb,two\n", "id,content\na,one,more\nb,two\n"),
    ],
)
async def test_what_cannot_be_read_is_not_gone_from_its_source(
    services: Services, tmp_path: Path, name: str, text: str, broken: str
) -> None:
    file = tmp_path / name
    file.write_text(text.format("one"), "utf-8")
    await services.importing.import_files([file])
    file.write_text(broken, "latin-1")
    report = await services.importing.import_sources([Source(file)], retire=agree_to_all)
    assert (len(report.failed), report.missing, report.retired) == (1, [], 0)


async def test_what_is_deleted_in_its_source_is_gone_from_it(services: Services, tmp_path: Path) -> None:
    file = tmp_path / "some.json"
    for state in ("active", "deleted"):
        rows = [{"id": "a", "memory": "one", "state": "active"}, {"id": "b", "memory": "two", "state": state}]
        file.write_text(json.dumps({"results": rows}), "utf-8")
        report = await services.importing.import_files([file])
    assert [len(report.failed), len(report.missing)] == [1, 1]


async def test_sections_that_stayed_as_they_were_are_not_gone_once_their_file_is_passed_over(
    services: Services, tmp_path: Path
) -> None:
    file = tmp_path / "CLAUDE.md"
    for one in ("old", "new", "new"):
        file.write_text(f"# T\n\n## One\n\n{one}\n\n## Two\n\ntext\n", "utf-8")
        report = await services.importing.import_files([file])
        assert report.missing == []


async def test_what_was_changed_or_came_back_while_that_was_asked_is_not_retired(
    services: Services, tmp_path: Path
) -> None:
    notes = vault(tmp_path / "notes", one="# One", two="# Two", three="# Three", four="# Four")
    await services.importing.import_files([notes])
    there = await all_memories(services)
    for name in ("one", "two", "three"):
        (notes / f"{name}.md").unlink()

    async def agree_late(missing: object) -> bool:
        await services.memories.update(there["One"], MemoryChanges(content="# One\n\nprecious"))
        vault(notes, two="# Two")
        return True

    report = await services.importing.import_sources([Source(notes)], retire=agree_late)
    assert report.retired == 1
    assert set(await all_memories(services)) == {"One", "Two", "Four"}


async def test_what_an_agent_changed_while_its_note_was_imported_is_told_by_the_next_import(
    services: Services, tmp_path: Path
) -> None:
    notes = vault(tmp_path / "notes", one="# One", two="# Two")
    await services.importing.import_files([notes])
    one = (await all_memories(services))["One"]
    vault(notes, one="# One\n\nby the note")
    (notes / "two.md").unlink()

    async def by_an_agent(missing: object) -> bool:
        """It is asked when all is planned and nothing written."""
        await services.memories.update(one, MemoryChanges(content="# One\n\nby an agent"))
        return False

    await services.importing.import_sources([Source(notes)], retire=by_an_agent)
    for _ in range(2):
        report = await services.importing.import_files([notes])
        assert [kept.texts for kept in report.kept] == [("# One\n\nby an agent", "# One\n\nby the note")]


async def test_a_conflict_in_tags_alone_shows_both_tags(services: Services, tmp_path: Path) -> None:
    notes = vault(tmp_path / "notes", one="---\ntags: [red]\n---\n# One")
    await services.importing.import_files([notes])
    one = (await all_memories(services))["One"]
    await services.memories.update(one, MemoryChanges(tags=("green", "old")))
    vault(notes, one="---\ntags: [blue]\n---\n# One")
    report = await services.importing.import_files([notes])
    assert [kept.texts for kept in report.kept] == [("tags: green, old", "tags: blue")]


async def test_a_purge_erases_what_a_source_said_of_the_memory(
    services: Services, tmp_path: Path, postgres_url: str
) -> None:
    notes = vault(tmp_path / "notes", one="# One\n\ntext")
    await services.importing.import_files([notes])
    one = (await all_memories(services))["One"]
    await services.memories.update(one, MemoryChanges(content="# One\n\nhere"))
    vault(notes, one="# One\n\nhunter2")
    await services.importing.import_sources([Source(notes)], take=lambda _: Side.MINE)
    assert "hunter2" in str(await _said(postgres_url))
    await services.memories.purge([one.id])
    assert await _said(postgres_url) == [None]


async def _said(url: str) -> list[object]:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        rows = await connection.execute("SELECT said FROM memoria_tui.imported_items")
        return [row[0] for row in await rows.fetchall()]


async def test_both_texts_of_a_conflict_are_told_as_long_as_it_lasts(services: Services, tmp_path: Path) -> None:
    notes = vault(tmp_path / "notes", one="# One\n\ntext")
    await services.importing.import_files([notes])
    one = (await all_memories(services))["One"]
    await services.memories.update(one, MemoryChanges(content="# One\n\nhere"))
    vault(notes, one="# One\n\nthere")
    for _ in range(2):
        report = await services.importing.import_files([notes])
        assert [kept.texts for kept in report.kept] == [("# One\n\nhere", "# One\n\nthere")]


@pytest.mark.parametrize(("change", "to"), [("first", "Vier.md"), ("other", "Vier.md"), ("other", "sub/Four.md")])
@pytest.mark.parametrize("side", Side)
async def test_a_note_that_moves_while_both_texts_of_it_wait_for_a_person_stays_one_memory(
    services: Services, tmp_path: Path, change: str, to: str, side: Side
) -> None:
    notes = vault(tmp_path / "notes", Four="first")
    await services.syncing.add(notes, Mode.BOTH, ReadingOptions())
    await services.importing.import_files([notes])
    four = (await all_memories(services))["Four"]
    await services.memories.update(four, MemoryChanges(content="# Four\n\nhere"))
    if change != "first":
        vault(notes, Four=change)
        assert len((await services.importing.import_files([notes])).kept) == 1
    (notes / "sub").mkdir()
    (notes / "Four.md").rename(notes / to)
    title = Path(to).stem
    for _ in range(2):
        (made,) = await services.syncing.run()
        assert [kept.texts for kept in made.report.kept] == [("# Four\n\nhere", f"# {title}\n\n{change}")]
        assert (made.report.memories, made.written, made.report.missing) == (0, [], [])
    await services.importing.import_sources([Source(notes)], take={four.id: side}.get)
    (one,) = (await all_memories(services)).values()
    assert (one.id, one.content) == (
        four.id,
        f"# {title}\n\n{change}" if side is Side.THEIRS else "# Four\n\nhere",
    )
    assert (await services.importing.import_files([notes])).memories == 0


@pytest.mark.parametrize(("side", "text"), [(Side.THEIRS, "there"), (Side.MINE, "here")])
async def test_a_side_is_taken_where_both_changed_and_the_other_text_stays_in_the_history(
    services: Services, tmp_path: Path, side: Side, text: str
) -> None:
    notes = vault(tmp_path / "notes", one="# One\n\ntext", two="# Two", three="# Three")
    await services.syncing.add(notes, Mode.BOTH, ReadingOptions())
    await services.syncing.run()
    known = await all_memories(services)
    await services.memories.update(known["One"], MemoryChanges(content="# One\n\nhere", tags=("mine",)))
    await services.memories.update(known["Three"], MemoryChanges(content="# Three\n\nhere"))
    await services.memories.delete([known["Two"].id])
    vault(notes, one="---\nstatus: done\n---\n# One\n\nthere", two="# Two\n\nthere", three="# Three\n\nthere")
    took = {known[one].id: side for one in ("One", "Two")}
    report = await services.importing.import_sources([Source(notes)], take=took.get)
    assert [one.memory_id for one in report.kept] == [known["Three"].id]
    found = await all_memories(services)
    one = found["One"]
    assert (one.content, one.tags, one.metadata["status"]) == (f"# One\n\n{text}", ("mine",), "done")
    assert ("Two" in found) == (side is Side.THEIRS)
    texts = {str(change.after) for change in await services.memories.history(one.id)}
    assert all(any(f"\\n\\n{one}'" in text for text in texts) for one in ("here", "there"))
    made = (await services.syncing.run())[0]
    assert [one.record for one in made.report.kept] == ["three.md"]
    assert (notes / "one.md").read_text("utf-8") == f"---\nstatus: done\n---\n# One\n\n{text}"


async def test_a_note_that_was_exported_brings_no_deleted_memory_back(services: Services, tmp_path: Path) -> None:
    from services.transfer.writers import Format

    notes = vault(tmp_path / "notes", one="# One", two="# Two")
    await services.importing.import_files([notes])
    await services.exporting.write(tmp_path / "out", Format.MARKDOWN.writer)
    await services.memories.delete([(await all_memories(services))["Two"].id])
    report = await services.importing.import_files([tmp_path / "out"])
    assert [one.record for one in report.failed] == ["two.md"]
    assert set(await all_memories(services)) == {"One"}


@pytest.mark.usefixtures("small_batches")
async def test_an_import_of_many_that_is_killed_goes_on_where_it_was(services: Services, tmp_path: Path) -> None:
    file = tmp_path / "many.jsonl"
    file.write_text("".join(json.dumps({"content": f"Memory {number}"}) + "\n" for number in range(90)), "utf-8")

    calls = 0

    def stop(progress: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 8:
            raise KeyboardInterrupt

    services.importing.part = 30
    with pytest.raises(KeyboardInterrupt):
        await services.importing.import_sources([Source(file)], progress=stop)
    kept = len(await all_memories(services))
    assert 0 < kept < 90
    report = await services.importing.import_files([file])
    assert (report.memories, report.unchanged, len(await all_memories(services))) == (90 - kept, kept, 90)
    await services.memories.undo()
    assert len(await all_memories(services)) == kept


class Stopping(Source):
    """Of 80 memories in batches of 20; before the last of these is read `at` runs."""

    def __init__(self, folder: Path, at: Callable[[], object]) -> None:
        file = folder / "many.jsonl"
        file.write_text("".join(json.dumps({"content": f"Memory {one}"}) + "\n" for one in range(80)), "utf-8")
        super().__init__(file)
        self._at = at

    def records(self) -> Iterator[Record]:
        for number, record in enumerate(super().records()):
            if number == 60:
                self._at()
            yield record


async def stored(services: Services, count: int) -> None:
    """Waits until so many memories are in the store."""
    async with asyncio.timeout(60):
        while len(await all_memories(services)) < count:  # noqa: ASYNC110 - of the stores
            await asyncio.sleep(0.02)


@pytest.mark.usefixtures("small_batches")
async def test_an_import_of_many_stops_when_it_is_undone_and_leaves_nothing(services: Services, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()

    async def undo() -> None:
        await stored(services, 60)
        await services.memories.undo()

    source = Stopping(tmp_path, lambda: asyncio.run_coroutine_threadsafe(undo(), loop).result(60))
    services.importing.part = 10
    with pytest.raises(Conflict, match="undone while it ran"):
        await services.importing.import_sources([source])
    assert await all_memories(services) == {}
    assert (await services.importing.import_files([tmp_path / "many.jsonl"])).memories == 80


@pytest.mark.usefixtures("small_batches")
async def test_an_undo_that_meets_the_next_part_of_an_import_undoes_nothing_of_it(
    services: Services, tmp_path: Path, postgres_url: str
) -> None:
    at, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        loop.call_soon_threadsafe(at.set)
        go_on.wait(60)

    async def waiting_for_locks(count: int) -> None:
        async with asyncio.timeout(60):
            while len(await (await connection.execute(_WAITING)).fetchall()) < count:  # noqa: ASYNC110 - of the server
                await asyncio.sleep(0.02)

    services.importing.part = 10
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
        importing = asyncio.create_task(services.importing.import_sources([Stopping(tmp_path, stop)]))
        await at.wait()
        await stored(services, 60)
        async with services.records.transaction() as held:
            await held.outbox.lock(map(str, range(1000)))
            go_on.set()
            await waiting_for_locks(1)
            undoing = asyncio.create_task(services.memories.undo())
            await waiting_for_locks(2)
        with pytest.raises(Conflict, match="being written"):
            await undoing
    await importing
    assert len(await all_memories(services)) == 80
    await services.memories.undo()
    assert await all_memories(services) == {}


_WAITING = """
SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.mark.usefixtures("small_batches")
async def test_a_dry_run_of_many_counts_what_an_import_does(services: Services, tmp_path: Path) -> None:
    entities = [{"type": "entity", "name": f"N{one}", "entityType": "t", "observations": ["x"]} for one in range(60)]
    links = [{"type": "relation", "from": "N1", "to": f"N{one}", "relationType": "uses"} for one in range(2, 60)]
    file = tmp_path / "memory.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in entities + links), "utf-8")
    services.importing.part = 20
    planned = await services.importing.import_sources([Source(file)], dry_run=True)
    assert planned == await services.importing.import_files([file])
    assert (planned.memories, planned.relations, planned.failed) == (60, 58, [])


async def test_no_link_leads_out_of_a_folder_or_round_in_it(services: Services, tmp_path: Path) -> None:
    notes = vault(tmp_path / "notes", one="# One")
    vault(tmp_path / "other", secret="# Secret")
    (notes / "round").symlink_to(notes)
    (notes / "out").symlink_to(tmp_path / "other")
    (notes / "secret.md").symlink_to(tmp_path / "other" / "secret.md")
    (notes / "again.md").symlink_to(notes / "one.md")
    (notes / "a.md").symlink_to("b.md")
    (notes / "b.md").symlink_to("a.md")
    for _ in range(2):
        report = await services.importing.import_sources([Source(notes)], dry_run=True)
        assert (report.memories, [one.record for one in report.failed]) == (1, ["out", "round", "secret.md"])


async def test_an_edit_here_outlasts_every_change_of_other_keys_in_the_source(
    services: Services, tmp_path: Path
) -> None:
    notes = vault(tmp_path / "notes", one="---\ntags: [x]\n---\n# One\n\nA")
    await services.syncing.add(notes, Mode.BOTH, ReadingOptions())
    await services.importing.import_files([notes])
    await services.memories.update((await all_memories(services))["One"], MemoryChanges(content="# One\n\nB"))
    for tag in ("y", "z"):
        vault(notes, one=f"---\ntags: [{tag}]\n---\n# One\n\nA")
        assert (await services.importing.import_files([notes])).kept == []
        one = (await all_memories(services))["One"]
        assert (one.content, one.tags) == ("# One\n\nB", (tag,))
    await services.syncing.run()
    assert (notes / "one.md").read_text("utf-8") == "---\ntags: [z]\n---\n# One\n\nB"
    assert (await services.syncing.run())[0].written == []
    vault(notes, one="---\ntags: [z]\n---\n# One\n\nC")
    assert (await services.importing.import_files([notes])).memories == 1


async def test_notes_on_a_disk_that_is_not_there_have_not_moved(services: Services, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    notes = vault(tmp_path / "disk" / "notes", one="# One\n\ntext")
    await services.importing.import_files([notes])
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    copy = await services.importing.import_files([vault(tmp_path / "copy", one="# One\n\ntext")])
    assert (copy.memories, copy.notes) == (1, [])


@pytest.mark.parametrize(
    ("before", "after"), [("", "202601010900"), ("202601010900", "202602020900"), ("Zettel 12", "")]
)
async def test_a_note_whose_id_changes_stays_one_memory(
    services: Services, tmp_path: Path, before: str, after: str
) -> None:
    def note(given: str, text: str) -> str:
        return (f"---\nid: {given}\n---\n" if given else "") + f"# One\n\n{text}"

    notes = vault(tmp_path / "notes", one=note(before, "old"), two="# Two\n\n[[one]]")
    await services.importing.import_files([notes])
    known = (await all_memories(services))["One"].id
    vault(notes, one=note(after, "new"))
    report = await services.importing.import_files([notes])
    one = (await all_memories(services))["One"]
    assert (one.id, one.content, report.missing) == (known, "# One\n\nnew", [])
    assert len(await all_memories(services)) == 2
    assert await services.graph.between(one.id, (await all_memories(services))["Two"].id)
    assert (await services.importing.import_files([notes])).memories == 0


@pytest.mark.parametrize("given", ["", "---\nid: 202601010900\n---\n"])
async def test_a_new_note_at_the_place_of_one_that_was_renamed_is_another_memory(
    services: Services, tmp_path: Path, given: str
) -> None:
    notes = vault(tmp_path / "notes", untitled=given + "# One\n\ntext")
    await services.importing.import_files([notes])
    known = (await all_memories(services))["One"].id
    (notes / "untitled.md").rename(notes / "zwei.md")
    for new in ("Two", "Three"):
        vault(notes, untitled=f"# {new}\n\n[[zwei]]")
        await services.importing.import_files([notes])
        found = await all_memories(services)
        assert found["One"].id == known
        assert await services.graph.between(known, found[new].id)
        assert (await services.importing.import_files([notes])).memories == 0
    assert set(found) == {"One", "Three"}
