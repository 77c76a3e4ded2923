"""What a model's cosines tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from services.points import Vector
from services.ports import Embedder
from services.search.unrelated import BUNDLED, Unrelated, measured
from tests.services.edge_here import model_here


async def test_the_bundled_model_is_as_it_is_supposed_to_be() -> None:
    assert await measured(model_here()) == pytest.approx(BUNDLED, abs=0.01)


async def test_a_model_that_puts_all_texts_close_together_needs_more_to_be_above() -> None:
    class Narrow:
        """The bundled model's vectors with a long common direction, not of unit length."""

        async def embed_query(self, text: str) -> Vector:
            return [2.0, *(await model_here().embed_query(text))]

        async def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
            return [[2.0, *one] for one in await model_here().embed_documents(texts)]

    narrow = await measured(cast(Embedder, Narrow()))
    assert narrow.mean > 0.8
    assert narrow.deviation < BUNDLED.deviation / 4
    assert narrow.above(0.88) == pytest.approx(BUNDLED.above(0.4), abs=0.8)


async def test_a_model_that_gives_all_texts_one_vector_relates_nothing() -> None:
    class Same:
        async def embed_query(self, text: str) -> Vector:
            return [1.0, 0.0]

        async def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
            return [[1.0, 0.0] for _ in texts]

    assert (await measured(cast(Embedder, Same()))).above(1.0) == 0.0


def test_nothing_is_less_than_unrelated() -> None:
    assert Unrelated(0.1, 0.1).above(-1.0) == 0.0
