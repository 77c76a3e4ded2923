"""What crosses the socket between a program and the store daemon: data in msgpack, of a closed set of types.

A frame is its length and a message. Conditions and requests are the values of `services.points` under the name of their
type; vectors and scores are 32-bit floats as bytes. Whatever is not of these types is refused while it is read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol, get_type_hints

import msgspec

from services import errors
from services.errors import MemoriaError, StoreUnavailable
from services.model import DaemonStatus, MemoryType
from services.points import (
    Between,
    CollectionInfo,
    Condition,
    Contains,
    DatedBetween,
    DenseSearch,
    Filter,
    HasId,
    HasVector,
    Lookup,
    Matches,
    Missing,
    Point,
    ScoredPoint,
    Scroll,
    SearchRequest,
    TextSearch,
    packed,
    unpacked,
)
from services.ports import Draft, Room
from services.storable_text import storable, storable_text

PROTOCOL = 6
"""Raised with every change of what crosses the socket: programs of another number are of another version."""
SCHEMA = "e110b9736fdf3a45"
"""A digest of what crosses it and of the protocol's number: a test says when it is another one."""
LENGTH = struct.Struct("!I")
LONGEST = 256 << 20
"""Bytes of a frame beyond which it is no message: a memory has at most 4,000,000 characters, in each of its chunks."""
PART = 500
"""Most items of a list in one reply, so that nobody reads one for long."""

IN_USE, DRAFT, FORMER, SETS, MODEL, DAEMON = "in use", "draft", "former", "sets", "model", "daemon"
WORDS = "words"
"""What a request is made to: the shards of one set of collections, all sets, the bundled model, the daemon itself, the
words of the memories. Of the draft one collection: «draft semantic»."""


class Connection(Protocol):
    """The way to who holds Edge and the model: the store daemon, or what stands in for it."""

    async def call(self, target: str, method: str, *arguments: object) -> Any:
        """The method's answer. Raises what it raised, StoreUnavailable, StorageFull or StoreTooNew."""
        ...

    async def close(self) -> None: ...


class Hello(msgspec.Struct, array_like=True):
    """The first message of a program. It and the answer to it stay as they are in every version."""

    protocol: int
    release: str
    program: str
    linger: float
    """Seconds that the daemon stays after this program at least."""


class Welcome(msgspec.Struct, array_like=True):
    """The answer to it; of another version when the daemon does not serve the program."""

    protocol: int
    release: str


class Request(msgspec.Struct, array_like=True):
    """One call of a method; without one, the request of that number is no longer wanted."""

    number: int
    target: str
    method: str
    arguments: msgspec.Raw


class Failure(msgspec.Struct, array_like=True):
    """A `MemoriaError` by the name of its class."""

    kind: str
    message: str


class Reply(msgspec.Struct, array_like=True):
    """The answer, or one part of a list of answers, to the request of the same number."""

    number: int
    value: msgspec.Raw
    last: bool = True
    failure: Failure | None = None


NOTHING = msgspec.Raw(msgspec.msgpack.encode(None))
_encoder = msgspec.msgpack.Encoder()
read_welcome = msgspec.msgpack.Decoder(Welcome).decode
read_reply = msgspec.msgpack.Decoder(Reply).decode
_hello, _request = msgspec.msgpack.Decoder(Hello), msgspec.msgpack.Decoder(Request)


class Malformed(Exception):
    """What was sent is no message, or none of those that are known."""


class Frames:
    """What arrives, cut into messages."""

    def __init__(self) -> None:
        self._read = bytearray()

    def add(self, data: bytes) -> None:
        self._read += data

    def next(self, longest: int = LONGEST) -> bytes | None:
        """The next message, once it is complete. Raises Malformed for one of more than `longest` bytes."""
        if len(self._read) < LENGTH.size:
            return None
        (size,) = LENGTH.unpack_from(self._read)
        if size > longest:
            raise Malformed(f"a message of {size} bytes")
        if len(self._read) < (end := LENGTH.size + size):
            return None
        message = bytes(memoryview(self._read)[LENGTH.size : end])
        del self._read[:end]
        return message


@contextmanager
def _well_formed() -> Iterator[None]:
    try:
        yield
    except ValueError as error:  # msgspec's own errors are such, and those of text and of vectors
        raise Malformed(str(error)) from error


def read_hello(data: bytes) -> Hello:
    """Raises Malformed."""
    with _well_formed():
        return _hello.decode(data)


def read_request(data: bytes) -> Request:
    """Raises Malformed."""
    with _well_formed():
        return _request.decode(data)


def frame(message: msgspec.Struct) -> bytes:
    """The message as it goes through the socket."""
    data = _encoder.encode(message)
    return LENGTH.pack(len(data)) + data


def is_newer(one: Hello | Welcome, other: Hello | Welcome) -> bool:
    """Whether one end of a connection is of a later version than the other."""
    return _version(one) > _version(other)


