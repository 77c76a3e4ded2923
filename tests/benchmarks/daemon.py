"""The store daemon: a search through it beside one in its own process, warm commands, memory, the cost of rest.

The two kinds of search take turns on one store, as do the commands and `python -c pass`.
"""

from __future__ import annotations

import asyncio
import json
import os
import pty
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from math import inf
from pathlib import Path

import psutil

from memoria_tui.command_server.client import connected, peer
from services.adapters.bundled_embedder import BundledEmbedder
from services.adapters.daemon.client import DaemonClient
from services.adapters.edge.edge_store import EdgeVectorStore
from services.container import daemon_status, stop_stores
from services.model import Query
from services.settings import Settings
from tests.benchmarks.figures import Figure, compared, limited, percentile
from tests.benchmarks.one_process import Bare
from tests.benchmarks.search import timed
from tests.benchmarks.seeded import memories, questions
from tests.benchmarks.start import PATIENCE, TERMINAL, seconds_of
from tests.benchmarks.stores import Stores, empty_stores

_ROUNDS = 7
_MEMORIA = ["-m", "memoria_tui"]
_AT_REST = 10.0
"""Seconds for which the daemon is watched while nobody asks."""
_COMMANDS = {"search --json": 6.0, "show": 5.0, "add": 5.0, "work status": 5.0}
"""With the goal as a multiple of Python's own start."""
_HELLO = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "benchmark", "version": "1"},
        },
    }
).encode()
"""The first that an agent's program says."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--memories", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=7, help="of the commands (default: %(default)s)")


async def run(args: Namespace) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="memoria-benchmark-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        async with empty_stores(home) as stores:
            await stores.write(list(memories(args.memories)))
            searched = await _searches(stores, args)
            settings = stores.settings
        try:
            searched.append(await asyncio.to_thread(_cold, settings, max(3, args.rounds // 2)))
            commands = await asyncio.to_thread(_programs, home, args.rounds)
            return [*searched, *commands, await _rest(replace(settings, linger=600.0))]
        finally:
            for server in (_command_server(home) or [])[:1]:
                server.terminate()
            await stop_stores(settings, force=True)


async def _searches(stores: Stores, args: Namespace) -> list[Figure]:
    """The two ask the same in turns; the one without a daemon asks a copy, since Edge lets one process in."""
    await _closed(stores)
    copy = stores.settings.home / "alone"
    await asyncio.to_thread(shutil.copytree, stores.settings.vectors_dir, copy)
    daemon, alone = DaemonClient(stores.settings.home), Bare(copy)
    searches = [
        replace(stores, vectors=EdgeVectorStore(one), embedder=BundledEmbedder(one)).search() for one in (daemon, alone)
    ]
    for search in searches:
        await search.ranked(Query("one", "one"))  # loads the model and the vocabulary
    asked = questions(args.questions)
    taken = [[inf] * len(asked) for _ in searches]
    for _ in range(_ROUNDS):
        for place, text in enumerate(asked):
            for search, times in zip(searches, taken, strict=True):
                times[place] = min(times[place], (await timed(search.ranked(Query(text, text))))[0])
    await alone.close()
    await daemon.close()
    await asyncio.to_thread(shutil.rmtree, copy)
    await _closed(stores)
    what = f"hybrid search of {args.memories:,} memories through the daemon, least of {_ROUNDS}"
    name, (through, own) = "the same in its own process", taken
    return [
        compared(f"{what}, p50", percentile(through, 0.5), "ms", name, percentile(own, 0.5), 1.15),
        compared(f"{what}, p95", percentile(through, 0.95), "ms", name, percentile(own, 0.95)),
    ]


async def _closed(stores: Stores) -> None:
    await stores.vectors.close()
    await stores.embedder.close()
    await DaemonClient(stores.settings.home).stop(force=True)


def _cold(settings: Settings, rounds: int) -> Figure:
    """The first command of a day, which starts all at once, beside the same as it was before there was a daemon."""
    environment = _environment(settings.home)
    asked, stop = ("search", "tokens expire"), [*_MEMORIA, "stop", "--force"]
    taken: dict[str, list[float]] = {"memoria_tui": [], "tests.benchmarks.one_process": []}
    for _ in range(rounds):
        for program, times in taken.items():
            seconds_of(stop, environment)
            times.append(seconds_of(["-m", program, *asked], environment))
    seconds_of(stop, environment)
    together, alone = map(min, taken.values())
    name = "the same in one process, one after the other"
    return compared("search when nothing runs, least", together, "s", name, alone, 0.6)


def _programs(home: Path, rounds: int) -> list[Figure]:
    environment = _environment(home)
    add = [sys.executable, "-m", "memoria_tui", "add", "one memory"]
    memory = subprocess.run(add, env=environment, check=True, capture_output=True, text=True).stdout.strip()
    commands = {
        "search --json": ("search", "tokens expire", "--json"),
        "show": ("show", memory),
        "add": ("add", "another memory"),
        "work status": ("work", "status"),
    }
    _warm(home, environment, list(commands.values()))
    python, answered, times = list[float](), list[float](), {name: list[float]() for name in commands}
    for _ in range(rounds):
        python.append(seconds_of(["-c", "pass"], environment))
        answered.append(_first_answer(environment))
        for name, command in commands.items():
            times[name].append(seconds_of(["-m", "memoria_tui", *command], environment))
    start = statistics.median(python)
    figures = [
        compared(f"warm memoria-tui {name}", statistics.median(taken), "s", "python -c pass", start, _COMMANDS[name])
        for name, taken in times.items()
    ]
    agents = compared(
        "warm memoria-tui mcp, first answer", statistics.median(answered), "s", "python -c pass", start, 8
    )
    return [*figures, agents, *_at_rest(home), limited("a second app", _second_app(environment), "MB", 90.0)]


def _environment(home: Path) -> dict[str, str]:
    """Of commands; backups would be made beside what is measured."""
    own = {"MEMORIA_HOME": str(home), "MEMORIA_LINGER": "600", "MEMORIA_BACKUP_KEEP": "0"}
    return {**os.environ, **TERMINAL, **own}


def _warm(home: Path, environment: dict[str, str], commands: Sequence[Sequence[str]]) -> None:
    """Returns when a command server runs that has imported what these commands need."""
    for _ in range(2):
        for command in commands:
            seconds_of(["-m", "memoria_tui", *command], environment)
        _first_answer(environment, stays=3.0)
        deadline = time.monotonic() + PATIENCE
        while _command_server(home) is None and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)


def _first_answer(environment: dict[str, str], stays: float = 0.0) -> float:
    """Seconds from the start of an agent's server to its first answer; then it `stays` for some, and ends."""
    pipe, began = subprocess.PIPE, time.perf_counter()
    command = [sys.executable, "-m", "memoria_tui", "mcp"]
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as agent:
        assert agent.stdin is not None
        assert agent.stdout is not None
        agent.stdin.write(_HELLO + b"\n")
        agent.stdin.flush()
        assert b'"result"' in agent.stdout.readline()
        taken = time.perf_counter() - began
        time.sleep(stays)
        agent.stdin.close()
    return taken


