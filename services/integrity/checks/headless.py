"""A memory whose first chunk is gone: its beginning is found by no search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from services.integrity.check import IN_ORDER, Check, Explanation, Facts, RepairStep, Scan, Stores
from services.integrity.defects import Defect, Keep
from services.integrity.places import read_places
from services.memories.chunking import chunks
from services.memories.current_state import Current
from services.memories.payload import State
from services.memories.repairing import RepairedMemory
from services.memories.stored_memories import Stored, chunk_index
from services.model import counted
from services.settings import Settings


async def _find(scan: Scan) -> list[Defect]:
    return [Defect(HEADLESS, one) for one in (await scan.once(read_places)).headless]


async def _explain(facts: Facts, defects: Sequence[Defect]) -> list[Explanation]:
    explained = []
    for one in defects:
        made = _explained(facts.stored[one.id], facts.stores.settings)
        moves = await facts.foresee([one])
        if made.repair and (moves.moved or moves.removed):
            made = replace(made, repair=f"{made.repair}; this would {replace(moves, memories=0).intent}")
        explained.append(made)
    return explained


def _explained(stored: Stored, settings: Settings) -> Explanation:
    if not (first := _first(stored)):
        return IN_ORDER
    lost = "the first chunk is" if first == 1 else f"the first {first} chunks are"
    what = f"{lost} missing, {len(stored.points)} of {stored.points[0].payload.get('chunk_count')} are there"
    if not stored.whole:
        return Explanation(f"{what}; no chunk has the complete text")
    count = len(chunks(stored.state.content, settings.chunk_size, settings.chunk_overlap))
    return Explanation(what, f"saved again from its complete text, in {counted(count, 'chunk')}")


async def _repair(stores: Stores, ids: Sequence[str], keep: Keep) -> RepairStep:
    return _rechunk


def _rechunk(current: Current, state: State) -> RepairedMemory | None:
    stored = current.stored[0]
    if not (_first(stored) and stored.whole):
        return None
    return RepairedMemory(state, "repaired: has its first chunk again", rechunk=True)


def _first(stored: Stored) -> int:
    """Place of the first chunk that is there."""
    return chunk_index(stored.points[0]) or 0


HEADLESS = Check(
    name="headless",
    title="First chunks missing",
    problem="without the first chunk, whose beginning no search finds",
    about=(
        "Another program deleted the first chunk of these memories. Their text is complete in the other chunks, but no "
        "search finds how it begins. A repair saves each again from its complete text."
    ),
    find=_find,
    explain=_explain,
    repair_memories=_repair,
    rechunks=True,
)
