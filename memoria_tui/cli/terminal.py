"""What a command reads and writes: the streams, the environment, and the one way to print each kind of thing."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO, TypeVar

from services.errors import InvalidInput, MemoriaError
from services.settings import APP, Settings, config_dir, load_settings

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    import typer
    from rich.progress import Progress as Bar

    from memoria_tui.user_files.program_log import LogFile
    from services.container import Services
    from services.model import Progress
    from services.model.database import Ask
    from services.waiting_notice import Waits

T = TypeVar("T")
_SOME = 500
"""Memories that a command finishes at most for another program that shares the stores."""
_MANY = 100
"""Memories whose finishing takes long enough to be told."""
_COLUMNS = 80
_WIDEST = 48
"""Cells of a column at most."""
_DAILY_BACKUP = ("backup", "--daily")
COMMAND_LINE = f"{APP} command line"
"""What the history calls this program."""


class NeedsOwnProcess(BaseException):
    """A command that has done nothing yet needs the terminal for itself."""


class OutputClosed(Exception):
    """Whoever read our output has seen enough."""


@dataclass(frozen=True)
class Terminal:
    """The world around one command; tests give their own."""

    environment: Mapping[str, str]
    stdin: BinaryIO
    stdout: TextIO
    stderr: TextIO
    is_single: bool = False
    """True when the whole process is one command."""
    is_served: bool = False
    """True when that process was forked by a command server, and has no terminal of its own."""
    imported: Callable[[], None] = lambda: None
    """Called by a command that keeps running, once its imports are done: the next one is to find them imported."""
    open_services: Callable[..., AbstractAsyncContextManager[Services]] | None = None
    """Takes what the function of that name takes, which is used where there is none."""
    _bars: list[Bar] = field(default_factory=list, compare=False)
    """Those that are drawn on stderr now."""

    @classmethod
    def of_process(cls, imported: Callable[[], None] = lambda: None, *, served: bool = False) -> Terminal:
        """The process's own streams and environment."""
        _open_missing()
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        try:
            # Not sys.stdin: a thread may still wait for it when the program ends.
            stdin: BinaryIO = open(0, "rb", closefd=False)  # noqa: SIM115
        except OSError:
            stdin = io.BytesIO()  # started without any standard input
        stdout, stderr = (stream or open(os.devnull, "w", encoding="utf-8") for stream in (sys.stdout, sys.stderr))  # noqa: SIM115
        return cls(os.environ, stdin, stdout, stderr, is_single=True, is_served=served, imported=imported)

    @cached_property
    def settings(self) -> Settings:
        """Raises InvalidInput when a variable or the file is wrong."""
        return replace(load_settings(self.environment, self.config_file), program=COMMAND_LINE)

    @property
    def config_file(self) -> Path:
        return config_dir() / "config.toml"

    def keep_log(self) -> LogFile:
        """Has what is worth it written to the log file. Raises InvalidInput when a setting is wrong."""
        from memoria_tui.user_files.program_log import keep_log

        return keep_log(self.settings.log_file or self.settings.home / "memoria-tui.log", self.settings.log_level)

    @property
    def prints_to_person(self) -> bool:
        """True when a person sees what is printed."""
        return self.stdout.isatty()

    @property
    def columns(self) -> int:
        """Cells of a line of what is printed; 80 where nobody says."""
        try:
            return os.get_terminal_size(self.stdout.fileno()).columns or _COLUMNS
        except (OSError, ValueError):
            return _COLUMNS

    @property
    def is_interactive(self) -> bool:
        """True when a person sees a question on stderr and can answer it."""
        return self.stdin.isatty() and self.stderr.isatty()

    def require_own_process(self) -> None:
        """Before anything is done. Raises NeedsOwnProcess, after which the command is run again in one."""
        if self.is_served:
            raise NeedsOwnProcess

    async def require_yes(
        self,
        question: str,
        *,
        declined: str,
        unattended: str | None,
        details: Sequence[str] = (),
        as_json: bool = False,
    ) -> None:
        """Asks, below lines of details, and returns after a yes.

        Raises InvalidInput: `declined` after a no; `unattended` for JSON and where nobody can be asked, unless it is
        None, which is as good as a yes.
        """
        if as_json or not self.is_interactive:
            if unattended is not None:
                raise InvalidInput(unattended)
            return
        for line in details:
            self.info(line)
        if not await self.confirm(question):
            raise InvalidInput(declined)

    async def confirm(self, question: str) -> bool:
        """Asks; anything but a yes is a no. Ctrl-C gets through while it waits."""
        with self._without_bars():
            self._write_error(f"{one_line(question)} [y/N] ")
            loop, answered = asyncio.get_running_loop(), asyncio.Event()
            loop.add_reader(self.stdin, answered.set)
            try:
                await answered.wait()
            finally:
                loop.remove_reader(self.stdin)
            return self.stdin.readline().decode("utf-8", "replace").strip().lower() in ("y", "yes")

    def info(self, text: str) -> None:
        """One line on stderr, kept as it is laid out."""
        self._write_error(one_line(text, keep_indent=True) + "\n")

    def local_time(self, instant: datetime) -> str:
        """A day and time in the person's zone."""
        from services.times import minute, person_zone

        return minute(instant, person_zone(self.settings))

    def write(self, text: str) -> None:
        """To standard output. Raises OutputClosed when nobody reads it any more, InvalidInput when it takes no more."""
        with _output_errors():
            self.stdout.write(text)

    def flush(self) -> None:
        """Sees that all of it is out. Raises as `write`."""
        with _output_errors():
            self.stdout.flush()

    def drop_unwritten(self) -> None:
        """Leaves nothing for the end of the process to write where it cannot be written."""
        for number, stream in ((1, self.stdout), (2, self.stderr)):
            try:
                stream.flush()
            except (OSError, ValueError):
                if self.is_single:
                    os.dup2(os.open(os.devnull, os.O_WRONLY), number)

    def _write_error(self, text: str) -> None:
        """To standard error, if it can be, on lines of its own."""
        with self._without_bars(), contextlib.suppress(OSError, ValueError):
            self.stderr.write(text)
            self.stderr.flush()

    @contextlib.contextmanager
    def _without_bars(self) -> Iterator[None]:
        """What is drawn is taken away, and drawn again at the end."""
        bars = list(self._bars)
        self._bars.clear()
        for bar in bars:
            bar.stop()
        try:
            yield
        finally:
            for bar in bars:
                bar.start()
            self._bars.extend(bars)

    def print(self, text: str = "") -> None:
        """One line of the program's own words."""
        self.write(text + "\n")

    def print_text(self, text: str) -> None:
        """Text of a memory, without control characters: a pipe may end in a terminal, too."""
        from memoria_tui.text.present import escape_control

        self.write(escape_control(text) + "\n")

    def print_text_line(self, text: str) -> None:
        self.print_text(" ".join(text.splitlines()))

    def print_json(self, value: object) -> None:
        """One line of JSON; everything beyond ASCII is escaped, so that any text survives any terminal and pipe."""
        self.write(json.dumps(value, ensure_ascii=True, default=str) + "\n")

    def print_result(self, value: object, text: str, *, as_json: bool) -> None:
        """What a command gives: JSON for scripts, or one line of the program's own words."""
        if as_json:
            self.print_json(value)
        else:
            self.print(text)

    def print_table(self, head: Sequence[str], table: Sequence[Sequence[str]], *, right: Collection[str] = ()) -> None:
        """A table under its head, each cell safe and on one line; nothing when it is empty.

        `right`: the heads of the columns that are aligned right.
        """
        from rich.cells import cell_len

        from memoria_tui.text.present import clip, fit, line

        if not table:
            return
        cells = [list(head), *([clip(line(cell), _WIDEST) for cell in row] for row in table)]
        widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
        for row in cells:
            named = zip(head, row, widths, strict=True)
            self.print("  ".join(fit(cell, width, right=name in right) for name, cell, width in named).rstrip())

    @contextlib.contextmanager
    def progress_bar(self) -> Iterator[Callable[[Progress], None]]:
        """A bar with rate and time left on a terminal that draws; nothing in a pipe, nor where no codes are wanted."""
        plain = self.environment.get("NO_COLOR") or self.environment.get("TERM") == "dumb"
        if plain or not self.stderr.isatty():
            yield lambda progress: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        with Bar(*columns, console=Console(file=self.stderr), transient=True) as bar:
            task = bar.add_task("", total=None, rate="")

            def advance(progress: Progress) -> None:
                speed = bar.tasks[0].speed
                rate = f"{speed:,.0f}/s" if speed else ""
                bar.update(task, description=progress.what, completed=progress.done, total=progress.total, rate=rate)

            self._bars.append(bar)
            try:
                yield advance
            finally:
                self._bars.remove(bar)

    def error(self, text: str) -> None:
        """One line on stderr."""
        self._write_error(" ".join(one_line(text).split("\n")) + "\n")

    def read_text(self) -> str:
        """All of standard input. Raises InvalidInput when it is not UTF-8."""
        try:
            return self.stdin.read().decode("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidInput(f"standard input is not UTF-8 text (byte {error.start + 1})") from error

    def typed(self, text: str) -> str:
        """A text of the command line; "-": all of standard input. Raises InvalidInput when that is not UTF-8."""
        return self.read_text() if text == "-" else text

    def with_variables(self, variables: Mapping[str, str]) -> Terminal:
        """The same, with these in its environment."""
        return replace(self, environment={**self.environment, **variables})

    def spawn_detached(self, *arguments: str) -> None:
        """Starts one of our commands in a process of its own, which outlives this one.

        `-P`: a folder named `services` where the person stands must not be taken for ours.
        """
        if self.is_single:
            command, nothing = [sys.executable, "-P", "-m", "memoria_tui", *arguments], subprocess.DEVNULL
            subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)

    def run(self, act: Callable[[Services], Awaitable[T]], *, resumes: bool = False) -> T:
        """Opens the services, does one thing with them, closes them; says first when a restore is not finished.

        `resumes` is for what is about that restore itself.
        """
        return asyncio.run(self._run(act, resumes))

    async def _run(self, act: Callable[[Services], Awaitable[T]], resumes: bool) -> T:
        from memoria_tui.cli.upgrade_question import asking_on

        async with self.opened(COMMAND_LINE, asking_on(self), resumes=resumes) as services:
            return await act(services)

    @contextlib.asynccontextmanager
    async def opened(self, program: str, ask: Ask | None = None, *, resumes: bool = False) -> AsyncIterator[Services]:
        """The services, as the history names the program; what waits is finished before, and after what went well."""
        self.keep_log()
        if self.settings.file_problem:
            self.error(self.settings.file_problem)
        open_services = self.open_services
        if open_services is None:
            if "services.container" not in sys.modules:
                await asyncio.to_thread(import_module, "services.container")
            open_services = import_module("services.container").open_services
        settings, waits = replace(self.settings, program=program), self.waits()
        async with open_services(settings, ask=ask, waits=waits) as services:
            if not resumes:
                await self._finish_what_is_left(services)
            if settings.demo and not settings.demo_mark.exists():
                self.info("making the demo store, a moment …")
                await import_module("services.demo.store").make_demo(services)
            yield services
            await services.memories.embed_waiting()
            if await services.daily_backups.due():
                self.spawn_detached(*_DAILY_BACKUP)

    def waits(self) -> Waits:
        """What is waited for of other programs, each told on stderr."""
        from services.waiting_notice import Waits

        return Waits(self._say_wait)

    def _say_wait(self, line: str) -> None:
        if line:
            self.error(line)

    async def _finish_what_is_left(self, services: Services) -> None:
        """Warns of a restore that was not finished, and applies what was not tried.

        On servers only some: another program may be in the middle of applying them. What keeps the database from
        answering is told by the act itself, which may not need it.
        """
        from services.times import person_zone

        def announce(number: int) -> None:
            if number > _MANY:
                self.info(f"finishing {number:,} memories whose saves are not finished …")

        shared = bool(self.settings.qdrant_host or self.settings.database_url)
        with contextlib.suppress(MemoriaError):
            waiting, note = await services.records.outbox.left_behind()
            if begun := services.restoring.noted(note):
                self.info(begun.advice(person_zone(self.settings)))
            await services.memories.finish_untried(waiting, most=_SOME if shared else None, notify=announce)


@contextlib.contextmanager
def _output_errors() -> Iterator[None]:
    try:
        yield
    except (BrokenPipeError, ValueError) as error:  # a ValueError: the stream was closed
        raise OutputClosed from error
    except OSError as error:
        raise InvalidInput(f"standard output cannot be written: {error.strerror or error}") from error


def _open_missing() -> None:
    """Gives standard streams that the process was started without to nobody, so that no file gets their numbers."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


@contextlib.contextmanager
def interrupted_by(*numbers: signal.Signals) -> Iterator[None]:
    """Has these signals interrupt what is done as ctrl+c does, instead of ending the process at once."""
    with contextlib.ExitStack() as before:
        for number in numbers:
            with contextlib.suppress(ValueError):  # not in the main thread, which gets no signals
                before.callback(signal.signal, number, signal.signal(number, signal.default_int_handler))
        yield


def one_line(text: str, *, keep_indent: bool = False) -> str:
    """Text as one line without control characters, for messages that may quote what others wrote."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line.rstrip() if keep_indent else line.strip()


def terminal_of(context: typer.Context) -> Terminal:
    """The terminal that `main` was given."""
    return context.find_root().obj  # type: ignore[no-any-return]
