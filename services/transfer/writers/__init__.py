"""Formats that can be written: one module a format, one row here; each tells what it loses and writes a stream."""

from __future__ import annotations

from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.transfer.writers.writer import Writer


class Format(StrEnum):
    """What an export is written as: its name, and the module whose WRITER writes it."""

    JSONL = "jsonl", "own_export"
    JSON = "json", "memoria_json"
    MEMORIA_JSONL = "memoria-jsonl", "memoria_jsonl"
    MEMORY_JSONL = "memory-jsonl", "memory_server"
    CSV = "csv", "csv_table"
    MARKDOWN = "markdown", "markdown_folder"
    HTML = "html", "html_page"
    DOT = "dot", "dot_graph"
    GRAPHML = "graphml", "graphml"
    MERMAID = "mermaid", "mermaid"
    SVG = "svg", "svg_picture"

    _module: str

    def __new__(cls, name: str, module: str) -> Format:
        self = str.__new__(cls, name)
        self._value_, self._module = name, module
        return self

    @property
    def writer(self) -> Writer:
        """Imported when it is asked for."""
        found: Writer = import_module(f"{__name__}.{self._module}").WRITER
        return found


def format_of(path: Path) -> Format | None:
    """The first format whose files have the suffix of this one."""
    return next((one for one in Format if one.writer.suffix == path.suffix.lower()), None)
