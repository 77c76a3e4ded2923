"""Rows of tables in the parts of an archive: tab-separated as COPY writes them, under a line with the columns."""

from __future__ import annotations

import re

from services.records.archive_tables import Rows

_PART = re.compile(r"tables/([a-z_]+\.[a-z_]+)/\d{6}\.tsv\.gz")


def part_name(rows: Rows, number: int) -> str:
    """Name of the part that holds these rows."""
    return f"tables/{rows.table}/{number:06}.tsv.gz"


def pack_rows(rows: Rows) -> bytes:
    return "\t".join(rows.columns).encode("ascii") + b"\n" + rows.text


def unpack_rows(name: str, packed: bytes, count: int) -> Rows | None:
    """The rows of a part; None when its name is not that of rows. Raises ValueError when it has no line of columns."""
    found = _PART.fullmatch(name)
    if found is None:
        return None
    end = packed.index(b"\n")
    columns = tuple(packed[:end].decode("ascii").split("\t"))
    return Rows(found[1], columns, count, packed[end + 1 :])
