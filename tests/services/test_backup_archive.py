"""The file of a backup: every byte counts, and what is wrong is said with its place."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.backup.archive_file import ArchiveReader, ArchiveWriter, encoded, head_facts
from services.backup.archive_parts import OpenArchive, memory_part, pack_points
from services.backup.backup_service import archive_at
from services.errors import InvalidInput, MemoriaError, StoreTooNew, UnreadableFile
from services.model import MemoryType
from services.points import Point
from services.times import WriterZone

HERE = WriterZone(UTC)
MADE = datetime(2026, 11, 21, 12, tzinfo=UTC)


def written(folder: Path, **facts: object) -> Path:
    """An archive of three parts."""
    writer = ArchiveWriter(folder, MADE)
    writer.add("memoria-backup.json", encoded(head_facts(MADE) | facts), 0, packed=False)
    writer.add("memories/semantic/0-000001.jsonl.gz", b"one line\n" * 9, 9)
    writer.add("memories/semantic/0-000001.f32", bytes(range(40)), 0, packed=False)
    return writer.finish({**head_facts(MADE), **facts, "counts": {"memories": 9}})


def verified(path: Path) -> list[bytes]:
    reader = ArchiveReader(path)
    try:
        for part in reader.parts:
            reader.verify(part)
        return [reader.read(part) for part in reader.parts]
    finally:
        reader.close()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = written(tmp_path)

    assert verified(path)[1:] == [b"one line\n" * 9, bytes(range(40))]
    assert path.name == "memoria-2026-11-21T120000Z.tar"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [path.name]


def test_what_an_archive_says_of_itself_is_listed_and_nonsense_makes_it_unusable(tmp_path: Path) -> None:
    told = archive_at(written(tmp_path, model="tiny", dimensions=8, of_later=1))
    assert (told.model, told.dimensions, told.counts, told.problem) == ("tiny", 8, {"memories": 9}, None)
    nonsense = archive_at(written(tmp_path, dimensions="wide"))
    assert "what it says of itself cannot be read" in str(nonsense.problem)


async def test_an_archive_of_four_passes_as_earlier_versions_made_it_is_read(tmp_path: Path) -> None:
    writer = ArchiveWriter(tmp_path, MADE)
    writer.add("memoria-backup.json", encoded(head_facts(MADE)), 0, packed=False)
    for number, names in enumerate((("a", "b", "c", "d"), ("a", "b"), ("b", "c"), ("c",))):
        points = [Point(name, {"content": f"{name} of pass {number}"}, (float(number), 1.0)) for name in names]
        lines, vectors = pack_points(points)
        part = memory_part(MemoryType.SEMANTIC, number, number + 1)
        writer.add(f"{part}.jsonl.gz", lines, len(points))
        writer.add(f"{part}.f32", vectors, 0, packed=False)
    writer.add("superseded.json.gz", encoded({"a": 1, "b": 2, "c": 3, "d": -1}), 0)
    opened = await OpenArchive.open(
        writer.finish({**head_facts(MADE), "dimensions": 2, "counts": {"memories": 3}}), HERE
    )
    found = {point.id: point async for read in opened.points() for point in read.points}
    opened.close()

    assert {one: point.payload["content"] for one, point in found.items()} == {
        "a": "a of pass 1",
        "b": "b of pass 2",
        "c": "c of pass 3",
    }
    assert list(found["c"].vector or ()) == [3.0, 1.0]


def test_two_backups_of_one_second_both_stay(tmp_path: Path) -> None:
    assert written(tmp_path) != written(tmp_path)


def test_any_program_that_reads_tar_can_read_it(tmp_path: Path) -> None:
    with tarfile.open(written(tmp_path)) as archive:
        names = archive.getnames()
        contents = archive.extractfile("contents.json")
        table = contents.read() if contents else b""

    assert names == [
        "memoria-backup.json",
        "memories/semantic/0-000001.jsonl.gz",
        "memories/semantic/0-000001.f32",
        "contents.json",
    ]
    assert b'"parts"' in table


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    path = written(tmp_path)
    whole = path.read_bytes()

    undetected = [place for place in range(len(whole)) if not refused(path, flipped(whole, place))]

    assert undetected == []


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :]


def refused(path: Path, content: bytes) -> bool:
    path.write_bytes(content)
    try:
        verified(path)
    except UnreadableFile as error:
        return str(path) in str(error)
    except StoreTooNew:
        return True
    return False


@pytest.mark.parametrize("length", [0, 100, 511, 512, 600, 1024, 2000, 3000, -512, -1024, -1])
def test_a_cut_off_file_is_refused(tmp_path: Path, length: int) -> None:
    path = written(tmp_path)
    content = path.read_bytes()[:length]
    path.write_bytes(content)

    with pytest.raises(UnreadableFile, match=f"cut off at byte {len(content):,}|is no backup"):
        verified(path)


def test_a_damaged_place_is_named(tmp_path: Path) -> None:
    path = written(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(flipped(whole, whole.index(bytes(range(40))) + 3))

    with pytest.raises(UnreadableFile, match=r"damaged in memories/semantic/0-000001\.f32, at or after byte 2,048"):
        verified(path)


def tar_of(*names: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    return file.getvalue()


def swapped(content: bytes) -> bytes:
    """The same members in another order."""
    return content[:1024] + content[2048:3072] + content[1024:2048] + content[3072:]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda content: b"PK\3\4 something else", "is no backup"),
        (lambda content: tar_of("../../etc/passwd"), "is no backup"),
        (lambda content: tar_of("/etc/passwd", "contents.json"), "is no backup"),
        (swapped, "damaged in memories/semantic/0-000001.jsonl.gz"),
        (lambda content: content + b"\0", "something was added or changed after byte"),
        (lambda content: content[:1024] + content, "damaged|not in the order"),
        (lambda content: content[:1024] + tar_of("../../up")[:512] + content[1024:], "order|damaged"),
    ],
)
def test_what_is_no_whole_backup_is_refused(tmp_path: Path, change: Callable[[bytes], bytes], says: str) -> None:
    path = written(tmp_path)
    path.write_bytes(change(path.read_bytes()))

    with pytest.raises(UnreadableFile, match=says):
        verified(path)


def test_a_pipe_in_the_place_of_a_backup_and_a_disk_that_fails_are_told(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "memoria.tar")
    with pytest.raises(InvalidInput, match="is no file"):
        ArchiveReader(pipe)
    with pytest.raises(UnreadableFile, match="Input/output error; restore another backup"):
        ArchiveReader(Path("/proc/self/mem"))


def test_a_newer_format_asks_for_a_newer_program(tmp_path: Path) -> None:
    with pytest.raises(StoreTooNew, match="use a newer memoria-tui"):
        verified(written(tmp_path, version=2))


def test_a_backup_that_was_killed_is_cleared_away_and_a_living_one_is_not(tmp_path: Path) -> None:
    (tmp_path / ".memoria-dead.partial").write_bytes(b"half")
    living = ArchiveWriter(tmp_path, MADE)
    written(tmp_path)

    assert not (tmp_path / ".memoria-dead.partial").exists()
    assert living.finish({**head_facts(MADE), "counts": {}}).exists()


@pytest.mark.parametrize("place", ["/proc/nowhere", "file"])
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(MemoriaError, match=place):
        ArchiveWriter(tmp_path / place, MADE)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MemoriaError, match="there is no such file"):
        ArchiveReader(tmp_path / "missing.tar")
