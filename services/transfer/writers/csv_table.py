"""A table for spreadsheets and scripts: a row a memory."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from services.model import Memory
from services.transfer.export_source import ExportSource
from services.transfer.writers.writer import FileWriter
from services.work.report_files import formula_safe

_DATES = ("created_at", "updated_at", "accessed_at")
COLUMNS = ("id", "type", "content", "tags", "project", "importance", *_DATES, "access_count", "metadata")


async def _rows(source: ExportSource) -> AsyncIterator[bytes]:
    yield _encoded(COLUMNS)
    async for page in source.memories():
        for memory in page:
            yield _encoded([_cell(memory, column) for column in COLUMNS])


def _cell(memory: Memory, column: str) -> str:
    """Tags and metadata are JSON, so that any of them comes back."""
    match getattr(memory, column):
        case datetime() as date:
            return date.isoformat()
        case str() as text:
            return f"'{text}" if text.startswith("'") else formula_safe(text)  # an import takes one away
        case int() | float() as number:
            return str(number)
        case value:
            return json.dumps(value, ensure_ascii=False, default=str) if value else ""


def _encoded(row: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(row)
    return text.getvalue().encode("utf-8", "replace")


WRITER = FileWriter(
    ".csv",
    "relations, work time, history and vectors; a cell that a spreadsheet would compute begins with '",
    _rows,
)
