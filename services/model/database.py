"""How a database is, and what an upgrade would add to stores that other programs made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """How the database stands to this program."""

    place: str
    """«embedded» or «host:port/database»."""
    server_version: str
    schema_version: str | None
    """None: nothing of ours in it yet."""
    newest_version: str
    upstream: bool
    """MCP Memoria uses this database too."""
    missing: tuple[str, ...] = ()
    """What an upgrade would add to it or replace in it, one line each."""
    problems: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    """What an upgrade would add to the collections of a shared Qdrant, one line each."""
    read_only: bool = False
    """With these rights nothing can be written, and nothing added."""

    @property
    def current(self) -> bool:
        return self.schema_version == self.newest_version


@dataclass(frozen=True, slots=True)
class UpgradePlan:
    """What stores that other programs made must get before this one writes to them."""

    place: str
    """The database: «host:port/database»."""
    added: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    vectors_place: str = ""
    indexes: tuple[str, ...] = ()
    """Payload indexes that the collections lack, one line a collection."""

    def steps(self) -> Iterator[tuple[str, str]]:
        """The stores by name, below each with its sign what it gets (+) and what is replaced (~)."""
        if self.added or self.replaced:
            yield "", f"PostgreSQL {self.place}"
            yield from (("+", line) for line in self.added)
            yield from (("~", line) for line in self.replaced)
        if self.indexes:
            yield "", f"Qdrant {self.vectors_place}"
            yield from (("+", f"indexes of {line}") for line in self.indexes)

    def __bool__(self) -> bool:
        return bool(self.added or self.replaced or self.indexes)


Ask = Callable[[UpgradePlan, Callable[[], Awaitable[object]]], Awaitable[bool]]
"""Shows a person the plan and, on a yes, carries it out by the function given; whether that was done."""
