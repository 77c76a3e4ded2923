"""What a Qdrant server says about a collection. Imports qdrant-client: import this on first use."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from qdrant_client import models

from services.adapters.collections import TEXT_KEY
from services.adapters.server.bm25 import all_words, is_cut
from services.errors import StoreMismatch
from services.points import Contains

MODEL_KEY, PURPOSE_KEY = "embedding_model", "memoria_purpose"
"""Keys of a collection's metadata."""
Kind = models.PayloadSchemaType
_SORTABLE = frozenset((Kind.INTEGER, Kind.FLOAT, Kind.DATETIME))
_COUNTABLE = frozenset((Kind.KEYWORD, Kind.INTEGER, Kind.UUID, Kind.BOOL))


@dataclass(frozen=True, slots=True)
class TextIndex:
    """What the text index of a collection can tell."""

    shortest: int = 0
    longest: int = sys.maxsize
    """Characters of the words that it holds."""
    phrases: bool = False
    """Whether it knows the places of words."""
    scores: bool = False
    """Whether the server ranks by it."""

    def holds(self, word: str) -> bool:
        return self.shortest <= len(word) <= self.longest and not is_cut(word)

    def answers(self, condition: Contains) -> bool:
        """Whether the server finds exactly the texts that have these words."""
        sought = all_words(condition.text)
        return all(map(self.holds, sought)) and (self.phrases or not condition.phrase or len(sought) < 2)


@dataclass(frozen=True, slots=True)
class Described:
    """What the server says about a collection, as far as requests depend on it."""

    points: int
    dimensions: int
    model: str | None
    indexes: Mapping[str, Kind]
    text: TextIndex | None
    """None where texts are compared as they are, letter by letter."""

    def sorts(self, key: str) -> bool:
        """Whether the server gives points in the order of this key."""
        return self.indexes.get(key) in _SORTABLE

    def counts(self, key: str) -> bool:
        """Whether the server counts points by the values of this key."""
        return self.indexes.get(key) in _COUNTABLE

    def fits(self, other: Described | None) -> bool:
        """Whether requests that were made for the one are right for the other."""
        return other is not None and (self.dimensions, self.indexes, self.text) == (
            other.dimensions,
            other.indexes,
            other.text,
        )


def described(name: str, info: models.CollectionInfo) -> Described:
    """Raises StoreMismatch for a collection whose vectors have names."""
    vectors = info.config.params.vectors
    if not isinstance(vectors, models.VectorParams):
        raise StoreMismatch(
            f"the collection {name} has named vectors, MCP Memoria's have one without a name; "
            "use another Qdrant server or rename that collection"
        )
    model = (info.config.metadata or {}).get(MODEL_KEY)
    return Described(
        points=info.points_count or 0,
        dimensions=vectors.size,
        model=model if isinstance(model, str) else None,
        indexes={key: index.data_type for key, index in info.payload_schema.items()},
        text=_text_index(info.payload_schema.get(TEXT_KEY)),
    )


def _text_index(index: models.PayloadIndexInfo | None) -> TextIndex | None:
    if index is None or index.data_type is not Kind.TEXT:
        return None
    params = index.params
    if not isinstance(params, models.TextIndexParams):
        return TextIndex()
    return TextIndex(
        shortest=params.min_token_len or 0,
        longest=params.max_token_len or sys.maxsize,
        phrases=bool(params.phrase_matching),
        scores=bool(params.scoring),
    )
