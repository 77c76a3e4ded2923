"""What an integrity check is: one object that finds, explains and repairs one kind of defect. `checks` has them all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from services.integrity.defects import Defect, Keep, Repaired
from services.memories.current_state import Current
from services.memories.payload import State
from services.memories.repairing import RepairedMemory
from services.memories.stored_memories import Stored, pages
from services.model import Advance, MemoryType, Relation
from services.points import Filter, Point, Scroll
from services.ports import VectorStore
from services.records import Records
from services.settings import Settings
from services.times import WriterZone

if TYPE_CHECKING:
    from services.integrity.relation_ends import Ends

PAGE = 500
"""Points or relations read at once: few enough that the event loop is not held up."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Stores:
    """What checks read."""

    vectors: VectorStore
    records: Records
    settings: Settings
    zone: WriterZone
    """In which zone-less dates are read."""


class Scan:
    """One reading of everything; a pass that several checks need is made once."""

    def __init__(self, stores: Stores, progress: Advance, tests: Mapping[Check, PointTest]) -> None:
        self.stores = stores
        self.progress = progress
        self.tests = tests
        """What the pass over all points tests each one for."""
        self._made: dict[object, object] = {}

    async def once(self, read: Callable[[Scan], Awaitable[Answer]]) -> Answer:
        """What `read` gives for this scan, from the second time on without reading again."""
        if read not in self._made:
            self._made[read] = await read(self)
        return cast(Answer, self._made[read])

    def points(self, type_: MemoryType, where: Filter, keys: Sequence[str]) -> AsyncIterator[list[Point]]:
        return pages(self.stores.vectors, Scroll(type_, PAGE, where, payload_keys=tuple(keys)))


@dataclass(frozen=True, slots=True)
class PointTest:
    """Tells by one point alone whether its memory is defect."""

    key: str
    """Of the payload, read for it."""
    fails: Callable[[Mapping[str, object]], bool]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about defects that are explained together."""

    stores: Stores
    stored: Mapping[str, Stored]
    """The memories that exist."""
    ends: Ends
    foresee: Callable[[Sequence[Defect]], Awaitable[Repaired]]
    """What a repair of some would do."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One line that says what is wrong, one that says what a repair does ("" for none), and what each choice gives."""

    what: str
    repair: str = ""
    outcomes: Mapping[Keep, str] = field(default_factory=dict)


IN_ORDER = Explanation("no longer needs repair")

Explain = Callable[[Facts, Sequence[Defect]], Awaitable[Sequence[Explanation]]]
"""One explanation for each defect, whose memory or relation exists."""
RepairStep = Callable[[Current, State], RepairedMemory | None]
"""From the memory and the state that other steps made of it; None when there is nothing to repair."""
RepairMemories = Callable[[Stores, Sequence[str], Keep], Awaitable[RepairStep]]
RepairRelation = Callable[[Relation, Mapping[str, str]], Relation | str]
"""From a relation and the memory of each end that has one: how it shall be, or why it is removed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Check:
    """A kind of defect; all that is known about it, on whatever screen. It is a check of memories or of relations."""

    name: str
    """As the command line takes it."""
    title: str
    """As the Health screen lists it."""
    problem: str
    """What is wrong with them, after how many there are."""
    about: str
    """How it comes about and what a repair does."""
    find: Callable[[Scan], Awaitable[Sequence[Defect]]]
    explain: Explain
    point_test: PointTest | None = None
    repair_memories: RepairMemories | None = None
    repair_relation: RepairRelation | None = None
    alone: bool = False
    """Its repair of a memory is the whole repair."""
    deletes: Callable[[Stores, Sequence[str], Keep], Awaitable[Collection[str]]] | None = None
    """Which of some memories its repair would delete; None: it deletes none."""
    by_name: bool = False
    """It is repaired where a person names it, and not with all others."""
    shown_by: str = ""
    """The command that shows more of what nothing repairs."""
    rechunks: bool = False
    """Its repair may remove chunks: relations that end in one are moved to the memory first."""
    question: str = ""
    """Asked where the person has to choose between the values of `choices`."""
    choices: Mapping[Keep, tuple[str, str]] = field(default_factory=dict)
    """Key and words of each."""
    warning: str = ""
    """Told of so many memories (`{count}`) before several defects are repaired at once."""
    asks_for_all: bool = False
    """The warning asks one question for all of them, which `choices` answer; else the first of these is taken."""

    @property
    def repairable(self) -> bool:
        return self.repair_memories is not None or self.repair_relation is not None

    @property
    def things(self) -> tuple[str, str]:
        """What it checks, one and several."""
        return ("relation", "relations") if self.repair_relation else ("memory", "memories")

    @property
    def command(self) -> str:
        """What a person types to have it repaired."""
        return f"memoria-tui repair {self.name}"

    @property
    def advice(self) -> str:
        """What can be done about it, in a line."""
        return f"`{self.command}` repairs that" if self.repairable else self.shown_by

    def __str__(self) -> str:
        return self.name
