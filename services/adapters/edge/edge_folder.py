"""The sets of collections in one folder, and one collection of a draft by itself. All of it blocking."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from services.adapters.daemon.wire import DRAFT, FORMER, IN_USE, SETS
from services.adapters.edge.folder_locks import draft_at_rest
from services.adapters.edge.folder_marker import KeptSet, Marker, read_marker, write_marker
from services.adapters.edge.shard_config import SEGMENT_POINTS
from services.adapters.edge.shards import EdgeShards
from services.errors import StoreMismatch
from services.model import MemoryType
from services.ports import Draft, Room

_PLACE = re.compile(r"set-(\d+)")


class EdgeFolder:
    """The sets in `folder`; the caller holds the folder's lock."""

    shards_of = EdgeShards
    """What opens a set of collections."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._marker = read_marker(folder)
        self._open: dict[str, EdgeShards] = {}
        self._clear()
        self._shards(self._marker.in_use)

    def of(self, which: str) -> EdgeShards | EdgeFolder:
        """What a request is made to. Raises StoreMismatch for a set that is not there."""
        if which == SETS:
            return self
        kept = {IN_USE: self._marker.in_use, FORMER: self._marker.former}[which]
        if kept is None and which != IN_USE:
            raise StoreMismatch(f"the store in {self._folder} has no {which} set of collections")
        return self._shards(kept)

    def draft(self) -> Draft | None:
        return _described(self._marker.draft)

    def former(self) -> Draft | None:
        return _described(self._marker.former)

    def open_draft(self, draft: Draft) -> Draft:
        """Gives the draft that is under way, which may be another; begins this one when there is none."""
        if self._marker.draft is None:
            kept = KeptSet(self._free_place(), draft.dimensions, draft.model, draft.purpose)
            self._write(replace(self._marker, draft=kept))
        there = self._marker.draft
        assert there is not None
        return Draft(there.purpose, there.dimensions, there.model)

    def room(self, dimensions: int) -> Room:
        """As much as the set in use takes, with vectors of another size, and a fifth for the tidying of segments."""
        in_use, draft = self._marker.in_use, self._marker.draft
        points = sum(found.points for found in self._shards(in_use).info().values())
        larger = (dimensions - (in_use.dimensions if in_use else 0)) * 4 * points
        needed = 1.2 * (self._size(in_use) + larger) - (self._size(draft) if draft else 0)
        return Room(max(0, int(needed)), shutil.disk_usage(self._folder).free)

    def _size(self, kept: KeptSet | None) -> int:
        """Bytes that the set takes on the disk; the holes of its files take none."""
        folder = self._folder / kept.place if kept and kept.place else self._folder
        size = 0
        for collection in MemoryType:
            for place, _, files in os.walk(folder / collection):
                for name in files:
                    with suppress(FileNotFoundError):  # the draft's own processes tidy meanwhile
                        size += Path(place, name).stat().st_blocks * 512
        return size

    def adopt_draft(self) -> None:
        """One rename decides: before it the store opens with the old set, after it with the new one."""
        adopted, former = self._marker.draft, self._marker.in_use
        if adopted is None:
            return
        with draft_at_rest(self._folder):
            shards = self._shards(adopted)
            shards.ensure(adopted.dimensions, adopted.model)
            shards.flush()
            self._write(Marker(adopted, None, former))
        if former is not None:
            self._close(former.place)
        self._clear()

    def drop_draft(self) -> None:
        if self._marker.draft is not None:
            with draft_at_rest(self._folder):
                self._write(replace(self._marker, draft=None))
                self._clear()

    def drop_former(self) -> int:
        if (former := self._marker.former) is None:
            return 0
        points = sum(found.points for found in self._shards(former).info().values())
        self._write(replace(self._marker, former=None))
        self._clear()
        return points

    def flush(self) -> None:
        for shards in self._open.values():
            shards.flush()

    def tidy(self) -> None:
        for shards in self._open.values():
            shards.tidy()

    def close(self) -> None:
        for shards in self._open.values():
            shards.close()

    def _shards(self, kept: KeptSet | None) -> EdgeShards:
        """The shards of a set, opened once; of None those in the folder itself, which are yet to be made."""
        place = kept.place if kept else ""
        if place not in self._open:
            folder = self._folder / place if place else self._folder
            made = (kept.dimensions, kept.model) if kept else None
            self._open[place] = self.shards_of(folder, made, lambda made: self._remember(place, made))
        return self._open[place]

    def _remember(self, place: str, made: tuple[int, str]) -> None:
        """Writes down that the set in this place has vectors of another size or model; only empty ones can."""
        in_use = self._marker.in_use
        self._write(replace(self._marker, in_use=KeptSet(place, *made, in_use.purpose if in_use else "")))

    def _write(self, marker: Marker) -> None:
        if marker != self._marker:
            write_marker(self._folder, marker)
            self._marker = marker

    def _free_place(self) -> str:
        numbers = [int(found[1]) for path in self._folder.iterdir() if (found := _PLACE.fullmatch(path.name))]
        return f"set-{max(numbers, default=1) + 1}"

    def _clear(self) -> None:
        """Deletes sets that the marker does not name: dropped ones, and what a killed program left of them."""
        if not self._folder.is_dir():
            return
        named = {kept.place for kept in self._marker.sets}
        left = {path.name for path in self._folder.iterdir() if _PLACE.fullmatch(path.name)} - named
        for place in left:
            self._close(place)
            shutil.rmtree(self._folder / place, ignore_errors=True)
        if self._marker.in_use and "" not in named:
            self._close("")
            for collection in MemoryType:
                shutil.rmtree(self._folder / collection, ignore_errors=True)

    def _close(self, place: str) -> None:
        if shards := self._open.pop(place, None):
            shards.close()


def _described(kept: KeptSet | None) -> Draft | None:
    return Draft(kept.purpose, kept.dimensions, kept.model) if kept else None


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
        self._shards.flush()

    def tidy(self) -> None:
        self._shards.tidy()

    def close(self) -> None:
        self._shards.close()


def _refuse(made: tuple[int, str]) -> None:
    raise StoreMismatch(f"the next set of collections was begun for another model than {made[1]}")
