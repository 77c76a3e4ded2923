"""Memories whose points hold an older state than the history: how they are found, explained and repaired.

A request of a killed program can be stuck in Qdrant, and be applied after a newer change was: no lock keeps it out.
Every save stamps `updated_at`, so such points carry the stamp of an older change of ours, and not that of the newest.
What another program changes carries a stamp of its own, which no change of ours left. Not told apart is a program that
writes a copy of ours back, stamp and all, as an import of an older export does: therefore a person is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.batches import batches
from services.integrity.check import IN_ORDER, Check, Explanation, Facts, RepairStep, Scan, Stores
from services.integrity.defects import Defect, Keep
from services.memories.current_state import Current
from services.memories.editing import summary
from services.memories.payload import State, logical
from services.memories.repairing import RepairedMemory
from services.memories.stored_memories import ONE_EACH, Stored, memory_id_of, read_stored
from services.model import MemoryType, Progress, content_hash
from services.points import Point
from services.ports import UNMARKED, VectorStore
from services.records import Records

_BATCH = 100
_STAMP = "updated_at"
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Compared:
    """Memories that are not as their newest change left them."""

    changed: set[str]
    """With another text."""
    stale: set[str]
    """Older than that change."""


@dataclass(frozen=True, slots=True)
class Stale:
    stored: Stored
    newest: int
    """Number of its newest change."""
    state: State | None
    """What that change left; None: it deleted the memory."""


def oldest_stamps(points: Iterable[Point]) -> dict[str, str]:
    """The `updated_at` of each memory's points, the oldest where they differ."""
    stamps: dict[str, str] = {}
    for point in points:
        if isinstance(stamp := point.payload.get(_STAMP), str):
            memory_id = memory_id_of(point)
            stamps[memory_id] = min(stamp, stamps.get(memory_id, stamp))
    return stamps


async def compare_with_history(scan: Scan) -> Compared:
    """Two statements for each page of memories, and some for the few that seem stale.

    These are read again: a save may have changed them after their points were read.
    """
    vectors, records = scan.stores.vectors, scan.stores.records
    compared, done = Compared(set(), set()), 0
    keys = ("parent_id", "content", "full_content", _STAMP)
    for type_ in MemoryType:
        async for page in scan.points(type_, ONE_EACH, keys):
            texts = {memory_id_of(point): str(logical(point.payload).get("content", "")) for point in page}
            known = await records.history.known_hashes(list(texts))
            compared.changed.update(one for one, known_hash in known.items() if content_hash(texts[one]) != known_hash)
            if stamps := oldest_stamps(page):
                compared.stale.update(await confirmed(vectors, records, list(await records.history.stale(stamps))))
            done += len(page)
            scan.progress(Progress(done, None, "Comparing texts"))
    return compared


async def confirmed(vectors: VectorStore, records: Records, candidates: Sequence[str]) -> dict[str, Stale]:
    """Those that are older than the history while nothing waits in the outbox and no save comes between."""
    found: dict[str, Stale] = {}
    for batch in batches(candidates, _BATCH):
        marks = await records.outbox.marks(batch)
        stored = await read_stored(vectors, batch, embeddings=False)
        oldest = {one: states[-1] for one, states in stored.items()}
        newest = await records.history.stale(oldest_stamps(one.points[0] for one in oldest.values()))
        sure = {one: number for one, number in newest.items() if marks.get(one, UNMARKED)[:2] == (number, 0)}
        changes = {change.id: change for change in await records.history.changes(list(sure.values()))}
        for one, number in sure.items():
            after = changes[number].after
            found[one] = Stale(oldest[one], number, State.from_json(after) if after else None)
    return found


async def _find(scan: Scan) -> list[Defect]:
    return [Defect(STALE, one) for one in sorted((await scan.once(compare_with_history)).stale)]


async def _explain(facts: Facts, defects: Sequence[Defect]) -> list[Explanation]:
    found = await confirmed(facts.stores.vectors, facts.stores.records, [one.id for one in defects])
    return [_explained(found[one.id]) if one.id in found else IN_ORDER for one in defects]


def _explained(stale: Stale) -> Explanation:
    if stale.state is None:
        what = "was deleted, and a write that came late brought it back"
        choices = {Keep.NEWEST: "in the trash", Keep.STORED: "here again"}
        return Explanation(what, "is deleted again, or stays", choices)
    differs = summary(stale.state, stale.stored.state)
    return Explanation(
        f"a write that came late put an older state over the newest; against the history: {differs}",
        "gets the newest state of the history again, or stays as it is stored",
        {Keep.NEWEST: _shown(stale.state), Keep.STORED: _shown(stale.stored.state)},
    )


async def _repair(stores: Stores, ids: Sequence[str], keep: Keep) -> RepairStep:
    found = await confirmed(stores.vectors, stores.records, ids)

    def restore(current: Current, state: State) -> RepairedMemory | None:
        stale = found.get(current.id)
        return _repaired(current, stale, keep) if stale else None

    return restore


async def _deletes(stores: Stores, ids: Sequence[str], keep: Keep) -> set[str]:
    found = {} if keep is Keep.STORED else await confirmed(stores.vectors, stores.records, ids)
    return {one for one, stale in found.items() if stale.state is None}


def _repaired(current: Current, stale: Stale, keep: Keep) -> RepairedMemory | None:
    """How the memory shall be; None when it was changed since it was found."""
    if current.mark[:2] != (stale.newest, 0) or not current.stored:
        return None
    broken = len(current.stored) > 1 or current.stored[0].texts is None
    if keep is Keep.STORED:
        return RepairedMemory(stale.stored.state, "kept as it is stored, which is older than the history", broken)
    if stale.state is None:
        return RepairedMemory(None, "deleted again: a late write had brought it back")
    return RepairedMemory(stale.state, "repaired: as its newest change left it, which a late write had undone", broken)


def _shown(state: State) -> str:
    tags = state.payload.get("tags")
    named = ", ".join(map(str, tags)) if isinstance(tags, Sequence) and not isinstance(tags, str) else ""
    return f"{' '.join(state.content[:_SHOWN].split())}{f' · tags: {named}' if named else ''}"


STALE = Check(
    name="stale",
    title="Older than history",
    problem="whose points have an older state than the history, by a write that came late",
    about=(
        "A write that was stuck, mostly of a program that was killed, came after a newer change of these memories and "
        "put an older state over it. An import of an older export by another program looks the same. A repair asks "
        "whether the newest state of the history is written again, or the older one is kept."
    ),
    find=_find,
    explain=_explain,
    repair_memories=_repair,
    deletes=_deletes,
    alone=True,
    question="Which state shall it have?",
    choices={Keep.NEWEST: ("h", "newest of the history"), Keep.STORED: ("s", "as it is stored")},
    warning="{count:,} of the memories get the newest state of the history again.",
)
