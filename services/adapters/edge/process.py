"""The process that holds Qdrant Edge, because Edge keeps Python's interpreter lock in every call (facets: 150 ms).

It reads requests from its standard input and writes replies to its standard output; it ends when the input does.
"""

from __future__ import annotations

import json
import os
import pickle
import select
import signal
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import portalocker
import psutil

from services.adapters.edge.errors import translated
from services.adapters.edge.frames import LENGTH, PART, Reply, Request, frame
from services.adapters.edge.sets import EdgeSets
from services.errors import StoreInUse

_IDLE_SECONDS = 0.5
"""Quiet time after which written points are flushed or tidied."""
_ORPHAN_SECONDS = 20.0
"""How long to wait for a process whose program has died and which is about to end by itself."""


def main(folder: Path) -> None:
    """Serves requests until the program that started it closes the pipe or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, replies = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print must not end up between the replies
    first = _next(requests)
    if first is None:
        return
    try:
        lock = _locked(folder)
        sets = EdgeSets(folder)
    except BaseException as error:
        _send(replies, first, translated(error, folder))
        return
    with lock:
        _log_panics(folder / "edge.log")
        _serve(sets, folder, first, requests, replies)


def _log_panics(file: Path) -> None:
    """Edge writes panics to the standard error, which belongs to the terminal's program."""
    log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)


def _serve(sets: EdgeSets, folder: Path, request: Request | None, requests: BinaryIO, replies: BinaryIO) -> None:
    while request is not None:
        try:
            value = getattr(sets.of(request.which), request.method)(*request.arguments)
        except Exception as error:
            value = translated(error, folder)
        except BaseException as error:  # a panic of Edge may leave its locks taken: answer and start afresh
            _send(replies, request, translated(error, folder))
            return
        _send(replies, request, value)
        sets.tidy()
        if not select.select([requests], [], [], _IDLE_SECONDS)[0]:
            sets.flush()
        request = _next(requests)
    sets.close()


def _send(replies: BinaryIO, request: Request, value: object) -> None:
    parts = [value]
    if isinstance(value, list) and len(value) > PART:
        parts = [value[start : start + PART] for start in range(0, len(value), PART)]
    try:
        for place, part in enumerate(parts):
            replies.write(frame(Reply(request.number, part, place == len(parts) - 1)))
        replies.flush()
    except BrokenPipeError:
        return


def _next(requests: BinaryIO) -> Request | None:
    header = _exactly(requests, LENGTH.size)
    body = _exactly(requests, LENGTH.unpack(header)[0]) if header else None
    return Request(*pickle.loads(body)) if body else None


def _exactly(source: BinaryIO, size: int) -> bytes | None:
    """`size` bytes, None when the pipe ends before."""
    parts = bytearray()
    while len(parts) < size:
        part = source.read(size - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)


def _locked(folder: Path) -> portalocker.Lock:
    """Takes the folder for this process. Raises StoreInUse naming the program that has it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = portalocker.Lock(folder / "lock", "a", timeout=0, flags=portalocker.LOCK_EX | portalocker.LOCK_NB)
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while True:
        try:
            lock.acquire()
            break
        except portalocker.LockException as error:
            owner = _owner(folder)
            if owner is None and time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            name = owner or "another process"
            raise StoreInUse(f"the memories in {folder} are in use by {name}; close it there first") from error
    _sign(folder)
    return lock


def _sign(folder: Path) -> None:
    """Writes down which program has the folder: the one that started this process."""
    program = psutil.Process(os.getppid())
    words = program.cmdline()[1:] if "python" in program.name() else program.cmdline()
    name = " ".join([Path(words[0]).name, *words[1:]]) if words else program.name()
    draft = folder / "owner.json.new"
    draft.write_text(json.dumps({"pid": program.pid, "started": program.create_time(), "name": name[:60]}), "utf-8")
    draft.replace(folder / "owner.json")


def _owner(folder: Path) -> str | None:
    """Name of the program that has the folder, None when it is dead or not yet known."""
    try:
        data = json.loads((folder / "owner.json").read_text("utf-8"))
        program = psutil.Process(int(data["pid"]))
        if abs(program.create_time() - float(data["started"])) > 1:
            return None
        since = datetime.fromtimestamp(float(data["started"])).astimezone()
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    name = "".join(letter for letter in str(data.get("name")) if letter.isprintable())
    return f"«{name}» (process {program.pid}, running since {since:%Y-%m-%d %H:%M})"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
