"""What runs in a data folder: the server that `postmaster.pid` names, and processes that outlive a killed one."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from services.adapters.postgres.server_user import HERE

if TYPE_CHECKING:
    import psutil

PID_FILE = "postmaster.pid"
SOCKET_NAME = ".s.PGSQL.5432"
_SECONDS_TO_LEAVE = 3.0
"""For processes whose server was killed: they notice by themselves, on a busy machine a little later."""
_SECONDS_TO_STOP = 8.0
"""For a server to stop in order; then it is stopped at once, and the next one recovers."""
_SECONDS_TO_GIVE_UP = 40.0
_POLL_SECONDS = 0.05


def pid_lines(data: Path) -> list[str]:
    """Lines of postmaster.pid: pid, data, start, port, socket folder, address, memory, status; [] without a server."""
    try:
        return [line.strip() for line in (data / PID_FILE).read_text("utf-8", "replace").splitlines()]
    except FileNotFoundError:
        return []


def socket_folder(lines: list[str], data: Path) -> Path | None:
    """Where the server of these lines has its socket; None when it does not say so yet."""
    if len(lines) < 5 or not lines[4]:
        return None
    return data if lines[4] == HERE else Path(lines[4])


def clear_dead(data: Path) -> None:
    """Ends what a killed program left running in the folder, then drops the pid file and socket of a dead server.

    A pid file that is left alone keeps the next server from starting where its number is still, or again, in use: by a
    process that nobody has reaped, or by any other program; so does an empty one, of a server that was killed before
    it wrote it. It goes only when nothing runs in the folder any more.
    Raises TimeoutError, or psutil's errors when a process may not be ended.
    """
    if not (data / PID_FILE).exists():
        return
    lines = pid_lines(data)
    began = time.monotonic()
    while running := _running_in(data):
        passed = time.monotonic() - began
        if passed > _SECONDS_TO_GIVE_UP:
            raise TimeoutError(f"process {running[0].pid} does not end")
        _end(running, next(iter(lines), ""), passed)
        time.sleep(_POLL_SECONDS)
    (data / PID_FILE).unlink(missing_ok=True)
    if place := socket_folder(lines, data):
        for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
            (place / name).unlink(missing_ok=True)
        if place not in (data, data.parent):
            with suppress(OSError):
                place.rmdir()  # it was made for the server alone


def _end(running: list[psutil.Process], postmaster: str, passed: float) -> None:
    """Signals what still runs, more firmly the longer it takes; a server takes its other processes with it."""
    import psutil

    server = next((process for process in running if str(process.pid) == postmaster), None)
    with suppress(psutil.NoSuchProcess):
        if server is not None:
            server.send_signal(signal.SIGINT if passed < _SECONDS_TO_STOP else signal.SIGQUIT)
            if passed > 2 * _SECONDS_TO_STOP:
                server.kill()
        elif passed > _SECONDS_TO_LEAVE:
            for process in running:
                process.kill()


def _running_in(data: Path) -> list[psutil.Process]:
    """Processes of PostgreSQL whose working folder is `data`; what has ended and was not reaped is not among them."""
    import psutil

    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.name().startswith("postgres") and (place := process.cwd()) and os.path.samefile(place, data):
                found.append(process)
    return found
