"""The command that puts right what other programs left in disorder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from memoria_tui.cli.files import progress_bar
from memoria_tui.cli.terminal import Terminal
from memoria_tui.present import clip, line, title
from services.integrity.model import REPAIRABLE, DefectKind, Keep

if TYPE_CHECKING:
    from services.container import Services
    from services.integrity.model import Finding, Survey

ALL = "all"
_SHOWN = 5
"""Defects of a kind that are told one by one."""


def repair(terminal: Terminal, kinds: Sequence[str], keep: Keep, *, sure: bool, as_json: bool) -> int:
    """Without kinds it only tells; on a terminal it tells and asks, unless the person is `sure`."""
    wanted = REPAIRABLE if ALL in kinds else tuple(kind for kind in REPAIRABLE if kind in kinds)

    async def act(services: Services) -> int:
        with progress_bar(terminal) as advance:
            survey = await services.integrity.survey(progress=advance)
        if not as_json:
            for told in await _told(services, survey, wanted or tuple(DefectKind)):
                terminal.print_text(told)
        defects = survey.repairable(wanted) if wanted else ()
        if not defects:
            _finish(terminal, survey, as_json=as_json, told=not wanted)
            return 0
        if not sure and (as_json or not terminal.converses):
            terminal.complain("nothing was repaired: nobody can be asked here; say --yes")
            return 1
        if not sure and not await terminal.agrees(f"{_begun((await services.integrity.foresee(defects)).intent)}?"):
            terminal.complain("nothing was repaired")
            return 1
        with progress_bar(terminal) as advance:
            repaired = await services.integrity.repair(defects, keep=keep, progress=advance)
        if as_json:
            counts = {"memories": repaired.memories, "moved": repaired.moved, "removed": repaired.removed}
            terminal.print_json(_counts(survey) | {"repaired": counts})
        else:
            terminal.print(f"{repaired.summary} · undo with: memoria-tui undo")
        return 0

    return terminal.run(act)


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]


def _finish(terminal: Terminal, survey: Survey, *, as_json: bool, told: bool) -> None:
    """When nothing is to be repaired, or nobody asked for it."""
    if as_json:
        terminal.print_json(_counts(survey))
    elif told and survey.total:
        terminal.print("repair with: memoria-tui repair all, or one kind of them")
    else:
        terminal.print("nothing to repair")


def _counts(survey: Survey) -> dict[str, object]:
    return {
        "memories": survey.memories,
        "relations": survey.relations,
        "found": {str(kind): [one.id for one in found] for kind, found in survey.found.items()},
    }


async def _told(services: Services, survey: Survey, kinds: Sequence[DefectKind]) -> list[str]:
    lines = []
    for kind in kinds:
        found = survey.found[kind]
        if not found:
            continue
        lines.append(f"{kind}: {len(found):,}")
        lines += [line for one in await services.integrity.describe(found[:_SHOWN]) for line in _lines(one)]
        lines += [f"  … and {len(found) - _SHOWN:,} more"] if len(found) > _SHOWN else []
        lines.append("")
    return lines


def _lines(finding: Finding) -> Iterator[str]:
    names = " → ".join("no memory" if memory is None else clip(title(memory), 40) for memory in finding.memories)
    yield f"  {finding.defect.id[:8]}  {names}"
    yield f"            {line(finding.what)}{f' → {line(finding.repair)}' if finding.repair else ''}"
    for keep, outcome in finding.outcomes.items():
        yield f"            --keep {keep}: {line(outcome)}"
