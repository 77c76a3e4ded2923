"""Back and forward through the memories that were read and the searches that were followed, across modes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A memory that was read, and where; or what a link or a key searched for."""

    mode: str
    """The name of the mode."""
    memory_id: str
    """"" for the list of what a search finds."""
    search: str = ""
    """What stood in the search box."""

    def is_at(self, other: Place | None) -> bool:
        """Whether the same memory is read in the same mode, whatever was searched for; of lists, the same one."""
        if other is None or (self.mode, self.memory_id) != (other.mode, other.memory_id):
            return False
        return bool(self.memory_id) or self.search == other.search


class Walk:
    """Places in the order in which they were gone to."""

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._at = -1

    def visit(self, place: Place) -> None:
        """Goes on from where one is: what was gone back from is left."""
        if self._at < 0 or not place.is_at(self._places[self._at]):
            self._places[self._at + 1 :] = [place]
            self._at += 1

    def step(self, by: int, here: Place | None) -> Place | None:
        """The place before or after; back from elsewhere is the one that was read last. None: there is none."""
        left = self._at >= 0 and not self._places[self._at].is_at(here)
        at = self._at if left and by < 0 else self._at + by
        if not 0 <= at < len(self._places):
            return None
        self._at = at
        return self._places[at]
