"""A relation that ends in a chunk instead of its memory."""

from __future__ import annotations

from services.integrity.check import Check, Scan
from services.integrity.defects import Defect
from services.integrity.relation_ends import between_owners, explain_ends, found_by, read_wrong_ends


async def _find(scan: Scan) -> list[Defect]:
    wrong = await scan.once(read_wrong_ends)
    return found_by(CHUNK_ENDS, wrong.in_chunks, wrong)


CHUNK_ENDS = Check(
    name="chunk-ends",
    title="Relations to chunks",
    problem="from or to a chunk instead of its memory",
    about=(
        "These relations start or end in a chunk instead of its memory, so the graph cannot follow them. A repair "
        "moves them to the memory, and removes those that then link it to itself or duplicate another."
    ),
    find=_find,
    explain=explain_ends,
    repair_relation=between_owners,
)
