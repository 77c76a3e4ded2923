"""Hands a text to the person's own editor and reads it back."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from pathlib import Path

from services.errors import InvalidInput


def edit_text(command: str, text: str) -> str:
    """Runs the editor on a private temporary file and returns what was saved in it.

    The terminal must be the editor's meanwhile. Raises InvalidInput, one line, when the editor is absent, fails, or
    leaves a file that is no UTF-8.
    """
    with tempfile.TemporaryDirectory(prefix="memoria-") as folder:
        file = Path(folder, "memory.md")
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            done = subprocess.run([*shlex.split(command), str(file)], check=False)
        except (OSError, ValueError) as error:
            raise InvalidInput(f"The editor {command!r} cannot be started: {error}") from error
        if done.returncode:
            raise InvalidInput(f"The editor {command!r} ended with status {done.returncode}; nothing was changed")
        try:
            edited = file.read_bytes().decode("utf-8", "surrogatepass")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"What the editor {command!r} saved cannot be read: {error}") from error
    # Editors end a file with a newline of their own.
    return edited[:-1] if edited.endswith("\n") and not text.endswith("\n") else edited
