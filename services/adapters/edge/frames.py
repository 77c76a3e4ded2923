"""Messages between the program and the process that holds Qdrant Edge: pickled, each preceded by its length."""

from __future__ import annotations

import pickle
import struct
from typing import NamedTuple

LENGTH = struct.Struct("!I")
PART = 500
"""Most items of a list in one reply, so that the reader never unpickles for long."""

IN_USE, DRAFT, FORMER, SETS = "in use", "draft", "former", "sets"
"""What a request is made to: the shards of one set of collections, or all sets."""


class Request(NamedTuple):
    """One call of a method of `EdgeSets`, or of the shards of one set."""

    number: int
    which: str
    method: str
    arguments: tuple[object, ...]


class Reply(NamedTuple):
    """The answer, or one part of a list of answers, to the request of the same number."""

    number: int
    value: object
    """A `MemoriaError` when the call raised it."""
    last: bool = True
    ending: bool = False
    """True when the process ends after it, because it cannot serve the folder."""


def frame(message: Request | Reply) -> bytes:
    """The message as it goes through a pipe."""
    data = pickle.dumps(tuple(message), protocol=pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(data)) + data
