"""The app on a terminal of its own: a pseudo-terminal that the test types into, and whose bytes it reads.

Run as a program it is that app, on fake services, or in a browser; its one argument is the JSON of `Play`. Most tests
take a fork of a process that has imported what the app needs, so that an app costs no second.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import pkgutil
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from fcntl import ioctl
from pathlib import Path
from typing import Any, TypeVar

Given = TypeVar("Given")
Wait = Callable[[int, int], tuple[int, int]]
"""As `os.waitpid`."""
_PATIENCE = 60.0
_NEEDED = ("memoria_tui.modes", "memoria_tui.dialogs", "memoria_tui.widgets", "tests.tui.fakes")
"""What an app would import for most of its time, and more."""
_STYLE = re.compile(rb"\x1b\[[\d;?]*[a-zA-Z]")
_REQUEST = 1 << 16
"""Bytes of the longest one."""


@dataclass(frozen=True)
class Play:
    """What the app in the terminal is given."""

    editor: str | None = None
    slow: float = 0.0
    """Seconds that a write takes."""
    crash: str = ""
    """Not empty: a write ends in a KeyError with this text."""
    begun: str = ""
    """A file that is there once a write has begun."""
    written: str = ""
    """A file for the texts of memories that were written, one JSON a line."""
    log: str = ""
    drafts: str = ""
    """A folder for what is typed and not saved."""
    text: str = ""
    """Not empty: the text, the project and the tag of all memories."""
    never_closes: bool = False
    """Whether the stores stand still when they are to be closed."""


class Terminal:
    """A program on a pseudo-terminal."""

    def __init__(self, process: int, master: int, wait: Wait = os.waitpid) -> None:
        self.process = process
        self.master = master
        self.seen = b""
        self._wait = wait

    def read(self, seconds: float = 0.05) -> bytes:
        """What came within so many seconds."""
        new = b""
        while select.select([self.master], [], [], seconds)[0]:
            try:
                some = os.read(self.master, 65536)
            except OSError:
                break
            if not some:
                break
            new += some
        self.seen += new
        return new

    def until(self, text: str, since: int = 0) -> None:
        """Waits until the program has written this text."""
        deadline = time.monotonic() + _PATIENCE
        while text not in self.text(since):
            assert time.monotonic() < deadline, f"{text!r} never came: {self.seen[since:][-2000:]!r}"
            self.read()

    def text(self, since: int = 0) -> str:
        """What was written since then, without styles and moves of the cursor, which may stand between any letters."""
        return _STYLE.sub(b"", self.seen[since:]).decode("utf-8", "replace")

    def until_there(self, file: Path) -> None:
        """Waits until the program has made this file."""
        deadline = time.monotonic() + _PATIENCE
        while not file.exists():
            assert time.monotonic() < deadline, f"{file} never came"
            self.read()

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def modes(self) -> list[object]:
        """What `stty` shows, without the line speed."""
        return list(termios.tcgetattr(self.master)[:4])

    def wait(self) -> int:
        """The exit status, −N for a signal."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            self.read(0.02)
            done, status = self._wait(self.process, os.WNOHANG)
            if done:
                self.read(0.02)
                return os.waitstatus_to_exitcode(status)
        raise AssertionError("it never ended")

    def stop(self) -> None:
        """Stops it as from outside, until it is continued."""
        os.kill(self.process, signal.SIGSTOP)
        _, status = self._wait(self.process, os.WUNTRACED)
        assert os.WIFSTOPPED(status)

    def end(self) -> None:
        """Ends the program when it still runs."""
        try:
            done, _ = self._wait(self.process, os.WNOHANG)
            if not done:
                os.kill(self.process, signal.SIGKILL)
                self._wait(self.process, 0)
        except ChildProcessError:
            return
        finally:
            os.close(self.master)


@contextmanager
def program(
    play: Play, *, environment: Sequence[tuple[str, str]] = (), shell: Sequence[str] = ()
) -> Iterator[Terminal]:
    """The app on a terminal of 120×40; killed at the end.

    `shell`: what runs it with job control, whose last argument is a line that runs the app as "$@".
    """
    variables = {"TERM": "xterm-256color", **dict(environment)}
    terminal = _by_shell(play, variables, shell) if shell else _forked(play, variables)
    try:
        yield terminal
    finally:
        terminal.end()


def _by_shell(play: Play, variables: dict[str, str], shell: Sequence[str]) -> Terminal:
    process, master = pty.fork()
    if not process:
        os.environ.update(variables)
        arguments = [*shell, sys.executable, "-m", "tests.tui.on_a_terminal", json.dumps(asdict(play))]
        os.execvp(arguments[0], arguments)
    _size(master)
    return Terminal(process, master)


def _forked(play: Play, variables: dict[str, str]) -> Terminal:
    master, slave = pty.openpty()
    _size(master)
    ready = Ready.one()
    asked = {"play": asdict(play), "variables": {**os.environ, **variables}, "folder": str(Path.cwd())}
    process = ready.ask(asked, slave)
    os.close(slave)
    return Terminal(process, master, ready.wait)


