"""A neighbourhood as a tree: memories under the relation type and direction by which they are reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from rich.style import Style as RichStyle
from rich.text import Text
from textual import events, on
from textual.binding import Binding
from textual.message import Message
from textual.style import Style
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from memoria_tui import present
from memoria_tui.neighbor_tree import Branch, branch_out, kind_of, name, sign
from services.graph.graph_values import Neighborhood
from services.model import RelationType

_SHORTEST = 8
"""Cells of a title that are shown however deep it hangs."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a line of the tree stands for: a memory, or several reached by one type of relation."""

    type: RelationType | None
    """Shown before the memory, or for the group; None where the group above says it."""
    outgoing: bool
    branch: Branch | None
    """None for a group."""


class RelationTree(Tree[Row]):
    """The tree of one neighbourhood, with a cursor that others follow."""

    DEFAULT_CSS = """
    RelationTree {
        height: 1fr;
        background: transparent;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
        padding: 0 0 0 1;
    }
    """
    BINDINGS = [
        Binding("enter", "select_cursor", "Walk", id="tree.walk", tooltip="Make this memory the centre"),
        Binding("down,j", "cursor_down", "Down", show=False, id="tree.down", tooltip="Go to the memory below"),
        Binding("up,k", "cursor_up", "Up", show=False, id="tree.up", tooltip="Go to the memory above"),
        Binding("left", "cursor_parent", "Left", show=False, id="tree.parent", tooltip="Go to its parent"),
        Binding("space", "toggle_node", "Fold", show=False, id="tree.fold", tooltip="Collapse or expand it"),
        Binding("home,g", "scroll_home", "Top", show=False, id="tree.first", tooltip="Go to the centre"),
        Binding("end,G", "scroll_end", "Bottom", show=False, id="tree.last", tooltip="Go to the last memory"),
    ]

    ICON_NODE = "▸ "
    ICON_NODE_EXPANDED = "▾ "

    @dataclass
    class Highlighted(Message):
        """The person moved to another memory."""

        memory_id: str

    @dataclass
    class Walked(Message):
        """Enter on a memory."""

        memory_id: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__("", id=id)
        self.guide_depth = 2
        self.show_guides = False
        self.auto_expand = False
        self._places: dict[str, TreeNode[Row]] = {}
        self._parsed: dict[tuple[str, str], RichStyle] = {}

    def show(self, around: Neighborhood | None, selected: str = "") -> None:
        """Shows a neighbourhood, or nothing; the cursor goes to `selected`, else to the centre.

        Around the same centre, what was folded stays folded and the cursor on its line.
        """
        same = around is not None and self._center == around.center
        folded = set(self._folded(self.root)) if same else set()
        height = self.cursor_line - self.scroll_offset.y
        self.clear()
        self._places = {}
        self.root.data = None
        if around is None:
            return
        root = branch_out(around)
        self.root.data = Row(None, True, root)
        self.root.expand()
        self._places[root.id] = self.root
        self._grow(self.root, root, folded)
        self.select(selected if selected in self._places else root.id)
        if same:
            self.scroll_to(y=max(0, self.cursor_line - height), animate=False, force=True, immediate=True)

    @property
    def _center(self) -> str | None:
        row = self.root.data
        return row.branch.id if row is not None and row.branch is not None else None

    def beside(self, gone: str, around: Neighborhood) -> str:
        """The memory nearest below one that is gone, else above, among those that stayed; "" around another centre."""
        shown = list(self._places)
        if self._center != around.center or gone not in self._places:
            return ""
        place = shown.index(gone)
        stayed = {node.id for node in around.nodes}
        return next((one for one in (*shown[place + 1 :], *shown[:place][::-1]) if one in stayed), "")

    def _folded(self, place: TreeNode[Row]) -> Iterator[object]:
        """What names each folded line, from one neighbourhood to the next."""
        if place.allow_expand and not place.is_expanded:
            yield _key(place)
        for child in place.children:
            yield from self._folded(child)

    def select(self, memory_id: str) -> None:
        """Puts the cursor on a memory without telling anybody."""
        place = self._places.get(memory_id)
        if place is None or place is self.cursor_node:
            return
        above = place.parent
        while above is not None:
            above.expand()
            above = above.parent
        with self.prevent(Tree.NodeHighlighted):
            self.move_cursor(place)
        self.scroll_to_node(place, animate=False)

    def _grow(self, place: TreeNode[Row], branch: Branch, folded: set[object]) -> None:
        for (kind, outgoing), members in groupby(branch.children, key=lambda child: (child.type, child.outgoing)):
            group = list(members)
            if len(group) == 1:
                self._hang(place, group[0], kind, folded)
                continue
            key = (_key(place), kind, outgoing)
            above = place.add("", Row(kind, outgoing, None), expand=key not in folded)
            for child in group:
                self._hang(above, child, None, folded)

    def _hang(self, place: TreeNode[Row], branch: Branch, kind: RelationType | None, folded: set[object]) -> None:
        row = Row(kind, branch.outgoing, branch)
        node = place.add("", row, expand=branch.id not in folded, allow_expand=bool(branch.children))
        self._places[branch.id] = node
        self._grow(node, branch, folded)

    # drawing

    def render_label(self, node: TreeNode[Row], base_style: RichStyle, style: RichStyle) -> Text:
        row = node.data
        if row is None:
            return Text("")
        text = Text(style=style, no_wrap=True)
        if node.allow_expand:
            folds = RichStyle.from_meta({"toggle": True})
            text.append(self.ICON_NODE_EXPANDED if node.is_expanded else self.ICON_NODE, self._muted + folds)
        elif node is not self.root:
            text.append("  ")
        if row.type is not None:
            text.append(present.direction(row.type, row.outgoing), self._style(present.colour(row.type)))
            text.append("  " if row.branch else "")
        if row.branch is None:
            text.append(f"  {len(node.children)}", self._muted)
            return text
        kind = kind_of(row.branch.node)
        text.append(f"{sign(row.branch.node)} ", self._style(present.colour(kind)) if kind else self._warning)
        more = f" +{len(row.branch.relations) - 1}" if len(row.branch.relations) > 1 else ""
        room = self._room(node) - text.cell_len - len(more)
        title = present.clip(name(row.branch.node), max(_SHORTEST, room))
        text.append(title, self._warning if row.branch.node.memory is None else None)
        text.append(more, self._muted)
        return text

    def get_label_width(self, node: TreeNode[Row]) -> int:
        """All the room there is: lines are cut to it, so hundreds of them need not be drawn to be measured."""
        return self._room(node)

    def _room(self, node: TreeNode[Row]) -> int:
        """Cells from where the line of a node begins to the right edge."""
        levels = 0
        while node.parent is not None:
            node, levels = node.parent, levels + 1
        return self.scrollable_content_region.width - levels * self.guide_depth

    def _style(self, style: str) -> RichStyle:
        """Parsed once as long as the theme is the same."""
        key = (style, self.app.theme)
        if (parsed := self._parsed.get(key)) is None:
            parsed = self._parsed[key] = Style.parse(style).rich_style
        return parsed

    @property
    def _muted(self) -> RichStyle:
        return self._style("$relation-related")

    @property
    def _warning(self) -> RichStyle:
        return self._style("$warning")

    # moving

    async def _on_click(self, event: events.Click) -> None:
        """As on the map: a click selects, a second one walks; on the triangle it folds."""
        event.prevent_default()
        line = event.style.meta.get("line")
        if line is None or (node := self.get_node_at_line(line)) is None:
            return
        if event.style.meta.get("toggle"):
            node.toggle()
        elif node is self.cursor_node:
            self.action_select_cursor()
        else:
            self.cursor_line = line

    @on(Tree.NodeHighlighted)
    def _moved(self, event: Tree.NodeHighlighted[Row]) -> None:
        event.stop()
        if (row := event.node.data) is not None and row.branch is not None:
            self.post_message(self.Highlighted(row.branch.id))

    @on(Tree.NodeSelected)
    def _chosen(self, event: Tree.NodeSelected[Row]) -> None:
        event.stop()
        if (row := event.node.data) is None:
            return
        if row.branch is None:
            event.node.toggle()
        else:
            self.post_message(self.Walked(row.branch.id))


def _key(place: TreeNode[Row]) -> object:
    """A memory's id, or for a group what it hangs on, its type and its direction."""
    row = place.data
    if row is None or row.branch is not None or place.parent is None:
        return row.branch.id if row is not None and row.branch is not None else None
    return _key(place.parent), row.type, row.outgoing
