"""Memories with secrets in their texts: agents write down what they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.integrity.check import IN_ORDER, Check, Explanation, Facts, PointTest, RepairStep, Scan, Stores
from services.integrity.defects import Defect, Keep
from services.integrity.places import read_places
from services.memories.current_state import Current
from services.memories.payload import State
from services.memories.repairing import RepairedMemory
from services.secret_texts import SOUGHT, describe_secrets, find_secrets, masked


def _has_secrets(payload: Mapping[str, object]) -> bool:
    return bool(find_secrets(str(payload.get("content", ""))))


async def _find(scan: Scan) -> list[Defect]:
    return [Defect(SECRETS, one) for one in sorted((await scan.once(read_places)).failed[SECRETS])]


async def _explain(facts: Facts, defects: Sequence[Defect]) -> list[Explanation]:
    return [_explained(facts.stored[one.id].state.content) for one in defects]


def _explained(text: str) -> Explanation:
    if not (found := describe_secrets(text)):
        return IN_ORDER
    return Explanation(f"has {found}", "masked in the text; the history keeps it until a purge")


async def _repair(stores: Stores, ids: Sequence[str], keep: Keep) -> RepairStep:
    return _mask


def _mask(current: Current, state: State) -> RepairedMemory | None:
    if not find_secrets(state.content):
        return None
    payload = {**state.payload, "content": masked(state.content)}
    return RepairedMemory(State(state.type, payload), f"masked {describe_secrets(state.content)}")


SECRETS = Check(
    name="secrets",
    title="Secrets",
    problem=f"with {SOUGHT} in the text",
    about=(
        f"{SOUGHT[0].upper()}{SOUGHT[1:]} whose check digits are right. A "
        "repair masks them in the text, and only where it is asked for by its name; the history keeps the text until "
        "the memory is erased for good (memoria-tui purge, or Z in the trash). MEMORIA_SECRETS keeps new ones out."
    ),
    point_test=PointTest("content", _has_secrets),
    find=_find,
    explain=_explain,
    repair_memories=_repair,
    by_name=True,
)
