"""The git repository that the program was started in."""

from __future__ import annotations

import contextlib
from pathlib import Path

_REF = "ref: refs/heads/"
_MOST = 4096
"""Characters read of a file that should hold one line."""


def current_branch(folder: Path | None = None) -> str | None:
    """The branch that is checked out around `folder` (default: where one stands); None without one."""
    with contextlib.suppress(OSError, ValueError):
        here = (folder or Path.cwd()).resolve()
        for place in (here, *here.parents):
            git = place / ".git"
            if git.is_file():
                # A worktree or submodule: the file says where its own state lies.
                git = place / _line(git).removeprefix("gitdir: ")
            if (head := git / "HEAD").is_file():
                text = _line(head)
                return text.removeprefix(_REF) if text.startswith(_REF) else None
    return None


def _line(file: Path) -> str:
    with file.open(encoding="utf-8") as opened:
        return opened.read(_MOST).partition("\n")[0].strip()
