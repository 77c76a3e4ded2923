"""The app on a terminal of its own: a pseudo-terminal that the test types into, and whose bytes it reads.

Run as a program it is that app, on fake services, or in a browser; its one argument is the JSON of `Play`.
"""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from fcntl import ioctl
from pathlib import Path
from typing import TypeVar

Given = TypeVar("Given")
_PATIENCE = 60.0


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

    def __init__(self, process: int, master: int) -> None:
        self.process = process
        self.master = master
        self.seen = b""

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
        while text.encode() not in self.seen[since:]:
            assert time.monotonic() < deadline, f"{text!r} never came: {self.seen[since:][-2000:]!r}"
            self.read()

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
            done, status = os.waitpid(self.process, os.WNOHANG)
            if done:
                self.read(0.1)
                return os.waitstatus_to_exitcode(status)
        raise AssertionError("it never ended")

    def end(self) -> None:
        """Ends the program when it still runs."""
        try:
            done, _ = os.waitpid(self.process, os.WNOHANG)
            if not done:
                os.kill(self.process, signal.SIGKILL)
                os.waitpid(self.process, 0)
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
    process, master = pty.fork()
    if not process:
        os.environ.update({"TERM": "xterm-256color", **dict(environment)})
        arguments = [*shell, sys.executable, "-m", "tests.tui.on_a_terminal", json.dumps(asdict(play))]
        os.execvp(arguments[0], arguments)
    ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    terminal = Terminal(process, master)
    try:
        yield terminal
    finally:
        terminal.end()


def _main() -> int:
    from memoria_tui.app import MemoriaApp
    from memoria_tui.terminal.driver import TerminalDriver
    from memoria_tui.user_files.config import Config
    from memoria_tui.user_files.program_log import keep_log
    from memoria_tui.web.browser_driver import BrowserDriver
    from services.container import Services
    from services.memories.saving import TransactionHook
    from services.memories.trash import Check
    from services.model import Memory, MemoryChanges, MemoryDraft
    from tests.tui.fakes import FakeMemories, FakeServices, clock, filled

    play = Play(**json.loads(sys.argv[1]))

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
    app = MemoriaApp(opened, config=Config(editor=play.editor), clock=clock, drafts=drafts, driver=driver)
    with suppress(KeyboardInterrupt):
        app.run()
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(_main())
