"""Asks for the file that memories are exported to, whose name says the format, and says what was written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from memoria_tui.dialogs.line_prompt import PromptDialog
from memoria_tui.dialogs.typed_paths import why_not_new
from services.files import expanded
from services.model import counted
from services.transfer.writers import Format, format_of

if TYPE_CHECKING:
    from memoria_tui.modes.mode import ModeScreen
    from services.transfer.exporting import Exported


async def ask_target(screen: ModeScreen, title: str, value: str) -> tuple[Path, Format] | None:
    """The file and its format; None when the person left the dialog."""
    hint = f"Its end says the format: {_suffixes()}; without one, a folder of Markdown"
    path = await screen.ask(PromptDialog(title, value=value, hint=hint, check=_why_not, is_path=True))
    if path is None or (format_ := format_of(expanded(path))) is None:
        return None
    return expanded(path), format_


def export_summary(made: Exported, file: Path) -> str:
    """«Exported 12 memories to graph.dot · not exported: …»."""
    lost = f" · not exported: {made.lost}" if made.lost else ""
    return f"Exported {counted(made.counts['memories'])} to {file}{lost}"


def _why_not(text: str) -> str | None:
    return why_not_new(text) or (None if format_of(expanded(text)) else f"Its end must be one of {_suffixes()}")


def _suffixes() -> str:
    return " ".join(filter(None, dict.fromkeys(one.writer.suffix for one in Format)))
