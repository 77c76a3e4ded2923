"""Starts the store daemon of a home, once, whoever wants it first."""

from __future__ import annotations

import select
import shutil
import subprocess
import sys

import msgspec

from services.adapters.daemon.daemon_paths import DaemonPaths
from services.adapters.daemon.wire import Failure, error_of
from services.errors import MAKE_ROOM, MemoriaError, StorageFull, StoreUnavailable
from services.file_locks import held_lock
from services.files import FULL

_SECONDS = 60.0
"""For another program to start it, and for the daemon to listen: one before it may still write everything down."""
_LEAST_ROOM = 1 << 20
"""Bytes; a disk with less takes no writes."""


def start_daemon(paths: DaemonPaths) -> None:
    """Returns when a daemon listens, or listened. Blocks. Raises StoreUnavailable or what the daemon says instead."""
    try:
        paths.make()
        with held_lock(paths.start_lock, seconds=_SECONDS):
            if (there := paths.connect()) is not None:
                there.close()
                return
            said = _spawn(paths)
    except BlockingIOError as error:
        raise StoreUnavailable(f"the store daemon of {paths.home} is still being started; try again") from error
    except OSError as error:
        raise not_started(paths, error) from error
    if said:
        raise _reason(paths, said)


def not_started(paths: DaemonPaths, error: OSError) -> MemoriaError:
    reason = f"the store daemon of {paths.home} cannot be started: {error.strerror or error}"
    return StorageFull(f"{reason}; {MAKE_ROOM}") if error.errno in FULL else StoreUnavailable(reason)


def ended(paths: DaemonPaths) -> MemoriaError:
    """Why a daemon ended that was not asked to: a full disk kills who writes into mapped files."""
    if shutil.disk_usage(paths.home).free < _LEAST_ROOM:
        return StorageFull(f"the disk that holds {paths.home} is full; free some space")
    return StoreUnavailable(
        f"the store daemon of {paths.home} ended unexpectedly (see {paths.log}); nothing written is lost, try again"
    )


def _spawn(paths: DaemonPaths) -> bytes:
    """What the new daemon says before it listens: nothing, or why it cannot.

    `-P`: a folder named `services` where the person stands must not be taken for ours.
    """
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "services.adapters.daemon", str(paths.home)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        umask=0o077,
        start_new_session=True,
    ) as child:
        assert child.stdout is not None
        if not select.select([child.stdout], [], [], _SECONDS)[0]:
            child.kill()
            raise StoreUnavailable(f"the store daemon of {paths.home} did not start within {_SECONDS:.0f} s")
        return child.stdout.read()


def _reason(paths: DaemonPaths, said: bytes) -> MemoriaError:
    try:
        return error_of(msgspec.msgpack.decode(said, type=Failure))
    except msgspec.DecodeError:
        return StoreUnavailable(f"the store daemon of {paths.home} cannot be started, see {paths.log}")
