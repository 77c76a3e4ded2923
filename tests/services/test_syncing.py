"""What is synced is imported again by itself; edits are written back without touching what was not edited."""

from __future__ import annotations

import asyncio
import platform
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from services.container import Services
from services.errors import InvalidInput, NotFound
from services.model import Memory, MemoryChanges
from services.settings import Settings
from services.transfer.file_watching import folders_below, watched
from services.transfer.import_run import ImportReport
from services.transfer.note_writing import CannotWrite, with_text
from services.transfer.reader_parts.imported_records import Record
from services.transfer.reader_parts.reading_options import ReadingOptions
from services.transfer.reader_parts.source import Source
from services.transfer.syncing import Mode, Synced, SyncService
from services.transfer.write_back import WriteBack, exchange_names
from tests.services.edge_here import services_here
from tests.services.memory_world import all_memories

PLAIN = ReadingOptions()


@pytest.fixture
async def services(tmp_path: Path, postgres_url: str) -> AsyncIterator[Services]:
    async with services_here(Settings(home=tmp_path / "home", database_url=postgres_url, zone="UTC")) as services:
        yield services


async def only(services: Services) -> Memory:
    (memory,) = await all_memories(services)
    return memory


def looking(services: Services) -> SyncService:
    """That looks for everything again and again."""
    return SyncService(services.importing, services.vectors, services.records, services.settings, look=0.05, slow=0.2)


@asynccontextmanager
async def watching(syncing: SyncService) -> AsyncIterator[asyncio.Queue[Synced]]:
    """Gives what is told."""
    told: asyncio.Queue[Synced] = asyncio.Queue()
    task = asyncio.create_task(syncing.watch(told.put_nowait))
    try:
        yield told
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def folder(tmp_path: Path, text: bytes) -> Path:
    place = tmp_path / "notes"
    place.mkdir(exist_ok=True)
    (place / "one.md").write_bytes(text)
    return place


NOTE = b"---\r\ntags: [ a,b ]   # mine\r\nodd:   1.50\r\n---\r\n\r\n# One\r\n\r\nfirst\nsecond\r\n"


@pytest.mark.parametrize(
    ("raw", "text", "expected"),
    [
        (NOTE, "# One\n\nfirst\nthird\n", NOTE.replace(b"second", b"third")),
        (NOTE, "# One\n\nfirst\nsecond", NOTE),
        (b"\xef\xbb\xbfold", "# one\n\nnew", b"\xef\xbb\xbfnew"),
        (b"# One\n\na", "# One\n\na\nb", b"# One\n\na\nb"),
        (b"# One\n\na\x0cb\xe2\x80\xa8c\nd", "# One\n\na\x0cb\u2028c\ne", b"# One\n\na\x0cb\xe2\x80\xa8c\ne"),
        (b"# One\n", "", CannotWrite),
        (b"---\na: 1\n---\n", "# one\n\na: 2", CannotWrite),
        (b"caf\xe9", "coffee", CannotWrite),
    ],
)
def test_a_text_is_written_into_its_note_byte_for_byte(raw: bytes, text: str, expected: bytes | type) -> None:
    if isinstance(expected, bytes):
        assert with_text(raw, "one.md", text) == expected
    else:
        with pytest.raises(CannotWrite):
            with_text(raw, "one.md", text)


async def test_both_sides_follow_each_other_and_nothing_goes_round(services: Services, tmp_path: Path) -> None:
    place = folder(tmp_path, NOTE)
    await services.syncing.add(place, Mode.BOTH, PLAIN)
    (first,) = await services.syncing.run()
    assert (first.report.memories, first.written) == (1, [])
    memory = await only(services)
    await services.memories.edit_many([memory.id], add_tags=["here"])
    await services.memories.update(await only(services), MemoryChanges(content="# One\n\nfirst\nthird\n"))
    (second,) = await services.syncing.run()
    assert second.written == [place / "one.md"]
    assert (place / "one.md").read_bytes() == NOTE.replace(b"second", b"third")
    for _ in range(2):
        (idle,) = await services.syncing.run()
        assert not idle.changed
    (place / "one.md").write_bytes(NOTE.replace(b"second", b"fourth"))
    (third,) = await services.syncing.run()
    assert (third.report.memories, third.report.kept, third.written) == (1, [], [])
    now = await only(services)
    assert "fourth" in now.content
    assert "here" in now.tags
    assert [one.name for one in place.iterdir()] == ["one.md"]


