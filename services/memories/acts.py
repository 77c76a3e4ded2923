"""Acts of the history in the words of a person: what was done, to how many things, and to which."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.acting import is_owner, kept_to, may_see, seeing_all
from services.errors import Ambiguous, NothingToUndo
from services.memories.stored_memories import read_stored
from services.model import Act, Change, Entity, Kind, counted, plain_summary, title_of
from services.ports import VectorStore
from services.records import Records

_ORDER = (Entity.SESSION, Entity.CLIENT, Entity.PROJECT, Entity.MEMORY, Entity.RELATION, Entity.REVIEW)
"""What an act was about, before what it did besides."""
_VERBS: Mapping[Kind, str] = {
    Kind.IMPORT: "imported",
    Kind.RESTORE: "restored from a backup:",
    Kind.REPAIR: "repaired",
    Kind.MERGE: "merged",
}
_PLAIN = ("created", "deleted", "imported", "restored", "reviewed", "snoozed")
"""Summaries that read as verbs."""
_MOST_TITLES = 3
_LONGEST_TITLE = 60
"""Characters."""
_LOOKED_THROUGH = 1000
"""Acts among which those of one actor are looked for."""
_ROWS = 100
"""Changes of an act that are read to describe it."""


class ActReader:
    """Reads the last acts and describes them; writes nothing."""

    def __init__(self, vectors: VectorStore, records: Records) -> None:
        self._vectors = vectors
        self._records = records

    async def last(self, limit: int, before: int | None = None) -> tuple[Act, ...]:
        """The last acts, newest first, without those that came with an import or a restore.

        `before`: only those before the act of this change.

        Of everybody; to who is kept to projects, their own.
        """
        with seeing_all():
            acts = await self._records.groups.newest(limit if kept_to() is None else _LOOKED_THROUGH, before)
            acts = [act for act in acts if kept_to() is None or is_owner(act.actor)][:limit]
            changes = await self._records.groups.first_changes([act.group for act in acts], _ROWS)
            acts = [act for act in acts if may_know(changes.get(act.group, ()))]
            titles = await self._titles([change for act in acts for change in changes.get(act.group, ())])
        return tuple(described(act, changes.get(act.group, []), titles) for act in acts)

    async def changes(self, group: str) -> tuple[Change, ...]:
        """The first changes of an act, with what was before and after."""
        return tuple((await self._records.groups.first_changes([group], _ROWS)).get(group, []))

    async def find(self, text: str) -> str:
        """The group of the only act whose id begins so. Raises NothingToUndo or Ambiguous."""
        with seeing_all():
            groups = await self._records.groups.beginning(text.strip())
        if len(groups) > 1:
            raise Ambiguous(f"several acts have an id that begins with {text!r}; give more of it")
        if not groups:
            raise NothingToUndo(f"no act has an id that begins with {text!r}; `memoria-tui undo --list` shows the last")
        return groups[0]

    async def describe(self, changes: Sequence[Change]) -> Act:
        """The act of these changes, which are all of it."""
        first = changes[0]
        entities = {(change.entity, change.entity_id) for change in changes}
        counts = Counter(entity for entity, _ in entities)
        act = Act(first.group, first.id, first.kind, first.actor, first.program, first.at, "", counts)
        return described(act, changes, await self._titles(changes[:_ROWS]))

    async def _titles(self, changes: Sequence[Change]) -> dict[str, str]:
        """The newest known titles, by id: of memories, also at the ends of relations, and of sessions.

        What is gone has the title that it had last in these changes.
        """
        states = [change.after or change.before or {} for change in changes if change.entity is Entity.RELATION]
        ids = {str(state.get(side)) for state in states for side in ("source_id", "target_id") if state.get(side)}
        ids |= {change.entity_id for change in changes if change.entity in (Entity.MEMORY, Entity.REVIEW)}
        found = await read_stored(self._vectors, ids, embeddings=False)
        seen = {one: stored[0].state for one, stored in found.items() if may_see(stored[0].state.payload)}
        in_changes = sorted(changes, key=lambda change: change.id)
        last = {one.entity_id: title for one in in_changes if (title := _own_title(one))}
        return last | {one: title for one, state in seen.items() if (title := title_of(state.content))}


def described(act: Act, changes: Sequence[Change], titles: Mapping[str, str]) -> Act:
    """The act with its summary and the titles of what it was about; `titles` are the newest known ones by id."""
    if len(act.counts) > 1:  # what a person did to memories reviews them, too
        act = replace(act, counts={one: number for one, number in act.counts.items() if one is not Entity.REVIEW})
    about = next((entity for entity in _ORDER if act.counts.get(entity)), Entity.MEMORY)
    if act.kind is Kind.IMPORT and act.counts.get(Entity.MEMORY):
        about = Entity.MEMORY
    mine = list({change.entity_id: change for change in changes if change.entity is about}.values())
    names = tuple(_name(change, titles) for change in mine[:_MOST_TITLES])
    return replace(act, summary=_summary(act, about, mine, changes, names), titles=tuple(filter(None, names)))


def may_know(changes: Sequence[Change]) -> bool:
    """Whether who acts may know of an act: a program without a token may have called itself as theirs is called."""
    return kept_to() is None or all(
        one.entity is Entity.RELATION or (one.entity is Entity.MEMORY and may_see(*payloads_of(one))) for one in changes
    )


def titled(state: Mapping[str, object] | None) -> str:
    """The title of a memory's state in the history."""
    payload = (state or {}).get("payload")
    content = payload.get("content") if isinstance(payload, Mapping) else None
    return title_of(content) if isinstance(content, str) else ""


