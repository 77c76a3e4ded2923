"""Tells when files or folders change on the disk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path

from watchfiles import Change, watch

_log = logging.getLogger(__name__)
_DEBOUNCE = 1000
"""Milliseconds for which changes are gathered: an editor, or a program that syncs a vault, writes many at once."""
_STEP = 200
"""Milliseconds after which a watcher says that it has begun."""
_PATIENCE = 10.0
"""Seconds for which all are waited for that have not begun, as a folder of a server that does not answer."""
_MOST_FOLDERS = 4000
"""To begin to watch so many holds the whole program for a tenth of a second."""


@contextlib.asynccontextmanager
async def watched(paths: Sequence[Path]) -> AsyncIterator[asyncio.Event]:
    """While it is entered, the event is set by the first change of one of the files or in one of the folders.

    One that cannot be watched is told in the log, and keeps none of the others.
    """
    changed, ended = asyncio.Event(), threading.Event()
    begun = [asyncio.Event() for _ in paths]
    loop = asyncio.get_running_loop()

    def happen(event: asyncio.Event) -> None:
        if not ended.is_set():
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(event.set)

    for path, one in zip(paths, begun, strict=True):
        threading.Thread(target=_watch, args=(path, ended, partial(happen, one), partial(happen, changed))).start()
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                for one in begun:
                    await one.wait()
        yield changed
    finally:
        ended.set()


def _watch(path: Path, ended: threading.Event, begun: Callable[[], None], changed: Callable[[], None]) -> None:
    try:
        is_folder = path.is_dir()
        by_itself = sys.platform == "linux"  # where the watcher would follow links out of the folder
        folders = [path if is_folder else path.parent]  # a file that is written beside and renamed is another one
        if is_folder and by_itself:
            folders = folders_below(path, ended)

        def counts(_: Change, name: str) -> bool:
            if not is_folder:
                return name in (str(path), f"{path}-wal")  # as SQLite names what a program that runs wrote last
            return not any(part.startswith(".") for part in Path(name).relative_to(path).parts)

        for changes in watch(
            *folders,
            watch_filter=counts,
            debounce=_DEBOUNCE,
            rust_timeout=_STEP,
            yield_on_timeout=True,
            stop_event=ended,
            recursive=is_folder and not by_itself,
            ignore_permission_denied=True,
        ):
            (changed if changes else begun)()
    except (OSError, RuntimeError) as error:  # no more watches, too many folders, or one that is gone
        _log.warning("changes of %s are seen late: %s", path, error)
    finally:
        begun()


def folders_below(path: Path, ended: threading.Event) -> list[Path]:
    """The folder and those in it, but for hidden ones and links. Raises OSError for too many."""
    found: list[Path] = []
    for folder, names, _ in os.walk(path):
        found.append(Path(folder))
        if len(found) > _MOST_FOLDERS:
            raise OSError(f"more than {_MOST_FOLDERS:,} folders are in it")
        names[:] = [] if ended.is_set() else [name for name in names if not name.startswith(".")]
    return found
