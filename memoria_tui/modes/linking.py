"""Drawing a relation by hand, from whichever screen the two memories are seen on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.content import Content

from memoria_tui.dialogs.link_target import LinkTargetDialog
from memoria_tui.dialogs.relation_type import RelationTypeDialog
from memoria_tui.text.neighbor_tree import END
from memoria_tui.text.present import clip, labelled, title
from services.graph.inference import infer_relation
from services.model import Memory, Relation, RelationType
from services.ports import NewRelation
from services.search.query import parse_query
from services.times import first_weekday

if TYPE_CHECKING:
    from memoria_tui.modes.mode import ModeScreen


class Linking:
    """Asks for what is missing of a relation, then draws it; every method is awaited in a worker."""

    def __init__(self, screen: ModeScreen) -> None:
        self._screen = screen

    async def pick(self, title: str, at_hand: Sequence[Memory]) -> Memory | None:
        """A memory that the person searches for; those at hand are offered first."""
        return await self._screen.ask(LinkTargetDialog(title, at_hand, self._find))

    async def _find(self, text: str) -> Sequence[Memory]:
        week_begins = first_weekday(self._screen.services.settings)
        query = parse_query(text, now=self._screen.clock(), week_begins=week_begins)
        result = await self._screen.services.search.search(query)
        return titled_first(text, [hit.memory for hit in result.hits])

    async def link_pair(self, one: Memory, other: Memory) -> None:
        """As `link`, in the direction that the texts speak for."""
        source, target = (one, other) if infer_relation(one, other).forward else (other, one)
        await self.link([source], target)

    async def link(self, sources: Sequence[Memory], target: Memory) -> None:
        """Asks for the type and draws the relations in one act; between two the one that fits the texts is chosen."""
        kind = RelationType.RELATED
        if len(sources) == 1 and (inferred := infer_relation(sources[0], target)).forward:
            kind = inferred.type
        dialog = RelationTypeDialog("Link", _ends(sources), labelled(target, END), kind)
        if (choice := await self._screen.ask(dialog)) is None:
            return
        pairs = [(target, one) if choice.turned else (one, target) for one in sources]
        act = self._screen.services.graph.link_many(
            [NewRelation(source.id, goal.id, choice.type) for source, goal in pairs if source.id != goal.id]
        )
        verb, (source, goal) = choice.type.label, pairs[0]
        told = f"{_named(source)} {verb} {_named(goal)}"
        if (made := await self._screen.write(f"link {told}", act)) is None:
            return
        if not made:
            self._screen.say(
                "This relation exists (in Graph, = changes its weight), or a memory of it is gone", wrong=True
            )
            return
        number = len(made)
        self._screen.say_done(told if number == 1 else f"{number} linked: {told}, …")
        self._screen.changed()


def titled_first(text: str, memories: Sequence[Memory]) -> Sequence[Memory]:
    """The memories with those first that are called exactly as what was typed, whatever its case and spaces."""
    typed = text.casefold().split()
    return sorted(memories, key=lambda memory: typed not in (_words(memory.title), _words(title(memory))))


def _words(name: str) -> Sequence[str]:
    return name.casefold().split()


def _ends(memories: Sequence[Memory]) -> Content:
    return labelled(memories[0], END) if len(memories) == 1 else Content(f"  {len(memories)} memories")


def turned(relation: Relation) -> Relation:
    """The same relation the other way round."""
    return replace(relation, source_id=relation.target_id, target_id=relation.source_id)


def _named(memory: Memory) -> str:
    return f'"{clip(title(memory), 32)}"'
