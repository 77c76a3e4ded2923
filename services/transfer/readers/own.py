"""This program's own export."""

from services.transfer.reader_parts import own_export
from services.transfer.reader_parts.opened_source import Opened
from services.transfer.reader_parts.reader import Reader


def _recognises(opened: Opened) -> bool:
    return opened.shape.form == "lines" and own_export.is_header(opened.shape.items[""])


READER = Reader(
    "memoria-tui",
    "an export of this program",
    "everything: memories, relations, work time, history, vectors",
    "nothing",
    _recognises,
    lambda opened: own_export.read_lines(opened.lines()),
)
