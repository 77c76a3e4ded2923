"""Conversations with assistants as memories: episodic, turn by turn, each following the one before it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from services.model import MemoryType
from services.transfer.reader_parts.dates import read_date
from services.transfer.reader_parts.imported_records import BadRecord, MemoryRecord, Record, RelationRecord
from services.transfer.reader_parts.record_reading import memory_record
from services.transfer.reader_parts.type_names import typed_relation

_MOST_PART = 30_000
"""Characters of one memory: 64 chunks of the usual size. A longer conversation is divided between turns."""
TAG = "conversation"


@dataclass(frozen=True, slots=True)
class Conversation:
    where: str
    id: object
    title: str
    turns: Sequence[tuple[str, str]]
    """Who said what, in order."""
    created_at: object = None
    updated_at: object = None
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Timeline:
    """The conversations of an export, which may stand in any order."""

    source: str
    ends: list[tuple[str, str, str]] = field(default_factory=list)
    """When each was begun, its first memory and its last one."""

    def records(self, one: Conversation) -> Iterator[Record]:
        """The memories of a conversation, each part following the one before it."""
        parts = list(_parts(one.turns))
        if not parts:
            yield BadRecord(one.where, "nothing is said in it")
            return
        title = one.title.strip() or "Conversation"
        known: list[str] = []
        for number, text in enumerate(parts, 1):
            head = f"# {title}" if len(parts) == 1 else f"# {title} ({number}/{len(parts)})"
            payload = {**one.metadata, "tags": [TAG], "content": f"{head}\n\n{text}"}
            payload |= {
                key: value for key, value in (("created_at", one.created_at), ("updated_at", one.updated_at)) if value
            }
            own_id = one.id if number == 1 or not isinstance(one.id, str) else f"{one.id} part {number}"
            where = one.where if len(parts) == 1 else f"{one.where}, part {number}"
            record = memory_record(
                where, own_id, payload, source=self.source, collection=MemoryType.EPISODIC, whole=False
            )
            yield record
            if isinstance(record, MemoryRecord):
                if known:
                    yield RelationRecord(where, typed_relation(record.id, known[-1], "follows"))
                known.append(record.id)
        if known:
            self.ends.append((read_date(one.created_at).iso or "", known[0], known[-1]))

    def relations(self) -> Iterator[Record]:
        """Which conversation follows which one, by their dates."""
        dated = sorted(end for end in self.ends if end[0])
        for (_, _, before), (_, after, _) in pairwise(dated):
            if before != after:
                yield RelationRecord("conversations", typed_relation(after, before, "follows"))


def _parts(turns: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The turns as texts of a length that can be searched well, divided between turns."""
    lines: list[str] = []
    size = 0
    for who, said in turns:
        if not said.strip():
            continue
        line = f"{who}: {said.strip()}"
        if lines and size + len(line) > _MOST_PART:
            yield "\n\n".join(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    if lines:
        yield "\n\n".join(lines)
