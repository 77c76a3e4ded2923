"""Models that make vectors of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from services.model import StoreStatus
from services.points import Vector


class Nearness(NamedTuple):
    """How near a passage comes to the words of a question."""

    words: float
    """0..1: how near its nearest word comes to each of them."""
    lead: float
    """0..1: the same, where a word counts less the later it stands."""
    whole: float
    """−1..1: the cosine of both as wholes, without what all passages have in common."""
    pairs: float = 0.0
    """0..1: how near words that stand near one another come to words that do so in the question."""


class Embedder(Protocol):
    """Makes vectors of texts."""

    @property
    def model(self) -> str:
        """Name of the model, as remembered beside its vectors."""
        ...

    @property
    def dimensions(self) -> int: ...

    async def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        """One vector a text, in order. Raises EmbeddingFailed or StoreUnavailable."""
        ...

    async def embed_query(self, text: str) -> Vector:
        """The vector of a question; the last ones are kept. Raises as `embed_documents`."""
        ...

    async def status(self) -> StoreStatus: ...

    async def close(self) -> None: ...


@runtime_checkable
class WordEmbedder(Embedder, Protocol):
    """An embedder whose words have vectors of their own, so that the telling words of a question can count for more."""

    async def embed_words(self, weights: Mapping[str, float]) -> Vector:
        """The vector of a question, from its words with their weights. Raises as `embed_documents`."""
        ...

    async def closeness(self, weights: Mapping[str, float], passages: Sequence[str]) -> list[Nearness]:
        """Each passage beside the words of a question, with their weights. Raises as `embed_documents`."""
        ...
