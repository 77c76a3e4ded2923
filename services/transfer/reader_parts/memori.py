"""Rows of Memori's tables as records: memories by category, entities, conversations, relations between entities.

What a row says that no field of a memory holds stays in the metadata: `user_id`, `category`, `confidence`, `lineage`,
`use_count`, `expires_at` and the others under the names of their columns, the row's own `metadata` beside them (its
tags, importance and project become those of the memory), and `memori_table` with `memori_id` to find the row again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from services.model import MemoryType, RelationCreator, RelationType
from services.ports import NewRelation
from services.transfer.reader_parts.imported_records import BadRecord, MemoryRecord, RelationRecord
from services.transfer.reader_parts.record_reading import memory_record
from services.transfer.reader_parts.source_ids import id_of
from services.transfer.reader_parts.type_names import memory_type, relation_type

if TYPE_CHECKING:
    from services.transfer.importing import RecordSource

Row = Mapping[str, object]

EXPIRED = "expired"
"""Tag of what Memori would no longer recall."""
_OURS = {"content", "memory_type", "created_at", "updated_at", "accessed_at", "access_count", "has_relations", "id"}
_OURS |= {"metadata", "memori_metadata", "full_content", "is_chunk", "parent_id", "chunk_index", "chunk_count"}
"""Keys that a row's metadata may not set."""


@dataclass(frozen=True, slots=True)
class RowOrigin:
    """Where rows come from, and when."""

    identity: str
    """Tells the database apart from others."""
    now: datetime

    def id(self, table: str, row_id: object) -> str:
        """The same id for the same row in every run."""
        return id_of(f"memori\0{self.identity}\0{table}\0{row_id}")

    def memory(self, row: Row) -> MemoryRecord | BadRecord:
        """A row of `memories`."""
        text = row["content"]
        if not isinstance(text, str) or not text.strip():
            return BadRecord(f"memories {row['id']}", "its content is empty")
        columns = ("user_id", "category", "source_type", "confidence", "lineage", "last_used_at", "use_count")
        category = row["category"]
        tags = [category] if isinstance(category, str) and category.strip() else []
        return self._record("memories", row, text, memory_type(category), (*columns, "expires_at"), tags)

    def entity(self, row: Row) -> MemoryRecord | BadRecord:
        """A row of `entities`: its name is the first line."""
        name, text, kind = row["entity_name"], row["content"], row["entity_type"]
        named = isinstance(name, str) and name.strip()
        described = isinstance(text, str) and text.strip()
        if not named and not described:
            return BadRecord(f"entities {row['id']}", "it has neither a name nor a content")
        parts = [str(one) for one, there in ((name, named), (text, described)) if there]
        whole = parts[-1] if parts[-1].startswith(parts[0]) else "\n\n".join(parts)
        tags = ["entity", *([kind] if isinstance(kind, str) and kind.strip() else [])]
        return self._record(
            "entities", row, whole, MemoryType.SEMANTIC, ("user_id", "entity_type", "entity_name"), tags
        )

    def conversation(self, row: Row) -> MemoryRecord | BadRecord:
        """A row of `conversations`: what was said, turn by turn, as one text that a reader and a search can follow."""
        said = turns(row["messages"])
        if not said:
            return BadRecord(f"conversations {row['id']}", "nothing is said in it")
        columns = ("user_id", "session_id")
        return self._record("conversations", row, "\n\n".join(said), MemoryType.EPISODIC, columns, ["conversation"])

    def follows(self, later: object, earlier: object) -> RelationRecord:
        """Of two conversations, the later one follows the earlier one."""
        relation = NewRelation(
            self.id("conversations", later),
            self.id("conversations", earlier),
            RelationType.FOLLOWS,
            created_by=RelationCreator.SYSTEM,
            id=self.id("follows", f"{later} {earlier}"),
            metadata={"memori_table": "conversations"},
        )
        return RelationRecord(f"conversations {later}", relation)

    def relations(self, rows: Sequence[Row], left_out: Collection[object]) -> Iterator[RelationRecord | BadRecord]:
        """Relations out of all rows of `relationships` between two entities; those that are the same become one.

        `left_out` are entities that became no memory.
        """
        made: dict[tuple[str, str, RelationType], NewRelation] = {}
        where: dict[tuple[str, str, RelationType], str] = {}
        for row in rows:
            place = f"relationships {row['id']}"
            if reason := _unfit(row, left_out):
                yield BadRecord(place, reason)
                continue
            relation = self._relation(row)
            key = (relation.source_id, relation.target_id, relation.type)
            if key in made:
                relation = _merged(made[key], relation)
            made[key] = relation
            where.setdefault(key, place)
        for key, relation in made.items():
            yield RelationRecord(where[key], relation)

    def _relation(self, row: Row) -> NewRelation:
        kind, turned = relation_type(row["relationship_type"])
        source, target = (self.id("entities", row[f"{end}_entity_id"]) for end in ("source", "target"))
        if turned:
            source, target = target, source
        given = row["metadata"]
        metadata = _mapping(given) if isinstance(given, Mapping) or given is None else {"memori_metadata": given}
        metadata |= _values(row, ("relationship_type", "user_id"))
        return NewRelation(
            source,
            target,
            kind,
            created_by=RelationCreator.SYSTEM,
            id=self.id("relationships", row["id"]),
            created_at=_instant(row["created_at"]),
            metadata={**metadata, "memori_table": "relationships", "memori_id": row["id"]},
        )

    def _record(
        self, table: str, row: Row, text: str, kind: MemoryType, columns: Sequence[str], tags: Sequence[str]
    ) -> MemoryRecord | BadRecord:
        given = _mapping(row["metadata"])
        own = {**_values(row, columns), "memori_table": table, "memori_id": row["id"]}
        payload = {key: value for key, value in given.items() if key not in own and key not in _OURS}
        hidden: object = {key: value for key, value in given.items() if key not in payload}
        if not isinstance(row["metadata"], Mapping):
            hidden = row["metadata"]
        if hidden:
            own["memori_metadata"] = hidden
        further = payload.get("tags")
        named = [*tags, *(further if isinstance(further, list) else [further] if isinstance(further, str) else [])]
        if self._is_over(row.get("expires_at")):
            named.append(EXPIRED)
        dates = {key: row[key] for key in ("created_at", "updated_at") if _instant(row[key])}
        dates.setdefault("updated_at", dates.get("created_at"))
        payload |= {**own, "tags": named, **{key: value for key, value in dates.items() if value}, "content": text}
        record = memory_record(f"{table} {row['id']}", self.id(table, row["id"]), payload, collection=kind, whole=False)
        if isinstance(record, BadRecord):
            return record
        # What the row does not say stays as it is here.
        return replace(record, payload={key: value for key, value in record.payload.items() if key in payload})

    def _is_over(self, date: object) -> bool:
        expires = _instant(date)
        return expires is not None and expires < self.now


