"""What both vector stores share: the collections and their payload indexes."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from services.batches import sized_batches
from services.errors import Conflict, InvalidInput, ModelMismatch
from services.model import MemoryType
from services.points import CANONICAL_ID, DenseSearch, Point, SearchRequest
from services.ports import Draft
from services.storable_text import quoted
from services.storable_text import storable as storable
from services.storable_text import storable_text as storable_text

PointId = str | int | uuid.UUID
"""As the libraries type it."""
BATCH = 250
"""Points written in one request: small enough that a search in between does not notice."""
_BATCH_CHARACTERS = 2_000_000
"""Text after which a batch ends early."""
DRAFT, FORMER = "-draft", "-former"
"""Endings of the names under which a server has the next and the former set of collections."""
TEXT_KEY = "content"
"""The payload key that text search reads."""
MOST_VALUES = 10_000
"""Values of a key in a tally."""
MIN_TOKEN, MAX_TOKEN = 1, 40
"""Characters of the shortest and longest word the text index keeps."""
CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
"""Characters of Chinese, Japanese and Korean, for a pattern: words are not set apart by blanks."""

REMEDY = "keyword search still works; set the model that made them, or move the memories to yours: memoria-tui reembed"
"""What to do when vectors and the embedder do not fit."""


class Index(StrEnum):
    """Kind of a payload index."""

    KEYWORD = "keyword"
    INTEGER = "integer"
    FLOAT = "float"
    BOOL = "bool"
    DATETIME = "datetime"
    TEXT = "text"


OWN_INDEXES: Mapping[str, Index] = {
    TEXT_KEY: Index.TEXT,
    "tags": Index.KEYWORD,
    "parent_id": Index.KEYWORD,
    "chunk_index": Index.INTEGER,
    "expires_at": Index.DATETIME,
    "project": Index.KEYWORD,
    "importance": Index.FLOAT,
    "created_at": Index.DATETIME,
    "updated_at": Index.DATETIME,
}
"""What our sorts, filters and facets need, in every collection."""
SHARED_INDEXES: Mapping[MemoryType, Mapping[str, Index]] = {
    MemoryType.EPISODIC: {**OWN_INDEXES, "is_chunk": Index.BOOL, "session_id": Index.KEYWORD},
    MemoryType.SEMANTIC: {
        **OWN_INDEXES,
        "is_chunk": Index.BOOL,
        "domain": Index.KEYWORD,
        "source": Index.KEYWORD,
        "confidence": Index.FLOAT,
    },
    MemoryType.PROCEDURAL: {
        **OWN_INDEXES,
        "is_chunk": Index.BOOL,
        "category": Index.KEYWORD,
        "success_rate": Index.FLOAT,
        "frequency": Index.INTEGER,
    },
}
"""Those and upstream's own, for a server that both programs use."""


def under_way(draft: Draft) -> Conflict:
    """What to raise when a draft of another purpose stands where one is to be begun."""
    return Conflict(
        f"a new set of collections is being filled already ({draft.purpose}: {draft.model}, {draft.dimensions} "
        "dimensions); finish that, or drop it, first",
        draft,
    )


def point_batches(points: Iterable[Point]) -> Iterator[list[Point]]:
    """The points in order, as many in a batch as one request should carry."""
    return sized_batches(points, characters_of, _BATCH_CHARACTERS, BATCH)


def change_batches(
    changes: Iterable[tuple[Sequence[str], Mapping[str, object]]],
) -> Iterator[list[tuple[Sequence[str], Mapping[str, object]]]]:
    """Points with what is to be set of them, as many in a batch as one request should carry."""
    return sized_batches(changes, lambda one: 40 * len(one[0]) + len(str(one[1])), _BATCH_CHARACTERS, BATCH)


def characters_of(point: Point) -> int:
    """Of all texts of its payload."""
    return sum(len(value) for value in point.payload.values() if isinstance(value, str))


def point_id(text: str) -> str | int | None:
    """The id as Qdrant takes it: a UUID, or a number that another program chose; None when it can be neither."""
    if CANONICAL_ID.fullmatch(text):
        return text
    if text.isascii() and text.isdigit():
        return int(text) if int(text) < 2**64 else None
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def point_ids(texts: Iterable[str]) -> list[PointId]:
    """Those of the ids that can exist, in order, each once."""
    return [found for found in dict.fromkeys(point_id(text) for text in texts) if found is not None]


def required_id(text: str) -> str | int:
    """The id of a point to write. Raises InvalidInput for what Qdrant cannot take."""
    found = point_id(text)
    if found is None:
        raise InvalidInput(f"{quoted(text)} is no id of a memory; ids are UUIDs")
    return found


def checked_vectors(points: Iterable[Point], dimensions: int) -> None:
    """Raises ModelMismatch for a vector of another size, InvalidInput for one that is not finite."""
    for point in points:
        if point.vector is None:
            continue
        if len(point.vector) != dimensions:
            raise ModelMismatch(
                f"the vector of {point.id} has {len(point.vector)} dimensions, the store's have {dimensions}; "
                "embed it with the store's model"
            )
        if not math.isfinite(math.fsum(point.vector)):
            raise InvalidInput(f"the vector of {point.id} holds a number that is not finite")


def check_question(request: SearchRequest, dimensions: int) -> None:
    """Raises ModelMismatch for a question whose vector has another size than those of the store."""
    if isinstance(request, DenseSearch) and len(request.vector) != dimensions:
        raise ModelMismatch(
            f"the question has {len(request.vector)} dimensions, the stored vectors have {dimensions}; {REMEDY}"
        )


def point_of(record: Any, vectors: bool) -> Point:
    """A record of either library; `vectors` tells whether they were asked for."""
    vector = record.vector if isinstance(record.vector, list) and record.vector else None
    return Point(str(record.id), record.payload or {}, vector, vector is not None if vectors else None)


def points_of(records: Iterable[Any], ids: Iterable[str], vectors: bool) -> list[Point]:
    """The records in the order in which they were asked for."""
    found = {str(record.id): record for record in records}
    return [
        point_of(found[name], vectors) for name in dict.fromkeys(str(point_id(one)) for one in ids) if name in found
    ]


def selected(keys: tuple[str, ...] | None) -> bool | list[str]:
    """Which keys of a payload are asked for; True for all."""
    if not keys:
        return keys is None
    return [path for key in keys if (path := json_path(key))]


def paths_of(keys: Iterable[str]) -> tuple[list[str], set[str]]:
    """Keys as paths, and those that no path can express."""
    paths = {key: json_path(storable_text(key)) for key in keys}
    return [path for path in paths.values() if path], {key for key, path in paths.items() if path is None}


def filter_path(key: str) -> str:
    """A key as a condition names it. Raises InvalidInput for one that no path can express."""
    path = json_path(storable_text(key))
    if path is None:
        raise InvalidInput(f"the payload key {key!r} cannot be filtered by")
    return path


def by_type(values: Iterable[str | int | bool]) -> tuple[list[str], list[int], list[bool]]:
    """Values of a condition, each among those of its type."""
    given = tuple(values)
    words = [storable_text(one) for one in given if isinstance(one, str)]
    numbers = [one for one in given if isinstance(one, int) and not isinstance(one, bool)]
    return words, numbers, [one for one in given if isinstance(one, bool)]


def json_path(key: str) -> str | None:
    """A top-level key as Qdrant's JSON path; None for one that the path syntax cannot express."""
    if key and all(letter.isascii() and (letter.isalnum() or letter in "_-") for letter in key):
        return key
    return f'"{key}"' if key and '"' not in key else None