async def test_a_conflict_keeps_both_and_is_counted(services: Services, tmp_path: Path) -> None:
    place = folder(tmp_path, b"# One\n\ntext\n")
    await services.syncing.add(place, Mode.BOTH, PLAIN)
    await services.syncing.run()
    await services.memories.update(await only(services), MemoryChanges(content="# One\n\nhere\n"))
    (place / "one.md").write_bytes(b"# One\n\nthere\n")
    (made,) = await services.syncing.run()
    assert (len(made.report.kept), made.written) == (1, [])
    assert (place / "one.md").read_bytes() == b"# One\n\nthere\n"
    assert (await only(services)).content == "# One\n\nhere\n"
    (known,) = await services.syncing.sources()
    assert known.conflicts == 1


async def test_a_note_that_is_renamed_after_an_edit_was_written_into_it_takes_its_name_along(
    services: Services, tmp_path: Path
) -> None:
    place = folder(tmp_path, b"first\n")
    await services.syncing.add(place, Mode.BOTH, PLAIN)
    await services.syncing.run()
    known = await only(services)
    await services.memories.update(known, MemoryChanges(content=known.content.replace("first", "here")))
    assert [made.written for made in await services.syncing.run()] == [[place / "one.md"]]
    (place / "one.md").rename(place / "uno.md")
    (made,) = await services.syncing.run()
    assert (made.report.kept, made.written) == ([], [])
    one = await only(services)
    assert (one.id, one.title) == (known.id, "uno")
    await services.memories.update(one, MemoryChanges(content=one.content.replace("here", "again")))
    assert [made.written for made in await services.syncing.run()] == [[place / "uno.md"]]


class Timed(Source):
    """A source during whose import others act: `acts` has what they do at each moment of it."""

    def __init__(self, path: Path, acts: Callable[[str], None]) -> None:
        super().__init__(path)
        self._acts = acts

    def records(self) -> Iterator[Record]:
        for number, record in enumerate(super().records()):
            if number == 0:
                self._acts("being read")
            yield record


MOMENTS = ("before", "being read", "compared", "after")


async def test_a_note_that_is_moved_and_a_memory_that_is_edited_at_any_moment_of_a_sync_stay_one(
    services: Services, tmp_path: Path
) -> None:
    """One note for each order of both, all in one import: with a title of its own, with that of its file, and with a
    text that was written back before."""
    place = tmp_path / "notes"
    place.mkdir()
    heads = ("# Own\n\n", "# Own\n\nbefore\n", "")
    orders = [(move, edit, head) for move in MOMENTS for edit in MOMENTS for head in heads]
    names = [f"{move}, {edit}, {head.replace(chr(10), ' ').strip() or 'untitled'}" for move, edit, head in orders]
    for name, (*_, head) in zip(names, orders, strict=True):
        (place / f"{name}.md").write_text(f"{head}text of {name}\n")
    (place / "gone.md").write_text("# Gone\n\nsoon\n")
    await services.syncing.add(place, Mode.BOTH, PLAIN)
    await services.syncing.run()
    ids = {name: one.id for one in await all_memories(services) for name in names if f"text of {name}\n" in one.content}
    assert len(ids) == len(names)
    for name in (one for one in names if "before" in one.rpartition(", ")[2]):
        memory = await services.memories.get(ids[name])
        await services.memories.update(memory, MemoryChanges(content=memory.content.replace("before", "written back")))
    (made,) = await services.syncing.run()
    assert len(made.written) == len(MOMENTS) ** 2
    loop, done = asyncio.get_running_loop(), set[str]()

    async def edit(name: str) -> None:
        memory = await services.memories.get(ids[name])
        await services.memories.update(memory, MemoryChanges(content=f"{memory.content.strip()}\nedited\n"))

    async def edits(moment: str) -> None:
        for name, (_, when, _) in zip(names, orders, strict=True):
            if when == moment:
                await edit(name)

    def moves(moment: str) -> None:
        for name, (when, *_) in zip(names, orders, strict=True):
            if when == moment:
                (place / f"{name}.md").rename(place / f"moved {name}.md")

    def act(moment: str) -> None:
        if moment not in done:
            done.add(moment)
            moves(moment)
            asyncio.run_coroutine_threadsafe(edits(moment), loop).result(60)

    def compared(_: str) -> None:
        act("compared")

    await asyncio.to_thread(act, "before")
    (place / "gone.md").unlink()
    await services.importing.import_sources([Timed(place, act)], take=compared, synced=True)
    await asyncio.to_thread(act, "after")
    assert done == {*MOMENTS}
    kept: set[str] = set()
    for _ in range(3):
        (made,) = await services.syncing.run()
        kept |= {remark.memory_id for remark in made.report.kept}
    memories = {one.id: one for one in await all_memories(services)}
    assert len(memories) == len(names) + 1, "the one whose note is gone stays"
    for name, (*_, head) in zip(names, orders, strict=True):
        text, memory = (place / f"moved {name}.md").read_text(), memories[ids[name]]
        assert memory.content.endswith("\nedited\n") or memory.content.endswith("\nedited")
        assert text.endswith("\nedited\n") or (memory.id in kept and not head), name


