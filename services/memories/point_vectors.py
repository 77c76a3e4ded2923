"""Vectors for points; of a text that the embedder refuses, the memory is named."""

from __future__ import annotations

from collections.abc import Sequence

from services.errors import EmbeddingFailed, StoreUnavailable
from services.memories.stored_memories import memory_id_of
from services.points import Point, Vector, same_model
from services.ports import Embedder

_PLAIN_TEXT = "a text that every model takes"


async def vectors_for(embedder: Embedder, points: Sequence[Point]) -> dict[str, Vector]:
    """Vectors by text. Raises StoreUnavailable, or EmbeddingFailed naming the memory if it is one text that fails."""
    texts = list(dict.fromkeys(map(text_of, points)))
    try:
        return dict(zip(texts, await embedder.embed_documents(texts), strict=True))
    except EmbeddingFailed as error:
        raise await _named(error, embedder, points) from error


def text_of(point: Point) -> str:
    """What the point is embedded by; a payload whose content is no text was written by another program."""
    content = point.payload.get("content")
    return content if isinstance(content, str) else ""


async def makes(embedder: Embedder, texts: Sequence[str], vectors: Sequence[Vector]) -> bool:
    """Whether the embedder makes the same vector of one of the texts; False also when it cannot be asked."""
    try:
        made = await embedder.embed_documents(texts)
    except (EmbeddingFailed, StoreUnavailable):
        return False
    return any(map(same_model, made, vectors))


async def _named(error: EmbeddingFailed, embedder: Embedder, points: Sequence[Point]) -> EmbeddingFailed:
    """The error with the memory that it is about; as it is when the embedder takes no text at all, or all by now."""
    if await _refusal(embedder, [_PLAIN_TEXT]):
        return error
    while len(points) > 1:
        first, second = points[: len(points) // 2], points[len(points) // 2 :]
        points = first if await _refusal(embedder, list(map(text_of, first))) else second
    refusal = await _refusal(embedder, list(map(text_of, points)))
    if refusal is None:
        return error
    return EmbeddingFailed(
        f"the text of memory {memory_id_of(points[0])} cannot be embedded: {refusal}; change it, then start again: "
        "what is done stays"
    )


async def _refusal(embedder: Embedder, texts: Sequence[str]) -> EmbeddingFailed | None:
    """Why the embedder does not take one of the texts, None when it takes all."""
    try:
        await embedder.embed_documents(texts)
    except EmbeddingFailed as error:
        return error
    return None
