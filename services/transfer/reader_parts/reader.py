"""What a reader of a format is: one object in one file of `services.transfer.readers`, and one row of its table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from services.transfer.reader_parts.imported_records import Record
from services.transfer.reader_parts.opened_source import Opened


@dataclass(frozen=True, slots=True)
class Reader:
    """A format that can be imported."""

    name: str
    """As `--format` and messages name it."""
    what: str
    """What it reads, for a person."""
    kept: str
    lost: str
    """What a file can hold that an import leaves out."""
    recognises: Callable[[Opened], bool]
    """Whether the content is of this format; looks at the beginning alone."""
    records: Callable[[Opened], Iterator[Record]]
    """Every record as it is read. Raises UnreadableFile for what is of the format and cannot be read at all."""
