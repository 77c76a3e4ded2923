"""What a tool of the agents is, whatever the protocol: a function over the services, and who calls it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from services.model import MemoryType, RelationType

if TYPE_CHECKING:
    from services.container import Services


@dataclass(slots=True)
class Context:
    """What an agent works on; the memories that it stores afterwards get it."""

    project: str | None = None
    file: str | None = None
    kept: bool = True
    """Whether the next call of the client gets it too."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Who calls a tool, with what they can use."""

    services: Services
    name: str
    """As the history names it: «agent:claude-code»."""
    context: Context = field(default_factory=Context)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: its parameters are those of the function after the first, an `Agent`; its docstring is for the model."""

    name: str
    act: Callable[..., Awaitable[object]]
    """Gives a frozen value. Raises MemoriaError, whose text says what to do."""
    title: str
    writes: bool = True
    destructive: bool = False
    """Whether it takes something away, though it can be undone."""
    idempotent: bool = False
    """Whether the same call again changes nothing more."""


# Parameters that several tools have.
Id = Annotated[str, Field(description="Id of a memory, or a beginning of it that fits one memory only")]
Types = Annotated[list[MemoryType] | None, Field(description="Only these types; all if omitted")]
Tags = Annotated[list[str] | None, Field(description="Tags")]
Share = Annotated[float, Field(ge=0, le=1)]
Limit = Annotated[int, Field(ge=1, le=100, description="Most results")]
MOST = 1_000_000_000
"""Memories, characters: more than there ever are, and a number that every store can count to."""
Offset = Annotated[
    int, Field(ge=0, le=MOST, description="How many to pass over: where the answer before said to go on")
]
DateFrom = Annotated[
    str | None, Field(description="Created then or later: ISO date or time, yesterday, last-week, last-month, 3d, 2w")
]
DateTo = Annotated[str | None, Field(description="Created until then; a day, week or month is included")]
Relations = Annotated[list[RelationType] | None, Field(description="Only relations of these types")]
