"""Hands a text to the person's own editor and reads it back."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from services.errors import InvalidInput
from services.storable_text import quoted
from services.temporary_folders import held_folder

if TYPE_CHECKING:
    from textual.app import App

_FOUND_EVERYWHERE = ("vi", "nano")
_PREFIX, _NAME = "memoria-", "memory.md"
_KEPT = 30 * 86_400.0
"""Seconds for which what an editor saved stays when its program was killed: the next start offers it."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What an editor left."""

    text: str
    problem: str = ""
    """Not empty: the editor failed, and the text is what it had saved until then, as far as it is one."""


def editor_command(wanted: str | None, path: str | None = None) -> str | None:
    """The command line of the editor: the one that is set, else the first in `path` ("PATH"); None when none is."""
    return wanted or next((name for name in _FOUND_EVERYWHERE if shutil.which(name, path=path)), None)


class EditorFile:
    """A private temporary file that holds a text for the person's own editor, until the end of a `with`."""

    def __init__(self, text: str) -> None:
        self._text = text
        # What is appended to it begins a line of its own.
        ended = f"{text}\n" if text and not text.endswith("\n") else text
        self._read = ended.encode("utf-8", "surrogatepass")
        self._folder = ExitStack()
        self._file = self._folder.enter_context(held_folder("editor", kept=_KEPT)) / _NAME
        self._file.write_bytes(self._read)

    @property
    def path(self) -> str:
        """Where it is."""
        return str(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._look()
        self._folder.close()

    def _look(self) -> None:
        with suppress(OSError):
            self._read = self._file.read_bytes()

    @property
    def saved(self) -> str:
        """What was saved in it last, also once it is gone; bytes that are no UTF-8 text come replaced."""
        self._look()
        return _decoded(self._read, self._text)

    @property
    def _is_text(self) -> bool:
        try:
            self._read.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return False
        return True

    @staticmethod
    def left(path: str, given: str) -> str | None:
        """What an editor saved that went on when its program had ended; None where there is no such file any more.

        `given`: the text as far as it is known.
        """
        file = Path(path)
        if file.name != _NAME or not file.parent.name.startswith(_PREFIX) or file.is_symlink():
            return None
        try:
            return _decoded(file.read_bytes(), given)
        except OSError:
            return None

    async def edit(self, command: str | None) -> Edited:
        """Runs the editor on it and returns what was saved; the event loop goes on meanwhile.

        The terminal must be the editor's. Raises InvalidInput, one line, when there is no editor.
        """
        if (found := editor_command(command)) is None:
            raise InvalidInput("no editor was found: set EDITOR")
        if status := await _run(found, self._file):
            return Edited(self.saved, f"the editor {quoted(found)} ended with status {status}")
        return Edited(self.saved, "" if self._is_text else f"the editor {quoted(found)} saved what is no UTF-8 text")


def _decoded(read: bytes, given: str) -> str:
    try:
        text = read.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        text = read.decode("utf-8", "replace")
    # The newline that ends the file is no part of a text that had none.
    return text[:-1] if text.endswith("\n") and not given.endswith("\n") else text


async def edit_outside(app: App[object], command: str | None, file: EditorFile) -> Edited:
    """`EditorFile.edit` in the place of the app, which draws nothing then and goes on afterwards, whatever happened.

    Raises as that, and SuspendNotSupported.
    """
    failure: BaseException | None = None
    # Textual resumes only when nothing is raised inside.
    with app.batch_update(), app.suspend():
        try:
            edited = await file.edit(command)
        except BaseException as error:
            failure = error
    if failure is not None:
        raise failure
    return edited


async def _run(command: str, file: Path) -> int:
    with _left_to_the_editor():
        try:
            process = await asyncio.create_subprocess_exec(*shlex.split(command), str(file))
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise InvalidInput(f"the editor {quoted(command)} cannot be started: {why}; set EDITOR") from error
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
