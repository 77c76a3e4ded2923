"""Kills what runs of the embedded PostgreSQL at random moments, and starts it again at once.

`python -m tests.integration.killed_server FOLDER KILLS [SEED]` prints how long the starts took, in seconds; exit status
1 tells of a start that failed or of data that was lost. Killed are any of the program, the keeper, the server and the
server's other processes, all at once; the program may be starting, and the server in its first moments.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.forking import forked

PROGRAM = """
import asyncio, pathlib, sys, psycopg
from services.adapters.postgres.embedded import EmbeddedPostgres
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]))
url = asyncio.run(server.start())
with psycopg.connect(url, autocommit=True) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS lives (number serial PRIMARY KEY)")
    (lives,) = connection.execute("SELECT count(*) FROM lives").fetchone()
    connection.execute("INSERT INTO lives DEFAULT VALUES")
    print(lives, flush=True)
    while True:
        connection.execute("CREATE TEMPORARY TABLE busy AS SELECT generate_series(1, 20000); DROP TABLE busy")
"""


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        forked("-c", PROGRAM, str(folder)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def of_the_server(folder: Path) -> dict[str, list[int]]:
    """What lives, by kind: the keeper, the server, its other processes."""
    found: dict[str, list[int]] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            words = process.cmdline()
            if str(folder / "data") in words and any(word.endswith("keeper.py") for word in words):
                found.setdefault("keeper", []).append(process.pid)
            elif process.name().startswith("postgres") and os.path.samefile(process.cwd(), folder / "data"):
                kind = "server" if "-D" in words else "others"
                found.setdefault(kind, []).append(process.pid)
    return found


def kill_some(folder: Path, program: subprocess.Popen[str], chance: random.Random) -> list[str]:
    """Kills at least one kind; gives their names."""
    living = {"program": [program.pid], **of_the_server(folder)}
    chosen = chance.sample(sorted(living), chance.randint(1, len(living)))
    for pid in [pid for kind in chosen for pid in living[kind]]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return chosen


def one_life(folder: Path, lives: int, chance: random.Random) -> tuple[float, int]:
    """Starts, is killed at a random moment, perhaps before it has started; gives seconds to start and lives seen."""
    began = time.monotonic()
    program = start(folder)
    try:
        if chance.random() < 0.3:
            time.sleep(chance.random() * 0.8)
            kill_some(folder, program, chance)
            program.kill()
            program.communicate()
            began = time.monotonic()
            program = start(folder)
        assert program.stdout is not None
        assert program.stderr is not None
        line = program.stdout.readline()
        took = time.monotonic() - began
        if not line:
            raise AssertionError(program.stderr.read().strip().splitlines()[-1])
        assert int(line) >= lives, f"{line.strip()} lives are known of {lives}"
        time.sleep(chance.random() * 0.3)
        kill_some(folder, program, chance)
        return took, int(line) + 1
    finally:
        program.kill()
        program.communicate()


def main(folder: Path, kills: int, seed: int) -> int:
    chance = random.Random(seed)
    took: list[float] = []
    lives = 0
    for number in range(kills):
        try:
            seconds, lives = one_life(folder, lives, chance)
        except AssertionError as error:
            print(f"life {number} of seed {seed}: {error}", file=sys.stderr)
            return 1
        took.append(seconds)
    print(f"{kills} kills, starts took {statistics.median(took):.1f} s, at most {max(took):.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int([*sys.argv, "1"][3])))
