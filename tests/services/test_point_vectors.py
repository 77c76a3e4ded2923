"""Vectors for points: which memory a refusal is about."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from services.errors import EmbeddingFailed
from services.memories.point_vectors import vectors_for
from services.points import Point, Vector
from tests.services.memory_world import WatchedEmbedder, vector_of
from tests.services.stores import ident


class Refusing(WatchedEmbedder):
    """Refuses a request with a text that is longer than it takes, so often."""

    def __init__(self, longest: int, patience: int = 1000) -> None:
        super().__init__()
        self.longest = longest
        self.patience = patience

    async def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        self.patience -= 1
        if self.patience >= 0 and any(len(text) > self.longest for text in texts):
            raise EmbeddingFailed("input too long")
        return await super().embed_documents(texts)


POINTS = [Point(ident(number), {"content": f"text {number}"}) for number in range(20)]


@pytest.mark.parametrize("place", [0, 7, 19, 20])
async def test_a_refused_text_is_told_with_its_memory(place: int) -> None:
    chunk = Point(ident(100), {"content": "far too long for it " * 5, "parent_id": ident(42), "chunk_index": 1})
    with pytest.raises(EmbeddingFailed, match=f"text of memory {ident(42)} cannot be embedded: input too long; change"):
        await vectors_for(Refusing(50), [*POINTS[:place], chunk, *POINTS[place:]])


async def test_what_is_wrong_with_the_embedder_is_not_said_of_a_memory() -> None:
    with pytest.raises(EmbeddingFailed, match=r"^input too long$"):
        await vectors_for(Refusing(0), POINTS)
    with pytest.raises(EmbeddingFailed, match=r"^input too long$"):  # only once
        await vectors_for(Refusing(0, patience=1), POINTS)


async def test_each_text_is_embedded_once() -> None:
    embedder = WatchedEmbedder()
    vectors = await vectors_for(embedder, [*POINTS[:2], POINTS[0], Point("p", {"content": 7})])
    assert vectors == {text: vector_of(text) for text in ("text 0", "text 1", "")}
    assert embedder.embedded == ["text 0", "text 1", ""]
