"""The command `work timesheet`: what is billed to a client for a month."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.json_output import timesheet_json
from memoria_tui.cli.terminal import one_line
from memoria_tui.cli.with_services import Json, checked, with_services
from services.errors import InvalidInput
from services.work.timesheet_formats import SUFFIXES, TimesheetFormat, timesheet_format_of

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.work.billing_values import Timesheet

commands = typer.Typer()
_STANDARD_OUTPUT = Path("-")


def _one_print(form: TimesheetFormat | None, output: Path | None, as_json: bool) -> None:
    if form is not None and output in (None, _STANDARD_OUTPUT) and as_json:
        raise typer.BadParameter("give one of --json and --format, or a file for the format with --output")
    if form is not None or output is None:
        return
    if output == _STANDARD_OUTPUT:
        if not as_json:
            raise typer.BadParameter("give --format, or --json: - has no end that tells which", param_hint="--output")
    elif timesheet_format_of(output) is None:
        told = f"{output}: the end of the name says no format; it can be {SUFFIXES}, or give --format"
        raise typer.BadParameter(told, param_hint="--output")


@commands.command()
@checked(_one_print)
@with_services
async def timesheet(
    services: Services,
    terminal: Terminal,
    client: Annotated[
        str,
        typer.Option(
            "--client", "-c", metavar="NAME", help="For whom it was worked.", autocompletion=completing.clients
        ),
    ],
    month: Annotated[
        str, typer.Option("--month", metavar="MONTH", help="2026-11, last-month, or a day of it.")
    ] = "this-month",
    form: Annotated[
        TimesheetFormat | None, typer.Option("--format", help="Print this, or write it to --output.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="A new file, whose end tells the format, or -."),
    ] = None,
    billed: Annotated[
        bool | None, typer.Option("--billed/--not-billed", help="Mark all of it as billed, or not.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the billable work for a client in a month: rounded time, rates, amounts; and mark it as billed."""
    from services.times import first_weekday, parse_days

    if output == _STANDARD_OUTPUT:
        output = None
    today = await services.reports.this_day()
    first = parse_days(month, today, first_weekday(services.settings)).first
    sheet = await services.billing.timesheet(client, first)
    shown = sheet if billed is None else sheet.marked(billed=billed)
    if output is not None:
        _write(shown, output, form)
    if billed is not None:
        await _mark(services, sheet, output, billed=billed)
    if output is not None:
        terminal.info(one_line(f"wrote {output}"))
    elif form is not None:
        from services.work.timesheet_files import WRITERS

        terminal.write(WRITERS[form](shown))
    if as_json:
        terminal.print_json(timesheet_json(shown))
    elif output is None and form is None:
        _print(terminal, shown)


async def _mark(services: Services, sheet: Timesheet, written: Path | None, *, billed: bool) -> None:
    """Marks a timesheet; when that fails the file that was written goes, for it says what was not done."""
    try:
        await services.billing.mark(sheet, billed=billed)
    except BaseException:
        if written is not None:
            await asyncio.to_thread(written.unlink, missing_ok=True)
        raise


def _write(sheet: Timesheet, output: Path, form: TimesheetFormat | None) -> None:
    """Raises InvalidInput where there is such a file."""
    from services.files import write_file
    from services.work.timesheet_files import WRITERS

    chosen = form or timesheet_format_of(output)
    assert chosen is not None
    try:
        write_file(output, WRITERS[chosen](sheet), replace=False)
    except FileExistsError as error:
        raise InvalidInput(f"{output} exists already; choose another name") from error


def _print(terminal: Terminal, sheet: Timesheet) -> None:
    from services.work.timesheet_files import facts, money, time

    table = [
        (
            line.day.isoformat(),
            line.description,
            line.project or "",
            time(line.worked),
            time(line.time),
            money(line.rate.amount, line.rate.currency) if line.rate else "no rate",
            money(line.amount, line.rate.currency) if line.rate else "",
            "billed" if line.is_billed else "",
        )
        for line in sheet.lines
    ]
    numbers = ("WORKED", "BILLED", "RATE", "AMOUNT")
    terminal.print_table(("DAY", "WHAT", "PROJECT", *numbers, ""), table, right=numbers)
    terminal.print_text_line(f"{sheet.client} {sheet.month:%Y-%m}: {facts(sheet)}")
