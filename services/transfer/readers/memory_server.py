"""`memory.json` and `memory.jsonl` of the official MCP memory server: a graph of entities and relations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from services.model import MemoryType
from services.model.memories import title_of
from services.storable_text import quoted
from services.transfer.reader_parts.field_aliases import with_fields
from services.transfer.reader_parts.imported_records import BadRecord, Record, RelationRecord
from services.transfer.reader_parts.json_items import Item, json_items
from services.transfer.reader_parts.opened_source import Opened
from services.transfer.reader_parts.reader import Reader
from services.transfer.reader_parts.record_reading import memory_record
from services.transfer.reader_parts.source_ids import id_of
from services.transfer.reader_parts.type_names import ORIGINAL_TYPE, memory_type, typed_relation

_ENTITY = frozenset({"name", "type", "id", "entityType", "observations", "tags"})


def _recognises(opened: Opened) -> bool:
    shape = opened.shape
    graph = shape.items.get("entities", {}), shape.items.get("relations", {}), shape.items.get("", {})
    return any("entityType" in one or "observations" in one or "relationType" in one for one in graph)


def _records(opened: Opened) -> Iterator[Record]:
    for item in json_items(opened, lambda name, _: name in ("entities", "relations")):
        yield item if isinstance(item, BadRecord) else _record(item, opened.source)


def _record(item: Item, source: str) -> Record:
    value = item.value
    if "relationType" in value or value.get("type") == "relation" or item.part == "relations":
        return _relation(item.where, value, source)
    name, kind = value.get("name"), value.get("entityType")
    if not isinstance(name, str) or not name.strip():
        return BadRecord(item.where, "an entity without a name")
    told = value.get("observations")
    lines = [_line(one) for one in told if one is not None] if isinstance(told, list) else []
    # Forks of the server write dates, tags and other keys beside.
    others = {key: one for key, one in with_fields({**value, "content": name}).items() if key not in _ENTITY}
    payload = {**others, "content": _text(name, lines), "tags": value.get("tags"), "entity": name}
    if kind not in list(MemoryType):
        payload[ORIGINAL_TYPE] = kind
    return memory_record(item.where, _id(name, source), payload, collection=memory_type(kind), whole=False)


def _text(name: str, lines: Sequence[str]) -> str:
    """The name with what was observed below it; one observation that begins with it says it all."""
    title = title_of(lines[0]) if len(lines) == 1 else ""
    if title and (title.startswith(name.strip()) or name.startswith(title)):
        return lines[0]
    return "\n".join(
        [f"# {name.strip()}", "", *(f"- {line}".replace("\n", "\n  ") for line in lines)] if lines else [name]
    )


def _line(observation: object) -> str:
    """An observation as one item of a list; forks write objects with their text."""
    if isinstance(observation, Mapping):
        observation = next((observation[key] for key in ("content", "text") if key in observation), observation)
    return str(observation)


def _relation(where: str, value: Mapping[str, object], source: str) -> Record:
    ends = [value.get("from"), value.get("to")]
    named = [one for one in ends if isinstance(one, str) and one.strip()]
    kind = value.get("relationType", "")
    if len(named) < 2 or not isinstance(kind, str):
        what = f"a relation from {quoted(ends[0])} to {quoted(ends[1])} lacks an end or a type"
        return BadRecord(where, what, may_be_known=False)
    if named[0] == named[1]:
        return BadRecord(where, f"relation {quoted(kind)}: both ends are {quoted(named[0])}", may_be_known=False)
    first, second = (_id(name, source) for name in named)
    names = {first: quoted(named[0]), second: quoted(named[1])}
    return RelationRecord(where, typed_relation(first, second, kind), names=names)


def _id(name: str, source: str) -> str:
    """An entity is known by its name, in its file."""
    return id_of(f"entity\0{source}\0{name.strip()}")


READER = Reader(
    "memory-server",
    "`memory.json` or `memory.jsonl` of the official MCP memory server and its forks",
    "an entity with its observations as one memory, its type as tag; relations, typed, with the name of their type",
    "relations to entities that the file does not have (reported)",
    _recognises,
    _records,
)
