"""The process that forks programs: `python -m tests.forking.server ADDRESS`, an abstract name of a Unix socket.

It ends when nobody is connected any more.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import importlib.util
import io
import os
import pkgutil
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from importlib.abc import InspectLoader
from types import CodeType, ModuleType
from typing import NoReturn

from tests.forking.client import NUMBER

_NEEDED = (
    *("memoria_tui.__main__", "memoria_tui.command_server.early_stores", "memoria_tui.command_server.starting"),
    *("services.container", "services.adapters.bundled_embedder", "services.adapters.edge.edge_store"),
    *("services.backup.restore_service", "services.transfer.exporting", "services.transfer.writers.own_export"),
    *("services.curation.duplicate_scan", "services.adapters.daemon.starting", "pydantic.type_adapter"),
    *(
        "psycopg.conninfo",
        "psutil",
        "pendulum",
        "dateutil.relativedelta",
        "textual.content",
        "concurrent.futures.thread",
    ),
)
_PACKAGES = ("memoria_tui.cli", "memoria_tui.text", "memoria_tui.user_files")
"""All modules of these too."""
_NEEDED_BY = {"mcp": "memoria_tui.agents.stdio", "serve": "memoria_tui.agents.http"}
"""What else one command imports; it stays for the next."""
_TEXT = {name: (getattr(sys, name).encoding, getattr(sys, name).errors) for name in ("stdin", "stdout", "stderr")}
"""Encoding of a Python's streams, and what is done about errors in it."""


class Forking:
    """Forks a program for each client that asks for one, and tells it how that ended."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._clients = dict[int, socket.socket]()
        """By file number."""
        self._children = dict[int, int]()
        """The file number of its client, by process."""
        self._watched = select.poll()

    def run(self) -> tuple[CodeType, ModuleType] | None:
        """None when nobody is connected any more; in a fork, what that is to run."""
        woken, waking = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waking)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (self._listening.fileno(), woken):
            self._watched.register(number, select.POLLIN)
        while True:
            for number, _ in self._watched.poll():
                if number == woken:
                    os.read(woken, 4096)
                    self._bury()
                elif number == self._listening.fileno():
                    client, _ = self._listening.accept()
                    self._clients[client.fileno()] = client
                    self._watched.register(client, select.POLLIN)
                elif number in self._clients and (become := self._hear(number)):
                    return become
            if not self._clients:
                return None

    def _hear(self, number: int) -> tuple[CodeType, ModuleType] | None:
        """Forks for a client that asks; who has gone has its program killed. In the fork, what that is to run."""
        client = self._clients[number]
        head, passed = b"", list[int]()
        with contextlib.suppress(ConnectionResetError):  # it was killed before it read all
            head, passed, _, _ = socket.recv_fds(client, NUMBER, 4)
        if not head:
            self._leave(number)
            for child in [child for child, its in self._children.items() if its == number]:
                os.kill(child, signal.SIGKILL)
                del self._children[child]
            return None
        size, parts = int.from_bytes(head, "big"), list[bytes]()
        while (left := size - sum(map(len, parts))) and (part := client.recv(left)):
            parts.append(part)
        mask, names, count, *told = b"".join(parts).split(b"\0")
        command, variables = told[: int(count)], told[int(count) :]
        words = [os.fsdecode(word) for word in command]
        _import(words)
        if child := os.fork():
            self._children[child] = number
            with contextlib.suppress(OSError):  # it has gone, which is heard of next
                client.sendall(child.to_bytes(NUMBER, "big"))
            for one in passed:
                os.close(one)
            return None
        os.environb.clear()
        os.environb.update((name, value) for name, _, value in (one.partition(b"=") for one in variables))
        os.umask(int(mask))
        _take_over(passed, names.decode())
        return _program(words)

    def _bury(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if (number := self._children.pop(ended[0], None)) is not None:
                    with contextlib.suppress(OSError):
                        self._clients[number].sendall(ended[1].to_bytes(NUMBER, "big"))
                    self._leave(number)

    def _leave(self, number: int) -> None:
        self._watched.unregister(number)
        self._clients.pop(number).close()


def _import(words: Sequence[str]) -> None:
    """What the program imports; what is here is neither looked through in forks nor copied for that."""
    before = len(sys.modules)
    if words[0] == "-m":
        with contextlib.suppress(ImportError):  # which the fork will raise
            importlib.import_module(words[1])
    for word, module in _NEEDED_BY.items():
        if word in words:
            importlib.import_module(module)
    if len(sys.modules) > before:
        gc.collect()
        gc.freeze()


def _take_over(passed: Sequence[int], names: str) -> None:
    """The folder and the streams of the client, which may be fewer than three, and signals as a new Python has them."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder, *streams = passed
    os.fchdir(folder)
    for name, stream in zip(names, streams, strict=True):
        os.dup2(stream, int(name))
    for number in {0, 1, 2} - set(map(int, names)):
        os.close(number)
    os.closerange(3, max(os.sysconf("SC_OPEN_MAX"), 4096))
    time.tzset()
    for number, name in enumerate(_TEXT):
        if str(number) not in names:
            setattr(sys, name, None)
            continue
        raw = open(number, "wb" if number else "rb", closefd=False)  # noqa: SIM115 - as long as the process
        lines = number == 2 or raw.isatty()
        opened = io.TextIOWrapper(raw, *_TEXT[name], line_buffering=lines)
        setattr(sys, name, opened)
        setattr(sys, f"__{name}__", opened)


def _program(words: Sequence[str]) -> tuple[CodeType, ModuleType]:
    """The code and its module, whose name is __main__."""
    kind, what, *arguments = words
    main = ModuleType("__main__")
    if kind == "-c":
        code, sys.argv = compile(what, "<string>", "exec"), ["-c", *arguments]
        return code, main
    spec = importlib.util.find_spec(what)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(f"{what}.__main__")
    assert spec is not None
    assert isinstance(spec.loader, InspectLoader)
    assert spec.origin is not None
    main.__spec__, main.__file__, main.__package__ = spec, spec.origin, spec.parent
    found = spec.loader.get_code(spec.name)
    assert found is not None
    sys.argv = [spec.origin, *arguments]
    return found, main


def _run(code: CodeType) -> NoReturn:
    """Ends this process as Python does, but for freeing all that is imported, which takes longer than the rest."""
    status: object = 0
    try:
        exec(code, sys.modules["__main__"].__dict__)
    except SystemExit as ended:
        status = ended.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    if not isinstance(status, int | None):
        print(status, file=sys.stderr)
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream and not stream.closed:
                stream.flush()
        except OSError as error:
            status = 120
            with contextlib.suppress(OSError):
                print(f"Exception ignored in {stream}: {error}", file=sys.stderr)
    os._exit(status or 0)


def main(address: str) -> None:
    """Returns when nobody is connected any more."""
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind(f"\0{address}")
    except OSError:  # another one was faster
        return
    for name in _NEEDED:
        importlib.import_module(name)
    for name in _PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
            importlib.import_module(module.name)
    _import(["-c"])
    listening.listen(128)
    if become := Forking(listening).run():
        code, sys.modules["__main__"] = become
        _run(code)


if __name__ == "__main__":
    main(sys.argv[1])
