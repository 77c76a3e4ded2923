"""The command that moves a store to another embedding model."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from memoria_tui.cli.files import progress_bar
from memoria_tui.cli.terminal import Terminal

if TYPE_CHECKING:
    from services.container import Services
    from services.reembedding.values import ReembedReport, ReembedState


def reembed(
    terminal: Terminal, model: str | None, host: str | None, dimensions: int | None, *, yes: bool, as_json: bool
) -> int:
    from services.reembedding.target import target_of

    target = target_of(terminal.settings, model, host, dimensions)

    async def act(services: Services) -> ReembedReport | None:
        plan = await services.reembedding.plan(target)
        if not (plan.needless or yes) and not await _agreed(terminal, services.reembedding.warning(target), as_json):
            return None
        if plan.room is not None and not plan.needless and not as_json:
            needed, free = (f"{size / 2**20:,.0f} MB" for size in (plan.room.needed, plan.room.free))
            terminal.print(f"needs about {needed} beside the vectors in use; {free} are free")
            terminal.flush()
        with progress_bar(terminal) as advance:
            return await services.reembedding.reembed(target, progress=advance)

    report = terminal.run(act)
    if report is None:
        return 1
    if as_json:
        terminal.print_json(asdict(report))
        return 0
    what = f"{report.model}, {report.dimensions} dimensions"
    if not report.switched:
        terminal.print(f"the {report.memories:,} memories are embedded by {what} already")
    else:
        rate = report.embedded / report.seconds if report.seconds else 0.0
        terminal.print(
            f"{report.memories:,} memories are embedded by {what} · {report.embedded:,} in this run, "
            f"{report.seconds:.1f} s, {rate:,.0f}/s"
        )
        terminal.print("the old vectors are kept; delete them with: memoria-tui reembed --drop-old")
    if report.settings:
        terminal.print("for searching by meaning, and in MCP Memoria too, set:")
    for line in report.settings:
        terminal.print_text(f"  {line}")
    return 0


async def _agreed(terminal: Terminal, warning: str, as_json: bool) -> bool:
    """Whether a person wants what others may lose by; a script says so beforehand."""
    if not warning:
        return True
    if as_json or not terminal.converses:
        terminal.complain(f"nothing was embedded, and nobody can be asked here; --yes does it all the same: {warning}")
        return False
    terminal.remark(warning)
    if await terminal.agrees("Embed all memories by the bundled model all the same?"):
        return True
    terminal.complain("nothing was embedded")
    return False


def status(terminal: Terminal, *, as_json: bool) -> int:
    async def act(services: Services) -> ReembedState:
        return await services.reembedding.state()

    state = terminal.run(act)
    if as_json:
        terminal.print_json(asdict(state))
        return 0
    if not state.dimensions:
        terminal.print("the store has no memories yet")
        return 0
    model = state.model or "a model that is not known"
    terminal.print(f"in use: {state.memories:,} memories, {model}, {state.dimensions} dimensions")
    if (draft := state.draft) is not None:
        done = f"{state.done:,} of {state.memories:,} memories" if draft.purpose == "reembed" else draft.purpose
        terminal.print(f"under way: {done}, {draft.model}, {draft.dimensions} dimensions")
    if (former := state.former) is not None:
        model = former.model or "a model that is not known"
        terminal.print(f"kept from before: {model}, {former.dimensions} dimensions (--drop-old deletes it)")
    return 0


def drop_old(terminal: Terminal, *, as_json: bool) -> int:
    async def act(services: Services) -> int:
        return await services.reembedding.drop_old()

    points = terminal.run(act)
    if as_json:
        terminal.print_json({"points": points})
    else:
        terminal.print(f"the old vectors are deleted: {points:,} points" if points else "there are no old vectors")
    return 0


def cancel(terminal: Terminal, *, as_json: bool) -> int:
    async def act(services: Services) -> bool:
        return await services.reembedding.cancel()

    was_there = terminal.run(act)
    if as_json:
        terminal.print_json({"cancelled": was_there})
    else:
        terminal.print("what was embedded so far is deleted" if was_there else "no re-embedding is under way")
    return 0
