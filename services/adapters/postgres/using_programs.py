"""Which programs use an embedded PostgreSQL: those that have its `users.lock` open, as far as the system tells."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

_LEFT_BEHIND = {
    ("backup", "--daily"): "the daily backup",
    ("work", "refresh"): "the refresh of the views of work",
}
"""Commands that another one starts and does not wait for, by how their arguments end."""
_KEEPER = "keeper.py"


@dataclass(frozen=True, slots=True)
class User:
    """A process that uses the server."""

    pid: int
    name: str
    passing: bool
    """Whether a command left it behind, and it ends by itself in a while."""

    @property
    def line(self) -> str:
        return f"{self.name} (process {self.pid})"


def users_of(lock: Path) -> list[User]:
    """All but this process and the server's keeper. Blocking: it looks at every process that it may look at."""
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and any(_same(path, lock) for path in _open_in(process)):
                command = process.cmdline()
                if not any(Path(one).name == _KEEPER for one in command):
                    found.append(_user(process.pid, command))
        except (psutil.Error, OSError):
            continue
    return found


def _open_in(process: psutil.Process) -> Iterator[str]:
    return (one.path for one in process.open_files())


def _same(path: str, lock: Path) -> bool:
    return os.path.basename(path) == lock.name and os.path.samefile(path, lock)


def _user(pid: int, command: list[str]) -> User:
    """Without what was typed behind the command: that can be somebody's text."""
    left = _LEFT_BEHIND.get((command[-2], command[-1])) if len(command) > 1 else None
    return User(pid, left or "another program", left is not None)
