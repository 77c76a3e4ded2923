"""The Graph screen as a walker: from memory to memory, with tree, map and preview in step."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual import getters, on, work
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from memoria_tui import present
from memoria_tui.branches import name, sign
from memoria_tui.screens.graph_states import Failed, Loaded, State, Walking, notice
from memoria_tui.screens.mode import ModeScreen
from memoria_tui.screens.states import Idle
from memoria_tui.widgets.preview import Preview
from memoria_tui.widgets.relation_map import RelationMap
from memoria_tui.widgets.relation_tree import RelationTree
from memoria_tui.widgets.trail import Trail
from services.errors import MemoriaError, NotFound, StoreUnavailable
from services.graph.model import Neighborhood, Node
from services.model import Hit, Query, RelationType, Subject
from services.ports import Clock
from services.together import together

if TYPE_CHECKING:
    from services.container import Services

SHALLOWEST, DEEPEST = 1, 5
"""Depths that can be chosen on the screen."""
_FIRST_DEPTH = 2
_RESTING = 0.08
"""Seconds on one memory before its relations and history are asked for."""


class GraphWalking(ModeScreen):
    """Where one stands, how far and along which types one sees, and the way one came."""

    FOLLOWS = frozenset({Subject.MEMORIES, Subject.RELATIONS, Subject.HISTORY})

    state: var[State] = var(Idle, init=False)

    relation_tree = getters.query_one(RelationTree)
    relation_map = getters.query_one(RelationMap)
    preview = getters.query_one(Preview)

    def __init__(self, where: str, clock: Clock) -> None:
        super().__init__(where, clock)
        self._trail: list[str] = []
        """Ids of the centres so far, the present one last."""
        self._names: dict[str, str] = {}
        self._depth = _FIRST_DEPTH
        self._types: tuple[RelationType, ...] = ()
        self._selected = ""
        self._standing: tuple[object, ...] = ()

    # being told

    @property
    def is_waiting(self) -> bool:
        return isinstance(self.state, Idle | Walking)

    def connected(self, services: Services) -> None:
        super().connected(services)
        self._look_around()

    def failed(self, error: MemoriaError) -> None:
        self.state = Failed(error)

    def changed(self) -> None:
        if self.services is not None:
            self._look_around()

    def changed_outside(self, subjects: frozenset[Subject]) -> None:
        if isinstance(self.state, Loaded) and self.around is not None:
            self._look_again(self.around)
        else:
            self._look_around()

    def watch_state(self, state: State) -> None:
        shown = notice(state)
        if not isinstance(state, Walking):
            self.set_class(shown is not None, "-noticed")
            self._offer_keys(type(state), len(self._trail) > 1)
        if shown is not None:
            self.query_one("#notice", Static).update(shown)
        if isinstance(state, Loaded):
            self._show(state.around)

    def _offer_keys(self, *standing: object) -> None:
        """Draws the footer again when other keys work than before: drawing it takes longer than drawing the map."""
        if standing != self._standing:
            self._standing = standing
            self.refresh_bindings()

    # where one stands

    @property
    def around(self) -> Neighborhood | None:
        """The neighbourhood on screen."""
        return self.state.around if isinstance(self.state, Loaded) else None

    def title_of(self, memory_id: str) -> str | None:
        node = self.around.node(memory_id) if self.around is not None else None
        return f"«{present.clip(name(node), 36)}»" if node is not None else None

    @property
    def node(self) -> Node | None:
        """The selected memory."""
        return self.around.node(self._selected) if self.around is not None else None

    def stand_on(self, memory_id: str) -> None:
        """Makes a memory the centre; the one before it stays in the trail."""
        if not self._trail or self._trail[-1] != memory_id:
            self._trail.append(memory_id)
        self._selected = memory_id
        if self.services is not None:
            self._look_around()

    @work(exclusive=True, group="walk")
    async def _look_around(self) -> None:
        before = self.state
        try:
            if not self._trail and not await self._find_start():
                return
            asked = (self._trail[-1], self._depth, self._types)
            self.state = Walking(asked[0])
            around = await self._services.graph.neighborhood(*asked)
        except NotFound:
            self._trail.pop()
            self._look_around()
        except MemoriaError as error:
            stays = isinstance(error, StoreUnavailable) and self._answers(before)
            self.state = before if stays else Failed(error)
        else:
            self._trail[-1] = around.center
            self.shown()
            self.state = Loaded(around)

    def _answers(self, state: State) -> bool:
        """Whether what it shows is what would be asked for now."""
        if not isinstance(state, Loaded) or (around := state.around) is None:
            return False
        return (around.center, around.depth, around.types) == (self._trail[-1], self._depth, self._types)

    @work(exclusive=True, group="again")
    async def _look_again(self, before: Neighborhood) -> None:
        """Looks for what others changed here; whoever walks on meanwhile sees it there."""
        try:
            around = await self._services.graph.neighborhood(before.center, before.depth, before.types)
        except MemoriaError:
            return  # what was seen stays: the centre may be gone, or a store, which the top line tells
        if self.around is not before:
            return
        self.shown()
        if around == before:
            self._select(self._selected)
        else:
            self.state = Loaded(around)

    async def _find_start(self) -> bool:
        """Stands on the best-connected memory; False when there is no relation yet."""
        best = await self._services.graph.overview(20)
        known = [one.memory_id for one in best if one.memory is not None] or [one.memory_id for one in best]
        if known:
            self._trail.append(known[0])
            return True
        listing = await self._services.search.listing(Query())
        self.state = Loaded(None, empty_store=not listing.total)
        return False

    # what is shown

    def _show(self, around: Neighborhood | None) -> None:
        if around is None or around.node(self._selected) is None:
            beside = self.relation_tree.beside(self._selected, around) if around is not None else ""
            self._selected = beside or (around.center if around is not None else "")
        self.relation_tree.show(around, self._selected)
        self.relation_map.show(around)
        if around is not None:
            self._names[around.center] = name(around.nodes[0])
            if self.focused is None:
                self.relation_tree.focus()
        self._draw_trail()
        self._select(self._selected)

    @on(RelationTree.Highlighted)
    @on(RelationMap.Highlighted)
    def follow(self, event: RelationTree.Highlighted | RelationMap.Highlighted) -> None:
        self._select(event.memory_id)

    def _select(self, memory_id: str) -> None:
        """Lets tree, map and preview show the same memory."""
        self._selected = memory_id
        self.relation_tree.select(memory_id)
        self.relation_map.selected = memory_id
        self._draw_also()
        node = self.node
        memory = node.memory or node.chunk_of if node is not None else None
        self.preview.show(Hit(memory) if memory is not None else None)
        if memory is not None:
            self._details(memory.id)

    @work(exclusive=True, group="details")
    async def _details(self, memory_id: str) -> None:
        await asyncio.sleep(_RESTING)
        memories = self._services.memories
        try:
            relations, history = await together(memories.relations(memory_id), memories.history(memory_id))
        except MemoriaError:
            return  # the text can be read without them, and the top line says which store is away
        if self.preview.shown is not None and self.preview.shown.id == memory_id:
            self.preview.show_relations(relations)
            self.preview.show_history(history)

    def _draw_trail(self) -> None:
        trail, around = self.query_one(Trail), self.around
        if around is None:
            trail.steps, trail.facts = (), ""
            return
        types = ", ".join(kind.value.replace("_", " ") for kind in self._types) or "all"
        number = f"{len(around.nodes):,}{'+' if around.more else ''}"
        noun = "memory" if len(around.nodes) == 1 else "memories"
        trail.steps = tuple(self._names.get(one, one[:8]) for one in self._trail)
        trail.facts = f"depth {self._depth}   types {types}   {number} {noun}"

    def _draw_also(self) -> None:
        """Under the map: what is not drawn, what is wrong with the selected end, its relations without an arrow."""
        parts: list[Content] = []
        if self.relation_map.left_out:
            parts.append(Content.styled(f"{self.relation_map.left_out:,} more in the tree", "$warning"))
        if self.around is not None and (node := self.node) is not None:
            if node.memory is None:
                told = "the relation ends at a chunk" if node.chunk_of else "no memory has that id any more"
                parts.append(Content.styled(f"{told} · x takes it away", "$warning"))
            parts += [
                Content.assemble(
                    ("also ", "$foreground 60%"),
                    (present.direction(kind, outgoing), f"${present.COLOURS[kind][0]}"),
                    f" {sign(other)} ",
                    present.clip(name(other), 40),
                )
                for kind, outgoing, other in _also(self.around, node)
            ]
        self.query_one("#also", Static).update(Content("   ").join(parts), layout=False)

    # moving

    @on(RelationTree.Walked)
    @on(RelationMap.Walked)
    def walk(self, event: RelationTree.Walked | RelationMap.Walked) -> None:
        node = self.around.node(event.memory_id) if self.around is not None else None
        if node is not None and node.depth:
            self.stand_on(node.chunk_of.id if node.chunk_of is not None else node.id)

    def action_back(self) -> None:
        if len(self._trail) > 1:
            self._selected = self._trail.pop()
            self._look_around()

    def action_deeper(self, by: int) -> None:
        depth = max(SHALLOWEST, min(DEEPEST, self._depth + by))
        if depth != self._depth:
            self._depth = depth
            self._look_around()

    def action_retry(self) -> None:
        if self.services is None:
            self.post_message(self.Reopen())
        else:
            self._look_around()


def _also(around: Neighborhood, node: Node) -> list[tuple[RelationType, bool, Node]]:
    """Relations between the node and others around that lie on nobody's way from the centre."""
    nodes = {one.id: one for one in around.nodes}
    found = []
    for edge in around.edges:
        if node.id not in (edge.source_id, edge.target_id):
            continue
        outgoing = edge.source_id == node.id
        other = nodes[edge.target_id if outgoing else edge.source_id]
        if node.path[-2:] != (other.id, node.id) and other.path[-2:] != (node.id, other.id):
            found.append((edge.type, outgoing, other))
    return found
