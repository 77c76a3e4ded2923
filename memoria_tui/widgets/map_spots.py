"""What the boxes of a map stand for: memories, and groups of them where there is no room for all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from itertools import groupby

from memoria_tui.text.neighbor_tree import Branch
from services.model import RelationType

_LEAST = 3
"""Memories that are worth a group of one type and direction; of what is behind a memory two are."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A memory, or a group of those behind another one that opens."""

    id: str
    """Of the memory; a group's is no memory's."""
    branch: Branch
    """Of a group, its first member."""
    parent_id: str | None = None
    children: tuple[Spot, ...] = ()
    members: tuple[Branch, ...] = ()
    """Those that a group stands for; () for a memory."""

    @property
    def is_group(self) -> bool:
        return bool(self.members)

    @property
    def type(self) -> RelationType | None:
        """Of the relation it was reached by; None for the centre, and for a group of several types."""
        types = {member.type for member in self.members}
        return self.branch.type if len(types) < 2 else None

    @property
    def size(self) -> int:
        """Memories that a group hides."""
        return sum(1 for member in self.members for _ in member.walk())

    def walk(self) -> Iterator[Spot]:
        """It and all behind it, from the top down."""
        yield self
        for child in self.children:
            yield from child.walk()


def group_id(parent: str, branches: Iterable[Branch], *, typed: bool) -> str:
    """Names a group from one neighbourhood to the next; `typed`: of one type and direction."""
    first = next(iter(branches))
    return f"{parent} {first.type or ''} {first.outgoing}" if typed else f"{parent} all"


def spots_of(root: Branch, folded: Set[str]) -> Spot:
    """The tree of a map, with those groups folded."""
    return _spot(root, None, folded)


def _spot(branch: Branch, parent: str | None, folded: Set[str]) -> Spot:
    children = branch.children
    if children and group_id(branch.id, children, typed=False) in folded:
        behind: list[Spot] = [_group(branch.id, children, typed=False)]
    else:
        behind = []
        for _, members in groupby(children, key=lambda child: (child.outgoing, child.type)):
            some = tuple(members)
            if group_id(branch.id, some, typed=True) in folded:
                behind.append(_group(branch.id, some, typed=True))
            else:
                behind += [_spot(child, branch.id, folded) for child in some]
    return Spot(branch.id, branch, parent, tuple(behind))


def _group(parent: str, members: tuple[Branch, ...], *, typed: bool) -> Spot:
    return Spot(group_id(parent, members, typed=typed), members[0], parent, (), members)


def fold_to_fit(root: Branch, rows: int) -> frozenset[str]:
    """The groups to fold so that each side of the centre needs at most so many rows of boxes.

    What is behind a memory is folded before the centre's own relations are, the most first.
    """
    folded: set[str] = set()
    for side in (True, False):
        branches = [one for one in root.children if one.outgoing is side]
        needed = {one.id: _rows(one) for one in branches}
        for branch in sorted((one for one in branches if len(one.children) > 1), key=lambda one: -needed[one.id]):
            if sum(needed.values()) <= rows:
                break
            folded.add(group_id(branch.id, branch.children, typed=False))
            needed[branch.id] = 1
        left = sum(needed.values())
        groups = [tuple(members) for _, members in groupby(branches, key=lambda one: one.type)]
        for members in sorted(groups, key=lambda some: -len(some)):
            if left <= rows or len(members) < _LEAST:
                break
            folded.add(group_id(root.id, members, typed=True))
            left -= sum(needed[one.id] for one in members) - 1
    return frozenset(folded)


def _rows(branch: Branch) -> int:
    return max(1, sum(map(_rows, branch.children)))
