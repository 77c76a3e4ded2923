"""A text that is not the one the history has: another program changed it. There is nothing to repair."""

from __future__ import annotations

from collections.abc import Sequence

from services.integrity.check import Check, Explanation, Facts, Scan
from services.integrity.checks.behind_history import compare_with_history
from services.integrity.defects import Defect


async def _find(scan: Scan) -> list[Defect]:
    compared = await scan.once(compare_with_history)
    return [Defect(CHANGED, one) for one in sorted(compared.changed - compared.stale)]


async def _explain(facts: Facts, defects: Sequence[Defect]) -> list[Explanation]:
    return [Explanation("another program changed its text since it was last saved here")] * len(defects)


CHANGED = Check(
    name="changed-outside",
    title="Changed outside",
    problem="whose text another program changed",
    about=(
        "Another program changed these texts after they were last saved here, so the newest version in the history is "
        "not what is stored. Nothing is wrong with that; h shows the history in the Memories mode."
    ),
    find=_find,
    explain=_explain,
    shown_by="`memoria-tui history ID` shows what it was",
)
