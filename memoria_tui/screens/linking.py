"""Drawing a relation by hand, from whichever screen the two memories are seen on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memoria_tui.branches import memory_end
from memoria_tui.present import clip, title
from memoria_tui.screens.modals.link_target import LinkTargetDialog
from memoria_tui.screens.modals.relation_type import RelationTypeDialog
from memoria_tui.screens.mode import ModeScreen
from services.model import Memory, Relation
from services.query import parse_query
from services.relation_inference import infer_relation

UNDO = "u takes it back"


class Linking(ModeScreen):
    """Asks for what is missing of a relation, then draws it."""

    async def pick(self, title: str, at_hand: Sequence[Memory]) -> Memory | None:
        """A memory that the person searches for; those at hand are offered first."""
        return await self.app.push_screen_wait(LinkTargetDialog(title, at_hand, self._find))

    async def _find(self, text: str) -> Sequence[Memory]:
        result = await self._services.search.search(parse_query(text, now=self._clock()))
        return [hit.memory for hit in result.hits]

    async def link(self, one: Memory, other: Memory) -> Relation | None:
        """Asks for the type and draws the relation; the direction offered is the one that the texts speak for."""
        inferred = infer_relation(one, other)
        source, target = (one, other) if inferred.forward else (other, one)
        choice = await self.app.push_screen_wait(
            RelationTypeDialog("Link", memory_end(source), memory_end(target), inferred.type)
        )
        if choice is None:
            return None
        if choice.turned:
            source, target = target, source
        made = await self.attempt(self._services.graph.link(source.id, target.id, choice.type))
        if made is not None:
            self.tell(f"{_named(source)} {choice.type.value.replace('_', ' ')} {_named(target)} · {UNDO}")
            self.changed()
        return made


def turned(relation: Relation) -> Relation:
    """The same relation the other way round."""
    return replace(relation, source_id=relation.target_id, target_id=relation.source_id)


def _named(memory: Memory) -> str:
    return f"«{clip(title(memory), 32)}»"
