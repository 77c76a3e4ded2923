"""Start-up as a person sees it: to the first paint, to a list of memories that can be used, and through one command.

The app runs on a pseudo-terminal of 120×40 and is watched from outside; its baseline is a Textual app that has nothing
but a header and a footer. That of a command is Python importing httpx.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.benchmarks.figures import Figure, compared

BARE_APP = """
from textual.app import App
from textual.widgets import Footer, Header
class Bare(App):
    TITLE = "bare-app-is-here"
    def compose(self):
        yield Header()
        yield Footer()
Bare().run()
"""
COMMANDS = {"work status --format": ("work", "status", "--format", "{description}"), "--help": ("--help",)}
"""What a prompt asks for each time it is drawn, and what imports every command."""
TERMINAL = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONDONTWRITEBYTECODE": ""}
"""Our modules are compiled before, as those of the baselines are and as they are wherever the program is installed."""
PATIENCE = 30.0
"""Seconds after which a program counts as hanging."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=7)


def run(args: Namespace) -> list[Figure]:
    """Medians over the rounds; the programs take turns, so that noise falls on both."""
    bare, painted, usable, httpx = [], [], [], []
    commands: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, **TERMINAL, "MEMORIA_HOME": home}
        demo = [sys.executable, "-m", "memoria_tui", "demo"]
        subprocess.run(demo, env=environment, check=True, capture_output=True)
        for _ in range(args.rounds):
            bare.append(seconds_until([sys.executable, "-c", BARE_APP], environment, ["bare-app-is-here"])[0])
            first, loaded = seconds_until(demo, environment, ["memoria", "◆"])
            painted.append(first)
            usable.append(loaded)
            httpx.append(seconds_of(["-c", "import httpx"], environment))
            for name, command in COMMANDS.items():
                commands[name].append(seconds_of(["-m", "memoria_tui", *command], environment))
    app, importing = statistics.median(bare), statistics.median(httpx)
    name = "first paint of a bare Textual app"
    return [
        compared("first paint", statistics.median(painted), "s", name, app, 1.5),
        compared("demo store usable", statistics.median(usable), "s", name, app, 4),
        *(
            compared(f"memoria-tui {name}", statistics.median(times), "s", 'python -c "import httpx"', importing, 2.5)
            for name, times in commands.items()
        ),
    ]


def seconds_of(arguments: Sequence[str], environment: Mapping[str, str]) -> float:
    """Seconds of one run of Python."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=environment, check=True, capture_output=True)
    return time.perf_counter() - began


def seconds_until(command: Sequence[str], environment: Mapping[str, str], marks: Sequence[str]) -> list[float]:
    """Seconds from the command to the moment when each mark was written to the terminal; the program is then ended."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True, cwd=Path.cwd()
    )
    os.close(slave)
    written, seen = b"", list[float]()
    try:
        while len(seen) < len(marks):
            left = PATIENCE - (time.perf_counter() - began)
            if left <= 0 or not select.select([master], [], [], left)[0]:
                raise TimeoutError(f"{command[-1]!r} did not show {marks[len(seen)]!r} within {PATIENCE:g} s")
            written += os.read(master, 65536)
            while len(seen) < len(marks) and marks[len(seen)].encode() in written:
                seen.append(time.perf_counter() - began)
    finally:
        process.send_signal(signal.SIGTERM)
        drain(master, process)
    return seen


def drain(master: int, process: subprocess.Popen[bytes]) -> None:
    """Reads what the program still writes until it has ended, so that it never blocks on a full terminal."""
    deadline = time.perf_counter() + 5
    while process.poll() is None and time.perf_counter() < deadline:
        if select.select([master], [], [], 0.05)[0]:
            try:
                os.read(master, 65536)
            except OSError:
                break
    process.kill()
    process.wait()
    os.close(master)
