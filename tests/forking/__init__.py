"""Programs that are forks of a process that has imported what they need: that takes longer than what most of them do.

Where it is tried how a program starts, or what it imports, a new Python is started instead.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

_CLIENT = Path(__file__).with_name("client.py")
_ROOT = Path(__file__).parents[2]
_SECONDS = 60.0
_kept: list[socket.socket] = []
"""The connection by which this process keeps that which forks."""


def forked(*command: str) -> list[str]:
    """The command line for what `python COMMAND` does, as a fork; COMMAND is `-m MODULE …` or `-c CODE …`."""
    address = f"memoria-tests-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}"
    if not _kept:
        _kept.append(_connected(address))
    return [sys.executable, "-IS", str(_CLIENT), address, *command]


def _connected(address: str) -> socket.socket:
    """To the process that forks for all who run the same tests; starts it where there is none."""
    begun, deadline = False, time.monotonic() + _SECONDS
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(f"\0{address}")
        except ConnectionRefusedError:
            connection.close()
            assert time.monotonic() < deadline, "what forks programs does not start"
        else:
            return connection
        if not begun:
            begun, nothing = True, subprocess.DEVNULL
            command = [sys.executable, "-m", "tests.forking.server", address]
            server = subprocess.Popen(command, cwd=_ROOT, stdin=nothing, stdout=nothing, start_new_session=True)
            server.returncode = 0  # it ends after this process, or with it
        time.sleep(0.01)
