"""A process that holds Qdrant Edge, because Edge keeps Python's interpreter lock in every call (facets: 150 ms).

It reads requests from its standard input and writes replies to its standard output; it ends when the input does.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from services.adapters.edge.edge_errors import translated
from services.adapters.edge.edge_sets import EdgeDraft, EdgeSets
from services.adapters.edge.frames import LENGTH, PART, Reply, Request, frame
from services.adapters.edge.locks import take_draft, take_folder
from services.model import MemoryType

_IDLE_SECONDS = 0.5
"""Quiet time after which written points are flushed or tidied."""


def main(folder: Path, collection: MemoryType | None = None) -> None:
    """Serves requests to the sets in the folder, or to one collection of its draft.

    Until the program that started it closes the pipe or dies.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.umask(0o077)  # Edge makes its files as the umask lets it
    requests, replies = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print must not end up between the replies
    first = _next(requests)
    if first is None:
        return
    try:
        lock = take_draft(folder, collection) if collection else take_folder(folder)
        served = EdgeDraft(folder, collection) if collection else EdgeSets(folder)
    except BaseException as error:
        _send(replies, first, translated(error, folder), ending=True)
        return
    with lock:
        _log_panics(folder / "edge.log", truncate=collection is None)
        _serve(served, folder, first, requests, replies)


def _log_panics(file: Path, *, truncate: bool) -> None:
    """Edge writes panics to the standard error, which belongs to the terminal's program."""
    log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if truncate else 0), 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)


def _serve(
    served: EdgeSets | EdgeDraft, folder: Path, request: Request | None, requests: BinaryIO, replies: BinaryIO
) -> None:
    while request is not None:
        try:
            value = getattr(served.of(request.which), request.method)(*request.arguments)
        except Exception as error:
            value = translated(error, folder)
        except BaseException as error:  # a panic of Edge may leave its locks taken: answer and start afresh
            _send(replies, request, translated(error, folder), ending=True)
            return
        _send(replies, request, value)
        served.tidy()
        if not select.select([requests], [], [], _IDLE_SECONDS)[0]:
            served.flush()
        request = _next(requests)
    served.close()


def _send(replies: BinaryIO, request: Request, value: object, *, ending: bool = False) -> None:
    parts = [value]
    if isinstance(value, list) and len(value) > PART:
        parts = [value[start : start + PART] for start in range(0, len(value), PART)]
    try:
        for place, part in enumerate(parts):
            replies.write(frame(Reply(request.number, part, place == len(parts) - 1, ending)))
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


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(MemoryType, sys.argv[2:]))
