"""Chunks of one memory that differ in what filters ask for: another program changed the first one alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.integrity.check import IN_ORDER, Check, Explanation, Facts, RepairStep, Scan, Stores
from services.integrity.defects import Defect, Keep
from services.memories.current_state import Current
from services.memories.editing import value_under, with_values
from services.memories.payload import State, read_memory
from services.memories.repairing import RepairedMemory
from services.memories.stored_memories import CHUNKED, Stored, chunk_index, memory_id_of
from services.model import MemoryType
from services.points import Filter
from services.storable_text import shortened
from services.times import WriterZone, read_stamp

_SAME = ("tags", "project", "importance", "updated_at")
"""Keys that all chunks of a memory share: agents and filters read them from any chunk."""
_CHUNKED = Filter((CHUNKED,))


async def _find(scan: Scan) -> list[Defect]:
    values: dict[str, int] = {}
    uneven: set[str] = set()
    for type_ in MemoryType:
        async for page in scan.points(type_, _CHUNKED, ("parent_id", *_SAME)):
            for point in page:
                memory_id, value = memory_id_of(point), hash(repr([point.payload.get(key) for key in _SAME]))
                if values.setdefault(memory_id, value) != value:
                    uneven.add(memory_id)
    return [Defect(UNEVEN, one) for one in sorted(uneven)]


async def _explain(facts: Facts, defects: Sequence[Defect]) -> list[Explanation]:
    return [_explained(facts.stored[one.id], facts.stores.zone) for one in defects]


def _explained(stored: Stored, zone: WriterZone) -> Explanation:
    if not (keys := _unlike(stored)):
        return IN_ORDER
    values = "; ".join(_values(stored, key) for key in keys)
    what = f"its {len(stored.points)} chunks differ in {values}"
    return Explanation(what, "all get the same, of which you choose", _outcomes(stored, zone))


async def _repair(stores: Stores, ids: Sequence[str], keep: Keep) -> RepairStep:
    def even(current: Current, state: State) -> RepairedMemory | None:
        stored = current.stored[0]
        if not (keys := _unlike(stored)):
            return None
        lost = "; ".join(_values(stored, key) for key in keys)
        after = State(state.type, with_values(state.payload, _SAME, _agreed(stored, keep, stores.zone)))
        return RepairedMemory(after, f"repaired: the same in all chunks, which had {lost}")

    return even


def _unlike(stored: Stored) -> list[str]:
    """Keys in which a chunk differs from the first."""
    first, *others = (point.payload for point in stored.points)
    return [key for key in _SAME if any(other.get(key) != first.get(key) for other in others)]


def _agreed(stored: Stored, keep: Keep, zone: WriterZone) -> Mapping[str, object]:
    """The values that all chunks get under the keys that they share."""
    first = stored.points[0].payload
    chosen = dict(first)
    if keep is Keep.NEWEST:
        dates = [read_stamp(point.payload.get("updated_at"), zone) for point in stored.points]
        known = {date: place for place, date in reversed(list(enumerate(dates))) if date}
        chosen = dict(stored.points[known[max(known)]].payload) if known else chosen
    elif keep is Keep.UNION:
        read = [read_memory(stored.id, State(stored.state.type, point.payload), zone) for point in stored.points]
        tags = list(dict.fromkeys(tag for one in read for tag in one.tags))
        highest = max(range(len(read)), key=lambda place: read[place].importance)
        chosen |= {"tags": tags} if tags else {}
        chosen = with_values(chosen, ["importance"], stored.points[highest].payload)
    return {key: value[0] for key in _SAME if (value := value_under(chosen, key))}


def _outcomes(stored: Stored, zone: WriterZone) -> dict[Keep, str]:
    """«tags: auth, old; importance: 0.9» for each choice between what the chunks have; empty where they are alike."""
    keys = [key for key in _unlike(stored) if key != "updated_at"] or _unlike(stored)
    return {
        keep: "; ".join(f"{key}: {shortened(_shown(_agreed(stored, keep, zone).get(key)))}" for key in keys)
        for keep in ((Keep.FIRST, Keep.NEWEST, Keep.UNION) if keys else ())
    }


def _values(stored: Stored, key: str) -> str:
    """«tags: auth (chunk 1), old (chunks 2, 3)»."""
    places: dict[str, list[int]] = {}
    for point in stored.points:
        places.setdefault(_shown(point.payload.get(key)), []).append((chunk_index(point) or 0) + 1)
    parts = [f"{shortened(value)} (chunk{'' if len(at) == 1 else 's'} {_ranges(at)})" for value, at in places.items()]
    return f"{key}: {', '.join(parts[:3])}" + (" …" if len(parts) > 3 else "")


def _shown(value: object) -> str:
    return (", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)) or "none"


def _ranges(places: Sequence[int]) -> str:
    return ", ".join(map(str, places)) if len(places) <= 4 else f"{places[0]} and {len(places) - 1} others"


UNEVEN = Check(
    name="uneven",
    title="Chunks that differ",
    problem="whose chunks differ in what filters ask for",
    about=(
        "Another program changed the first chunk of these memories alone. The memory goes by its first chunk, but a "
        "search with filters may miss it, and agents may read the old values. A repair asks which values all chunks "
        "shall have; undo gives each its own again."
    ),
    find=_find,
    explain=_explain,
    repair_memories=_repair,
    question="Which values shall all chunks have?",
    choices={
        Keep.FIRST: ("f", "of the first chunk"),
        Keep.NEWEST: ("n", "of the newest chunk"),
        Keep.UNION: ("a", "all tags, highest importance"),
    },
    warning="Chunks differ in {count:,} of the memories: which values shall all chunks have?",
    asks_for_all=True,
)
