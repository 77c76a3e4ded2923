"""The language of the vector store: points, conditions and requests, the same for every adapter.

A condition is data; an adapter translates it. All conditions of a `Filter` hold together (`must`), none of `must_not`
holds, and of `any_of`, when it is not empty, at least one holds.
"""

from __future__ import annotations

import math
import operator
import re
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.model import MemoryType

Vector = Sequence[float]
CANONICAL_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A UUID as memories have it; quicker than reading it, and it is asked of every point."""
_SAME_MODEL = 0.98
"""Cosine above which two vectors of one text come from the same model."""


@dataclass(frozen=True, slots=True)
class Point:
    id: str
    payload: Mapping[str, object]
    vector: Vector | None = None
    """None: stored without a vector (pending), or the vector was not asked for."""
    has_vector: bool | None = None
    """Known only when the vector was asked for."""


@dataclass(frozen=True, slots=True)
class ScoredPoint:
    """A point that a ranked search found, with the leg's own raw score (cosine, or BM25)."""

    id: str
    payload: Mapping[str, object]
    score: float

    @property
    def point(self) -> Point:
        return Point(self.id, self.payload)


@dataclass(frozen=True, slots=True)
class Tally:
    """Exact numbers of points."""

    total: int = 0
    values: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By key: the points that have each value, most first."""
    spans: tuple[int, ...] = ()
    """Those in each span that was asked for."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The key (or, for a list, one of its elements) equals one of the values: true is no 1, and "1" neither."""

    key: str
    values: tuple[str | int | bool, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """A number in a span; None leaves an end open."""

    key: str
    gte: float | None = None
    lte: float | None = None


@dataclass(frozen=True, slots=True)
class DatedBetween:
    """`gte` ≤ the ISO date under the key < `lt`. Zone-less datetimes, compared as the payload has them."""

    key: str
    gte: datetime | None = None
    lt: datetime | None = None


@dataclass(frozen=True, slots=True)
class Contains:
    """The text under the key has all these words (`phrase`: next to each other, in order); tokens fold case."""

    key: str
    text: str
    phrase: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """The key is absent, null or an empty list."""

    key: str


@dataclass(frozen=True, slots=True)
class HasId:
    """The point's id is one of these."""

    ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class HasVector:
    """The point has its vector; put in `must_not` it finds the pending ones."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions on points; the empty one lets all through."""

    must: tuple[Condition, ...] = ()
    must_not: tuple[Condition, ...] = ()
    any_of: tuple[Condition, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.must or self.must_not or self.any_of)


Condition = Matches | Between | DatedBetween | Contains | Missing | HasId | HasVector | Filter


EVERYTHING = Filter()


def same_model(one: Vector, other: Vector) -> bool:
    """True when two vectors of one text are so near each other that one model made both."""
    if len(one) != len(other):
        return False
    cosine: float = sum(map(operator.mul, one, other)) / ((math.hypot(*one) * math.hypot(*other)) or 1.0)
    return cosine > _SAME_MODEL


def packed(numbers: Iterable[float]) -> bytes:
    """Numbers as little-endian 32-bit floats, the same on every machine."""
    return _little_endian(array("f", numbers)).tobytes()


def unpacked(data: bytes) -> array[float]:
    """What was packed. Raises ValueError for bytes that are no whole numbers."""
    numbers = array("f")
    numbers.frombytes(data)
    return _little_endian(numbers)


def _little_endian(numbers: array[float]) -> array[float]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


BM25_K, BM25_B = 0.6, 0.3
"""Saturation by a word's repetition and normalisation by length, both below the usual 1.2 and 0.75: memories are short,
so their length says little. Anything around (0.4 to 0.9, 0.2 to 0.4) serves as well."""


@dataclass(frozen=True, slots=True)
class DenseSearch:
    """Nearest vectors by cosine. Points without a vector are never found."""

    collection: MemoryType
    vector: Vector
    limit: int
    where: Filter = EVERYTHING
    exact: bool = False
    payload_keys: tuple[str, ...] | None = None
    """None: the whole payload; (): none of it."""


@dataclass(frozen=True, slots=True)
class TextSearch:
    """BM25 over `content`: the words are stemmed and stop words dropped; any word may match."""

    collection: MemoryType
    text: str
    limit: int
    where: Filter = EVERYTHING
    payload_keys: tuple[str, ...] | None = None
    """None: the whole payload; (): none of it."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Points that meet a condition, in no order; their scores say nothing."""

    collection: MemoryType
    limit: int
    where: Filter
    payload_keys: tuple[str, ...] | None = None
    """None: the whole payload; (): none of it."""


SearchRequest = DenseSearch | TextSearch | Lookup


@dataclass(frozen=True, slots=True)
class Scroll:
    """A page of points in the order of one key (or of the id, when `order_by` is None).

    Points without the ordered key are left out of an ordered scroll. To go on after a page, pass the last value as
    `start_from` and the ids already seen that have this value in `where.must_not`; without order, pass the last id as
    `after_id`.
    """

    collection: MemoryType
    limit: int
    """At most so many points. An order without an index may come complete when only its key is asked for: a server then
    reads all values anyway, and who goes on reading has them at once."""
    where: Filter = EVERYTHING
    order_by: str | None = None
    descending: bool = True
    start_from: str | float | None = None
    after_id: str | None = None
    payload_keys: tuple[str, ...] | None = None
    """None: the whole payload; (): none of it."""
    with_vectors: bool = False


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """What the store says about one collection."""

    points: int
    dimensions: int
    missing_indexes: tuple[str, ...] = ()
