"""Questions that are asked again are not embedded again."""

from __future__ import annotations

from collections import OrderedDict

from services.points import Vector

_MOST = 512


class KeptQueries:
    """The vectors of the questions that were asked last."""

    def __init__(self) -> None:
        self._vectors: OrderedDict[str, Vector] = OrderedDict()

    def get(self, text: str) -> Vector | None:
        if text in self._vectors:
            self._vectors.move_to_end(text)
        return self._vectors.get(text)

    def keep(self, text: str, vector: Vector) -> None:
        self._vectors[text] = vector
        if len(self._vectors) > _MOST:
            self._vectors.popitem(last=False)

    def clear(self) -> None:
        self._vectors.clear()
