"""One collection of the draft, for a process of its own while another reads the set in use. All of it blocking."""

from __future__ import annotations

from pathlib import Path

from services.adapters.edge.frames import DRAFT
from services.adapters.edge.layout import SEGMENT_POINTS
from services.adapters.edge.marker import read_marker
from services.adapters.edge.shards import EdgeShards
from services.errors import StoreMismatch
from services.model import MemoryType


class EdgeDraft:
    """A shard of the draft that the folder's marker names; the caller holds the collection's lock."""

    def __init__(self, folder: Path, collection: MemoryType) -> None:
        """Raises StoreMismatch when there is no draft."""
        kept = read_marker(folder).draft
        if kept is None:
            raise StoreMismatch(f"the store in {folder} has no {DRAFT} set of collections")
        # A draft is filled in one go: segments that are full at once.
        self._shards = EdgeShards(
            folder / kept.place, (kept.dimensions, kept.model), _refuse, SEGMENT_POINTS, (collection,)
        )

    def of(self, _: str) -> EdgeShards:
        """What a request is made to."""
        return self._shards

    def flush(self) -> None:
        """As `EdgeShards.flush`."""
        self._shards.flush()

    def tidy(self) -> None:
        """As `EdgeShards.tidy`."""
        self._shards.tidy()

    def close(self) -> None:
        self._shards.close()


def _refuse(made: tuple[int, str]) -> None:
    raise StoreMismatch(f"the next set of collections was begun for another model than {made[1]}")
