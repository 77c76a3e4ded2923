"""The Graph mode: walk the relations, draw them by hand, find paths, decide on suggestions."""

from __future__ import annotations

from collections.abc import Iterable

from textual import events
from textual.binding import Binding
from textual.containers import Container, Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.screens.graph_linking import GraphLinking
from memoria_tui.screens.graph_states import Failed, Loaded, Walking, notice
from memoria_tui.screens.states import Idle
from memoria_tui.widgets.preview import Preview
from memoria_tui.widgets.relation_map import RelationMap
from memoria_tui.widgets.relation_tree import RelationTree
from memoria_tui.widgets.trail import Trail

_ON_A_MEMORY = frozenset({"link", "path", "suggest", "read", "deeper", "filter"})
"""Actions that need a memory to stand on."""
_ON_A_RELATION = frozenset({"unlink", "retype", "weigh"})
"""Actions that need a memory beside the centre."""


class GraphScreen(GraphLinking):
    """The way above; tree, map and preview side by side, or one at a time where it is narrow."""

    CSS_PATH = "graph.tcss"
    HELP = "Graph: walk the relations, draw and change them"

    BINDINGS = [
        Binding("backspace", "back", "Back", id="graph.back", key_display="⌫", tooltip="Back along the trail"),
        Binding("plus,equals_sign", "deeper(1)", "Deeper", id="graph.deeper", key_display="+", tooltip="See farther"),
        Binding("minus", "deeper(-1)", "Nearer", id="graph.nearer", key_display="-", tooltip="See less far"),
        Binding("f", "filter", "Types", id="graph.types", tooltip="Follow only some types of relation"),
        Binding("l", "link", "Link", id="graph.link", tooltip="Link the selected memory to another"),
        Binding("x", "unlink", "Unlink", id="graph.unlink", tooltip="Take the relation to it away"),
        Binding("r", "retype", "Type", id="graph.type", tooltip="Change type or direction of the relation to it"),
        Binding("w", "weigh", "Weight", id="graph.weight", tooltip="Change the weight of the relation to it"),
        Binding("p", "path", "Path", id="graph.path", tooltip="The shortest path to another memory"),
        Binding("s", "suggest", "Suggest", id="graph.suggest", tooltip="What it may be related to"),
        Binding("S", "review", "Review", id="graph.review", show=False, tooltip="Decide on suggestions for everything"),
        Binding("o", "overview", "Overview", id="graph.overview", tooltip="The best-connected memories"),
        Binding("m", "map", "Map", id="graph.map", tooltip="Go to the map, or back to the tree"),
        Binding("slash", "find", "Find", id="graph.find", show=False, key_display="/", tooltip="Stand on any memory"),
        Binding("v", "read", "Read", id="graph.read", show=False, tooltip="Go to the text and scroll it"),
        Binding("r", "retry", "Again", id="graph.retry", tooltip="Look again"),
        Binding("escape", "leave", "Tree", id="graph.tree", show=False, tooltip="Go to the tree"),
    ]

    def compose_body(self) -> Iterable[Widget]:
        yield Trail(id="trail")
        with Horizontal(id="body"):
            yield RelationTree(id="tree")
            with Container(id="stage"):
                with Vertical(id="map-page"):
                    yield RelationMap(id="map")
                    yield Static(id="also")
                yield Preview(self._clock, id="preview")
            yield Static(notice(Idle()) or "", id="notice")

    def on_mount(self) -> None:
        self.add_class("-noticed")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        standing = isinstance(self.state, Walking) or (isinstance(self.state, Loaded) and bool(self.around))
        if action in _ON_A_MEMORY or action in _ON_A_RELATION or action == "map":
            return standing
        if action == "retry":
            return isinstance(self.state, Failed)
        if action == "back":
            return len(self._trail) > 1
        if action in {"find", "overview", "review"}:
            return self.services is not None
        return True

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Where it is narrow, what has the focus gets the room."""
        self.set_class(self.relation_map.has_focus, "-mapping")
        self.set_class(self.preview.has_focus_within, "-reading")

    def action_map(self) -> None:
        if self.relation_map.has_focus:
            self.action_leave()
        else:
            self.add_class("-mapping")
            self.relation_map.focus()

    def action_read(self) -> None:
        self.add_class("-reading")
        self.query_one("#preview-page").focus()

    def action_leave(self) -> None:
        self.remove_class("-mapping", "-reading")
        self.relation_tree.focus()
