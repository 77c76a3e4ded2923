"""Starts the command server for the commands that follow, says how it is, and ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from memoria_tui.command_server.client import LOCK, place
from services.errors import MemoriaError
from services.file_locks import held_lock
from services.settings import config_dir, load_settings

_MODULE = "memoria_tui.command_server"
_SECONDS_TO_END = 5.0
_LOOK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """The command server of a home, with the process that waits for the next command."""

    pid: int
    memory: int
    """Bytes; what both share counts once."""


def start_server() -> None:
    """Has a process import what this one has, and waits for none of it."""
    if not (seconds := _linger()) or _process() is not None:
        return
    command = [sys.executable, "-P", "-m", _MODULE, place(os.environ), str(seconds)]
    nothing = subprocess.DEVNULL
    with suppress(OSError):
        server = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=nothing,
            stderr=nothing,
            cwd="/",
            start_new_session=True,
            umask=0o077,  # of its socket; a command has that of its client
        )
        assert server.stdin is not None
        server.stdin.write(" ".join(sys.modules).encode())
        server.stdin.close()
        threading.Thread(target=server.wait, daemon=True).start()  # who goes on beside it is not to keep a dead one


def server_status() -> ServerStatus | None:
    """How it is; None when none runs."""
    import psutil

    if (pid := _server()) is None:
        return None
    with suppress(psutil.Error):
        server = psutil.Process(pid)
        return ServerStatus(pid, sum(one.memory_full_info().pss for one in (server, *server.children())))
    return None


def stop_server() -> int | None:
    """Ends the server, which takes no more commands; those that run finish. Gives its process, None when none runs."""
    if (pid := _server()) is None:
        return None
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + _SECONDS_TO_END
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        while time.monotonic() < deadline:
            if _server() != pid:  # that of the next command may be there already
                return pid
            time.sleep(_LOOK_SECONDS)
    return pid


def _linger() -> float | None:
    """Seconds for which it stays after a command; None where the settings cannot be read."""
    with suppress(MemoriaError):
        return load_settings(os.environ, config_dir() / "config.toml").linger
    return None


def _server() -> int | None:
    """The process that holds the lock, if it is a server: the number may be of a dead one, or of another container."""
    with suppress(OSError):
        if (pid := _process()) and _MODULE.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return pid
    return None


def _process() -> int | None:
    """The process that holds the lock, also before it serves."""
    lock = Path(place(os.environ)) / LOCK
    try:
        with held_lock(lock):
            return None
    except BlockingIOError:
        return int(lock.read_text() or "0") or None
    except (OSError, ValueError):
        return None