async def test_what_was_undone_stays_undone_until_it_changes(services: Services, tmp_path: Path) -> None:
    place = folder(tmp_path, b"# One\n\ntext")
    (place / "two.md").write_bytes(b"# Two")
    await services.syncing.add(place, Mode.IN, PLAIN)
    await services.syncing.run()
    await services.memories.undo()
    assert [made.changed for made in await services.syncing.run()] == [False]
    (place / "two.md").write_bytes(b"# Two, changed")
    assert [made.report.memories for made in await services.syncing.run()] == [1]
    assert (await only(services)).title == "Two, changed"


async def test_a_note_that_became_a_link_to_another_one_is_told_as_no_longer_there(
    services: Services, tmp_path: Path
) -> None:
    place = folder(tmp_path, b"# One\n\ntext")
    (place / "two.md").write_bytes(b"# Two")
    await services.syncing.add(place, Mode.IN, PLAIN)
    await services.syncing.run()
    (place / "two.md").unlink()
    (place / "two.md").symlink_to("one.md")
    (made,) = await services.syncing.run()
    assert ([one.record for one in made.report.missing], made.report.failed) == (["two.md"], [])


async def test_what_is_no_note_is_synced_one_way_alone(services: Services, tmp_path: Path) -> None:
    (tmp_path / "many.jsonl").write_text('{"content": "a"}\n')
    with pytest.raises(InvalidInput, match="only notes"):
        await services.syncing.add(tmp_path / "many.jsonl", Mode.BOTH, PLAIN)
    (tmp_path / "home").mkdir(exist_ok=True)
    stores = "the stores are in it"
    for what, told in ((tmp_path, stores), (tmp_path / "home", stores), (Path("/dev/null"), "is no file or folder"),
                       (tmp_path / "none", "there is no such")):  # fmt: skip
        with pytest.raises(InvalidInput, match=told):
            await services.syncing.add(what, Mode.IN, PLAIN)
    assert await services.syncing.sources() == ()
    await services.syncing.add(tmp_path / "many.jsonl", Mode.IN, PLAIN)
    await services.syncing.remove(tmp_path / "many.jsonl")
    assert await services.syncing.run() == []
    with pytest.raises(NotFound):
        await services.syncing.remove(tmp_path / "many.jsonl")


async def test_a_change_on_the_disk_comes_in_by_itself(services: Services, tmp_path: Path) -> None:
    place = folder(tmp_path, b"# One\n\ntext")
    await services.syncing.add(place, Mode.IN, PLAIN)
    async with watching(services.syncing) as told:
        assert (await told.get()).report.memories == 1
        (place / "one.md").write_bytes(b"# One\n\nmore")
        assert (await told.get()).report.memories == 1
        assert (await only(services)).content == "# One\n\nmore"


async def test_what_cannot_be_watched_keeps_no_other_from_being_watched(tmp_path: Path) -> None:
    good = tmp_path / "good.md"
    good.write_text("text")
    async with asyncio.timeout(60), watched([tmp_path / "gone" / "one.md", good]) as changed:
        good.write_text("more")
        await changed.wait()


def test_no_link_is_watched_out_of_a_folder(tmp_path: Path) -> None:
    place = folder(tmp_path, b"text")
    for name in ("below/deep", ".hidden"):
        (place / name).mkdir(parents=True)
    (place / "link").symlink_to(tmp_path)
    found = folders_below(place, threading.Event())
    assert sorted(found) == [place, place / "below", place / "below" / "deep"]


