"""Acts of the history in the words of a person: what was done, to how many things, and to which."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from services.acting import is_owner, may_see, permitted_projects, seeing_all
from services.errors import NothingToUndo
from services.memories.editing import tags_summary
from services.memories.stored_memories import owners, read_stored
from services.model import Act, Action, Change, Entity, Kind, counted, plain_summary, title_of
from services.ports import VectorStore
from services.records import Records
from services.unknown_ids import ACT_ID, ambiguous_id, is_id_part, unknown_id

_ORDER = (Entity.SESSION, Entity.CLIENT, Entity.PROJECT, Entity.MEMORY, Entity.RELATION, Entity.REVIEW)
"""What an act was about, before what it did besides."""
VERBS: Mapping[Kind, str] = {
    Kind.IMPORT: "imported",
    Kind.RESTORE: "restored from a backup:",
    Kind.REPAIR: "repaired",
    Kind.MERGE: "merged",
    **dict.fromkeys((Kind.EDIT, Kind.RULE, Kind.UNDO, Kind.REDO, Kind.PURGE, Kind.OUTSIDE), ""),
}
"""What is said of many things of each kind of act; "": what their changes say."""
_PLAIN = ("created", "deleted", "imported", "restored", "reviewed", "snoozed")
"""Summaries that read as verbs."""
_SPLIT, _SPLIT_OFF = ("split ", ""), ("split off ", "")
_MOST_TITLES = 3
_MOST_NAMES = 6
"""Tags or projects that a summary names."""
_LONGEST_TITLE = 60
"""Characters."""
_AT_ONCE, _PATIENCE = 200, 2.0
"""Acts among which those are looked for of which who acts may know, and seconds after which that ends."""
_ROWS = 100
"""Changes of an act that are read to describe it."""


@dataclass(frozen=True, slots=True)
class ActPage:
    """Some acts, newest first."""

    acts: tuple[Act, ...]
    more: int | None
    """The change before whose act the next page begins; None: there are no more."""


class ActReader:
    """Reads the last acts and describes them; writes nothing."""

    def __init__(self, vectors: VectorStore, records: Records) -> None:
        self._vectors = vectors
        self._records = records

    async def page(self, limit: int, before: int | None = None) -> ActPage:
        """The last acts of everybody, newest first, without those that came with an import or a restore.

        `before`: only those before the act of this change.

        To who is kept to projects, of each act what is of memories there, and the page may be short of its limit.
        """
        acts, changes, more = await self._seen(limit, before)
        titles = await self._titles([change for act in acts for change in changes.get(act.group, ())])
        return ActPage(tuple(described(act, changes.get(act.group, []), titles) for act in acts), more)

    async def _seen(self, limit: int, before: int | None) -> tuple[list[Act], dict[str, list[Change]], int | None]:
        """Acts with what who acts may know of them, and where those before them begin."""
        found, parts, end = list[Act](), dict[str, list[Change]](), time.monotonic() + _PATIENCE
        at_once = limit if (projects := permitted_projects()) is None else _AT_ONCE
        while True:
            with seeing_all():
                acts = await self._records.groups.last_acts(at_once, before, projects)
                changes = await self._records.groups.first_changes([act.group for act in acts], _ROWS, projects)
            known = await self._known(changes)
            for act in acts:
                before = act.change_id
                if (part := known.get(act.group, [])) or projects is None:
                    found.append(act if projects is None else replace(act, counts=_counts(act, part)))
                    parts[act.group] = part
                if len(found) == limit:
                    return found, parts, before
            if len(acts) < at_once:
                return found, parts, None
            if time.monotonic() > end:
                return found, parts, before

    async def _known(self, changes: Mapping[str, Sequence[Change]]) -> dict[str, list[Change]]:
        """What of each act who acts may know."""
        if permitted_projects() is None:
            return {act: list(some) for act, some in changes.items()}
        ids = sorted({one for some in changes.values() for one in _ends_of(some)})
        ends = (await owners(self._vectors, ids)).keys()
        return {act: _known(some, ends) for act, some in changes.items()}

    async def known(self, changes: Sequence[Change]) -> Sequence[Change]:
        """What of the changes of an act who acts may know."""
        return (await self._known({"": changes}))[""] if changes else changes

    async def changes(self, group: str) -> tuple[Change, ...]:
        """The first changes of an act, with what was before and after."""
        return tuple((await self._records.groups.first_changes([group], _ROWS)).get(group, []))

    async def find(self, text: str) -> str:
        """The group of the only act whose id begins so. Raises NothingToUndo or Ambiguous."""
        with seeing_all():
            groups = await self._records.groups.beginning(text.strip().lower()) if is_id_part(text) else []
        if len(groups) > 1:
            raise ambiguous_id(ACT_ID, text, groups)
        if not groups:
            raise NothingToUndo(str(unknown_id(ACT_ID, text)))
        return groups[0]

    async def describe(self, changes: Sequence[Change]) -> Act:
        """The act of these changes, which are all of it that who acts may know."""
        first = changes[0]
        entities = {(change.entity, change.entity_id) for change in changes}
        counts = Counter(entity for entity, _ in entities)
        origin = (await self._records.groups.origins([first.group])).get(first.group) if first.undoes else None
        merged = _merged(changes)
        act = Act(
            *(first.group, first.id, first.kind, first.actor, first.program, first.at, "", counts),
            origin=origin,
            merged=merged,
        )
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
    if (act.origin or act.kind) is Kind.IMPORT and act.counts.get(Entity.MEMORY):
        about = Entity.MEMORY
    mine = list({change.entity_id: change for change in changes if change.entity is about}.values())
    names = tuple(_name(change, titles) for change in mine[:_MOST_TITLES])
    return replace(act, summary=_summary(act, about, mine, changes, names), titles=tuple(filter(None, names)))


def may_know(changes: Sequence[Change]) -> bool:
    """Whether who acts may know of an act: a program without a token may have called itself as theirs is called."""
    return permitted_projects() is None or all(
        one.entity is Entity.RELATION or (one.entity is Entity.MEMORY and may_see(*payloads_of(one))) for one in changes
    )


def _known(changes: Sequence[Change], ends: Collection[str]) -> list[Change]:
    """Those of an act that who is kept to projects may know of; `ends`: what they see, of relations and reviews."""
    memories = {one.entity_id for one in changes if one.entity is Entity.MEMORY and may_see(*payloads_of(one))}
    return [one for one in changes if _knows(one, memories, ends)]


def _knows(change: Change, memories: Collection[str], ends: Collection[str]) -> bool:
    match change.entity:
        case Entity.MEMORY:
            return change.entity_id in memories
        case Entity.RELATION:
            seen = [one in ends or one in memories for one in _ends_of([change])]
            drawn = change.action in (Action.CREATED, Action.UPDATED)  # by who saw both then
            return any(seen) if drawn and is_owner(change.actor) else all(seen)
        case Entity.REVIEW:
            return change.entity_id in ends
    return False


def _ends_of(changes: Sequence[Change]) -> Iterator[str]:
    """Ids of the memories at the ends of relations, and of those that were reviewed."""
    for change in changes:
        state = change.after or change.before or {}
        if change.entity is Entity.RELATION:
            yield from (str(state[side]) for side in ("source_id", "target_id"))
        elif change.entity is Entity.REVIEW:
            yield change.entity_id


def _counts(act: Act, part: Sequence[Change]) -> Mapping[Entity, int]:
    """Of memories the database knows how many, also beyond those that were read."""
    here = Counter(entity for entity, _ in {(one.entity, one.entity_id) for one in part})
    known = act.counts.get(Entity.MEMORY, 0) if here[Entity.MEMORY] else 0
    return {entity: max(number, known if entity is Entity.MEMORY else 0) for entity, number in here.items()}


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
    kind = act.origin or act.kind
    if act.counts.get(about, 0) == 1 and mine:
        text = _of_one(mine[0], common, names[0])
        others = _counted({entity: number for entity, number in act.counts.items() if entity is not about})
        return (
            f"{text} and {others}"
            if others and (about is Entity.MEMORY or kind is Kind.IMPORT)
            else text + _moved(changes)
        )
    all_of_it = _counted(act.counts)
    if about in (Entity.CLIENT, Entity.PROJECT) and kind is not Kind.IMPORT and mine:
        return _of_one(mine[-1], plain_summary(mine[-1]), "") + _moved(changes)
    if kind is Kind.MERGE and act.merged[0]:
        return _of_merge(act)
    if verb := VERBS[kind]:
        return f"{verb} {all_of_it}"
    if about is Entity.SESSION and len(act.counts) == 1 and (told := _of_sessions(mine, act.counts[about])):
        return told
    if common in _PLAIN:
        return f"{common} {all_of_it}"
    if about is Entity.MEMORY:
        common = common or _of_names(mine, act.counts.get(about, 0))
    return f"{common}: {all_of_it}" if common and about is not Entity.RELATION else f"changed {all_of_it}"


def _merged(changes: Sequence[Change]) -> tuple[int, int]:
    """Memories that went into others, and these."""
    said = [
        {one.entity_id for one in changes if plain_summary(one).startswith(f"merged {to} ")} for to in ("into", "with")
    ]
    return len(said[0]), len(said[1])


def _of_merge(act: Act) -> str:
    """«merged 5 memories into 3, 2 relations»: those that went, and those that stayed."""
    went, stayed = act.merged
    forgotten = act.counts.get(Entity.MEMORY, 0) - went - stayed
    others = _counted({entity: number for entity, number in act.counts.items() if entity is not Entity.MEMORY})
    left = f"{forgotten:,} forgotten" if forgotten > 0 else ""
    return ", ".join(filter(None, (f"merged {counted(went)} into {stayed:,}", left, others)))


def _of_names(mine: Sequence[Change], number: int) -> str:
    """«tags +auth −auths −Auth», «project a → c, project b → c», of changes of nothing else; "" for other ones.

    With «…» where there are more of them, or memories that were not read.
    """
    said = list(dict.fromkeys(map(plain_summary, mine)))
    if all(map(_tags_of, mine)):
        names = dict.fromkeys(name for one in mine for name in _tags_of(one))
        said = [name for sign in "+−" for name in names if name[0] == sign]
    elif not all(one.startswith("project ") and "," not in one for one in said):
        return ""
    more = " …" if len(said) > _MOST_NAMES or len(mine) < number else ""
    if said and said[0][0] in "+−":
        return f"tags {' '.join(said[:_MOST_NAMES])}{more}"
    return ", ".join(said[:_MOST_NAMES]) + more


def _tags_of(change: Change) -> list[str]:
    """«+auth», «−old» of a change that did nothing else, also of one that undoes it; a name may have blanks."""
    if len(payloads := payloads_of(change)) < 2:
        return []
    old, new = ((one or {}).get("tags") for one in payloads)
    said = plain_summary(change)
    for before, after in ((old, new), (new, old)):
        if said == tags_summary(before, after):
            was, will = (one if isinstance(one, list) else [] for one in (before, after))
            return [f"+{tag}" for tag in will if tag not in was] + [f"−{tag}" for tag in was if tag not in will]
    return []


def _of_sessions(mine: Sequence[Change], number: int) -> str:
    """«paused "fix login" and started "review"», «billed 7 sessions for 2026-11»; "" for more than two things.

    What was split is one thing.
    """
    done: dict[tuple[str, str], list[Change]] = {}
    for change in mine:
        before, found, after = plain_summary(change).partition(f'"{_own_title(change)}"')
        if not found:
            return ""
        done.setdefault((before, after), []).append(change)
    if done.keys() == {_SPLIT, _SPLIT_OFF}:
        del done[_SPLIT_OFF]
        number = len(done[_SPLIT])
    if len(done) > 2 or (len(done) > 1 and len(mine) < number):
        return ""
    counts = [number] if len(done) == 1 else [len(some) for some in done.values()]
    whats = (
        f'"{_short(_own_title(some[0]))}"' if many == 1 else counted(many, "session")
        for some, many in zip(done.values(), counts, strict=True)
    )
    return " and ".join(f"{before}{what}{after}" for (before, after), what in zip(done, whats, strict=True))


def _of_one(change: Change, said: str, name: str) -> str:
    text = re.sub("[«»]", '"', said)
    if change.entity is Entity.SESSION and name and (old := _own_title(change)):
        text = text.removesuffix(f'"{old}"') + f'"{name}"' if text.endswith(f'"{old}"') else text
    if change.entity in (Entity.MEMORY, Entity.REVIEW):
        return f'{text} "{name}"' if name else text
    if change.entity is Entity.RELATION:
        return f"{text.split(' ', 1)[0]} {name}" if text.startswith(("linked", "unlinked")) else f"{text}: {name}"
    if '"' in text or not name:
        return text
    return f'{text} "{name}"' if change.entity is Entity.SESSION else f'{text} {change.entity} "{name}"'


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
