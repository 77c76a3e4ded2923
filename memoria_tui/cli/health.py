"""The commands that say how the stores are, and repair what other programs damaged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli.json_output import daemon_json, store_json, survey_json, waiting_json
from memoria_tui.cli.terminal import terminal_of
from memoria_tui.cli.with_services import DryRun, Json, Yes, with_services
from services.files import readable_size
from services.integrity.defects import Keep
from services.model import counted_each
from services.storable_text import quoted
from services.times import duration

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.health import Waiting
    from services.integrity.check import Check
    from services.integrity.defects import DescribedDefect, Survey
    from services.model import DaemonStatus, StoreStatus
    from services.work.writer_zone import Zones

commands = typer.Typer()

_SHOWN = 5
"""Defects of a kind that are listed one by one."""


def _repairable(begun: str) -> list[str]:
    """What `repair` takes, as far as it begins so."""
    from services.integrity.checks import REPAIRABLE  # later: it takes longer than a short command

    return [name for name in ("all", *map(str, REPAIRABLE)) if name.startswith(begun)]


def _known(given: list[str] | None) -> list[str] | None:
    for name in given or ():
        if name not in (names := _repairable("")):
            raise typer.BadParameter(f"{quoted(name)} is not one of {', '.join(map(repr, names))}.")
    return given


@commands.command()
@with_services
async def doctor(services: Services, terminal: Terminal, as_json: Json = False) -> int:
    """Say how the stores are, and what is wrong with what they hold."""
    from memoria_tui.cli.config import problems_of
    from memoria_tui.command_server.starting import server_status
    from memoria_tui.user_files.config import load_config

    await services.health.status()  # opens the stores, so that the second call measures their latency
    stores = await services.health.status()
    daemon = await services.health.daemon()
    server = server_status() if terminal.is_single else None
    problems = [problem for store in stores for problem in store.problems]
    if all(store.ok for store in stores[:2]):
        with terminal.progress_bar() as advance:
            problems += await services.health.problems(advance)
    problems += await asyncio.to_thread(services.daily_backups.problems)
    problems += problems_of(load_config(terminal.config_file, terminal.environment))
    if as_json:
        zones = {"person": services.zones.person, "stamps": services.zones.writer}
        described = {str(store.kind): store_json(store) for store in stores}
        running = {"daemon": daemon and daemon_json(daemon), "commands": server and asdict(server)}
        terminal.print_json(described | running | {"zones": zones, "problems": problems})
    else:
        _print_stores(terminal, stores, daemon)
        if server is not None:
            terminal.print(f"ok  {'commands':<9} process {server.pid} · {readable_size(server.memory)}")
        _print_problems(terminal, problems, services.zones)
    broken = [store for store in stores if not store.ok]
    for store in broken:
        terminal.error(f"{store.kind} does not work: {'; '.join(store.problems) or 'no reason is known'}")
    return 1 if broken else 0


@commands.command()
@with_services
async def pending(
    services: Services,
    terminal: Terminal,
    apply: Annotated[bool, typer.Option("--apply", help="Finish all of it now.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Most memories to print.")] = 20,
    as_json: Json = False,
) -> None:
    """Print which memories wait for their vectors, and why; keyword search finds them meanwhile."""
    applied = await services.memories.recover() if apply else 0
    waiting, total = await services.health.waiting(limit), await services.memories.pending_count()
    if as_json:
        terminal.print_json({"applied": applied, "total": total, "memories": list(map(waiting_json, waiting))})
        return
    if apply:
        terminal.print(f"{applied:,} finished")
    terminal.print_table(("id", "tried", "next try", "why", "title"), [_waiting_row(terminal, one) for one in waiting])
    if not waiting:
        terminal.print("nothing waits")
    elif total > len(waiting):
        terminal.error(f"showing {len(waiting):,} of {total:,}; --limit shows more")


def _waiting_row(terminal: Terminal, one: Waiting) -> Sequence[str]:
    from memoria_tui.text.present import title

    name = title(one.memory) if one.memory else "(to be deleted)"
    return one.memory_id[:8], str(one.attempts), terminal.local_time(one.next_attempt), one.last_error, name


@commands.command()
@with_services
async def repair(
    services: Services,
    terminal: Terminal,
    kinds: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KIND…|all]",
            help="What to repair; without it, what is wrong is only listed.",
            callback=_known,
            autocompletion=_repairable,
        ),
    ] = None,
    keep: Annotated[
        Keep,
        typer.Option(
            "--keep",
            help="For uneven: values of the first or newest chunk, or all tags and the highest importance (union). "
            "For stale: stored accepts the older state; else it becomes as the history has it.",
        ),
    ] = Keep.FIRST,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Repair what other programs damaged. Beside each kind, what the Health screen calls it.

    headless (First chunks missing), nested (Nested metadata), uneven (Chunks that differ), stale (Older than history),
    chunk-ends (Relations to chunks), orphans (Orphaned relations), secrets (Secrets).

    `undo` undoes it. secrets (keys, tokens, passwords, card and account numbers) are masked, and not with all others.
    """
    given = kinds or ()
    with terminal.progress_bar() as advance:
        survey = await services.integrity.survey(progress=advance)
    wanted = tuple(
        check
        for check in survey.found
        if check.repairable and (check.name in given or ("all" in given and not check.by_name))
    )
    if not as_json:
        for line in await _described(services, survey, wanted or tuple(survey.found)):
            terminal.print_text(line)
    defects = survey.repairable(wanted) if wanted else ()
    if not defects:
        listed = survey.total and not wanted
        ways = ["memoria-tui repair all, or one kind of them"] if listed else []
        if not given or "all" in given:
            ways += [f"{check.command}, which is not done with all others" for check in survey.by_name]
        hint = f"repair with: {'; '.join(ways)}" if ways else "nothing to repair"
        terminal.print_result(survey_json(survey), hint, as_json=as_json)
        return
    intent = (await services.integrity.foresee(defects, keep)).intent if dry_run or not yes else ""
    if dry_run:
        terminal.print_result(survey_json(survey) | {"would": intent}, f"would {intent}", as_json=as_json)
        return
    if not yes:
        await terminal.require_yes(
            f"{intent[:1].upper()}{intent[1:]}?",
            declined="nothing was repaired",
            unattended="nothing was repaired: nobody can be asked here; say --yes",
            as_json=as_json,
        )
    with terminal.progress_bar() as advance:
        repaired = await services.integrity.repair(defects, keep=keep, progress=advance)
    counts = {name: getattr(repaired, name) for name in ("memories", "deleted", "moved", "removed")}
    done = f"{repaired.summary} · undo with: memoria-tui undo"
    terminal.print_result(survey_json(survey) | {"repaired": counts}, done, as_json=as_json)


