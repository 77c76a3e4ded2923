"""The Graph mode: walk the relations, draw them by hand, find paths, decide on suggestions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from textual import events, on, work
from textual.binding import Binding
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.back_and_forward import Place
from memoria_tui.dialogs.go_to_memory import best_connected, path
from memoria_tui.dialogs.graph_filter import MORE, TypeFilterDialog, graph_filter
from memoria_tui.keys.dialog_actions import asks
from memoria_tui.keys.waiting_keys import takes_text
from memoria_tui.modes.graph.relations import Relations
from memoria_tui.modes.graph.state import Nowhere, map_facts, nowhere, trail_facts
from memoria_tui.modes.graph.suggestions import Suggestions
from memoria_tui.modes.linking import Linking
from memoria_tui.modes.memory_export import ask_target, export_summary
from memoria_tui.modes.mode import Failed, Idle, Loadable, Loaded, Loading, ModeScreen
from memoria_tui.modes.registry import GRAPH
from memoria_tui.setup import Setup
from memoria_tui.text import present
from memoria_tui.text.neighbor_tree import Surroundings, name
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.map_colours import ColourBy
from memoria_tui.widgets.part import Part
from memoria_tui.widgets.preview import Preview
from memoria_tui.widgets.relation_map import RelationMap
from memoria_tui.widgets.relation_tree import RelationTree
from memoria_tui.widgets.trail import Trail
from memoria_tui.write_queue import run_long
from services.errors import MemoriaError, NotFound, StoreUnavailable
from services.graph.graph_filter import GraphFilter, filtered
from services.graph.graph_values import Neighborhood, Node
from services.model import Hit, Memory, Query, Relation, Subject, any_of, counted
from services.times import first_weekday
from services.transfer.export_source import Selection

SHALLOWEST, DEEPEST = 1, 5
"""Depths that can be chosen on the screen."""
_FIRST_DEPTH = 2
_OVERVIEW = 100
"""Memories in the overview."""
_AROUND = frozenset(
    {"link", "path", "suggest", "read", "deeper", "filter", "pane", "export", "unlink", "set", "overview"}
)
"""Actions that need a memory to stand on."""


class GraphScreen(ModeScreen):
    """The way above; tree, map and preview side by side, or one at a time where it is narrow."""

    CSS_PATH = "graph.tcss"
    HELP = "Graph: walk the relations, draw and change them"
    FOLLOWS = frozenset({Subject.MEMORIES, Subject.RELATIONS, Subject.HISTORY})

    MOVED = {
        "x": "x exports; L removes the relation now",
        "E": "x exports now",
        "r": "= sets type, direction and weight now",
        "w": "= sets type, direction and weight now",
        "s": "suggestions are S now",
        "S": "S suggests for the selected memory; Q reviews all",
        "o": "the overview is O now",
        "m": "tab goes to the map now",
    }
    FROM_ELSEWHERE = frozenset({"find", "overview", "review"})
    BINDINGS = [
        Binding("backspace", "back", "Back", id="graph.back", tooltip="Back along the trail"),
        Binding("plus", "deeper(1)", "Deeper", id="graph.deeper", tooltip="More depth"),
        Binding("minus", "deeper(-1)", "Nearer", id="graph.nearer", tooltip="Less depth"),
        Binding("f", "filter", "Filter", id="graph.types", tooltip=f"By {any_of(['type', *MORE])}"),
        Binding("l", "link", "Link", id="graph.link", tooltip="Link the selected memory to another"),
        Binding("L", "unlink", "Unlink", id="graph.unlink", tooltip="Remove the relation to it"),
        Binding("equals_sign", "set", "Set", id="graph.set", tooltip="Set type, direction or weight of its relation"),
        Binding("p", "path", "Path", id="graph.path", tooltip="The shortest path to another memory"),
        Binding("S", "suggest", "Suggest", id="graph.suggest", tooltip="Suggest relations of it"),
        Binding("Q", "review", "Review", id="graph.review", show=False, tooltip="Review suggestions for all memories"),
        Binding("O", "overview", "Overview", id="graph.overview", tooltip="The best-connected memories"),
        Binding(
            "x", "export", "Export", id="graph.export", show=False, tooltip="Write what is seen to a file, as DOT, …"
        ),
        Binding("tab", "pane", "Pane", id="graph.map", tooltip="From the tree to the map, to the text, and back"),
        Binding("slash", "find", "Find", id="graph.find", show=False, tooltip="Go to any memory"),
        Binding("v", "read", "Read", id="graph.read", show=False, tooltip="Go to the text and scroll it"),
        Binding("r", "retry", "Again", id="graph.retry", tooltip="Refresh"),
        Binding("escape", "leave", "Tree", id="graph.tree", show=False, tooltip="Go to the tree"),
    ]

    state: var[Loadable[Surroundings | Nowhere]] = var(Idle, init=False)

    relation_tree = Part(RelationTree)
    relation_map = Part(RelationMap)
    preview = Part(Preview)

    def __init__(self, mode: str, setup: Setup) -> None:
        super().__init__(mode, setup)
        self._linking = Linking(self)
        self._relations = Relations(self)
        self._suggestions = Suggestions(self)
        self._trail: list[str] = []
        """Ids of the centres so far, the present one last."""
        self._names: dict[str, str] = {}
        self._depth = _FIRST_DEPTH
        self._filter = self._shown_by = GraphFilter()
        """What is asked for now, and what was for what is on screen."""
        self._colour_by = ColourBy.TYPE
        self._selected = ""

    def compose_body(self) -> Iterable[Widget]:
        yield Trail(id="trail")
        with Horizontal(id="body"):
            yield RelationTree(id="tree")
            with Container(id="stage"):
                with Vertical(id="map-page"):
                    yield RelationMap(self.clock, id="map")
                    yield LazyStatic(id="also")
                yield Preview(self.clock, self.read_details, id="preview")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in _AROUND:
            return isinstance(self.state, Loading) or self.around is not None
        if action == "retry":
            return isinstance(self.state, Failed)
        if action == "back":
            return len(self._trail) > 1
        if action in {"find", "review"}:
            return self.is_connected
        return True

    def notice(self, state: Loadable[Surroundings | Nowhere]) -> Content | None:
        if isinstance(state, Loaded) and isinstance(state.value, Nowhere):
            return nowhere(state.value)
        return super().notice(state)

    def changed_outside(self, subjects: frozenset[Subject]) -> None:
        if self.around is not None:
            self._look_again(self.around)
        else:
            self.load()

    # where one stands

    @property
    def around(self) -> Neighborhood | None:
        """The neighbourhood on screen."""
        shown = self.state.value if isinstance(self.state, Loaded) else None
        return shown.around if isinstance(shown, Surroundings) else None

    def title_of(self, memory_id: str) -> str | None:
        node = self.around.node(memory_id) if self.around is not None else None
        return f'"{present.clip(name(node), 36)}"' if node is not None else None

    @property
    def node(self) -> Node | None:
        """The selected memory."""
        return self.around.node(self._selected) if self.around is not None else None

    @property
    def place(self) -> Place | None:
        return Place(GRAPH.name, self.around.center) if self.around is not None else None

    def go_to(self, place: Place) -> None:
        if place.memory_id in self._trail[:-1]:
            self._back_to(len(self._trail) - 2 - self._trail[-2::-1].index(place.memory_id))
        else:
            self.stand_on(place.memory_id)

    @on(Preview.Followed)
    def follow_link(self, event: Preview.Followed) -> None:
        """Stands on a memory that another one is related to; a tag or project is searched for in Memories."""
        if event.link.kind == "memory":
            self.stand_on(event.link.value)
        else:
            self.post_message(self.SearchWanted(event.link.search))

    def stand_on(self, memory_id: str) -> None:
        """Makes a memory the centre; the one before it stays in the trail."""
        if not self._trail or self._trail[-1] != memory_id:
            self._trail.append(memory_id)
        self._selected = memory_id
        self.changed()

    @work(exclusive=True, group="walk")
    async def load(self) -> None:
        before = self.state
        try:
            if not self._trail and not await self._find_start():
                return
            self.state = Loading()
            found = await self._ask_around(self._trail[-1], self._depth, self._filter)
        except NotFound:
            self._trail.pop()
            self.load()
        except MemoriaError as error:
            stays = isinstance(error, StoreUnavailable) and self._answers(before)
            self.state = before if stays else Failed(error)
        else:
            self._trail[-1] = found.around.center
            self._shown_by = self._filter
            self.shown()
            self.state = Loaded(found)
            self.post_message(self.Visited(Place(GRAPH.name, found.around.center)))

    async def _ask_around(self, center: str, depth: int, where: GraphFilter) -> Surroundings:
        graph = self.services.graph
        around = await graph.neighborhood(center, depth, where.types)
        if where.is_more_than_types:
            ids = [node.id for node in around.nodes]
            around = filtered(around, where, await graph.superseded(ids) if where.hides_superseded else frozenset())
        return await self.relation_map.prepare(around, self._colour_by)

    @property
    def owes_answer(self) -> bool:
        return isinstance(self.state, Loading)

    def _answers(self, state: Loadable[Surroundings | Nowhere]) -> bool:
        """Whether what it shows is what would be asked for now."""
        if not isinstance(state, Loaded) or not isinstance(state.value, Surroundings):
            return False
        around = state.value.around
        return (around.center, around.depth, self._shown_by) == (self._trail[-1], self._depth, self._filter)

    @work(exclusive=True, group="again")
    async def _look_again(self, before: Neighborhood) -> None:
        """Looks for what others changed here; whoever walks on meanwhile sees it there."""
        try:
            found = await self._ask_around(before.center, before.depth, self._shown_by)
        except MemoriaError:
            return  # what was seen stays: the centre may be gone, or a store, which the header tells
        if self.around is not before:
            return
        self.shown()
        if found.around == before:
            self._select(self._selected)
            return
        held = self.node
        self.state = Loaded(found)
        if held is not None and self._selected != held.id:
            self.say_taken(
                held.id, f'"{present.clip(name(held), 40)}" is related here no more: somebody else changed that'
            )

    async def _find_start(self) -> bool:
        """Stands on the best-connected memory; False when there is no relation yet."""
        best = await self.services.graph.overview(20)
        known = [one.memory_id for one in best if one.memory is not None] or [one.memory_id for one in best]
        if known:
            self._trail.append(known[0])
            return True
        listing = await self.services.search.listing(Query())
        self.state = Loaded(Nowhere(empty_store=not listing.total))
        return False

    # what is shown

    def draw(self, shown: Surroundings | Nowhere) -> None:
        if isinstance(shown, Nowhere):
            self._selected = ""
            self.relation_tree.show(None)
            self.relation_map.show(None)
        else:
            self._draw_around(shown)
        trail, around = self.query_one(Trail), self.around
        trail.steps = tuple(self._names.get(one, one[:8]) for one in self._trail) if around is not None else ()
        trail.facts = trail_facts(around, self._shown_by) if around is not None else ""
        self._select(self._selected)

    def _draw_around(self, shown: Surroundings) -> None:
        around = shown.around
        if not self._is_around(self._selected, around):
            stayed = {node.id for node in around.nodes}
            self._selected = self.relation_tree.nearest_to(self._selected, around.center, stayed) or around.center
        self.relation_tree.show(shown.root, self._selected)
        self.relation_map.show(shown, self._colour_by)
        self._names[around.center] = name(around.nodes[0])
        if self.focused is None:
            self.relation_tree.focus()

    def _is_around(self, selected: str, around: Neighborhood) -> bool:
        """Whether that is a memory of the neighbourhood, or a group on its map."""
        shown = self.relation_map.shown
        still = shown is not None and shown.center == around.center and " " in selected
        return around.node(selected) is not None or (still and self.relation_map.holds(selected))

    @on(RelationTree.Highlighted)
    @on(RelationMap.Highlighted)
    def follow(self, event: RelationTree.Highlighted | RelationMap.Highlighted) -> None:
        self._select(event.memory_id)

    def _select(self, memory_id: str) -> None:
        """Lets tree, map and preview show the same memory."""
        self._selected = memory_id
        self.relation_tree.select(memory_id)
        self.relation_map.selected = memory_id
        self.show_facts()
        node = self.node
        memory = node.memory or node.chunk_of if node is not None else None
        self.preview.show(Hit(memory) if memory is not None else None)

    @on(RelationMap.Chosen)
    def show_facts(self) -> None:
        """Says under the map what is chosen, marked or wrong there."""
        self.query_one("#also", Static).update(map_facts(self.relation_map, self.around, self.node), layout=False)

    # moving

    @on(RelationTree.Walked)
    @on(RelationMap.Walked)
    def walk(self, event: RelationTree.Walked | RelationMap.Walked) -> None:
        node = self.around.node(event.memory_id) if self.around is not None else None
        if node is not None and node.depth:
            self.stand_on(node.chunk_of.id if node.chunk_of is not None else node.id)

    @takes_text
    @asks
    async def action_find(self) -> None:
        memory = await self._linking.pick("Go to", self._at_hand(self._selected))
        if memory is not None:
            self.stand_on(memory.id)

    @asks
    async def action_overview(self) -> None:
        best = await self.attempt(self.services.graph.overview(_OVERVIEW))
        if best is not None and (chosen := await self.ask(best_connected(best))):
            self.stand_on(chosen)

    @asks
    async def action_filter(self) -> None:
        dialog = TypeFilterDialog(self._filter.types)
        if (types := await self.ask(dialog)) is None:
            return
        where = GraphFilter() if dialog.wants_all else replace(self._filter, types=types)
        look = (where, self._colour_by)
        if dialog.wants_more:
            chosen = await self.ask(graph_filter(self.clock, first_weekday(self.services.settings), *look))
            if chosen is None:
                return
            look = chosen
        if look != (self._filter, self._colour_by):
            self._filter, self._colour_by = look
            self.changed()

    @asks
    async def action_path(self) -> None:
        if (memory := self._memory()) is None:
            return
        title = f'Path from "{present.clip(present.title(memory), 44)}" to'
        goal = await self._linking.pick(title, self._at_hand(memory.id)[::-1])
        if goal is None:
            return
        steps = await self.attempt(self.services.graph.path(memory.id, goal.id))
        if steps and (chosen := await self.ask(path(steps))):
            self.stand_on(chosen)

    def action_back(self) -> None:
        if len(self._trail) > 1:
            self._back_to(len(self._trail) - 2)

    @on(Trail.WentBack)
    def go_back_to(self, event: Trail.WentBack) -> None:
        """Goes back along the trail, over several steps at once."""
        if event.step < len(self._trail) - 1:
            self._back_to(event.step)

    def _back_to(self, step: int) -> None:
        """Stands on a memory of the trail again; selected is the one to which it led."""
        self._selected = self._trail[step + 1]
        del self._trail[step + 1 :]
        self.changed()

    def action_deeper(self, by: int) -> None:
        depth = max(SHALLOWEST, min(DEEPEST, self._depth + by))
        if depth != self._depth:
            self._depth = depth
            self.load()

    # relations and suggestions

    def _memory(self) -> Memory | None:
        """The selected memory; says so when there is none."""
        node = self.node
        memory = node.memory or node.chunk_of if node is not None else None
        if memory is None:
            group = self.relation_map.holds(self._selected)
            nothing = "This is a group: enter opens it" if group else "No memory is selected"
            self.refuse("That end of the relation is no memory" if node else nothing, wrong=False)
        return memory

    def _at_hand(self, without: str) -> list[Memory]:
        """The memories around, the nearest first."""
        nodes = self.around.nodes if self.around is not None else ()
        return [node.memory for node in nodes if node.memory is not None and node.id != without]

    @takes_text
    @asks
    async def action_link(self) -> None:
        if (memory := self._memory()) is None:
            return
        source = self._marked_for(memory)
        if source is not None:
            self.relation_map.marked = ""
            await self._linking.link([source], memory)
            return
        title = f'Link "{present.clip(present.title(memory), 48)}"'
        target = await self._linking.pick(title, self._at_hand(memory.id))
        if target is not None:
            await self._linking.link([memory], target)

    def _marked_for(self, target: Memory) -> Memory | None:
        """The memory that is marked on the map as where a link starts."""
        marked = self.around.node(self.relation_map.marked) if self.around is not None else None
        return marked.memory if marked is not None and marked.id != target.id else None

    @property
    def _chosen(self) -> Relation | None:
        """The relation that is chosen on the map, where the map is seen."""
        return self.relation_map.relation if self.relation_map.is_on_screen else None

    @asks
    async def action_unlink(self) -> None:
        await self._relations.unlink(self.around, self.node, self._chosen)

    @asks
    async def action_set(self) -> None:
        await self._relations.set(self.around, self.node, self._chosen)

    @asks
    async def action_suggest(self) -> None:
        if memory := self._memory():
            await self._suggestions.suggest(memory)

    @asks
    async def action_review(self) -> None:
        await self._suggestions.review()

    @asks
    async def action_export(self) -> None:
        """What is seen: the memories, and the relations that are followed."""
        if (around := self.around) is None:
            return
        selection = Selection(
            [node.id for node in around.nodes if node.memory is not None], relation_ids={one.id for one in around.edges}
        )
        if target := await ask_target(self, f"Export {counted(len(selection.ids or ()))}", "graph.dot"):
            file, format_ = target
            act = self.services.exporting.write(file, format_.writer, selection, replace=False)
            if (made := await self.attempt(run_long(self.app, "Export", act))) is not None:
                self.say(export_summary(made, file))

    # where the eyes and hands are

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Where it is narrow, what has the focus gets the room."""
        self.set_class(self.relation_map.has_focus, "-mapping")
        self.set_class(self.preview.has_focus_within, "-reading")

    def action_pane(self) -> None:
        if self.relation_tree.has_focus:
            self.add_class("-mapping")
            self.relation_map.focus()
        elif self.relation_map.has_focus:
            self.action_read()
        else:
            self.action_leave()

    def action_read(self) -> None:
        self.add_class("-reading")
        self.query_one("#preview-page").focus()

    def action_leave(self) -> None:
        """First drops what is chosen or marked on the map."""
        if self.relation_map.has_focus and (self.relation_map.chosen or self.relation_map.marked):
            self.relation_map.chosen = self.relation_map.marked = ""
            return
        self.remove_class("-mapping", "-reading")
        self.relation_tree.focus()