def _version(end: Hello | Welcome) -> tuple[tuple[int, ...], int]:
    return tuple(int(part) for part in end.release.split(".") if part.isdigit()), end.protocol


def failure(error: MemoriaError) -> Failure:
    return Failure(type(error).__name__, storable_text(str(error)))


def error_of(failed: Failure) -> MemoriaError:
    """The error that it was; one of an unknown kind, or that needs more than its message, is StoreUnavailable."""
    kind = getattr(errors, failed.kind, None)
    if isinstance(kind, type) and issubclass(kind, MemoriaError) and "__init__" not in vars(kind):
        return kind(failed.message)
    return StoreUnavailable(failed.message)


# values: how each kind of them is written (`out`), what may be read, and what is made of that (`back`)


@dataclass(frozen=True, slots=True)
class Codec:
    """One kind of value."""

    wire: Any
    """The type that msgspec reads and refuses all else than."""
    out: Callable[[Any], object] = lambda value: value
    back: Callable[[Any], Any] = lambda value: value


def _mirror(kind: type, **types: object) -> type[msgspec.Struct]:
    """A frozen value as msgspec tells it from others: by the name of its type; some fields have other types there."""
    hints = get_type_hints(kind)
    written = [(one.name, types.get(one.name, hints[one.name])) for one in fields(kind)]
    return msgspec.defstruct(kind.__name__, written, tag=True, array_like=True)


_PLAIN = (Matches, Between, DatedBetween, Contains, Missing, HasId, HasVector)
_MIRRORS: dict[type, Any] = {kind: _mirror(kind) for kind in _PLAIN}


class _Filter(msgspec.Struct, array_like=True, tag="Filter"):
    must: tuple[_WireCondition, ...]
    must_not: tuple[_WireCondition, ...]
    any_of: tuple[_WireCondition, ...]


_WireCondition: Any = _Filter
for _kind in _MIRRORS.values():
    _WireCondition |= _kind
_MIRRORS |= {
    Filter: _Filter,
    Scroll: _mirror(Scroll, where=_Filter),
    DenseSearch: _mirror(DenseSearch, where=_Filter, vector=bytes),
    TextSearch: _mirror(TextSearch, where=_Filter),
    Lookup: _mirror(Lookup, where=_Filter),
}
_KINDS: Mapping[type, Any] = {mirror: kind for kind, mirror in _MIRRORS.items()}
_NESTED: Mapping[str, tuple[Callable[[Any], object], Callable[[Any], object]]] = {
    **dict.fromkeys(
        ("must", "must_not", "any_of"), (lambda all_: tuple(map(_out, all_)), lambda all_: tuple(map(_back, all_)))
    ),
    "where": (lambda where: _out(where), lambda where: _back(where)),
    "vector": (packed, lambda data: unpacked(data).tolist()),
}
"""Fields that are written in another form."""


def _out(value: Condition | SearchRequest | Scroll) -> msgspec.Struct:
    mirror = _MIRRORS[type(value)]
    written = ((name, getattr(value, name)) for name in mirror.__struct_fields__)
    made: msgspec.Struct = mirror(*(_NESTED[name][0](field) if name in _NESTED else field for name, field in written))
    return made


def _back(read: msgspec.Struct) -> Any:
    named = ((name, getattr(read, name)) for name in read.__struct_fields__)
    return _KINDS[type(read)](*(_NESTED[name][1](field) if name in _NESTED else field for name, field in named))


def _points_out(all_: Sequence[Point]) -> object:
    """Points to be stored; those that were are as they are stored."""
    return _stored_out([Point(one.id, storable(one.payload), one.vector, one.has_vector) for one in all_])


def _stored_out(all_: Sequence[Point]) -> object:
    return [(one.id, one.payload, None if one.vector is None else packed(one.vector), one.has_vector) for one in all_]


def _points_back(read: Sequence[tuple[str, dict[str, object], bytes | None, bool | None]]) -> list[Point]:
    return [
        Point(name, payload, None if vector is None else unpacked(vector).tolist(), has)
        for name, payload, vector, has in read
    ]


def _found_out(answers: Sequence[Sequence[ScoredPoint]]) -> object:
    return [
        ([hit.id for hit in hits], [hit.payload for hit in hits], packed(hit.score for hit in hits)) for hits in answers
    ]


def _found_back(read: Sequence[tuple[list[str], list[dict[str, object]], bytes]]) -> list[list[ScoredPoint]]:
    return [list(map(ScoredPoint, ids, payloads, unpacked(scores))) for ids, payloads, scores in read]


