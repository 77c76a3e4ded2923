"""What an edit makes of a memory, what a memory may be at most, what stands in the way of an edit. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from services.errors import InvalidInput
from services.memories.payload import CHUNK_KEYS, State, tags_of, with_defaults, without_blanks
from services.model import Memory, MemoryChanges
from services.model.trust_keys import EXPIRES_AT, PINNED, VERIFIED_AT, VERIFIED_BY
from services.storable_text import is_blank, quoted, require_name
from services.times import WriterZone, to_stamp

MOST_TEXT = 4_000_000
"""Characters of the text."""
MOST_TAGS = 2000
MOST_METADATA = 250_000
"""Characters of everything but the text, as JSON: each chunk has a copy of it."""


def checked_text(text: str) -> str:
    """The text as it is. Raises InvalidInput for one that says nothing, or that is too long."""
    if is_blank(text):
        raise InvalidInput("the text is empty; nothing was written")
    if len(text) > MOST_TEXT:
        raise InvalidInput(f"the text has {len(text):,} characters, a memory at most {MOST_TEXT:,}; divide it")
    return text


def checked_names(names: Iterable[str]) -> None:
    """Raises InvalidInput for what can be no tag or project."""
    for name in names:
        require_name(name.strip())


def checked_payload(payload: Mapping[str, object]) -> Mapping[str, object]:
    """The payload as it is. Raises InvalidInput when it has more tags or metadata than a memory may have."""
    tags = payload.get("tags")
    if isinstance(tags, (list, tuple)) and len(tags) > MOST_TAGS:
        raise InvalidInput(f"{len(tags):,} tags; a memory has at most {MOST_TAGS:,}")
    rest = {key: value for key, value in payload.items() if key != "content"}
    if (size := len(json.dumps(rest, default=str))) > MOST_METADATA:
        raise InvalidInput(f"metadata of {size:,} characters; a memory has at most {MOST_METADATA:,}")
    return payload


_NO_METADATA = frozenset({*CHUNK_KEYS, "content", "memory_type"})


def _names(payload: Mapping[str, object]) -> tuple[object, ...]:
    tags = payload.get("tags")
    return (payload.get("project"), *(tags if isinstance(tags, (list, tuple)) else ()))


def edited(current: State, changes: MemoryChanges) -> State:
    """The state after an edit; keys that the edit does not name stay as they are.

    Raises InvalidInput for what a memory cannot be (an empty text, an importance out of 0..1, more tags than it may
    have) and for metadata under a key that stores the memory itself.
    """
    if wrong := _NO_METADATA & {*changes.metadata, *changes.removed_keys}:
        raise InvalidInput(f"{quoted(min(wrong))} is no metadata: it is the memory itself; choose another key")
    payload = {**current.payload, **changes.metadata}
    if changes.content is not None and changes.content != current.content:
        payload["content"] = checked_text(changes.content)
    tags = _tags(current, changes)
    checked_names(one for one in (*(tags or ()), changes.project or "") if one not in _names(current.payload))
    if tags is not None:
        payload["tags"] = list(without_blanks(tags))
    if changes.importance is not None:
        payload["importance"] = checked_importance(changes.importance)
    project = None if changes.project is None else changes.project.strip()
    if project and changes.project != current.payload.get("project"):
        payload["project"] = project
    for key in (*changes.removed_keys, *(("project",) if project == "" else ())):
        payload.pop(key, None)
    if tags or changes.metadata:
        checked_payload(payload)
    if changes.type is None or changes.type is current.type:
        return State(current.type, payload)
    return with_defaults(State(changes.type, payload))


def _tags(current: State, changes: MemoryChanges) -> tuple[str, ...] | None:
    """The tags after the edit, None where they stay as they are."""
    if not (changes.add_tags or changes.remove_tags):
        return changes.tags
    before = tags_of(current.payload.get("tags")) if changes.tags is None else changes.tags
    wanted = tuple(dict.fromkeys(tag for tag in (*before, *changes.add_tags) if tag not in changes.remove_tags))
    return changes.tags if wanted == before else wanted


def stamped(state: State, now: datetime, zone: WriterZone) -> State:
    return State(state.type, {**state.payload, "updated_at": to_stamp(now, zone)})


def checked_importance(importance: float) -> float:
    """The importance as it is. Raises InvalidInput when it is not in 0..1."""
    if not 0 <= importance <= 1:
        raise InvalidInput(f"importance is {importance!r}; it must be a number from 0 to 1")
    return importance + 0.0  # no -0.0


def conflicts(base: Memory, current: Memory, wanted: Memory, changes: MemoryChanges) -> list[str]:
    """Keys that the edit changes and that somebody else changed otherwise since `base` was read."""
    fields = [
        field
        for field in ("content", "tags", "importance", "project", "type")
        if getattr(changes, field) is not None
        and getattr(current, field) not in (getattr(base, field), getattr(wanted, field))
    ]
    keys = [
        key
        for key in (*changes.metadata, *changes.removed_keys)
        if _under(current, key) not in (_under(base, key), _under(wanted, key))
    ]
    return fields + keys


def changed_keys(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Keys under which two payloads differ."""
    keys = dict.fromkeys((*before, *after))
    return [key for key in keys if value_under(before, key) != value_under(after, key)]


def with_values(payload: Mapping[str, object], keys: Iterable[str], source: Mapping[str, object]) -> dict[str, object]:
    """The payload with these keys as `source` has them, absent where they are absent there."""
    changed = dict(payload)
    for key in keys:
        if key in source:
            changed[key] = source[key]
        else:
            changed.pop(key, None)
    return changed


def value_under(payload: Mapping[str, object], key: str) -> tuple[object, ...]:
    """The value in a tuple, empty when the key is absent: null and absent are not the same."""
    return (payload[key],) if key in payload else ()


def _under(memory: Memory, key: str) -> tuple[object, ...]:
    return value_under(memory.metadata, key)


_NAMED = {EXPIRES_AT: "expiry"}
"""Keys that have another name on the screen."""


def summary(before: State | None, after: State | None) -> str:
    """One line for a person: «edited text +2 −1 lines, tags +auth −old»."""
    if before is None or after is None:
        return "created" if after else "deleted" if before else ""
    parts = [] if before.type is after.type else [f"type {before.type} → {after.type}"]
    for key in changed_keys(before.payload, after.payload):
        if key == "content":
            parts.append(_text_summary(before.content, after.content))
        elif key == "tags":
            parts.append(tags_summary(before.payload.get(key), after.payload.get(key)))
        elif key in ("importance", "project"):
            old, new = before.payload.get(key, "none"), after.payload.get(key, "none")
            parts.append(f"{key} {old} → {new}")
        elif key == PINNED:
            parts.append("pinned" if after.payload.get(key) is True else "unpinned")
        elif key == VERIFIED_AT and key in after.payload:
            parts.append("confirmed")
        elif key not in ("updated_at", "memory_type", VERIFIED_BY):
            parts.append(f"{'set' if key in after.payload else 'removed'} {_NAMED.get(key, key)}")
    return ", ".join(parts) or "touched"


def _text_summary(old: str, new: str) -> str:
    before, after = Counter(old.splitlines()), Counter(new.splitlines())
    return f"edited text +{(after - before).total()} −{(before - after).total()} lines"


def tags_summary(old: object, new: object) -> str:
    """«tags +auth −old»."""
    before = old if isinstance(old, list) else []
    after = new if isinstance(new, list) else []
    parts = [f"+{tag}" for tag in after if tag not in before] + [f"−{tag}" for tag in before if tag not in after]
    return " ".join(["tags", *(parts or ["reordered"])])
