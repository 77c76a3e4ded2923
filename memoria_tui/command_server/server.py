"""The command server of a home: a process without threads, connections or an event loop, which forks.

Beside it waits a process that it forked before, the spare (`waiting_process.py`), which takes the next command and
becomes it; then there is a new one. A command that ends tells what it had to import beyond what was there, and that is
imported for the next ones.

The server ends some time after the last command, when it is asked to (SIGTERM), and when what it has imported is not
what a new process would import; `mcp`, which goes on, keeps it no longer than its start. The lock on its file, which
names its process, is the kernel's; a spare ends with the server, and a command when its client has gone, as it would
without a server.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

from memoria_tui.command_server.client import LOG, SIGNAL, SOCKET, with_short_path
from memoria_tui.command_server.loaded_files import Loaded, Noted
from memoria_tui.command_server.waiting_process import DONE, STALE, TAKEN, Spare, rehearse

_LONGEST_REPORT = 1 << 17
_ENDED_SECONDS = 1.0
"""For which the kernel may still count threads that have ended."""
_FAILURES = 5
"""Spares in a row that end without a command, after which the server gives up."""


def main(folder: str, lock: int, linger: float, names: list[str], noted: Noted, began: int) -> None:
    """Serves until nobody needs it; returns at once where it may not fork.

    `lock`: by which it is the only one. `began`: when it began to import, in nanoseconds.
    """
    log = os.open(os.path.join(folder, LOG), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(log, 2)
    os.close(log)
    loaded = Loaded(noted, began)
    loaded.load(names)
    rehearse()
    if changed := loaded.changed():
        print(f"{changed} has just changed", file=sys.stderr)
    else:
        CommandServer(folder, lock, linger, loaded).run()


@dataclass(slots=True)
class _Child:
    """A process that waits for a command, or runs one."""

    pid: int
    control: socket.socket
    """Closed when it ends."""
    client: socket.socket | None = None
    done: bool = False
    """Whether nothing is to be kept for it any more, though it may go on."""


class CommandServer:
    """Keeps a spare, tells clients of commands that were killed, and ends."""

    def __init__(self, folder: str, lock: int, linger: float, loaded: Loaded) -> None:
        self._folder, self._lock, self._linger, self._loaded = folder, lock, linger, loaded
        self._listening = socket.socket(socket.AF_UNIX)
        self._children: dict[int, _Child] = {}
        """By the file number of their control."""
        self._spare: _Child | None = None
        self._used = time.monotonic()
        self._failed = 0
        self._reason, self._ending = "", False

    def run(self) -> None:
        """Until it has ended."""
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(self._folder, SOCKET))
        with_short_path(self._folder, SOCKET, self._listening.bind)
        self._listening.listen(128)
        self._listening.setblocking(False)
        woken, waking = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waking)
        signal.signal(signal.SIGTERM, self._ask)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        while not self._ending or self._children:
            if self._spare is None and not self._ending:
                self._fork()
            self._wait(woken)
            if self._rest() == 0:
                self._reason = self._reason or "nobody needs it"
            if self._reason:
                self._end()

    def _ask(self, *_: object) -> None:
        self._reason = "asked to"

    def _rest(self) -> float | None:
        """Seconds until it ends for want of commands; None while one runs that is not done."""
        if self._ending or any(child.client and not child.done for child in self._children.values()):
            return None
        return max(0.0, self._used + self._linger - time.monotonic())

    def _wait(self, woken: int) -> None:
        """For what children say, for their end and that of their clients, for a signal, for the end of the rest."""
        watched = select.poll()
        watched.register(woken, select.POLLIN)
        clients = {child.client.fileno(): child for child in self._children.values() if child.client}
        for number in self._children:
            watched.register(number, select.POLLIN)
        for number in clients:
            watched.register(number, 0)
        rest = self._rest()
        for number, _ in watched.poll(None if rest is None else rest * 1000 + 1):
            if number in self._children:
                self._hear(self._children[number])
            elif number in clients:
                self._give_up(clients[number])
            else:
                with suppress(BlockingIOError):
                    os.read(woken, 64)

    def _fork(self) -> None:
        deadline = time.monotonic() + _ENDED_SECONDS
        while (threads := len(os.listdir("/proc/self/task")) - 1) and time.monotonic() < deadline:
            time.sleep(0.001)
        if threads:  # of a library that was imported
            self._reason = "something imported has a thread"
            return
        gc.collect()
        gc.freeze()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if pid := os.fork():
            theirs.close()
            self._spare = self._children[ours.fileno()] = _Child(pid, ours)
            return
        os.close(self._lock)
        ours.close()
        for child in self._children.values():
            child.control.close()
            if child.client:
                child.client.close()
        Spare(self._listening, theirs, self._loaded).run()

    def _hear(self, child: _Child) -> None:
        data, passed = b"", list[int]()
        with suppress(ConnectionResetError):  # ended without having read what it was told
            data, passed, _, _ = socket.recv_fds(child.control, _LONGEST_REPORT, 1)
        if not data:
            self._bury(child)
            return
        what, *told = data.decode().split()
        if what == TAKEN:
            child.client, self._failed = socket.socket(fileno=passed[0]), 0
            if child is self._spare:
                self._spare = None
        elif what == STALE:
            self._reason = f"{' '.join(told)} has changed"
        elif what == DONE:
            if (linger := told.pop(0)) != str(None):
                self._linger = float(linger)
            child.done, self._used = True, time.monotonic()
            if not self._ending and not sys.modules.keys() >= set(told):
                self._loaded.load(told)
                self._retire()

    def _bury(self, child: _Child) -> None:
        """Of a command that was killed, its client hears by which signal."""
        _, status = os.waitpid(child.pid, 0)
        del self._children[child.control.fileno()]
        child.control.close()
        if child.client:
            if os.WIFSIGNALED(status):
                with suppress(OSError):
                    child.client.send(SIGNAL + str(os.WTERMSIG(status)).encode())
            child.client.close()
            child.client = None
            self._used = time.monotonic()
        elif child is self._spare:
            self._spare = None
            self._failed += 1
            if self._failed == _FAILURES:
                self._reason = "what it forks ends"

    def _give_up(self, child: _Child) -> None:
        """Whoever kills a client wants to kill the command; one that is done is not hurt by it."""
        if child.client:
            child.client.close()
            child.client = None
            os.kill(child.pid, signal.SIGKILL)

    def _retire(self) -> None:
        """Ends the spare, unless a command has just come to it."""
        if self._spare:
            with suppress(OSError):
                self._spare.control.send(b"retire")
            self._spare = None

    def _end(self) -> None:
        """Takes no more commands; lets those that run finish."""
        if not self._ending:
            self._ending = True
            print(f"ended: {self._reason}", file=sys.stderr)
            self._retire()
            self._listening.close()
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self._folder, SOCKET))
            os.close(self._lock)