def _unfit(row: Row, left_out: Collection[object]) -> str:
    """Why a relationship cannot be a relation, "" when it can."""
    ends = {end: row[f"{end}_entity_id"] for end in ("source", "target")}
    for end, entity in ends.items():
        if entity is None:
            return f"it has no {end}"
        if not row.get(f"{end}_exists"):
            return f"its {end}, entity {entity}, does not exist"
        if entity in left_out:
            return f"its {end}, entity {entity}, was left out"
    return f"both ends are entity {ends['source']}" if ends["source"] == ends["target"] else ""


def _merged(first: NewRelation, second: NewRelation) -> NewRelation:
    """One relation for two relationships; what the second one says is kept in the metadata."""
    also = first.metadata.get("also")
    return replace(
        first, metadata={**first.metadata, "also": [*(also if isinstance(also, list) else []), dict(second.metadata)]}
    )


def _mapping(value: object) -> dict[str, object]:
    return {str(key): one for key, one in value.items()} if isinstance(value, Mapping) else {}


def _values(row: Row, columns: Sequence[str]) -> dict[str, object]:
    """The columns that say something, as JSON holds them."""
    return {key: _plain(row[key]) for key in columns if row[key] is not None}


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    return value if isinstance(value, (str, int, float, bool, list, dict)) else str(value)


def _instant(value: object) -> datetime | None:
    """The instant of a date as the server writes it; None for one that Python has not (infinity, before Christ)."""
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


_EXCHANGE = (("user", "user_input"), ("assistant", "ai_output"))
"""Keys of a message that holds a question with its answer."""


def turns(messages: object) -> list[str]:
    """One text a message, with who said it; what says nothing is left out."""
    return [said for said in map(_turn, _messages(messages)) if said]


def _messages(value: object) -> list[object]:
    """The messages, however the program that wrote them wrapped them."""
    if isinstance(value, Mapping):
        for key in ("messages", "turns", "history"):
            if isinstance(value.get(key), list):
                return list(value[key])
        return [value]
    return list(value) if isinstance(value, list) else [value]


def _turn(message: object) -> str:
    """One message with who said it; "" when it says nothing."""
    if not isinstance(message, Mapping):
        return _said(message)
    pairs = [(role, _said(message.get(key))) for role, key in _EXCHANGE if message.get(key) is not None]
    if not pairs:
        role = next((str(message[key]) for key in ("role", "speaker", "author", "type") if message.get(key)), "")
        said = next((_said(message[key]) for key in ("content", "text", "message") if message.get(key)), "")
        if not said and not {"content", "text", "message"} & set(message) and len(message) > bool(role):
            said = json.dumps(message, ensure_ascii=False)
        pairs = [(role, said)]
    return "\n\n".join(f"{role}: {said}" if role else said for role, said in pairs if said)


def _said(content: object) -> str:
    """The text of a message, also one that is made of parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content.strip()
    if isinstance(content, list):
        return "\n".join(said for said in map(_said, content) if said)
    if isinstance(content, Mapping):
        text = content.get("text", content.get("content"))
        return _said(text) if text is not None else json.dumps(content, ensure_ascii=False)
    return json.dumps(content, ensure_ascii=False, default=str)


@dataclass(frozen=True, slots=True)
class Tally:
    """How much there is to take in, by type."""

    memories: Mapping[str, int]
    relations: Mapping[str, int]
    expired: int
    """Of the memories, those that Memori would no longer recall."""

    def as_json(self) -> dict[str, object]:
        return {"memories": dict(self.memories), "relations": dict(self.relations), "expired": self.expired}


def tally(source: RecordSource) -> tuple[Tally, list[BadRecord]]:
    """What an import would read, and what it would leave out. Raises as `RecordSource.records`."""
    memories: Counter[str] = Counter()
    relations: Counter[str] = Counter()
    expired, bad = 0, []
    for record in source.records():
        if isinstance(record, MemoryRecord):
            memories[str(record.type)] += 1
            tags = record.payload["tags"]
            expired += isinstance(tags, list) and EXPIRED in tags
        elif isinstance(record, RelationRecord):
            relations[str(record.relation.type)] += 1
        elif isinstance(record, BadRecord):
            bad.append(record)
    return Tally(memories, relations, expired), bad
