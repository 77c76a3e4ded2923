"""Memories with secrets in their texts: agents write down what they are shown."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from services.batches import batches
from services.integrity.check import IN_ORDER, Check, Explanation, Facts, RepairStep, Scan, Stores
from services.integrity.defects import Defect, Keep
from services.integrity.places import read_places
from services.memories.current_state import Current
from services.memories.payload import State, logical
from services.memories.repairing import RepairedMemory
from services.memories.stored_memories import ONE_EACH, chunk_index, memory_id_of, read_stored
from services.model import MemoryType, Progress
from services.points import Point
from services.secret_texts import SOUGHT, describe_secrets, find_secrets, masked

_BATCH = 100
_KEYS = ("parent_id", "chunk_index", "chunk_count", "content", "full_content")


async def _find(scan: Scan) -> list[Defect]:
    """Looks through whole texts: a secret may lie across chunks, and where a text is cut may look like one."""
    found, in_parts, done = set[str](), set((await scan.once(read_places)).headless), 0
    for type_ in MemoryType:
        async for page in scan.points(type_, ONE_EACH, _KEYS):
            texts = [
                (memory_id_of(one), str(logical(one.payload).get("content", ""))) for one in page if _is_whole(one)
            ]
            found |= await asyncio.to_thread(_with_secrets, texts)
            in_parts.update(memory_id_of(one) for one in page if not _is_whole(one))
            done += len(page)
            scan.progress(Progress(done, None, "Looking for secrets"))
    for batch in batches(sorted(in_parts), _BATCH):
        stored = await read_stored(scan.stores.vectors, batch, embeddings=False)
        texts = [(one.id, one.state.content) for states in stored.values() for one in states]
        found |= await asyncio.to_thread(_with_secrets, texts)
    return [Defect(SECRETS, one) for one in sorted(found)]


def _is_whole(point: Point) -> bool:
    """Whether the point has the whole text of its memory."""
    return chunk_index(point) is None or "full_content" in point.payload or point.payload.get("chunk_count") == 1


def _with_secrets(texts: Iterable[tuple[str, str]]) -> set[str]:
    """Of memories with their texts; in a thread, for it takes longer than a screen may stand still."""
    return {memory_id for memory_id, text in texts if find_secrets(text)}


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
    find=_find,
    explain=_explain,
    repair_memories=_repair,
    by_name=True,
)
