"""Starts the command server for the commands that follow, and ends it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from memoria_tui.warm.client import connected, peer, place


def linger() -> float:
    """Seconds for which the server stays after a command; 0 where the settings cannot be read."""
    from services.errors import MemoriaError
    from services.settings import config_dir, load_settings

    with suppress(MemoriaError):
        return load_settings(os.environ, config_dir() / "config.toml").linger
    return 0.0


def start_server() -> None:
    """Has a process import what this one has, and waits for none of it."""
    seconds, folder = linger(), place(os.environ)
    if not seconds or server_process(folder) is not None:
        return
    command = [sys.executable, "-P", "-m", "memoria_tui.warm", folder, str(seconds)]
    with suppress(OSError):
        server = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        assert server.stdin is not None
        server.stdin.write(" ".join(sys.modules).encode())
        server.stdin.close()


def server_process(folder: str) -> int | None:
    """The process of the server; None when none answers."""
    with suppress(OSError):
        if (there := connected(folder)) is not None:
            pid, _ = peer(there)
            there.close()
            return pid
    return None
