"""A process of the store daemon that fills one collection of a draft, for its indexes take seconds to make.

It reads requests from its standard input and writes replies to its standard output; it ends when the input does.
"""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path
from typing import BinaryIO

from services.adapters.daemon.wire import LENGTH, METHODS, NOTHING, Reply, Request, failure, frame, read_request
from services.adapters.edge.edge_errors import translated
from services.adapters.edge.edge_folder import EdgeDraft
from services.adapters.edge.folder_locks import take_draft
from services.model import MemoryType

_IDLE_SECONDS = 0.5
"""Quiet time after which written points are flushed."""


def main(folder: Path, collection: MemoryType) -> None:
    requests, replies = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print must not end up between the replies
    request = _next(requests)
    if request is None:
        return
    try:
        take_draft(folder, collection)  # until this process ends
        draft = EdgeDraft(folder, collection)
    except BaseException as error:
        _fail(replies, request, error, folder)
        return
    while request is not None and _serve(draft, folder, request, replies):
        if not select.select([requests], [], [], _IDLE_SECONDS)[0]:
            draft.flush()
        request = _next(requests)
    draft.close()


def _serve(draft: EdgeDraft, folder: Path, request: Request, replies: BinaryIO) -> bool:
    """False after a panic of Edge, which may have left its locks taken."""
    method = METHODS[request.method]
    try:
        value = getattr(draft.of(request.target), request.method)(*method.read_arguments(request.arguments))
        draft.tidy()
    except BaseException as error:
        _fail(replies, request, error, folder)
        return isinstance(error, Exception)
    parts = list(method.write_answer(value))
    for place, part in enumerate(parts):
        replies.write(frame(Reply(request.number, part, place == len(parts) - 1)))
    replies.flush()
    return True


def _fail(replies: BinaryIO, request: Request, error: BaseException, folder: Path) -> None:
    replies.write(frame(Reply(request.number, NOTHING, failure=failure(translated(error, folder)))))
    replies.flush()


def _next(requests: BinaryIO) -> Request | None:
    header = _exactly(requests, LENGTH.size)
    body = _exactly(requests, LENGTH.unpack(header)[0]) if header else None
    return read_request(body) if body else None


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
    main(Path(sys.argv[1]), MemoryType(sys.argv[2]))
