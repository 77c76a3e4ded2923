"""The tools that read and write files, on the machine of the server."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Literal

from pydantic import Field

from memoria_tui.agents.own_words import in_tools
from memoria_tui.agents.tool import Agent, Flag, Types
from services.errors import InvalidInput
from services.files import given_path
from services.model import MemoryType
from services.storable_text import quoted

if TYPE_CHECKING:
    from services.transfer.import_run import ImportReport, Remark

_MOST_REMARKS = 10
"""Of each kind."""


@dataclass(frozen=True, slots=True)
class Exported:
    path: str
    memories: int
    by_type: dict[str, int]


async def export(
    agent: Agent,
    output_path: Annotated[str, Field(description="File to write; one that is there is not written over")],
    format: Annotated[  # noqa: A002 - named as MCP Memoria names it
        Literal["json", "jsonl"], Field(description="jsonl: one memory a line")
    ] = "json",
    memory_types: Types = None,
    include_vectors: Flag = False,
) -> Exported:
    """Export memories to a new file in the form of MCP Memoria, which memoria_import reads; json has relations too.
    Work time and history are only in what a person exports."""
    from services.transfer.export_source import Selection
    from services.transfer.writers import memoria_json

    path, types = _path(output_path), memory_types or tuple(MemoryType)
    writer = memoria_json.lines if format == "jsonl" else memoria_json.document
    made = await agent.services.exporting.write(
        path, writer(embeddings=include_vectors), Selection(types=types), replace=False
    )
    return Exported(str(path), made.counts["memories"], {str(one): made.by_type.get(one, 0) for one in types})


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did; memoria_undo undoes it."""

    summary: str
    memories: int
    unchanged: int
    failed: tuple[str, ...] = ()
    """What could not be imported, and why."""
    kept: tuple[str, ...] = ()
    """What stayed as it is here, because it was changed here too."""
    notes: tuple[str, ...] = ()


async def import_(
    agent: Agent,
    input_path: Annotated[str, Field(description="An export, JSON lines, a Markdown file or a folder of them")],
    merge: Annotated[Flag, Field(description="Must be true: an import never deletes what is here")] = True,
) -> Imported:
    """Import memories from a file or folder. What is here already stays; what was changed in both is named."""
    from services.transfer.reader_parts.source import Source

    if not merge:
        raise InvalidInput(
            "merge=false would delete all that is here first, which no import does; import with merge=true, and delete "
            "what is not wanted with memoria_delete"
        )
    return _imported(await agent.services.importing.import_sources([Source(_path(input_path))]))


async def import_stream(agent: Agent, body: BinaryIO, place: ExitStack, dry_run: bool = False) -> Imported:
    """Import what a client sends; `place` is left at the end, which may come after the client was answered."""
    with place:
        report = await agent.services.importing.import_stream("the body", body, dry_run=dry_run)
    if report.broken and not (report.memories or report.unchanged or report.kept or report.relations):
        raise InvalidInput(f"{report.broken}; nothing was imported")
    return _imported(report)


def _imported(report: ImportReport) -> Imported:
    return Imported(
        report.summary(),
        report.memories,
        report.unchanged,
        _lines(report.failed),
        _lines(report.kept),
        _lines(report.notes),
    )


def _lines(remarks: Sequence[Remark]) -> tuple[str, ...]:
    more = len(remarks) - _MOST_REMARKS
    return (*(in_tools(str(one)) for one in remarks[:_MOST_REMARKS]), *([f"and {more:,} more"] if more > 0 else ()))


def _path(text: str) -> Path:
    if not text.strip() or "\0" in text:
        raise InvalidInput(f"{quoted(text)} is no path; give that of a file")
    return given_path(text.strip()).absolute()
