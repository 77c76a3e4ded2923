"""Memories whose points hold an older state than the history: how they are found, explained and repaired.

A request of a killed program can be stuck in Qdrant, and be applied after a newer change was: no lock keeps it out.
Every save stamps `updated_at`, so such points carry the stamp of an older change of ours, and not that of the newest.
What another program changes carries a stamp of its own, which no change of ours left. Not told apart is a program that
writes a copy of ours back, stamp and all, as an import of an older export does: therefore a person is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.integrity.model import Keep
from services.memories.current import Current
from services.memories.editing import summary
from services.memories.payload import State
from services.memories.reading import Stored, memory_id_of, read_stored
from services.memories.repairing import Mended
from services.points import Point
from services.ports import UNMARKED, VectorStore
from services.records import Records

_BATCH = 100
_STAMP = "updated_at"
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Stale:
    """One of them."""

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


async def find_stale(vectors: VectorStore, records: Records, stamps: Mapping[str, str]) -> dict[str, Stale]:
    """Those of the memories, by the `updated_at` of their points, that are older than the history. One statement.

    The few that seem so are read again: a save may have changed them after their points were read.
    """
    return await confirmed(vectors, records, list(await records.history.stale(stamps))) if stamps else {}


async def confirmed(vectors: VectorStore, records: Records, suspects: Sequence[str]) -> dict[str, Stale]:
    """Those that are older than the history while nothing waits in the outbox and no save comes between."""
    found: dict[str, Stale] = {}
    for start in range(0, len(suspects), _BATCH):
        marks = await records.outbox.marks(batch := suspects[start : start + _BATCH])
        stored = await read_stored(vectors, batch, embeddings=False)
        oldest = {one: states[-1] for one, states in stored.items()}
        newest = await records.history.stale(oldest_stamps(one.points[0] for one in oldest.values()))
        sure = {one: number for one, number in newest.items() if marks.get(one, UNMARKED)[:2] == (number, 0)}
        changes = {change.id: change for change in await records.history.changes(list(sure.values()))}
        for one, number in sure.items():
            after = changes[number].after
            found[one] = Stale(oldest[one], number, State.from_json(after) if after else None)
    return found


def explained(stale: Stale) -> tuple[str, str, dict[Keep, str]]:
    """What is wrong, what a repair does, and what each choice would do."""
    if stale.state is None:
        what = "was deleted, and a write that came late brought it back"
        return what, "is deleted again, or stays", {Keep.NEWEST: "in the trash", Keep.STORED: "here again"}
    differs = summary(stale.state, stale.stored.state)
    what = f"a write that came late put an older state over the newest; against the history: {differs}"
    choices = {Keep.NEWEST: stale.state, Keep.STORED: stale.stored.state}
    return (
        what,
        "gets the newest state of the history again, or stays as it is stored",
        {keep: _shown(state) for keep, state in choices.items()},
    )


def mended_stale(current: Current, stale: Stale, keep: Keep) -> Mended | None:
    """How the memory shall be; None when it was changed since it was found."""
    if current.mark[:2] != (stale.newest, 0) or not current.stored:
        return None
    broken = len(current.stored) > 1 or current.stored[0].texts is None
    if keep is Keep.STORED:
        return Mended(stale.stored.state, "kept as it is stored, which is older than the history", broken)
    if stale.state is None:
        return Mended(None, "deleted again: a late write had brought it back")
    return Mended(stale.state, "repaired: as its newest change left it, which a late write had undone", broken)


def _shown(state: State) -> str:
    tags = state.payload.get("tags")
    named = ", ".join(map(str, tags)) if isinstance(tags, Sequence) and not isinstance(tags, str) else ""
    return f"{' '.join(state.content[:_SHOWN].split())}{f' · tags: {named}' if named else ''}"
