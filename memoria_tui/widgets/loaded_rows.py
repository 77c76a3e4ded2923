"""The part of a long list that is here: rows by their place, which of them are current, which are under way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.model import Hit

PAGE = 50
"""Rows asked for beside what is seen, so that scrolling meets rows that are there."""
_MOST_ROWS = 2_000
"""Rows kept; farther ones are asked for again."""


class LoadedRows:
    """Rows of one listing; after a refresh the old ones stay to be seen until the new ones come."""

    def __init__(self) -> None:
        self.total = 0
        self._rows: dict[int, Hit] = {}
        self._fresh: set[int] = set()
        self._asked: set[int] = set()

    def begin(self, total: int, *, keep: bool, moved: int = 0) -> None:
        """Starts a listing of `total` rows; `keep` leaves the old rows in sight meanwhile, `moved` places on."""
        self.total = total
        self._fresh.clear()
        self._asked.clear()
        places = ((index + moved, hit) for index, hit in self._rows.items() if keep)
        self._rows = {place: hit for place, hit in places if 0 <= place < total}

    def put(self, offset: int, hits: Sequence[Hit]) -> None:
        """Takes rows from `offset` on; what lies beyond the total is dropped."""
        for index, hit in enumerate(hits[: max(0, self.total - offset)], offset):
            self._rows[index] = hit
            self._fresh.add(index)

    def get(self, index: int) -> Hit | None:
        """The row, or None while it is not here."""
        return self._rows.get(index)

    def __iter__(self) -> Iterator[tuple[int, Hit]]:
        """All rows that are here, in order."""
        return iter(sorted(self._rows.items()))

    def wanted(self, top: int, visible: int) -> range:
        """The span to ask for so that the eye at `top` and its surroundings are served; empty when all is here.

        What was asked for elsewhere may never come; it is asked for again once it is near again.
        """
        near = self._near(top, visible)
        self._asked.intersection_update(near)
        missing = [index for index in near if index not in self._fresh and index not in self._asked]
        if not missing:
            return range(0)
        self._asked.update(missing)
        return range(missing[0], missing[-1] + 1)

    def has_near(self, top: int, visible: int) -> bool:
        """Whether all came that `wanted` asks for there."""
        return self._fresh.issuperset(self._near(top, visible))

    def _near(self, top: int, visible: int) -> range:
        return range(max(0, top - PAGE), min(self.total, top + visible + PAGE))

    def forget_far(self, eye: int, keep: int) -> None:
        """Lets rows far from the eye go when there are many; `keep` stays."""
        if len(self._rows) <= _MOST_ROWS:
            return
        by_distance = sorted(self._rows, key=lambda index: abs(index - eye))
        for index in by_distance[_MOST_ROWS // 2 :]:
            if index != keep:
                del self._rows[index]
                self._fresh.discard(index)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The memory under the cursor and those beside it, one of which takes its place when it is gone."""

    wanted: str
    following: str | None
    preceding: str | None
    height: int
    """Lines below the top."""
    at_top: bool
    """The first row was seen."""

    def place(self, ids: Sequence[str], offset: int, total: int) -> int | None:
        """The row for the cursor, when these rows from `offset` on show it."""
        if self.wanted in ids:
            return offset + ids.index(self.wanted)
        # It is gone only where the row that it would stand on is another one's.
        if self.following in ids and (ids.index(self.following) or not offset):
            return offset + ids.index(self.following)
        if self.preceding in ids and (offset + len(ids) == total or self.preceding != ids[-1]):
            return offset + ids.index(self.preceding)
        return None
