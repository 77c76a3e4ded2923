"""What a tool of the agents is, whatever the protocol: a function over the services, and who calls it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from services.model import LONGEST_QUERY, MemoryType, RelationType
from services.storable_text import MOST_NAME

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


def _no_truth(value: object) -> object:
    """Raises ValueError for true and false, which Python counts as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


def _no_number(value: object) -> object:
    """Raises ValueError for 1 and 0."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


Number = BeforeValidator(_no_truth)
Flag = Annotated[bool, BeforeValidator(_no_number)]

# Parameters that several tools have.
Id = Annotated[str, Field(description="Id of a memory, or a beginning of it that fits one memory only")]
Types = Annotated[list[MemoryType] | None, Field(description="Only these types; all if omitted")]
Tags = Annotated[list[str] | None, Field(description="Tags")]
Share = Annotated[float, Field(ge=0, le=1), Number]
Limit = Annotated[int, Field(ge=1, le=100, description="Most results"), Number]
MOST = 1_000_000_000
"""Memories, characters: more than there ever are, and a number that every store can count to."""
Offset = Annotated[
    int, Field(ge=0, le=MOST, description="How many to pass over: where the answer before said to go on"), Number
]
# What the services refuse in words of their own is in the schemas of REST all the same.
_NOT_BLANK = r"[^\s\x1c-\x1f\x85]"
Text = Annotated[str, WithJsonSchema({"type": "string", "pattern": _NOT_BLANK})]
Words = Annotated[str, WithJsonSchema({"type": "string", "maxLength": LONGEST_QUERY})]
Question = Annotated[str, WithJsonSchema({"type": "string", "pattern": _NOT_BLANK, "maxLength": LONGEST_QUERY})]
Name = Annotated[str, WithJsonSchema({"type": "string", "maxLength": MOST_NAME})]
_FORMATS = [{"format": "date"}, {"format": "date-time"}]
_WEEKDAYS = "(mon|tues|wednes|thurs|fri|satur|sun)day"
_WORDS = {"pattern": f"^(|today|yesterday|{_WEEKDAYS}|(this|last)-(week|month|year)|[1-9][0-9]?[dw])$"}
Day = Annotated[str, WithJsonSchema({"type": "string", "anyOf": [_FORMATS[0], _WORDS]})]
Time = Annotated[str, WithJsonSchema({"type": "string", "anyOf": [*_FORMATS, _WORDS]})]
DateFrom = Annotated[
    Time | None, Field(description="Created then or later: ISO date or time, yesterday, last-week, last-month, 3d, 2w")
]
DateTo = Annotated[Time | None, Field(description="Created until then; a day, week or month is included")]
Relations = Annotated[list[RelationType] | None, Field(description="Only relations of these types")]