def _command_server(home: Path) -> list[psutil.Process] | None:
    """Its processes; None when none runs."""
    with suppress(OSError):
        if (there := connected(str(home / "daemon"))) is not None:
            server = psutil.Process(peer(there)[0])
            return [server, *server.children()]
    return None


def _at_rest(home: Path) -> list[Figure]:
    time.sleep(1)
    processes = _command_server(home)
    assert processes is not None
    before, began = [one.cpu_times() for one in processes], time.monotonic()
    memory = sum(one.memory_full_info().pss for one in processes) / 2**20
    time.sleep(_AT_REST)
    used = sum(sum(one.cpu_times()[:2]) - sum(then[:2]) for one, then in zip(processes, before, strict=True))
    return [
        limited("the command server at rest: of a core", used / (time.monotonic() - began) * 100, "%", 0.1),
        limited("the command server", memory, "MB", 150.0),
    ]


def _second_app(environment: dict[str, str]) -> float:
    """Megabytes that belong to it alone."""
    with ExitStack() as apps:
        first, second = (apps.enter_context(_app(environment)) for _ in range(2))
        time.sleep(5)
        assert first.poll() is None
        used = psutil.Process(second.pid).memory_full_info().uss / 2**20
        for app in (first, second):
            app.send_signal(signal.SIGTERM)
        return float(used)


def _app(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """On a terminal whose output nobody needs."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "memoria_tui"]
    app = subprocess.Popen(command, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    subprocess.Popen(["cat"], stdin=master, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(master)
    return app


async def _rest(settings: Settings) -> Figure:
    status = await daemon_status(settings)
    assert status is not None
    process = psutil.Process(status.pid)
    before = sum(process.cpu_times()[:2])
    await asyncio.sleep(_AT_REST)
    return limited("the daemon at rest: of a core", (sum(process.cpu_times()[:2]) - before) / _AT_REST * 100, "%", 0.1)