async def test_what_nobody_told_of_is_found_by_looking_from_time_to_time(services: Services, tmp_path: Path) -> None:
    place = folder(tmp_path, b"# One\n\ntext")
    (tmp_path / "elsewhere.md").hardlink_to(place / "one.md")
    await services.syncing.add(place, Mode.IN, PLAIN)
    async with watching(looking(services)) as told:
        assert (await told.get()).report.memories == 1
        (tmp_path / "elsewhere.md").write_bytes(b"# One\n\nmore")
        assert (await told.get()).report.memories == 1


async def test_a_source_that_cannot_be_read_keeps_no_other_from_being_synced(
    services: Services, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="is no format"):
        await services.syncing.add(folder(tmp_path, b"text"), Mode.IN, ReadingOptions(format="marcdown"))
    await services.syncing.add(folder(tmp_path, b"text"), Mode.IN, PLAIN)
    (tmp_path / "alien.md").write_text("text")  # as a version that is newer may have stored it
    await services.records.sources.sync(
        services.records.sources.machine(), str(tmp_path / "alien.md"), "in", '{"format": "newer"}'
    )
    alien, notes = await services.syncing.run()
    assert (alien.report.broken or "").startswith(f"{tmp_path / 'alien.md'}: 'newer' is no format")
    assert notes.report.memories == 1


async def test_a_computer_that_has_another_name_now_is_the_same_one(services: Services, tmp_path: Path) -> None:
    assert services.records.sources.machine() == platform.node()
    (services.settings.home / "machine").write_text("its name at the first import")
    await services.syncing.add(folder(tmp_path, b"text"), Mode.IN, PLAIN)
    (found,) = await services.records.sources.synced("its name at the first import")
    assert found.path == str(tmp_path / "notes")


async def test_a_conflict_is_told_once(services: Services, tmp_path: Path) -> None:
    place = folder(tmp_path, b"# One\n\ntext\n")
    await services.syncing.add(place, Mode.IN, PLAIN)
    await services.syncing.run()
    await services.memories.update(await only(services), MemoryChanges(content="# One\n\nhere\n"))
    (place / "one.md").write_bytes(b"# One\n\nthere\n")
    async with watching(looking(services)) as told:
        assert len((await told.get()).report.kept) == 1
        with suppress(TimeoutError):  # time for some runs
            async with asyncio.timeout(1):
                assert not (await told.get()).report.kept
        (place / "two.md").write_bytes(b"# Two\n\ntext\n")
        assert (await told.get()).report.memories == 1


async def test_an_edit_is_written_back_without_reading_the_files_again(services: Services, tmp_path: Path) -> None:
    place = folder(tmp_path, b"# One\n\ntext\n")
    await services.syncing.add(place, Mode.BOTH, PLAIN)
    syncing = SyncService(services.importing, services.vectors, services.records, services.settings, look=0.05)
    async with watching(syncing) as told:
        assert (await told.get()).report.memories == 1
        await services.memories.update(await only(services), MemoryChanges(content="# One\n\nhere\n"))
        made = await told.get()
    assert made.written == [place / "one.md"]
    assert made.report == ImportReport()
    assert (place / "one.md").read_bytes() == b"# One\n\nhere\n"


async def test_what_an_editor_saves_in_the_instant_of_a_write_back_stays_and_is_told_as_a_conflict(
    services: Services, tmp_path: Path
) -> None:
    place = folder(tmp_path, b"# One\n\ntext\n")

    def saves_first(one: Path, other: Path) -> bool:
        if other.read_bytes() == b"# One\n\ntext\n":
            other.write_bytes(b"# One\n\ntheirs\n")
        return exchange_names(one, other)

    syncing = SyncService(
        services.importing,
        services.vectors,
        services.records,
        services.settings,
        write_back=WriteBack(tmp_path / "writing", saves_first),
    )
    await syncing.add(place, Mode.BOTH, PLAIN)
    await syncing.run()
    await services.memories.update(await only(services), MemoryChanges(content="# One\n\nhere\n"))
    (made,) = await syncing.run()
    assert [str(one) for one in made.not_written] == [
        f"{place}: one.md: not written back: it was changed at the same moment"
    ]
    (made,) = await syncing.run()
    assert len(made.report.kept) == 1
    assert (await only(services)).content == "# One\n\nhere\n"
    assert {one.name: one.read_bytes() for one in place.iterdir()} == {"one.md": b"# One\n\ntheirs\n"}
