"""The process that waits for one command of a client, and becomes it."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import NoReturn

from memoria_tui.cli import INTERRUPTED, main
from memoria_tui.cli.terminal import NeedsOwnProcess, Terminal
from memoria_tui.command_server.client import EXIT, GO, OWN, PASSED_ON, READY, SIZE, circumstances, peer
from memoria_tui.command_server.loaded_files import Loaded
from services.container import connect_ahead
from services.container import rehearse as rehearse_services
from services.errors import InvalidInput, MemoriaError
from services.settings import Settings, load_settings

TAKEN, STALE, DONE = "taken", "stale", "done"
"""To the server: that it took a command, with the client's connection; that what is imported has changed; that a
command is done, or goes on with all that it needs, with the seconds for which it wants the server to stay and what it
imported."""
_PATIENCE = 5.0
"""Seconds for a client to send its request."""
_LONGEST = 1 << 24
"""Bytes; arguments and environment of a process are fewer."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a process hands over."""

    circumstances: bytes
    mask: int
    ignored: list[int]
    """Signals."""
    streams: list[str]
    """Encoding and what is done about errors in it, of standard input, output and error."""
    arguments: list[str]
    environment: dict[bytes, bytes]

    @classmethod
    def read(cls, client: socket.socket) -> Request:
        """Raises OSError, ValueError."""
        size = int.from_bytes(_exactly(client, SIZE), "big")
        if not 0 < size < _LONGEST:
            raise ValueError("no request")
        data = _exactly(client, size)
        around, *told = data.split(b"\0")
        mask, ignored, *streams = (text.decode() for text in told[:8])
        end = 9 + int(told[8])
        return cls(
            around,
            int(mask),
            [int(number) for number in ignored.split()],
            streams,
            [os.fsdecode(text) for text in told[9:end]],
            dict(text.split(b"=", 1) for text in told[end:]),
        )


def _exactly(client: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        if not (part := client.recv(size - len(data))):
            raise ValueError("the client has gone")
        data += part
    return bytes(data)


class Spare:
    """A process that was forked ahead."""

    def __init__(self, listening: socket.socket, control: socket.socket, loaded: Loaded) -> None:
        self._listening, self._control, self._loaded = listening, control, loaded
        self._around = circumstances()

    def run(self) -> NoReturn:
        """Waits for a command and runs it; ends without one when the server has gone or does not need it any more."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            if not select.select([self._listening, self._control], [], [], 0)[0]:
                rehearse()
                _connect_ahead()
            self._run(self._client())
        finally:
            os._exit(1)

    def _client(self) -> socket.socket:
        """That of the command that this process has become and that is to begin now."""
        watched = select.poll()
        watched.register(self._listening, select.POLLIN)
        watched.register(self._control, select.POLLIN)
        while True:
            ready = [number for number, _ in watched.poll()]
            if self._control.fileno() in ready:
                os._exit(0)
            with suppress(BlockingIOError):
                client, _ = self._listening.accept()
                if (request := self._asked(client)) is None:
                    client.close()
                else:
                    self._begin(client, request)
                    return client

    def _asked(self, client: socket.socket) -> Request | None:
        """What the client wants; None when another process has to do it."""
        client.settimeout(_PATIENCE)
        with suppress(OSError, ValueError):
            if peer(client)[1] == os.geteuid():
                self._end_if_stale()  # while the client puts together what it wants
                if self._serves(request := Request.read(client)):
                    return request
        return None

    def _begin(self, client: socket.socket, request: Request) -> None:
        """Returns when this process is as the client's and the client lets it begin; ends it otherwise."""
        try:
            self._become(request)
            client.sendall(READY + str(os.getpid()).encode())
            go, passed, _, _ = socket.recv_fds(client, len(GO), 4)
            if go != GO:
                os._exit(0)
            client.settimeout(None)
            socket.send_fds(self._control, [TAKEN.encode()], [client.fileno()])
            _take_over(passed, request.streams)
        except (OSError, ValueError):
            with suppress(OSError):
                client.sendall(OWN)
            os._exit(0)

    def _end_if_stale(self) -> None:
        """Ends this process where another one would import something else by now."""
        if changed := self._loaded.changed():
            self._control.send(f"{STALE} {changed}".encode("utf-8", "replace"))
            os._exit(0)

    def _serves(self, request: Request) -> bool:
        """Whether the command would find nothing else in a process of its own."""
        environment = {os.fsdecode(name): os.fsdecode(value) for name, value in request.environment.items()}
        return request.circumstances == self._around and self._loaded.fits(environment)

    def _become(self, request: Request) -> None:
        """Takes over what the client has of its own."""
        self._listening.close()
        os.umask(request.mask)
        take_environment(request.environment)
        time.tzset()
        sys.argv = request.arguments
        for number in PASSED_ON:
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, signal.SIG_IGN if number in request.ignored else usual)

    def _run(self, client: socket.socket) -> None:
        before = len(sys.modules)

        def report() -> None:
            newest = islice(reversed(sys.modules), max(0, len(sys.modules) - before))  # to touch all takes long
            imported = [*newest][::-1]
            with suppress(OSError):
                self._control.send(" ".join((DONE, str(_linger(terminal)), *imported)).encode())

        terminal = Terminal.of_process(report, served=True)
        try:
            answer = EXIT + str(main(terminal=terminal)).encode()
        except NeedsOwnProcess:
            answer = OWN
        except KeyboardInterrupt:
            answer = EXIT + str(INTERRUPTED).encode()
        except SystemExit as ended:
            answer = EXIT + str(ended.code or 0).encode()
        logging.shutdown()
        report()
        os.closerange(0, 3)  # what waits for the end of its output does not wait until this process has ended
        client.sendall(answer)
        os._exit(0)


