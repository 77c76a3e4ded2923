"""Backups and restores: everything comes back as it was, in any store, and nothing here is lost."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.backup.backup_values import Comparison, UnfinishedRestore
from services.backup.restore_run import Marker
from services.errors import Conflict, InvalidInput, NotFound, NothingToUndo, StoreUnavailable, UnreadableFile
from services.memories.payload import State
from services.model import MemoryChanges, MemoryDraft, MemoryType, Progress, RelationType
from services.records.archive_tables import Difference
from services.times import read_stamp, writer_zone
from services.transfer.writers import Format
from services.work.report_values import SessionFilter
from tests.qdrant_server import Qdrant
from tests.services.backup_world import Store, fill, open_store
from tests.services.memory_world import WatchedEmbedder, quick_folder
from tests.services.servers import pgbouncer, postgres_15, query
from tests.services.test_schema import as_of_0002

pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact"),
]


COUNTS = {
    "memories": 6,
    "clients": 1,
    "projects": 3,
    "sessions": 1,
    "relations": 1,
    "rejected suggestions": 1,
    "settings": 1,
    "changes": 8,
}


@asynccontextmanager
async def two_stores(url: str, other: str) -> AsyncIterator[tuple[Store, Store, Path]]:
    """A store to back up, one to restore into, and a folder for backups."""
    with quick_folder() as name:
        folder = Path(name)
        async with open_store(folder / "source", url) as source, open_store(folder / "target", other) as target:
            yield source, target, folder / "backups"


async def restored(target: Store, path: Path, *, replace: bool = False) -> Comparison:
    comparison = await target.services.restoring.compare(path)
    await target.services.restoring.restore(comparison, replace=replace)
    return comparison


def difference(comparison: Comparison, kind: str) -> Difference:
    return next(one for one in comparison.differences if one.kind == kind)


async def texts(store: Store) -> list[str]:
    return sorted(str(payload["content"]) for payload, _ in (await store.points()).values())  # type: ignore[index]


async def instants(store: Store, made: Mapping[str, str]) -> list[object]:
    """What the stamps without a zone mean, of memories, of their history and of pauses."""
    memories, zone = store.services.memories, writer_zone(store.services.settings)
    shown = [await memories.get(made[name]) for name in ("plain", "long")]
    states = [State.from_json(one.after) for one in await memories.history(made["plain"]) if one.after]
    (session,) = await store.services.reports.sessions(SessionFilter())
    return [
        *((one.created_at, one.updated_at, one.accessed_at) for one in shown),
        read_stamp(states[-1].payload["updated_at"], zone),
        *((one.memory.created_at, one.memory.updated_at) for one in await memories.trash()),
        session.pauses,
    ]


async def test_what_was_backed_up_in_rome_keeps_its_instants_in_a_new_home_in_tokyo(
    postgres_url: str, empty_url: str
) -> None:
    with quick_folder() as name:
        folder = Path(name)
        async with open_store(folder / "rome", postgres_url) as source:
            made = await fill(source)
            before, everything = await instants(source, made), await source.everything()
            archive = (await source.services.backup.backup(folder / "backups")).path
        async with open_store(folder / "tokyo", empty_url, zone="Asia/Tokyo") as target:
            await restored(target, archive)
            assert await instants(target, made) == before
            assert everything != await target.everything()
            assert (await target.services.restoring.compare(archive)).same
            back = (await target.services.backup.backup(folder / "back")).path
        async with open_store(folder / "rome", postgres_url) as source:
            assert (await source.services.restoring.compare(back)).same
            await restored(source, back, replace=True)
            assert (await source.points()) == everything["points"]


async def test_what_was_exported_in_rome_keeps_its_instants_in_tokyo(postgres_url: str, empty_url: str) -> None:
    with quick_folder() as name:
        folder = Path(name)
        async with open_store(folder / "rome", postgres_url) as source:
            made = await fill(source)
            query(postgres_url, "UPDATE work_sessions SET notes = '{}'")
            before = await instants(source, made)
            await source.services.exporting.write(folder / "all.jsonl", Format.JSONL.writer)
        async with open_store(folder / "tokyo", empty_url, zone="Asia/Tokyo") as target:
            await target.services.importing.import_files([folder / "all.jsonl"])
            assert await instants(target, made) == before


async def test_everything_goes_from_embedded_to_central_and_back(
    qdrant: Qdrant, postgres_url: str, empty_url: str, tmp_path: Path
) -> None:
    """Embedded 18, then a Qdrant server with PostgreSQL 15 behind PgBouncer, then embedded again."""
    socket = tmp_path / "15"
    socket.mkdir()
    vectors = qdrant.store()
    with quick_folder() as name, postgres_15(socket) as server_url, pgbouncer(server_url, tmp_path) as central_url:
        folder = Path(name)
        async with open_store(folder / "one", postgres_url) as source:
            made = await fill(source)
            before = await source.everything()
            seen: list[Progress] = []
            first = await source.services.backup.backup(folder / "first", progress=seen.append)
        async with open_store(folder / "two", central_url, vectors=vectors) as central:
            comparison = await restored(central, first.path)
            between = await central.everything()
            second = await central.services.backup.backup(folder / "second")
        async with open_store(folder / "three", empty_url) as target:
            await restored(target, second.path)
            after = await target.everything()
            await target.services.memories.restore([made["deleted"]])
            undone = await target.services.memories.undo()
            await target.services.memories.restore([made["deleted"]])
            relations = await target.services.memories.relations(made["plain"])

    assert (comparison.empty, comparison.re_embed) == (True, None)
    assert first.counts == second.counts
    assert first.counts == COUNTS
    assert between == before
    assert after == before
    assert undone.entity_ids
    assert {one.relation.type for one in relations} == {RelationType.FIXES, RelationType.CAUSES}
    assert seen[-1].done == seen[-1].total


async def test_a_database_without_kinds_of_acts_is_backed_up_and_restored(postgres_url: str, empty_url: str) -> None:
    with quick_folder() as name:
        folder = Path(name)
        async with open_store(folder / "source", postgres_url) as source:
            await fill(source)
            await source.services.memories.undo()
        as_of_0002(postgres_url)
        async with open_store(folder / "source", postgres_url) as source:
            archive = await source.services.backup.backup(folder / "backups")
        async with open_store(folder / "target", empty_url) as target:
            await restored(target, archive.path)
            rows = query(target.url, "SELECT DISTINCT kind, undoes IS NULL, imported FROM memoria_tui.audit_log")
            with pytest.raises(NothingToUndo):
                await target.services.memories.undo()

    assert sorted(rows) == [("edit", True, True), ("undo", False, True)]


async def test_what_waits_is_restored_with_all_changes_that_its_points_may_lack(
    postgres_url: str, empty_url: str
) -> None:
    async with two_stores(postgres_url, empty_url) as (source, target, backups):
        source.embedder.away = True
        memory = await source.services.memories.create(MemoryDraft("first"))
        other = await source.services.memories.create(MemoryDraft("written, but for its vector"))
        await source.services.memories.update(memory, MemoryChanges(content="second"))
        query(
            source.url,
            "UPDATE memoria_tui.embedding_schedule SET since = (SELECT min(id) FROM memoria_tui.audit_log "
            "WHERE entity_id = memory_id) WHERE memory_id = %s",
            memory.id,
        )
        archive = await source.services.backup.backup(backups)
        await restored(target, archive.path)
        waiting = query(
            target.url,
            "SELECT memory_id::text, since - change_id, (SELECT count(*) FROM memoria_tui.audit_log "
            "WHERE entity_id = memory_id AND id BETWEEN since AND change_id) FROM memoria_tui.embedding_schedule",
        )
    assert {row[0]: row[2] for row in waiting} == {memory.id: 2, other.id: 0}
    assert {row[0]: row[1] for row in waiting}[other.id] == 1


async def test_a_merge_writes_all_memories_in_one_transaction(postgres_url: str, empty_url: str) -> None:
    async with two_stores(postgres_url, empty_url) as (source, target, backups):
        await target.services.memories.create(MemoryDraft("only here"))
        for number in range(3):
            await source.services.memories.create(MemoryDraft(f"memory {number}", list(MemoryType)[number]))
        archive = await source.services.backup.backup(backups)
        await restored(target, archive.path)
        transactions = query(
            target.url,
            "SELECT count(DISTINCT xmin::text) FROM memoria_tui.audit_log WHERE kind = 'restore' AND entity = 'memory'",
        )
    assert transactions == [(1,)]


async def test_a_merge_brings_what_is_missing_or_newer_and_loses_nothing(postgres_url: str, empty_url: str) -> None:
    async with two_stores(postgres_url, empty_url) as (source, target, backups):
        made = await fill(source)
        first = await source.services.backup.backup(backups)
        await restored(target, first.path)
        ours, theirs = target.services.memories, source.services.memories
        newer_here = await ours.update(await ours.get(made["plain"]), MemoryChanges(content="changed here, later"))
        only_here = await ours.create(MemoryDraft("only here"))
        await theirs.update(await theirs.get(made["long"]), MemoryChanges(content="newer in the archive"))
        only_there = await theirs.create(MemoryDraft("only in the archive"))
        await source.services.graph.link(only_there.id, made["plain"], RelationType.SUPPORTS)
        await theirs.delete([made["pending"]])
        query(target.url, "UPDATE work_sessions SET notes = ARRAY['here']")
        query(source.url, "UPDATE work_sessions SET notes = ARRAY['there, later']")
        archive = await source.services.backup.backup(backups)

        before = await target.everything()
        comparison = await restored(target, archive.path)
        merged = await texts(target)
        histories = [await ours.history(one) for one in (made["pending"], only_there.id)]
        again = await target.services.restoring.compare(archive.path)
        unchanged = await target.services.restoring.restore(again)
        notes = query(target.url, "SELECT notes FROM work_sessions")
        related = await ours.relations(only_there.id)
        await ours.undo()
        after_undo = await target.everything()

    assert difference(comparison, "memories") == Difference("memories", new=1, newer=1, older=1, same=3, only_here=2)
    assert difference(comparison, "sessions") == Difference("sessions", newer=1)
    assert {"only here", "only in the archive", "newer in the archive", "changed here, later", "waits"} <= set(merged)
    assert histories[0][0].summary == "kept as it is here"
    assert histories[1][0].summary == "restored from a backup"
    assert notes == [(["there, later"],)]
    assert len(related) == 1
    assert unchanged.counts == {}
    assert newer_here.id != only_here.id
    assert after_undo["public.memory_relations"] == before["public.memory_relations"]
    contents = [{payload["content"] for payload, _ in found["points"].values()} for found in (before, after_undo)]  # type: ignore[attr-defined]
    assert contents[0] == contents[1]


async def test_a_backup_that_knows_nothing_of_billing_leaves_what_was_billed(postgres_url: str, empty_url: str) -> None:
    """A merge and a replacement by one that was made before the columns were there."""
    bill = "UPDATE work_sessions SET memoria_tui_billed = ARRAY['2026-10'], memoria_tui_tags = ARRAY['x']"
    read = "SELECT notes, memoria_tui_billed, memoria_tui_tags, memoria_tui_billable FROM work_sessions"
    async with two_stores(postgres_url, empty_url) as (source, target, backups):
        await fill(source)
        await restored(target, (await source.services.backup.backup(backups)).path)
        query(target.url, f"{bill}, memoria_tui_billable = false")
        query(
            source.url,
            "ALTER TABLE work_sessions DROP COLUMN memoria_tui_billed, DROP COLUMN memoria_tui_tags, "
            "DROP COLUMN memoria_tui_billable",
        )
        query(source.url, "UPDATE work_sessions SET notes = ARRAY['there, later']")
        archive = await source.services.backup.backup(backups)
        comparison = await restored(target, archive.path)
        merged = query(target.url, read)
        again = await restored(target, archive.path, replace=True)
        replaced = query(target.url, read)

    assert difference(comparison, "sessions") == Difference("sessions", newer=1)
    assert difference(again, "sessions") == Difference("sessions", same=1)
    assert merged == replaced == [(["there, later"], ["2026-10"], ["x"], False)]


async def test_a_replacement_puts_the_archive_in_the_place_of_what_is_here(postgres_url: str, empty_url: str) -> None:
    async with two_stores(postgres_url, empty_url) as (source, target, backups):
        await fill(source)
        archive = await source.services.backup.backup(backups)
        mine = await target.services.memories.create(MemoryDraft("only here"))
        other = await target.services.memories.create(MemoryDraft("only here too"))
        await target.services.graph.link(mine.id, other.id, RelationType.FIXES)
        query(target.url, "INSERT INTO clients (name) VALUES ('only here')")

        comparison = await target.services.restoring.compare(archive.path)
        report = await target.services.restoring.restore(comparison, replace=True)
        there, here = await source.everything(), await target.everything()
        trash = await target.services.memories.trash()
        await target.services.memories.restore([mine.id, other.id])
        relations = await target.services.memories.relations(mine.id)
        unfinished = await target.services.restoring.unfinished()

    tables = [table for table in there if not table.startswith("memoria_tui.")]
    assert {table: here[table] for table in tables} == {table: there[table] for table in tables}
    assert set(there["memoria_tui.audit_log"]) < set(here["memoria_tui.audit_log"])  # type: ignore[call-overload]
    assert {one.memory.content for one in trash} >= {"only here", "only here too"}
    assert [one.relation.type for one in relations] == [RelationType.FIXES]
    assert report.safety is not None
    assert report.safety.path.parent == target.folder / "backups"
    assert report.safety.counts["memories"] == 2
    assert unfinished is None


async def test_a_replacement_tells_of_what_was_written_since_it_was_compared(tmp_path: Path, postgres_url: str) -> None:
    async with open_store(tmp_path / "one", postgres_url) as one:
        await one.services.memories.create(MemoryDraft("in the backup"))
        archive = await one.services.backup.backup(tmp_path / "backups")
        comparison = await one.services.restoring.compare(archive.path)
        assert comparison.same
        await one.services.memories.create(MemoryDraft("written while the question was open"))
        report = await one.services.restoring.restore(comparison, replace=True)
        assert report.counts["memories"] == 1
        again = await one.services.restoring.compare(archive.path)
        assert (await one.services.restoring.restore(again, replace=True)).counts == {}


async def test_every_program_on_the_stores_sees_a_restore_that_is_not_finished(
    postgres_url: str, empty_url: str, tmp_path: Path
) -> None:
    async with two_stores(postgres_url, empty_url) as (source, target, backups):
        await fill(source)
        archive = await source.services.backup.backup(backups)
        await target.services.memories.create(MemoryDraft("only here"))
        marker = Marker(str(archive.path), archive.digest, "merge", str(uuid.uuid4()), "2026-11-20T12:00:00+00:00")
        query(target.url, "INSERT INTO memoria_tui.unfinished_restore (note) VALUES (%s)", marker.as_text())
        async with open_store(tmp_path / "another home", empty_url, vectors=target.services.vectors) as other:
            seen = await other.services.restoring.unfinished()
            problems = await other.services.health.problems()
            report = await other.services.restoring.finish()
            left = await target.services.restoring.unfinished()
            with pytest.raises(NotFound, match="no restore was begun"):
                await other.services.restoring.finish()

    assert seen == UnfinishedRestore(archive.path, False, datetime(2026, 11, 20, 12, tzinfo=UTC))
    assert any("restore --resume" in problem for problem in problems)
    assert report.counts["memories"] == 6
    assert left is None


async def test_vectors_of_another_model_are_made_again_or_nothing_is_restored(
    postgres_url: str, empty_url: str
) -> None:
    with quick_folder() as name:
        folder = Path(name)
        async with open_store(folder / "source", postgres_url) as source:
            made = await fill(source)
            archive = await source.services.backup.backup(folder / "backups")
            before = await source.points()
        other = WatchedEmbedder()
        other.model = "another"
        other.away = True
        async with open_store(folder / "target", empty_url, embedder=other) as target:
            comparison = await target.services.restoring.compare(archive.path)
            with pytest.raises(StoreUnavailable, match="start it, or set the archive's model; nothing was restored"):
                await target.services.restoring.restore(comparison)
            untouched = await target.points()
            other.away = False
            await target.services.restoring.restore(comparison)
            after = await target.points()
            model = await target.services.vectors.model()

    assert comparison.re_embed == "the archive's vectors come from watched (8 dimensions), not from another (8)"
    assert untouched == {}
    assert model == "another"
    assert {key: payload for key, (payload, _) in after.items()} == {key: one for key, (one, _) in before.items()}
    assert "a plain fact \ufffd" in other.embedded
    assert made


async def test_backups_rotate_and_damaged_ones_are_told(postgres_url: str) -> None:
    with quick_folder() as name:
        backups = Path(name, "backups")
        async with open_store(Path(name, "home"), postgres_url) as store:
            await fill(store)
            backup, restoring = store.services.backup, store.services.restoring
            none = await backup.archives(backups)
            first, second, third = [await backup.backup(backups) for _ in range(3)]
            second.path.write_bytes(second.path.read_bytes()[:5000])
            last = await backup.backup(backups, keep=2)
            found = await backup.archives(backups)
            with pytest.raises(UnreadableFile, match=r"cut off at byte 5,000, in or after .*; restore another"):
                await restoring.compare(second.path)
            comparison = await restoring.compare(third.path)
            ahead = last.path.rename(backups / "memoria-2999-01-01T000000Z.tar")
            made = [(await backup.backup(backups, keep=1)).path for _ in range(2)]
            rotated = [one.path for one in await backup.archives(backups)]
            ahead.rename(last.path)
            third.path.write_bytes(last.path.read_bytes())
            with pytest.raises(Conflict, match="compare again"):
                await restoring.restore(comparison)
            with pytest.raises(InvalidInput, match="give 1 or more"):
                await backup.backup(backups, keep=0)

    assert none == []
    assert [one.path for one in found] == [last.path, third.path, second.path]
    assert not first.path.exists()
    assert rotated == [ahead, made[-1], second.path], "what was just made stays, and what is dated later does not count"


async def test_the_points_of_a_store_that_names_no_model_are_recognised(postgres_url: str, empty_url: str) -> None:
    """As MCP Memoria makes its collections: a server, no model remembered, no schema of ours."""
    with quick_folder() as name:
        async with open_store(Path(name, "source"), postgres_url) as source:
            await fill(source)
            archive = await source.services.backup.backup(Path(name, "backups"))
            content = without_model(archive.path)
        async with open_store(Path(name, "target"), empty_url) as target:
            comparison = await target.services.restoring.compare(content)

    assert comparison.archive.model is None
    assert comparison.re_embed is None


def without_model(path: Path) -> Path:
    """The same archive, as if nobody had known the model."""
    from services.backup.archive_file import ArchiveReader, ArchiveWriter

    reader = ArchiveReader(path)
    assert reader.facts["made_at"]
    from datetime import datetime

    writer = ArchiveWriter(path.parent / "other", datetime.fromisoformat(str(reader.facts["made_at"])))
    for part in reader.parts:
        writer.add(part.name, reader.read(part), part.records, packed=part.name.endswith(".gz"))
    facts = {key: value for key, value in reader.facts.items() if key not in ("parts", "model")}
    reader.close()
    return writer.finish({**facts, "model": None})
