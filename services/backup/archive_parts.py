"""Parts of an archive: points, a line of JSON each with vectors as 32-bit floats, and rows as COPY writes them."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Mapping, Sequence

from services.backup.archive_file import encoded
from services.memories.stored_memories import memory_id_of
from services.model import MemoryType
from services.points import Point, packed, unpacked
from services.records.archive_tables import Rows

LINES, VECTORS = ".jsonl.gz", ".f32"
SUPERSEDED = "superseded.json.gz"
_PART = re.compile(r"memories/([a-z]+)/(\d+)-\d{6}\.jsonl\.gz")
Superseded = Mapping[str, int]
"""Memory id → the pass whose points count, for memories that changed while the backup ran; −1: it was deleted."""


def memory_part(type_: MemoryType, pass_number: int, number: int) -> str:
    """Name of a part of points, to which `LINES` or `VECTORS` is added."""
    return f"memories/{type_}/{pass_number}-{number:06}"


def part_of(name: str) -> tuple[MemoryType, int] | None:
    """Collection and pass of a part of lines; None when its name is another. Raises ValueError for no collection."""
    found = _PART.fullmatch(name)
    return None if found is None else (MemoryType(found[1]), int(found[2]))


def pack_points(points: Sequence[Point]) -> tuple[bytes, bytes]:
    """Lines, and the vectors of those points that have one, in the same order."""
    lines, vectors = [], array("f")
    for point in points:
        lines.append(encoded({"id": point.id, "vector": point.vector is not None, "payload": dict(point.payload)}))
        if point.vector is not None:
            vectors.extend(point.vector)
    return b"".join(line + b"\n" for line in lines), packed(vectors)


def unpack_points(
    lines: bytes, vectors: bytes, dimensions: int, pass_number: int, superseded: Superseded
) -> list[Point]:
    """The points, without those of memories that a later pass saw otherwise. Raises ValueError when they do not fit."""
    numbers = unpacked(vectors)
    points, place = [], 0
    for line in lines.splitlines():
        fields = json.loads(line)
        vector = None
        if fields["vector"]:
            vector = numbers[place : place + dimensions]
            place += dimensions
        point = Point(fields["id"], fields["payload"], vector, vector is not None)
        if not superseded or superseded.get(memory_id_of(point), pass_number) == pass_number:
            points.append(point)
    if place != len(numbers):
        raise ValueError("the vectors do not belong to the points")
    return points


_TABLE_PART = re.compile(r"tables/([a-z_]+\.[a-z_]+)/\d{6}\.tsv\.gz")


def part_name(rows: Rows, number: int) -> str:
    """Name of the part that holds these rows."""
    return f"tables/{rows.table}/{number:06}.tsv.gz"


def pack_rows(rows: Rows) -> bytes:
    return "\t".join(rows.columns).encode("ascii") + b"\n" + rows.text


def unpack_rows(name: str, packed: bytes, count: int) -> Rows | None:
    """The rows of a part; None when its name is not that of rows. Raises ValueError when it has no line of columns."""
    found = _TABLE_PART.fullmatch(name)
    if found is None:
        return None
    end = packed.index(b"\n")
    columns = tuple(packed[:end].decode("ascii").split("\t"))
    return Rows(found[1], columns, count, packed[end + 1 :])
