"""The process that waits for one command of a client, and becomes it."""

from __future__ import annotations

import io
import logging
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from memoria_tui.cli import INTERRUPTED, main
from memoria_tui.cli.terminal import NeedsOwnProcess, Terminal
from memoria_tui.warm.client import EXIT, GO, OWN, READY, SIZE, circumstances, peer
from memoria_tui.warm.loaded import Loaded
from memoria_tui.warm.starting import linger

TAKEN, STALE, DONE = "taken", "stale", "done"
"""To the server: that it took a command, with the client's connection; that what is imported has changed; that a
command is done, with the seconds for which it wants the server to stay and what it imported."""
_PATIENCE = 2.0
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
    descriptors: list[int]
    """The folder where it is, then the streams."""

    @classmethod
    def read(cls, client: socket.socket) -> Request:
        """Raises OSError, ValueError."""
        head, descriptors, _, _ = socket.recv_fds(client, SIZE, 4)
        left, data = int.from_bytes(head, "big"), bytearray()
        if len(descriptors) != 4 or not 0 < left < _LONGEST:
            raise ValueError("no request")
        while len(data) < left:
            if not (part := client.recv(left - len(data))):
                raise ValueError("the client has gone")
            data += part
        around, *told = bytes(data).split(b"\0")
        mask, ignored, *streams = (text.decode() for text in told[:8])
        end = 9 + int(told[8])
        return cls(
            around,
            int(mask),
            [int(number) for number in ignored.split()],
            streams,
            [os.fsdecode(text) for text in told[9:end]],
            dict(text.split(b"=", 1) for text in told[end:]),  # type: ignore[misc]
            descriptors,
        )


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
                client.settimeout(_PATIENCE)
                with suppress(OSError, ValueError):
                    if peer(client)[1] == os.geteuid() and self._serves(request := Request.read(client)):
                        self._become(request)
                        client.sendall(READY + str(os.getpid()).encode())
                        if client.recv(len(GO)) != GO:
                            os._exit(0)
                        socket.send_fds(self._control, [TAKEN.encode()], [client.fileno()])
                        client.settimeout(None)
                        return client
                client.close()

    def _serves(self, request: Request) -> bool:
        """Whether the command would find nothing else in a process of its own."""
        if self._loaded.changed:
            self._control.send(STALE.encode())
            os._exit(0)
        environment = {os.fsdecode(name): os.fsdecode(value) for name, value in request.environment.items()}
        if request.circumstances == self._around and self._loaded.fits(environment):
            return True
        for number in request.descriptors:
            os.close(number)
        return False

    def _become(self, request: Request) -> None:
        """Takes over what the client has of its own."""
        self._listening.close()
        folder, *streams = request.descriptors
        os.fchdir(folder)
        os.close(folder)
        os.umask(request.mask)
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.environb.clear()
        os.environb.update(request.environment)
        time.tzset()
        sys.argv = request.arguments
        sys.stdin, sys.stdout, sys.stderr = map(_stream, range(3), request.streams[::2], request.streams[1::2])
        for number in request.ignored:
            signal.signal(number, signal.SIG_IGN)

    def _run(self, client: socket.socket) -> None:
        before = set(sys.modules)
        try:
            answer = EXIT + str(main(terminal=Terminal.of_process(served=True))).encode()
        except NeedsOwnProcess:
            answer = OWN
        except KeyboardInterrupt:
            answer = EXIT + str(INTERRUPTED).encode()
        logging.shutdown()
        imported = [name for name in sys.modules if name not in before]
        with suppress(OSError):
            self._control.send(" ".join((DONE, str(linger()), *imported)).encode())
        client.sendall(answer)
        os._exit(0)


def _stream(number: int, encoding: str, errors: str) -> io.TextIOWrapper:
    """As Python opens its standard streams."""
    opened = open(number, "rb" if number == 0 else "wb", closefd=False)  # noqa: SIM115
    lines = number == 2 or opened.isatty()
    return io.TextIOWrapper(opened, encoding, errors, newline=None if number == 0 else "\n", line_buffering=lines)
