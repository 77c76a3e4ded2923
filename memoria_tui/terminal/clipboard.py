"""Puts a text where the person can paste it from, and says no more than was done.

Every text goes to the terminal, which may keep it for its clipboard (OSC 52) and tells nobody whether it did. Where a
program of the desktop or tmux takes it, that is told.
"""

from __future__ import annotations

import asyncio
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.app import App

_PATIENCE = 2.0
"""Seconds for a program to take a text."""


@dataclass(frozen=True, slots=True)
class Clipboard:
    """A program that takes a text from its standard input."""

    command: tuple[str, ...]
    message: str
    """Where the text is then: «in the clipboard»."""


_DESKTOP = "in the clipboard"
_KNOWN = (
    ("TMUX", Clipboard(("tmux", "load-buffer", "-w", "-"), "in tmux's buffer, and handed on to its terminal")),
    ("WAYLAND_DISPLAY", Clipboard(("wl-copy",), _DESKTOP)),
    ("DISPLAY", Clipboard(("xclip", "-selection", "clipboard"), _DESKTOP)),
    ("DISPLAY", Clipboard(("xsel", "--clipboard", "--input"), _DESKTOP)),
    ("", Clipboard(("pbcopy",), _DESKTOP)),
)
"""Each with the variable that says whether it can be there."""


def clipboards(environment: Mapping[str, str]) -> tuple[Clipboard, ...]:
    """Those that are here, the best one first. Over SSH a desktop is that of another machine: tmux alone is asked."""
    far, path = "SSH_CONNECTION" in environment, environment.get("PATH")
    return tuple(
        one
        for variable, one in _KNOWN
        if (not variable or environment.get(variable))
        and (variable == "TMUX" or not far)
        and shutil.which(one.command[0], path=path)
    )


async def copy(app: App[object], text: str) -> str:
    """Hands the text to the terminal and to the first program that takes it; gives where it is, for a person.

    The programs are the app's `clipboards`.
    """
    app.copy_to_clipboard(text)
    if not app.is_web:
        known: tuple[Clipboard, ...] = getattr(app, "clipboards", ())
        for one in known:
            if await _takes(one.command, text):
                return one.message
    return "sent to the terminal, for its clipboard"


async def _takes(command: tuple[str, ...], text: str) -> bool:
    process = None
    try:
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL)
        async with asyncio.timeout(_PATIENCE):
            await process.communicate(text.encode("utf-8", "replace"))
    except (OSError, TimeoutError):
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
        return False
    return process.returncode == 0
