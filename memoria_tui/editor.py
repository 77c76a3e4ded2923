"""Hands a text to the person's own editor and reads it back."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from services.errors import InvalidInput

_FOUND_EVERYWHERE = ("vi", "nano")


@dataclass(frozen=True, slots=True)
class Edited:
    """What an editor left."""

    text: str
    problem: str = ""
    """Not empty: the editor failed, and the text is what it had saved until then."""


def editor_command(wanted: str | None, path: str | None = None) -> str | None:
    """The command line of the editor: the one that is set, else the first in `path` ("PATH"); None when none is."""
    return wanted or next((name for name in _FOUND_EVERYWHERE if shutil.which(name, path=path)), None)


async def edit_text(command: str | None, text: str) -> Edited:
    """Runs the editor on a private temporary file and returns what was saved in it; the event loop goes on meanwhile.

    The terminal must be the editor's. Raises InvalidInput, one line, when there is no editor, or when it leaves a file
    that is no UTF-8.
    """
    if (found := editor_command(command)) is None:
        raise InvalidInput("no editor was found: set EDITOR")
    with tempfile.TemporaryDirectory(prefix="memoria-") as folder:
        file = Path(folder, "memory.md")
        _write(file, text)
        status = await _run(found, file)
        edited = _read(file, found)
    # Editors end a file with a newline of their own.
    edited = edited[:-1] if edited.endswith("\n") and not text.endswith("\n") else edited
    return Edited(edited, f"the editor {found!r} ended with status {status}" if status else "")


def _write(file: Path, text: str) -> None:
    file.write_bytes(text.encode("utf-8", "surrogatepass"))


def _read(file: Path, command: str) -> str:
    try:
        return file.read_bytes().decode("utf-8", "surrogatepass")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"what the editor {command!r} saved cannot be read: {error}") from error


async def _run(command: str, file: Path) -> int:
    with _left_to_the_editor():
        try:
            process = await asyncio.create_subprocess_exec(*shlex.split(command), str(file))
        except (OSError, ValueError) as error:
            raise InvalidInput(f"the editor {command!r} cannot be started: {error}; set EDITOR") from error
        try:
            return await process.wait()
        finally:
            if process.returncode is None:  # whoever waits for it is cancelled
                with suppress(ProcessLookupError):
                    process.terminate()
                await process.wait()


@contextmanager
def _left_to_the_editor() -> Iterator[None]:
    """ctrl+c is the editor's; a handler, for what is ignored stays ignored in the editor too."""
    try:
        before = signal.signal(signal.SIGINT, lambda *_: None)
    except ValueError:  # not in the main thread, which gets no signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
