"""What the daemon does before it serves and after: its lock, its socket, its log, its signals."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from services import __version__
from services.adapters.daemon.daemon_paths import DaemonPaths
from services.adapters.daemon.open_stores import OpenStores
from services.adapters.daemon.server import DaemonServer
from services.adapters.daemon.starting import not_started
from services.adapters.daemon.wire import failure
from services.errors import MemoriaError
from services.file_locks import take_lock
from services.settings import Settings

_SECONDS = 60.0
"""For a daemon that ends to bring everything to disk."""
_LONGEST_LOG = 1 << 20
_log = logging.getLogger("services")
_YOUNG_OBJECTS = 5000
"""How many new ones Python looks through for garbage at once; one search makes more than its own 700 many times."""


def main(home: str, *ahead: str) -> None:
    """Serves the home until nobody needs it; returns at once where another daemon does.

    `ahead`: what is opened before anybody asks for it, of IN_USE and MODEL.
    """
    paths = DaemonPaths(Path(home))
    try:
        if (lock := _sole(paths)) is None:
            return
        paths.own(lock)
        listening = paths.listen()
        _keep_log(paths.log)
    except (OSError, MemoriaError) as error:
        told = error if isinstance(error, MemoriaError) else not_started(paths, error)
        os.write(1, msgspec.msgpack.encode(failure(told)))
        return
    gc.set_threshold(_YOUNG_OBJECTS)
    os.dup2(2, 1)  # tells the program that waits that it can connect
    asyncio.run(_serve(paths, listening, ahead))
    os._exit(0)  # all is written down; threads of Edge are not waited for


async def _serve(paths: DaemonPaths, listening: socket.socket, ahead: Sequence[str]) -> None:
    server = DaemonServer(paths, OpenStores(Settings(paths.home).vectors_dir))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, server.end, "asked to by a signal")
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _log.info("memoria-tui %s serves %s", __version__, paths.home)
    await server.run(listening, ahead)


def _sole(paths: DaemonPaths) -> int | None:
    """The lock of the only daemon, once the one before has ended; None when another one listens."""
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            return take_lock(paths.lock, seconds=0.1)
        except BlockingIOError:
            if (other := paths.connect()) is not None:
                other.close()
                return None
            if time.monotonic() > deadline:
                raise


def _keep_log(file: Path) -> None:
    """Standard error, where Edge writes panics, goes to a file of this and the last lives."""
    if file.exists() and file.stat().st_size > _LONGEST_LOG:
        file.replace(file.with_suffix(".log.1"))
    log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    os.close(log)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(f"%(asctime)s {os.getpid()} %(levelname)s %(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
