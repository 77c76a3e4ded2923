"""The command that moves a store to another embedding model."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.terminal import terminal_of
from memoria_tui.cli.with_services import Json, only_one
from services.files import readable_size

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.reembedding.reembed_values import ReembedReport, Target

commands = typer.Typer()


@commands.command()
def reembed(
    context: typer.Context,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            help="`bundled`, `onnx:NAME` (see `models`), or a model of Ollama; else as the settings say.",
            autocompletion=completing.embedders,
        ),
    ] = None,
    ollama: Annotated[
        str | None, typer.Option(metavar="HOST", help="Where Ollama is; otherwise MEMORIA_OLLAMA_HOST, or here.")
    ] = None,
    dimensions: Annotated[
        int | None, typer.Option(min=1, max=65536, help="Size of the vectors; otherwise as the model makes them.")
    ] = None,
    show: Annotated[bool, typer.Option("--status", help="Say which vectors are in use, under way and kept.")] = False,
    drop_old: Annotated[bool, typer.Option("--drop-old", help="Delete the vectors in use before.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Discard an unfinished re-embedding.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask where a program that shares the store cannot follow.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Re-embed all memories with another model while they stay usable; resumes where it was stopped."""
    embeds = model is not None or ollama is not None or dimensions is not None
    only_one({"--model": embeds, "--status": show, "--drop-old": drop_old, "--cancel": cancel})
    terminal = terminal_of(context)
    if show:
        terminal.run(lambda services: _print_status(services, terminal, as_json=as_json))
    elif drop_old:
        points = terminal.run(lambda services: services.reembedding.drop_old())
        deleted = f"the old vectors are deleted: {points:,} points" if points else "there are no old vectors"
        terminal.print_result({"points": points}, deleted, as_json=as_json)
    elif cancel:
        cancelled = terminal.run(lambda services: services.reembedding.cancel())
        discarded = "the unfinished re-embedding is discarded" if cancelled else "no re-embedding is under way"
        terminal.print_result({"cancelled": cancelled}, discarded, as_json=as_json)
    else:
        from services.reembedding.reembed_values import target_of

        target = target_of(terminal.settings, model, ollama, dimensions)
        report = terminal.run(lambda services: _reembed(services, terminal, target, yes=yes, as_json=as_json))
        _print_report(terminal, report, as_json=as_json)


async def _reembed(
    services: Services, terminal: Terminal, target: Target, *, yes: bool, as_json: bool
) -> ReembedReport:
    plan = await services.reembedding.plan(target)
    warning = "" if plan.needless or yes else services.reembedding.warning(target)
    if warning:
        await terminal.require_yes(
            "Embed all memories by a model of this program all the same?",
            details=[warning],
            declined="nothing was embedded",
            unattended=f"nothing was embedded, and nobody can be asked here; --yes does it all the same: {warning}",
            as_json=as_json,
        )
    if plan.room is not None and not plan.needless and not as_json:
        needed, free = (readable_size(one) for one in (plan.room.needed, plan.room.free))
        terminal.print(f"needs about {needed} in addition to the vectors in use; {free} are free")
        terminal.flush()
    with terminal.progress_bar() as advance:
        return await services.reembedding.reembed(target, progress=advance)


def _print_report(terminal: Terminal, report: ReembedReport, *, as_json: bool) -> None:
    if as_json:
        terminal.print_json(asdict(report))
        return
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


async def _print_status(services: Services, terminal: Terminal, *, as_json: bool) -> None:
    state = await services.reembedding.state()
    if as_json:
        terminal.print_json(asdict(state))
        return
    if not state.dimensions:
        terminal.print("the store has no memories yet")
        return
    unknown = "a model that is not known"
    terminal.print(f"in use: {state.memories:,} memories, {state.model or unknown}, {state.dimensions} dimensions")
    if (draft := state.draft) is not None:
        done = f"{state.done:,} of {state.memories:,} memories" if draft.purpose == "reembed" else draft.purpose
        terminal.print(f"under way: {done}, {draft.model}, {draft.dimensions} dimensions")
    if (former := state.former) is not None:
        kept = f"{former.model or unknown}, {former.dimensions} dimensions"
        terminal.print(f"kept from before: {kept} (--drop-old deletes it)")