NONE, TRUTH, NUMBER, TEXT, TEXTS = (Codec(kind) for kind in (None, bool, int, str, list[str]))
COLLECTION, SET, SPACE = (Codec(kind) for kind in (MemoryType, Draft | None, Room))
WHERE, SCROLL = Codec(_Filter, _out, _back), Codec(_MIRRORS[Scroll], _out, _back)
_Search: Any = _MIRRORS[DenseSearch] | _MIRRORS[TextSearch] | _MIRRORS[Lookup]
SEARCHES = Codec(list[_Search], lambda all_: list(map(_out, all_)), lambda all_: list(map(_back, all_)))
CHANGES = Codec(
    list[tuple[list[str], dict[str, Any]]], lambda all_: [(ids, storable(payload)) for ids, payload in all_]
)
POINTS = Codec(list[tuple[str, dict[str, Any], bytes | None, bool | None]], _points_out, _points_back)
STORED = Codec(POINTS.wire, _stored_out, _points_back)
FOUND = Codec(list[tuple[list[str], list[dict[str, Any]], bytes]], _found_out, _found_back)
VECTOR = Codec(bytes, packed, lambda data: unpacked(data).tolist())
VECTORS = Codec(
    list[bytes], lambda all_: list(map(packed, all_)), lambda all_: [unpacked(one).tolist() for one in all_]
)


@dataclass(frozen=True)
class Method:
    """What may be asked, and what the answer is."""

    arguments: tuple[Codec, ...]
    answer: Codec = NONE

    @cached_property
    def _read(self) -> tuple[msgspec.msgpack.Decoder[Any], msgspec.msgpack.Decoder[Any]]:
        given: Any = tuple[tuple(one.wire for one in self.arguments)] if self.arguments else tuple[()]  # type: ignore[misc]
        return msgspec.msgpack.Decoder(given), msgspec.msgpack.Decoder(self.answer.wire)

    def write_arguments(self, given: Sequence[object]) -> msgspec.Raw:
        return _written([codec.out(value) for codec, value in zip(self.arguments, given, strict=True)])

    def read_arguments(self, data: msgspec.Raw) -> list[Any]:
        """Raises Malformed for anything else than such arguments."""
        with _well_formed():
            read = self._read[0].decode(data)
            return [codec.back(value) for codec, value in zip(self.arguments, read, strict=True)]

    def write_answer(self, answer: object) -> Iterator[msgspec.Raw]:
        """Long lists in parts."""
        wire = self.answer.out(answer)
        if isinstance(wire, list) and len(wire) > PART:
            return (_written(wire[start : start + PART]) for start in range(0, len(wire), PART))
        return iter((_written(wire),))

    def read_answer(self, parts: Sequence[msgspec.Raw]) -> Any:
        read = [self._read[1].decode(part) for part in parts]
        return self.answer.back(read[0] if len(read) == 1 else [one for part in read for one in part])


METHODS: Mapping[str, Method] = {
    # of the shards of a set
    "ensure": Method((NUMBER, TEXT)),
    "begin": Method((NUMBER, TEXT)),
    "complete": Method((), TRUTH),
    "check": Method((NUMBER, TEXT)),
    "model": Method((), Codec(str | None)),
    "info": Method((), Codec(dict[MemoryType, CollectionInfo])),
    "upsert": Method((COLLECTION, POINTS)),
    "set_payloads": Method((COLLECTION, CHANGES)),
    "delete_payload": Method((COLLECTION, TEXTS, TEXTS)),
    "delete_points": Method((COLLECTION, TEXTS)),
    "retrieve": Method((COLLECTION, TEXTS, TRUTH), STORED),
    "scroll": Method((SCROLL,), STORED),
    "search": Method((SEARCHES,), FOUND),
    "count": Method((COLLECTION, WHERE), NUMBER),
    "facet": Method((COLLECTION, TEXT, WHERE, NUMBER), Codec(dict[str, int])),
    # of all sets
    "draft": Method((), SET),
    "former": Method((), SET),
    "open_draft": Method((Codec(Draft),), Codec(Draft)),
    "room": Method((NUMBER,), SPACE),
    "adopt_draft": Method(()),
    "drop_draft": Method(()),
    "drop_former": Method((), NUMBER),
    # of the bundled model
    "embed": Method((TEXTS,), VECTORS),
    "embed_words": Method((Codec(dict[str, float]),), VECTOR),
    "closeness": Method((Codec(dict[str, float]), TEXTS), VECTORS),
    # of the words of the memories
    "completions": Method((TEXT,), TEXTS),
    "weights": Method((TEXT,), Codec(dict[str, float])),
    # of the daemon
    "status": Method((), Codec(DaemonStatus)),
    "stop": Method(()),
}
"""All that can be asked; the target has a method of the same name."""


def prepare() -> None:
    """Makes ahead what reads each method's arguments and answer, else made at the first call."""
    for method in METHODS.values():
        method._read  # noqa: B018 - is kept


def _written(value: object) -> msgspec.Raw:
    try:
        return msgspec.Raw(_encoder.encode(value))
    except UnicodeEncodeError:  # half a character in an id or a text that is looked for
        return msgspec.Raw(_encoder.encode(_cleaned(msgspec.to_builtins(value, builtin_types=(bytes, datetime)))))


def _cleaned(value: object) -> object:
    match value:
        case str():
            return storable_text(value)
        case dict():
            return {_cleaned(key): _cleaned(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_cleaned(inner) for inner in value]
    return value