@commands.command()
def stop(
    context: typer.Context,
    force: Annotated[bool, typer.Option("--force", help="Also while other programs use them.")] = False,
    as_json: Json = False,
) -> None:
    """End the processes of the embedded stores now; by themselves they end some time after the last program."""
    from memoria_tui.command_server.starting import stop_server
    from services.container import stop_stores

    terminal = terminal_of(context)
    server = [f"the command server (process {pid})"] if terminal.is_single and (pid := stop_server()) else []
    stopped = (*server, *asyncio.run(stop_stores(terminal.settings, force=force, waits=terminal.waits())))
    done = f"stopped {', '.join(stopped)}" if stopped else "nothing runs"
    terminal.print_result({"stopped": stopped}, done, as_json=as_json)


def _print_stores(terminal: Terminal, stores: Sequence[StoreStatus], daemon: DaemonStatus | None) -> None:
    for store in stores:
        latency = "" if store.latency_ms is None else f"{store.latency_ms:.1f} ms"
        counts = ", ".join(
            f"{'about ' if name in store.estimated else ''}{counted_each({name: count})}"
            for name, count in store.counts.items()
        )
        parts = [store.label, store.version, latency, counts, "read-only" if store.read_only else ""]
        terminal.print_text(
            f"{'ok ' if store.ok else 'NO '} {store.kind:<9} {' · '.join(part for part in parts if part)}"
        )
    if daemon is not None:
        parts = [f"process {daemon.pid}", daemon.release, duration(daemon.age), readable_size(daemon.memory)]
        parts += [f"used by {name} ({pid})" for pid, name in daemon.clients]
        terminal.print_text(f"ok  {'daemon':<9} {' · '.join(parts)}")


def _print_problems(terminal: Terminal, problems: Sequence[str], zones: Zones) -> None:
    terminal.print(f"zone {zones.person} · stamps of other programs: {zones.line}")
    terminal.print()
    for problem in problems:
        terminal.print_text(f"- {problem}")
    if not problems:
        terminal.print("no problems")


async def _described(services: Services, survey: Survey, checks: Sequence[Check]) -> list[str]:
    lines = []
    for check in checks:
        found = survey.found[check]
        if not found:
            continue
        lines.append(f"{check} ({check.title}): {len(found):,}")
        lines += [line for one in await services.integrity.describe(found[:_SHOWN]) for line in _finding_lines(one)]
        lines += [f"  … and {len(found) - _SHOWN:,} more"] if len(found) > _SHOWN else []
        lines.append("")
    return lines


def _finding_lines(finding: DescribedDefect) -> Iterator[str]:
    from memoria_tui.text.present import clip, line, title

    names = " → ".join("no memory" if memory is None else clip(title(memory), 40) for memory in finding.memories)
    yield f"  {finding.defect.id[:8]}  {names}"
    yield f"            {line(finding.what)}{f' → {line(finding.repair)}' if finding.repair else ''}"
    for keep, outcome in finding.outcomes.items():
        yield f"            --keep {keep}: {line(outcome)}"
