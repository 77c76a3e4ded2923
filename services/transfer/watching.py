"""Tells when files or folders change on the disk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from watchfiles import Change, awatch

_log = logging.getLogger(__name__)
_DEBOUNCE = 1000
"""Milliseconds for which changes are gathered: an editor, or a program that syncs a vault, writes many at once."""


@contextlib.asynccontextmanager
async def watched(paths: Sequence[Path]) -> AsyncIterator[asyncio.Event]:
    """While it is entered, the event is set by the first change of one of the files or in one of the folders."""
    changed = asyncio.Event()
    folders = [path for path in paths if path.is_dir()]
    files = {path for path in paths if not path.is_dir()}
    tasks = []
    if folders:
        tasks.append(asyncio.create_task(_watch(folders, frozenset(), changed)))
    if files:  # a file that is written beside and renamed is another one, so its folder is watched
        tasks.append(asyncio.create_task(_watch(sorted({path.parent for path in files}), frozenset(files), changed)))
    await asyncio.sleep(0)  # they watch from here on
    try:
        yield changed
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def _watch(paths: Sequence[Path], files: frozenset[Path], changed: asyncio.Event) -> None:
    """`files`: those that count, without what is below `paths`; none: all that is not hidden."""

    def counts(_: Change, path: str) -> bool:
        if files:
            return Path(path) in files
        below = (Path(path).relative_to(one) for one in paths if Path(path).is_relative_to(one))
        return not any(part.startswith(".") for inside in below for part in inside.parts)

    try:
        async for _ in awatch(*paths, watch_filter=counts, debounce=_DEBOUNCE, recursive=not files):
            changed.set()
    except OSError as error:  # no more watches, or a folder that is gone: looked at from time to time all the same
        _log.warning("changes of %s are seen late: %s", paths[0], error)