def payloads_of(change: Change) -> Sequence[Mapping[str, object] | None]:
    """Those before and after a change of a memory, None where there was none; one without project for neither."""
    payloads = [state.get("payload") if state else None for state in (change.before, change.after)]
    return [one if isinstance(one, Mapping) else None for one in payloads] if any(payloads) else [{}]


def _name(change: Change, titles: Mapping[str, str]) -> str:
    state = change.after or change.before or {}
    match change.entity:
        case Entity.MEMORY:
            return _short(titles.get(change.entity_id) or _own_title(change))
        case Entity.RELATION:
            ends = (_short(titles.get(str(state.get(side)), "…")) for side in ("source_id", "target_id"))
            return f'"{next(ends)}" {str(state.get("type", "")).replace("_", " ")} "{next(ends)}"'
    return _short(titles.get(change.entity_id) or _own_title(change))


def _own_title(change: Change) -> str:
    """As it was at the change; "" for a relation, which has none."""
    state = change.after or change.before or {}
    if change.entity is Entity.MEMORY:
        return titled(state)
    row = state.get("row", state)
    return str(row.get("description") or row.get("name") or "") if isinstance(row, Mapping) else ""


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TITLE else text[: _LONGEST_TITLE - 1].rstrip() + "…"


def _summary(act: Act, about: Entity, mine: Sequence[Change], changes: Sequence[Change], names: Sequence[str]) -> str:
    """«deleted "The first line" and 2 relations», «imported 307 memories, 253 sessions»."""
    said = Counter(plain_summary(change) for change in mine)
    common = next(iter(said)) if len(said) == 1 else ""
    if act.counts.get(about, 0) == 1 and mine:
        text = _of_one(mine[0], common, names[0])
        others = _counted({entity: number for entity, number in act.counts.items() if entity is not about})
        return f"{text} and {others}" if others and about is Entity.MEMORY else text + _moved(changes)
    all_of_it = _counted(act.counts)
    if about in (Entity.CLIENT, Entity.PROJECT) and act.kind is not Kind.IMPORT and mine:
        return _of_one(mine[-1], plain_summary(mine[-1]), "") + _moved(changes)
    if act.kind in _VERBS:
        return f"{_VERBS[act.kind]} {all_of_it}"
    if common in _PLAIN:
        return f"{common} {all_of_it}"
    return f"{common}: {all_of_it}" if common and about is not Entity.RELATION else f"changed {all_of_it}"


def _of_one(change: Change, said: str, name: str) -> str:
    text = re.sub("[«»]", '"', said)
    if change.entity is Entity.SESSION and name and (old := _own_title(change)):
        text = text.removesuffix(f'"{old}"') + f'"{name}"' if text.endswith(f'"{old}"') else text
    if change.entity in (Entity.MEMORY, Entity.REVIEW):
        return f'{text} "{name}"' if name else text
    if change.entity is Entity.RELATION:
        return f"{text.split(' ', 1)[0]} {name}" if text.startswith(("linked", "unlinked")) else f"{text}: {name}"
    return text


def _moved(changes: Sequence[Change]) -> str:
    """«, 44 sessions»: those that a merge or a move took along."""
    ids: set[str] = set()
    for change in changes:
        for state in (change.before, change.after):
            for key in ("sessions", "client_sessions"):
                listed = (state or {}).get(key)
                ids |= set(map(str, listed)) if isinstance(listed, list) else set()
    return f", {counted(len(ids), 'session')}" if ids else ""


def _counted(counts: Mapping[Entity, int]) -> str:
    """«307 memories, 1 client»."""
    nouns = {one: str(one) for one in Entity} | {Entity.REVIEW: str(Entity.MEMORY)}
    return ", ".join(counted(counts[one], nouns[one]) for one in Entity if counts.get(one))
