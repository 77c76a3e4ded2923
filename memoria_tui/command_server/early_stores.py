"""Starts the embedded stores of a command that runs in its own process, while that imports what it needs.

Who opens them later finds them started or waits for it; where anything is unusual nothing is started here.
"""

import os
import sys

from memoria_tui.command_server.client import connected, place

_WITHOUT_VECTORS = ("db", "work")
_KIND, _REGULAR = 0o170000, 0o100000
"""Those of `stat`."""


def start_daemon(arguments: list[str]) -> None:
    """The store daemon of a home that has vectors, unless one listens or the file of settings may name another home."""
    variables = os.environ
    folder = place(variables)
    try:
        if (
            arguments[0] in _WITHOUT_VECTORS
            or "--help" in arguments
            or variables.get("MEMORIA_LINGER", "").strip() == "0"
            or variables.get("MEMORIA_QDRANT_HOST")
            or not os.path.isdir(os.path.join(os.path.dirname(folder), "qdrant"))
            or not os.path.isdir(folder)
            or names_stores(_settings_file())
            or connected(folder, "socket") is not None
        ):
            return
    except OSError:
        return
    opened = ["in use"] if variables.get("MEMORIA_OLLAMA_HOST") else ["in use", "model"]
    command = [sys.executable, "-P", "-m", "services.adapters.daemon", os.path.dirname(folder), *opened]
    nobody = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    os.posix_spawn(sys.executable, command, variables, file_actions=nobody, setsid=True)


def start_postgres() -> None:
    """PostgreSQL, in a thread of this process, of a home that has one."""
    import threading

    from services.errors import MemoriaError
    from services.settings import config_dir, load_settings
    from services.vector_stores import embedded_postgres

    try:
        server = embedded_postgres(load_settings(os.environ, config_dir() / "config.toml"))
    except MemoriaError:
        return
    if server is not None:
        threading.Thread(target=server.start_and_leave, daemon=True).start()


def names_stores(file: str) -> bool:
    """Whether a file of settings may say where the stores are, as a pipe or a device may. Raises OSError as `open`."""
    try:
        number = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    try:
        status = os.fstat(number)
        return status.st_mode & _KIND != _REGULAR or b"services" in os.read(number, status.st_size).replace(b"\0", b"")
    finally:
        os.close(number)


def _settings_file() -> str:
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(folder, "memoria-tui", "config.toml")
