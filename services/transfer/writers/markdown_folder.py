"""A folder of Markdown that Obsidian opens with its graph: a note a memory, relations as links in its properties.

Notes that came from a folder lie as they did there, so that links in their texts lead where they led.

    ---
    id: "4f0c…"
    type: "semantic"
    tags: ["auth"]
    created: "2026-11-20T12:00:00+00:00"
    fixes: ["[[Customers are signed out after lunch]]"]
    memoria-tui: "{\\"version\\": 1, …}"
    ---
    The text, as it stands.

The last property is JSON: what properties have no form for, so that an import makes the same memory of the note.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence

from services.memories.stored_memories import Stored
from services.model import Memory, Relation, RelationType
from services.records.relation_states import relation_state
from services.times import writer_zone
from services.transfer.export_source import ExportSource
from services.transfer.reader_parts.front_matter import MOST_FRONT, OWN
from services.transfer.reader_parts.own_notes import NAMES, VERSION
from services.transfer.writers.note_paths import NotePaths, note_paths
from services.transfer.writers.writer import FolderWriter, NamedFile

_HIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""Signs that must not stand in YAML as they are, or that it takes for the end of a line."""


async def _notes(source: ExportSource) -> AsyncIterator[NamedFile]:
    places = await note_paths(source)
    zone = writer_zone(source.settings)
    async for page in source.stored():
        known = [stored for stored in page if stored.id in places.paths]  # others came since
        source.counts["memories"] -= len(page) - len(known)
        relations = await _by_source(source, known)
        for stored in known:
            memory = stored.memory(zone)
            if not memory.content.strip():
                source.lost["memory", "without a text, which an import does not take"] += 1
            front = _front_matter(source, memory, relations.get(memory.id, ()), places)
            note = f"---\n{front}---\n{memory.content}".encode("utf-8", "replace")
            yield NamedFile(f"{places.paths[memory.id]}.md", note)


async def _by_source(source: ExportSource, page: Sequence[Stored]) -> Mapping[str, list[Relation]]:
    found: dict[str, list[Relation]] = {}
    for relation in await source.relations_from(page):
        found.setdefault(relation.source_id, []).append(relation)
    return found


def _front_matter(source: ExportSource, memory: Memory, relations: Sequence[Relation], places: NotePaths) -> str:
    links = {
        kind.value: [
            f"[[{places.link(one.target_id)}]]"
            for one in relations
            if one.type is kind and one.target_id in places.paths
        ]
        for kind in RelationType
    }
    named = {key: memory.metadata[key] for key in NAMES if _is_name(memory.metadata.get(key))}
    seen = {
        "id": memory.id,
        "type": memory.type.value,
        "tags": list(memory.tags),
        "created": memory.created_at and memory.created_at.isoformat(),
        "updated": memory.updated_at and memory.updated_at.isoformat(),
        "project": memory.project,
        "importance": memory.importance,
        **named,
        **links,
    }
    properties = {name: value for name, value in seen.items() if value not in (None, [])}
    looks = {"accessed_at": memory.accessed_at and memory.accessed_at.isoformat(), "access_count": memory.access_count}
    others = {key: value for key, value in memory.metadata.items() if key not in named}
    more = {"version": VERSION, "payload": {**looks, **others}, "relations": [*map(relation_state, relations)]}
    front = _yaml({**properties, OWN: json.dumps(more, ensure_ascii=False, default=str)})
    if len(front) > MOST_FRONT:
        source.lost["memory", "whose metadata are too long for a note"] += 1
        front = _yaml({**properties, OWN: json.dumps({**more, "payload": {}, "relations": []})})
    if len(front) > MOST_FRONT:
        source.lost["memory", "whose relations and tags are too long for a note"] += 1
        few = {name: value for name, value in properties.items() if not isinstance(value, list)}
        front = _yaml({**few, OWN: json.dumps({**more, "payload": {}, "relations": []})})
    return front


def _is_name(value: object) -> bool:
    """Whether a property can hold it."""
    return bool(value) and all(isinstance(one, str) for one in (value if isinstance(value, list) else [value]))


def _yaml(properties: Mapping[str, object]) -> str:
    """A line a property. JSON is YAML, but for signs that cannot be seen."""
    lines = (f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in properties.items())
    return _HIDDEN.sub(lambda sign: f"\\U{ord(sign[0]):08x}", "".join(lines))


WRITER = FolderWriter(
    "work time, history and vectors, which an import makes again",
    _notes,
)
