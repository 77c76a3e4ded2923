"""Metadata nested under `metadata`, as MCP Memoria's update of a text leaves it: no filter finds it there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import count

from services.integrity.check import IN_ORDER, Check, Explanation, Facts, PointTest, RepairStep, Scan, Stores
from services.integrity.defects import Defect, Keep
from services.integrity.places import read_places
from services.memories.current_state import Current
from services.memories.payload import CHUNK_KEYS, State
from services.memories.repairing import RepairedMemory

NEST = "metadata"
"""The key under which that update puts what was metadata."""
_NAMED = 6
"""Keys that a line names."""


async def _find(scan: Scan) -> list[Defect]:
    return [Defect(NESTED, one) for one in sorted((await scan.once(read_places)).failed[NESTED])]


async def _explain(facts: Facts, defects: Sequence[Defect]) -> list[Explanation]:
    return [_explained(facts.stored[one.id].state.payload) for one in defects]


def _explained(payload: Mapping[str, object]) -> Explanation:
    nested = payload.get(NEST)
    if not isinstance(nested, Mapping):
        return IN_ORDER
    renamed = [key for key in flattened_both_kept(payload) if key.startswith(f"{NEST}_") and key not in payload]
    repair = "they move to the top level"
    if renamed:
        repair += f"; {_named(renamed)} where that key has another value already"
    return Explanation(f"{len(nested)} keys are under `{NEST}`, where no filter finds them: {_named(nested)}", repair)


async def _repair(stores: Stores, ids: Sequence[str], keep: Keep) -> RepairStep:
    return _flatten


def _flatten(current: Current, state: State) -> RepairedMemory | None:
    if not is_nested(state.payload):
        return None
    return RepairedMemory(State(state.type, flattened_both_kept(state.payload)), "repaired: metadata at the top level")


def is_nested(payload: Mapping[str, object]) -> bool:
    return isinstance(payload.get(NEST), Mapping)


def flattened_both_kept(payload: Mapping[str, object]) -> dict[str, object]:
    """The payload with what lies under `metadata` at the top level.

    A key that has a value there already keeps it: the nested value then goes by the name «metadata_…».
    """
    flat = dict(payload)
    while isinstance(nested := flat.get(NEST), Mapping):
        del flat[NEST]
        for key, value in nested.items():
            if key == NEST and isinstance(value, Mapping):
                flat[NEST] = value  # nested twice: the next round takes it up
            else:
                flat[_place(flat, key, value)] = value
    return flat


def _place(flat: Mapping[str, object], key: str, value: object) -> str:
    """Where a nested value can stand without overwriting anything."""
    if _free(flat, key, value):
        return key
    names = (f"{NEST}_{key}" if number == 1 else f"{NEST}_{key}_{number}" for number in count(1))
    return next(name for name in names if _free(flat, name, value))


def _free(flat: Mapping[str, object], key: str, value: object) -> bool:
    """True when the key has no value, or this one."""
    if key in CHUNK_KEYS or key == NEST:
        return False
    there = flat.get(key)
    return there is None or there == [] or there == "" or there == value


def _named(keys: Collection[str]) -> str:
    more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
    return ", ".join(list(keys)[:_NAMED]) + more


NESTED = Check(
    name="nested",
    title="Nested metadata",
    problem="with metadata nested under `metadata`, where no filter finds it",
    about=(
        "Another program's update put the metadata of these memories one level too deep, where no filter finds it. "
        "A repair brings every key to the top level; none is overwritten."
    ),
    point_test=PointTest(NEST, is_nested),
    find=_find,
    explain=_explain,
    repair_memories=_repair,
)
