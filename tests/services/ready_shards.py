"""Shards that tests use one after the other: making a store's indexes takes a tenth of a second, emptying it 1 ms.

A store has links where its collections would be. What was closed stays open here for who opens that store again; whose
link is gone, with the folder of its test, is emptied and given to the next.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import qdrant_edge as edge

from services.adapters.collections import OWN_INDEXES
from services.adapters.edge.edge_folder import EdgeFolder
from services.adapters.edge.shards import EdgeShards
from services.model import MemoryType
from tests.in_memory import memory_root

_MOST_POINTS = 1_000
"""With more a shard is not used again: what is deleted stays in its segments."""
_MOST_TESTS = 60
"""That use one: its log grows."""
_MOST_SHARDS = 9
"""At once, of three stores, 90 MB each, before those that nobody uses are given up for others of another size."""


@dataclass(slots=True)
class _Ready:
    """A shard that is open, and the link of the store that has it."""

    place: Path
    dimensions: int
    shard: edge.EdgeShard
    link: Path
    used: int = 0

    def is_free(self) -> bool:
        return not (self.link.is_symlink() and self.link.readlink() == self.place)

    def emptied(self) -> bool:
        """False when it cannot be used again."""
        info = self.shard.info()
        grown = info.segments_count > 1 or info.points_count > _MOST_POINTS or self.used >= _MOST_TESTS
        if grown or set(info.payload_schema) != set(OWN_INDEXES):
            return False
        if info.points_count:
            self.shard.update(edge.UpdateOperation.delete_points_by_filter(edge.Filter()))
        return True


class _Shelf:
    """All of this process."""

    def __init__(self) -> None:
        self._names = count()
        self._all: dict[Path, _Ready] = {}
        self._folder: Path | None = None

    def take(self, link: Path, dimensions: int) -> edge.EdgeShard:
        """A shard without points, with all indexes, which `link` names from now on."""
        ready = self._free(dimensions) or self._made(link, dimensions)
        ready.link = link
        ready.used += 1
        link.symlink_to(ready.place)
        return ready.shard

    def of(self, link: Path) -> _Ready:
        return self._all[link.readlink()]

    def _free(self, dimensions: int) -> _Ready | None:
        for ready in [one for one in self._all.values() if one.dimensions == dimensions and one.is_free()]:
            if ready.emptied():
                return ready
            self._give_up(ready)
        return None

    def _give_up(self, ready: _Ready) -> None:
        del self._all[ready.place]
        ready.shard.close()
        shutil.rmtree(ready.place)

    def _made(self, link: Path, dimensions: int) -> _Ready:
        if len(self._all) >= _MOST_SHARDS:
            for ready in [one for one in self._all.values() if one.is_free()]:
                self._give_up(ready)
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="memoria-tests-", dir=memory_root()))
            atexit.register(self._end, os.getpid())
        collection = MemoryType.SEMANTIC
        made = EdgeShards(self._folder, None, lambda _: None, collections=(collection,))
        made.ensure(dimensions, "any")
        made.close()
        place = (self._folder / collection).rename(self._folder / str(next(self._names)))
        ready = self._all[place] = _Ready(place, dimensions, edge.EdgeShard.load(str(place)), link)
        return ready

    def _end(self, process: int) -> None:
        if self._folder is not None and os.getpid() == process:
            shutil.rmtree(self._folder, ignore_errors=True)


_SHELF = _Shelf()


class ReadyShards(EdgeShards):
    """A set whose collections are ready; those that are begun without some indexes are made anew."""

    _ready = True

    def ensure(self, dimensions: int, model: str, keys: Iterable[str] = OWN_INDEXES) -> None:
        self._ready = keys is OWN_INDEXES
        super().ensure(dimensions, model, keys)

    def close(self) -> None:
        self.flush()
        for collection in list(self._shards):
            shard = self._shards.pop(collection)
            if not self._link(collection).is_symlink():
                shard.close()

    def _create(self, collection: MemoryType, dimensions: int) -> None:
        link = self._link(collection)
        link.unlink(missing_ok=True) if link.is_symlink() else shutil.rmtree(link, ignore_errors=True)
        if not self._ready:
            return super()._create(collection, dimensions)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._shards[collection] = _SHELF.take(link, dimensions)
        self._fresh[collection] = 0
        return None

    def _load(self, collection: MemoryType) -> None:
        link = self._link(collection)
        if not link.is_symlink():
            return super()._load(collection)
        shard = self._shards[collection] = _SHELF.of(link).shard
        info = shard.info()
        self._fresh[collection] = max(0, info.points_count - info.indexed_vectors_count)
        return None

    def _reload(self, collection: MemoryType) -> None:
        link = self._link(collection)
        if link.is_symlink():
            ready = _SHELF.of(link)
            ready.shard.close()
            ready.shard = edge.EdgeShard.load(str(ready.place))
            self._load(collection)
            self._fresh[collection] = 0
        else:
            super()._reload(collection)

    def _discard(self) -> None:
        for collection in list(self._shards):
            link = self._link(collection)
            if link.is_symlink():
                link.unlink()
                del self._shards[collection]
        super()._discard()

    def _link(self, collection: MemoryType) -> Path:
        return self._folder / collection


class ReadySets(EdgeFolder):
    """A folder of such sets."""

    shards_of = ReadyShards
