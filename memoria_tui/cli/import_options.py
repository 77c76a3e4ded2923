"""The options of `import` and `sync add` that say how files are read: those of `ReadingOptions`."""

from __future__ import annotations

from typing import Annotated

import typer

from memoria_tui.cli import completing
from services.storable_text import quoted
from services.transfer.reader_parts import FIELDS
from services.transfer.reader_parts.reading_options import ReadingOptions


def reading(
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Read the files as this format, whatever they look like.",
            autocompletion=completing.formats,
        ),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=NAME", help="In JSON and CSV, content, id, tags, … has this name."),
    ] = None,
    templates: Annotated[bool, typer.Option("--templates", help="Import notes that are templates too.")] = False,
) -> ReadingOptions:
    """Raises InvalidInput for a format that is not known, BadParameter."""
    if format_ is not None:
        from services.transfer.reader_parts.source import reader_named  # later: it imports all formats

        reader_named(format_)
    return ReadingOptions(format_, templates, dict(_field_and_name(one) for one in names or ()))


def _field_and_name(text: str) -> tuple[str, str]:
    field, equals, name = text.partition("=")
    if not equals or not name or field not in FIELDS:
        told = f"{quoted(text)}: write FIELD=NAME, with one of {', '.join(FIELDS)}"
        raise typer.BadParameter(told, param_hint="--map")
    return field, name
