"""The Graph screen as an editor: relations drawn, changed and taken away, paths, suggestions and their review."""

from __future__ import annotations

from dataclasses import replace

from textual.content import Content

from memoria_tui import present
from memoria_tui.branches import name, node_end
from memoria_tui.screens.graph_walking import GraphWalking
from memoria_tui.screens.linking import UNDO, Linking, turned
from memoria_tui.screens.modals.choice import Choice, ChoiceDialog
from memoria_tui.screens.modals.overview import OverviewDialog
from memoria_tui.screens.modals.path import PathDialog
from memoria_tui.screens.modals.prompt import PromptDialog
from memoria_tui.screens.modals.relation_type import RelationTypeDialog, TypeFilterDialog
from memoria_tui.screens.modals.review import ReviewDialog, ReviewQueue
from memoria_tui.typing_ahead import asks
from services.model import Memory, Relation
from services.ports import Clock

_OVERVIEW = 100
"""Memories in the overview."""
_SUGGESTIONS = 30


class GraphLinking(GraphWalking, Linking):
    """What is done to the relation by which the selected memory is reached."""

    def __init__(self, where: str, clock: Clock) -> None:
        super().__init__(where, clock)
        self._review = ReviewQueue()

    def at_hand(self, without: str) -> list[Memory]:
        """The memories around, the nearest first."""
        nodes = self.around.nodes if self.around is not None else ()
        return [node.memory for node in nodes if node.memory is not None and node.id != without]

    def _memory(self) -> Memory | None:
        """The selected memory; says so when there is none."""
        node = self.node
        memory = node.memory or node.chunk_of if node is not None else None
        if memory is None:
            self.tell("That end of the relation is no memory" if node else "No memory is selected")
        return memory

    # relations

    @asks
    async def action_link(self) -> None:
        if memory := self._memory():
            target = await self.pick(f"Link «{present.clip(present.title(memory), 48)}»", self.at_hand(memory.id))
            if target is not None:
                await self.link([memory], target)

    async def _relation(self) -> Relation | None:
        """The relation by which the selected memory is reached; asks which when there are several."""
        node = self.node
        if self.around is None or node is None or not node.depth:
            self.tell("Go to a memory beside the centre: the relation that leads to it is meant")
            return None
        ends = set(node.path[-2:])
        found = [edge for edge in self.around.edges if {edge.source_id, edge.target_id} == ends]
        if len(found) < 2:
            return found[0] if found else None
        choices = [Choice(str(place), edge.id, self._told(edge)) for place, edge in enumerate(found, 1)]
        chosen = await self.app.push_screen_wait(ChoiceDialog("Which relation", choices))
        return next((edge for edge in found if edge.id == chosen), None)

    def _told(self, edge: Relation) -> Content:
        outgoing = self.node is not None and edge.target_id == self.node.id
        return Content.assemble(
            (present.direction(edge.type, outgoing), f"${present.COLOURS[edge.type][0]}"), f"  {edge.weight:g}"
        )

    @asks
    async def action_unlink(self) -> None:
        if (relation := await self._relation()) is None:
            return
        what = f"{relation.type.value.replace('_', ' ')} of {self._end_of(relation)}"
        act = self._services.graph.unlink([relation.id], [relation])
        if await self.write(f"unlink {what}", act, once=[relation.id]):
            self.tell(f"Unlinked {what} · {UNDO}")
            self.changed()

    def _end_of(self, relation: Relation) -> str:
        node = self.node if self.node is not None and self.node.id in (relation.source_id, relation.target_id) else None
        return present.clip(name(node), 36) if node is not None else relation.target_id[:8]

    @asks
    async def action_retype(self) -> None:
        relation = await self._relation()
        if relation is None or self.around is None:
            return
        source, target = self.around.node(relation.source_id), self.around.node(relation.target_id)
        if source is None or target is None:
            return
        dialog = RelationTypeDialog("Type and direction", node_end(source), node_end(target), relation.type)
        if (choice := await self.app.push_screen_wait(dialog)) is not None:
            after = replace(turned(relation) if choice.turned else relation, type=choice.type)
            await self._change(relation, after)

    @asks
    async def action_weigh(self) -> None:
        if (relation := await self._relation()) is None:
            return
        text = await self.app.push_screen_wait(
            PromptDialog("Weight", hint="From 0 to 1", check=weight_problem, value=f"{relation.weight:g}")
        )
        if text is not None:
            await self._change(relation, replace(relation, weight=float(text)))

    async def _change(self, before: Relation, after: Relation) -> None:
        if after == before:
            return
        act = self._services.graph.change(before, after)
        if await self.write(f"change {before.type.value.replace('_', ' ')}", act, once=[before.id]) is not None:
            way = " the other way round" if after.source_id != before.source_id else ""
            self.tell(f"Now {after.type.value.replace('_', ' ')}{way}, weight {after.weight:g} · {UNDO}")
            self.changed()

    # places to go

    @asks
    async def action_find(self) -> None:
        memory = await self.pick("Stand on", self.at_hand(self._selected))
        if memory is not None:
            self.stand_on(memory.id)

    @asks
    async def action_overview(self) -> None:
        best = await self.attempt(self._services.graph.overview(_OVERVIEW))
        if best is not None and (chosen := await self.app.push_screen_wait(OverviewDialog(best))):
            self.stand_on(chosen)

    @asks
    async def action_filter(self) -> None:
        types = await self.app.push_screen_wait(TypeFilterDialog(self._types))
        if types is not None and types != self._types:
            self._types = types
            self.changed()

    @asks
    async def action_path(self) -> None:
        if (memory := self._memory()) is None:
            return
        goal = await self.pick(
            f"Path from «{present.clip(present.title(memory), 44)}» to", self.at_hand(memory.id)[::-1]
        )
        if goal is None:
            return
        steps = await self.attempt(self._services.graph.path(memory.id, goal.id))
        if steps and (chosen := await self.app.push_screen_wait(PathDialog(steps))):
            self.stand_on(chosen)

    # suggestions

    @asks
    async def action_suggest(self) -> None:
        if (memory := self._memory()) is None:
            return
        found = await self.attempt(self._services.suggestions.suggest(memory.id, _SUGGESTIONS))
        if found is not None:
            queue = ReviewQueue(list(found), finished=True)
            await self._decide(f"Suggested for «{present.clip(present.title(memory), 44)}»", queue)

    @asks
    async def action_review(self) -> None:
        if self._review.finished and not self._review.waiting:
            self._review = ReviewQueue()
        await self._decide("Review of all memories", self._review)

    async def _decide(self, title: str, queue: ReviewQueue) -> None:
        if accepted := await self.app.push_screen_wait(ReviewDialog(title, self._services, queue)):
            self.tell(f"{accepted:,} relation{'' if accepted == 1 else 's'} accepted · {UNDO}")
            self.changed()


def weight_problem(text: str) -> str | None:
    """Says what a weight must be when `text` is none."""
    try:
        fine = 0.0 <= float(text) <= 1.0
    except ValueError:
        fine = False
    return None if fine else "A weight is a number from 0 to 1"
