"""What a command server has imported: which files that was, and what of the environment was read meanwhile."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

_OURS = ("memoria_tui", "services")
"""Whose files are looked at one by one; of others the folder of all packages, which each installation changes."""
_PACKAGES = ("site-packages", "dist-packages")
_CLOCK_NS = 20_000_000
"""By how much the time of a file may be behind the clock."""
Noted = dict[str, str | None]


@contextmanager
def noting(noted: Noted) -> Iterator[None]:
    """Notes variables that are read in the body, with their first values; None: it is not set."""
    plain = type(os.environ)

    class Noting(plain):  # type: ignore[misc, valid-type]
        def __getitem__(self, name: str) -> str:
            try:
                value: str = super().__getitem__(name)
            except KeyError:
                noted.setdefault(name, None)
                raise
            noted.setdefault(name, value)
            return value

    os.environ.__class__ = Noting
    try:
        yield
    finally:
        os.environ.__class__ = plain


class Loaded:
    """Modules that were imported, as long as they are what a new process would import."""

    def __init__(self, noted: Noted, began: int) -> None:
        """`began`: when the first of them was imported, in nanoseconds."""
        self._noted = noted
        self._began = began - _CLOCK_NS
        self._files: dict[str, tuple[int, ...] | None] = {}

    def load(self, names: Sequence[str]) -> None:
        """Imports what commands had to import, in their order; what cannot be is imported by them again."""
        with noting(self._noted):
            for name in names:
                if name not in sys.modules:
                    with suppress(Exception):
                        importlib.import_module(name)
            importlib.import_module("memoria_tui.cli.program").prepare()
        packages = [path for path in sys.path if os.path.basename(path) in _PACKAGES]
        places = [sys.executable, os.path.dirname(os.__file__), *packages]
        ours = [file for name, module in list(sys.modules.items()) if (file := _file(name, module))]
        self._files |= {path: _state(path) for path in (*places, *ours) if path not in self._files}

    def changed(self) -> str | None:
        """A file or a folder of packages that is not what it was when it was read; None when there is none."""
        for path, state in self._files.items():
            now = _state(path)
            if now != state or (now is not None and now[0] > self._began):
                return path
        return None

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Whether importing in this environment would have been the same."""
        return all(environment.get(name) == value for name, value in self._noted.items())


def _file(name: str, module: object) -> str | None:
    return getattr(module, "__file__", None) if name.partition(".")[0] in _OURS else None


def _state(path: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ctime_ns, found.st_size, found.st_ino