def _size(master: int) -> None:
    ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))


class Ready:
    """A process that has imported what the app needs, and forks one when asked."""

    _one: Ready | None = None

    def __init__(self) -> None:
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            command = [sys.executable, "-m", "tests.tui.on_a_terminal", "", str(other.fileno())]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[other.fileno()])

    @classmethod
    def one(cls) -> Ready:
        """That of this process, which begins at the first call."""
        cls._one = cls._one or cls()
        return cls._one

    @classmethod
    def end(cls) -> None:
        if cls._one is not None:
            cls._one._socket.close()
            cls._one._process.wait()
            cls._one = None

    def ask(self, request: Mapping[str, object], *files: int) -> Any:
        socket.send_fds(self._socket, [json.dumps(request).encode()], files)
        answer = self._socket.recv(_REQUEST)
        assert answer, "what forks apps has ended"
        return json.loads(answer)

    def wait(self, process: int, options: int) -> tuple[int, int]:
        """As `os.waitpid`, which only its parent can call."""
        if (answer := self.ask({"wait": process, "options": options})) is None:
            raise ChildProcessError
        done, status = answer
        return done, status


def _fork_when_asked(requests: socket.socket) -> int:
    """Answers until nobody can ask any more; ends in each fork with the exit status of its app."""
    for name in _NEEDED:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{name}."):
            importlib.import_module(module.name)
    gc.freeze()  # what is here already is neither looked through in the fork nor copied for that
    while True:
        said, files, _, _ = socket.recv_fds(requests, _REQUEST, 1)
        if not said:
            return 0
        asked = json.loads(said)
        answer: object
        if "wait" in asked:
            answer = None  # it has been waited for already
            with suppress(ChildProcessError):
                answer = os.waitpid(asked["wait"], asked["options"])
        elif answer := os.fork():
            os.close(files[0])
        else:
            requests.close()
            _take_terminal(files[0])
            os.environ.clear()
            os.environ.update(asked["variables"])
            os.chdir(asked["folder"])
            status = run(Play(**asked["play"]))
            sys.stderr = sys.__stderr__ = None  # type: ignore[misc]  # its terminal may be gone
            return status
        requests.send(json.dumps(answer).encode())


def _take_terminal(slave: int) -> None:
    os.login_tty(slave)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = open(number, "w" if number else "r", encoding="utf-8", closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def run(play: Play) -> int:
    """The app; gives its exit status."""
    from memoria_tui.terminal.driver import TerminalDriver
    from memoria_tui.user_files.config import Config
    from memoria_tui.user_files.program_log import keep_log
    from memoria_tui.web.browser_driver import BrowserDriver
    from services.container import Services
    from services.memories.saving import TransactionHook
    from services.memories.trash import Check
    from services.model import Memory, MemoryChanges, MemoryDraft
    from tests.tui.fakes import FakeMemories, FakeServices, clock, filled
    from tests.tui.plain_app import plain_app

    class Memories(FakeMemories):
        async def create(self, draft: MemoryDraft, *, also: TransactionHook | None = None) -> Memory:
            return self._put_down(await super().create(await self._taking_time(draft)))

        async def update(self, base: Memory, changes: MemoryChanges, *, check: Check | None = None) -> Memory:
            return self._put_down(await super().update(base, await self._taking_time(changes)))

        async def _taking_time(self, given: Given) -> Given:
            if play.begun:
                Path(play.begun).touch()  # noqa: ASYNC240
            await asyncio.sleep(play.slow)
            if play.crash:
                raise KeyError(play.crash)
            return given

        def _put_down(self, memory: Memory) -> Memory:
            if play.written:
                with Path(play.written).open("a", encoding="utf-8") as file:
                    file.write(json.dumps(memory.content) + "\n")
            return memory

    services = FakeServices(filled())
    if play.text:
        for id_, memory in services.store.memories.items():
            services.store.memories[id_] = replace(memory, content=play.text, project=play.text, tags=(play.text,))
    services.memories = Memories(services.store)
    if play.log:
        keep_log(Path(play.log), "INFO")
    drafts = Path(play.drafts) if play.drafts else None

    @asynccontextmanager
    async def opened() -> AsyncIterator[Services]:
        async with services.opened() as given:
            yield given
            if play.never_closes:
                await asyncio.Event().wait()

    driver = BrowserDriver if "TEXTUAL_DRIVER" in os.environ else TerminalDriver
    app = plain_app(opened, config=Config(editor=play.editor), clock=clock, drafts=drafts, driver=driver)
    with suppress(KeyboardInterrupt):
        app.run()
    return app.return_code or 0


def _main(play: str, requests: str = "") -> int:
    if requests:
        return _fork_when_asked(socket.socket(fileno=int(requests)))
    return run(Play(**json.loads(play)))


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