def _linger(terminal: Terminal) -> float | None:
    """Seconds for which the server stays after a command; None where the settings cannot be read."""
    with suppress(MemoriaError):
        return terminal.settings.linger
    return None


class Rehearsed(Terminal):
    """Of a command that is only tried: it finds no settings, and so opens nothing, whatever it is."""

    @cached_property
    def settings(self) -> Settings:
        raise InvalidInput("a command that is tried has no stores")


def rehearse() -> None:
    """Does what each command does before it asks a store.

    Done by the server, it makes what is made once and kept; by the spare, it touches that memory, which is then copied.
    """
    with suppress(MemoriaError):
        for refused in (["search"], ["add", ""]):
            main(refused, Rehearsed({}, io.BytesIO(), io.StringIO(), io.StringIO()))
        asyncio.run(rehearse_services(load_settings(os.environ)))


def _connect_ahead() -> None:
    """To the stores of this home, as far as they run; who comes meanwhile waits less than for doing it themselves."""
    with suppress(MemoriaError, OSError):
        asyncio.run(connect_ahead(load_settings(os.environ)))


def take_environment(wanted: Mapping[bytes, bytes]) -> None:
    """Changes what is another there, which is next to nothing: each variable is memory that is copied then."""
    there = dict(os.environb)
    for name in there.keys() - wanted.keys():
        del os.environb[name]
    for name, value in wanted.items():
        if there.get(name) != value:
            os.environb[name] = value


def _take_over(passed: list[int], streams: list[str]) -> None:
    """The folder and the streams of the client."""
    folder, *descriptors = passed
    os.fchdir(folder)
    os.close(folder)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin, sys.stdout, sys.stderr = map(_stream, range(3), streams[::2], streams[1::2])


def _stream(number: int, encoding: str, errors: str) -> io.TextIOWrapper:
    """As Python opens its standard streams."""
    opened = open(number, "rb" if number == 0 else "wb", closefd=False)  # noqa: SIM115
    lines = number == 2 or opened.isatty()
    return io.TextIOWrapper(opened, encoding, errors, newline=None if number == 0 else "\n", line_buffering=lines)
