"""A line for a path: what is there that begins so stands behind the cursor, and tab or → takes it."""

from __future__ import annotations

import asyncio
from os.path import commonprefix
from pathlib import Path

from textual.binding import Binding
from textual.suggester import Suggester

from memoria_tui.widgets.line_input import LineInput

_MOST = 5_000
"""Entries of a folder that are looked at."""


class _Paths(Suggester):
    """Suggests what all entries that fit have in common, else the first one; a folder with its slash."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        return await asyncio.to_thread(completed, value)


def completed(text: str) -> str | None:
    """The path with more of it, as it is typed; None where nothing begins so, or it cannot be read."""
    folder, slash, begun = text.rpartition("/")
    if not text.strip() or text == "~":
        return None
    found: list[str] = []
    try:
        for number, entry in enumerate(Path(folder + slash or ".").expanduser().iterdir()):
            if number == _MOST:
                break
            if entry.name.startswith(begun) and (begun or not entry.name.startswith(".")) and entry.name.isprintable():
                found.append(f"{entry.name}/" if entry.is_dir() else entry.name)
    except (OSError, RuntimeError, ValueError):
        return None
    common = commonprefix(found)  # noqa: RUF071  # as a shell completes a name
    more = common if len(common) > len(begun) else min(found, default="")
    return f"{folder}{slash}{more}" if len(more) > len(begun) else None


class PathInput(LineInput):
    """A line for a file or folder that is there."""

    BINDINGS = [
        Binding("tab", "cursor_right", "Complete", show=False, id="path.complete", tooltip="Take what it offers")
    ]

    def __init__(self, value: str = "") -> None:
        super().__init__(value, suggester=_Paths())
