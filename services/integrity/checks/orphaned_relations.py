"""A relation with an end that is no memory."""

from __future__ import annotations

from collections.abc import Mapping

from services.integrity.check import Check, Scan
from services.integrity.defects import Defect
from services.integrity.relation_ends import between_owners, ends_of, explain_ends, found_by, read_wrong_ends
from services.model import Relation


async def _find(scan: Scan) -> list[Defect]:
    wrong = await scan.once(read_wrong_ends)
    return found_by(ORPHANS, wrong.in_nothing, wrong)


def _repair(relation: Relation, owned: Mapping[str, str]) -> Relation | str:
    missing = sum(end not in owned for end in ends_of(relation))
    if missing:
        return f"{'an end is' if missing == 1 else 'both ends are'} no memory"
    return between_owners(relation, owned)


ORPHANS = Check(
    name="orphans",
    title="Orphaned relations",
    problem="with an end that is no memory",
    about=(
        "An end of these relations is no memory: it was deleted without them. A repair removes them, save those that "
        "ended in a chunk that is gone, which it moves to the memory."
    ),
    find=_find,
    explain=explain_ends,
    repair_relation=_repair,
)
