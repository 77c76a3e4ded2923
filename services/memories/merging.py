"""Memories that become one: the kept one gets what the others have, and these go to the trash, in one act."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.distinctive_words import distinct
from services.errors import Conflict
from services.memories.current_state import Current
from services.memories.editing import checked_text, stamped
from services.memories.payload import State, same_but_for_looks, same_state, write_payload
from services.memories.saving import Saver
from services.memories.write_plans import Plan
from services.model import Action, Kind, Memory, counted, quoted_title
from services.model.trust_keys import EXPIRES_AT, OWN_TRUST_KEYS
from services.ports import NewChange
from services.records import Transaction
from services.records.relation_states import relation_change
from services.records.sessions_of_merged_memories import follow_memories
from services.secret_texts import guarded

_BETWEEN = "\n\n"
"""Between the texts that a kept memory has together."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Memories that are to become the first of them."""

    kept: Memory
    others: tuple[Memory, ...]
    ends: Mapping[str, Sequence[str]]
    """Of each memory the ids by which relations may name it."""
    text: str | None = None
    """What the kept one says then; None: every text once."""

    @property
    def content(self) -> str:
        """What the kept memory says then; of texts that say the same, the first."""
        if self.text is not None:
            return self.text
        return _BETWEEN.join(distinct(one.content for one in (self.kept, *self.others)))


def checked(merge: Merge, secrets: str) -> Merge:
    """With its text as it may be written. Raises InvalidInput."""
    if merge.text is None or merge.text == merge.kept.content:
        return merge
    before = _BETWEEN.join(one.content for one in (merge.kept, *merge.others))
    return replace(merge, text=checked_text(guarded(merge.text, secrets, before)))


async def merge(saver: Saver, merges: Sequence[Merge], forgotten: Sequence[Memory]) -> int:
    """Merges, and puts what is to be forgotten into the trash, as one act; gives how many memories went.

    Raises Conflict when one of them is no longer as it was looked at; then nothing was written.
    """
    kept = {one.kept.id: one for one in merges}
    into = {other.id: one for one in merges for other in one.others}
    seen = {one.id: one for merge in merges for one in (merge.kept, *merge.others)} | {one.id: one for one in forgotten}

    async def plan(currents: Mapping[str, Current]) -> list[Plan]:
        plans = []
        for id_, current in currents.items():
            same = same_but_for_looks if id_ in kept or id_ in into else same_state
            was = State(seen[id_].type, write_payload(seen[id_], saver.zone))
            if current.state is None or not same(current.state, was, id_, saver.zone):
                how = "deleted" if current.state is None else "changed"
                told = f"{quoted_title(seen[id_])} was {how} meanwhile; nothing was written"
                raise Conflict(told if current.state is None else f"{told}, try again", None)
            if id_ in kept:
                after = stamped(_merged(current.state, kept[id_]), saver.clock(), saver.zone)
                plans.append(current.plan(after, Action.UPDATED, f"merged with {counted(len(kept[id_].others))}"))
            else:
                said = f"merged into {into[id_].kept.id[:8]}" if id_ in into else "forgotten: not used for long"
                plans.append(current.plan(None, Action.DELETED, said))
        return plans

    async def relate(transaction: Transaction) -> Sequence[NewChange]:
        moved = await _moved(transaction, {end: one.kept.id for id_, one in into.items() for end in one.ends[id_]})
        return moved + await follow_memories(transaction.connection, {id_: one.kept.id for id_, one in into.items()})

    await saver.change(str(uuid.uuid4()), seen, plan, kind=Kind.MERGE, also=relate)
    return len(seen) - len(kept)


def _merged(state: State, merge: Merge) -> State:
    """Keys of the kept memory stay; what only others have is taken from them, but for how far these are trusted."""
    others = [key_value for other in reversed(merge.others) for key_value in other.metadata.items()]
    taken = {key: value for key, value in others if key not in OWN_TRUST_KEYS}
    joined = [id_ for one in merge.others for id_ in (one.id, *_former(one.metadata))]
    tags = dict.fromkeys(tag for one in (merge.kept, *merge.others) for tag in one.tags)
    return State(
        state.type,
        {
            **_lasting({**taken, **state.payload}, (merge.kept, *merge.others)),
            "content": merge.content,
            "tags": list(tags),
            "merged_from": list(dict.fromkeys([*_former(state.payload), *joined])),
        },
    )


def _lasting(payload: Mapping[str, object], memories: Sequence[Memory]) -> dict[str, object]:
    """Outdated when the last of them is; never where one of them never is."""
    ends = {at: one.metadata[EXPIRES_AT] for one in memories if (at := one.expires_at)}
    ever = any(one.expires_at is None for one in memories)
    kept = {key: value for key, value in payload.items() if key != EXPIRES_AT}
    return kept if ever else {**kept, EXPIRES_AT: ends[max(ends)]}


def _former(payload: Mapping[str, object]) -> list[str]:
    """The memories that became this one before."""
    former = payload.get("merged_from")
    return [one for one in former if isinstance(one, str)] if isinstance(former, list) else []


async def _moved(transaction: Transaction, target: Mapping[str, str]) -> list[NewChange]:
    """Brings relations of the memories that go to the kept ones; what would be there twice goes with its memory."""
    relations = await transaction.relations.touching([*target, *set(target.values())])
    taken = {(one.source_id, one.type, one.target_id) for one in relations}
    moved = []
    for before in relations:
        source, goal = (target.get(end, end) for end in (before.source_id, before.target_id))
        key = (source, before.type, goal)
        if source != goal and key not in taken:
            taken.add(key)
            moved.append((before, replace(before, source_id=source, target_id=goal)))
    await transaction.relations.update([after for _, after in moved])
    return [relation_change(before, after, "moved to the memory that was kept") for before, after in moved]
