"""The objects of a JSON file of any layout, one by one: lines, a list, or the lists of a document."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from services.errors import UnreadableFile
from services.model import counted
from services.storable_text import quoted
from services.transfer.reader_parts.imported_records import BadRecord
from services.transfer.reader_parts.json_reading import TOO_DEEP, BrokenJson, JsonStream, too_deep
from services.transfer.reader_parts.opened_source import Opened

_MOST_NAME = 40
"""Characters of a key of the file that are shown."""


@dataclass(frozen=True, slots=True)
class Item:
    where: str
    part: str
    """Key of the list, or of the object itself, in its document; "" for lines and for a file that is one list."""
    value: Mapping[str, object]


Wanted = Callable[[str, Mapping[str, object]], bool]


def json_items(opened: Opened, wanted: Wanted, single: Collection[str] = ()) -> Iterator[Item | BadRecord]:
    """Every object; `wanted` says by its name and first object whether a list of a document is read.

    `single` are the keys of objects beside the lists that are given too. A list of objects that is not wanted is told
    with their number, so that nothing is lost in silence. Raises UnreadableFile for JSON without lists of objects.
    """
    if opened.shape.form in ("document", "list"):
        yield from _of_document(opened, wanted, single)
        return
    for line in opened.lines():
        yield line if isinstance(line, BadRecord) else Item(line[0], "", line[1])


def _of_document(opened: Opened, wanted: Wanted, single: Collection[str]) -> Iterator[Item | BadRecord]:
    document, seen = opened.document(), False
    try:
        if document.peek() == "[":
            seen = True
            yield from elements(document, "", "record", lambda *_: True)
        else:
            for key in document.members():
                if document.peek() == "[":
                    for item in elements(document, key, key, wanted):
                        seen = True
                        yield item
                    seen |= wanted(key, {})
                else:
                    value = document.value()
                    if key in single and isinstance(value, Mapping):
                        yield Item(key, key, value)
                    for told in _unread(key, value):
                        seen = True
                        yield told
        document.require_end()
    except BrokenJson as error:
        if not seen:
            raise UnreadableFile(f"{opened.name}: no readable JSON: {error}") from error
        yield BadRecord(document.place, str(error), damaged=True)
    if not seen:
        raise UnreadableFile(f"{opened.name}: JSON, but neither an export nor a backup of memories")


def elements(document: JsonStream, key: str, name: str, wanted: Wanted) -> Iterator[Item | BadRecord]:
    """The elements of the array at the cursor, each with its number as its place."""
    unread, reads = 0, wanted(key, {})
    for number, value in enumerate(document.items(), 1):
        where = f"{name[:_MOST_NAME]} {number}"
        if not isinstance(value, Mapping):
            if reads:
                yield BadRecord(where, "it is no object")
        elif not (reads := reads or (unread == 0 and wanted(key, value))):
            unread += 1
        else:
            yield BadRecord(where, TOO_DEEP) if too_deep(value) else Item(where, key, value)
    if unread:
        yield _left_out(key, unread)


def _unread(path: str, value: object, levels: int = 3) -> Iterator[BadRecord]:
    """What is said of lists of objects inside a value that is not read."""
    if isinstance(value, Mapping) and levels:
        for key, inner in value.items():
            yield from _unread(f"{path}.{key}", inner, levels - 1)
    elif isinstance(value, list) and (objects := sum(isinstance(one, Mapping) for one in value)):
        yield _left_out(path, objects)


def _left_out(name: str, number: int) -> BadRecord:
    what = f"{counted(number, 'object')} under {quoted(name)} left out: no list of memories"
    return BadRecord(name[:_MOST_NAME], what, may_be_known=False)
