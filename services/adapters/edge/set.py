"""One set of collections of the embedded vector store, as the program sees it."""

from __future__ import annotations

import time
from dataclasses import replace
from importlib.metadata import version

from services.adapters.collection_set import CollectionSet
from services.errors import MemoriaError
from services.model import StoreKind, StoreStatus
from services.points import Point, Scroll

_PAGE = 1000
"""Points a scroll asks for at once: bounds how long one reply keeps other requests waiting."""


class EdgeSet(CollectionSet):
    """A set that a process of Qdrant Edge holds."""

    async def scroll(self, request: Scroll) -> list[Point]:
        """Long pages in the order of the id come in several calls, so that other requests pass between them."""
        if request.order_by is not None:
            return await super().scroll(request)
        points: list[Point] = []
        after = request.after_id
        while (wanted := min(_PAGE, request.limit - len(points))) > 0:
            page = await super().scroll(replace(request, limit=wanted, after_id=after))
            points += page
            if len(page) < wanted:
                break
            after = page[-1].id
        return points

    async def status(self) -> StoreStatus:
        start = time.perf_counter()
        try:
            info = await self.info()
        except MemoriaError as error:
            return StoreStatus(StoreKind.QDRANT, False, "embedded", _edge_version(), problems=(str(error),))
        return StoreStatus(
            kind=StoreKind.QDRANT,
            ok=True,
            label="embedded",
            version=_edge_version(),
            latency_ms=(time.perf_counter() - start) * 1000,
            counts={collection: found.points for collection, found in info.items()},
            problems=(str(self._mismatch),) if self._mismatch else (),
        )


def _edge_version() -> str:
    return version("qdrant-edge-py")
