"""A neighbourhood as a tree: memories under the relation type and direction by which they are reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from memoria_tui.terminal.textual_internals import resize_content
from memoria_tui.text import present
from memoria_tui.text.neighbor_tree import Branch, kind_of, name, sign
from memoria_tui.widgets.map_spots import group_id
from memoria_tui.widgets.row_list import RowList
from services.model import RelationType

_SHORTEST = 8
"""Cells of a title that are shown however deep it hangs."""
_MUTED = "$relation-related"


class Row(NamedTuple):
    """What a line of the tree stands for: a memory, or several reached by one type of relation."""

    key: str
    """Of a memory its id; of a group what `group_id` calls it."""
    above: str
    """Key of the row that it hangs on; "" for the centre."""
    level: int
    """0 for the centre."""
    type: RelationType | None
    """Shown before the memory, or for the group; None where the group above says it."""
    outgoing: bool
    branch: Branch | None
    """None for a group."""
    members: int
    """Memories right behind it."""
    behind: int
    """Rows that are gone while it is folded."""


class RelationTree(RowList):
    """The tree of one neighbourhood, with a cursor that others follow."""

    DEFAULT_CSS = """
    RelationTree { background: transparent; }
    """
    BINDINGS = [
        Binding("enter", "select", "Walk", id="tree.walk", tooltip="Make this memory the centre"),
        Binding("down,j", "move(1)", "Down", show=False, id="tree.down", tooltip="Go to the memory below"),
        Binding("up,k", "move(-1)", "Up", show=False, id="tree.up", tooltip="Go to the memory above"),
        Binding("left", "above", "Left", show=False, id="tree.parent", tooltip="Go to its parent"),
        Binding("space", "fold", "Fold", show=False, id="tree.fold", tooltip="Collapse or expand it"),
        Binding("pageup", "move_pages(-1)", "Page up", show=False, id="tree.page_up", tooltip="A page up"),
        Binding("pagedown", "move_pages(1)", "Page down", show=False, id="tree.page_down", tooltip="A page down"),
        Binding("home,g", "first", "Top", show=False, id="tree.first", tooltip="Go to the centre"),
        Binding("end,G", "last", "Bottom", show=False, id="tree.last", tooltip="Go to the last memory"),
    ]

    @dataclass
    class Highlighted(Message):
        """The person moved to another memory."""

        memory_id: str

    @dataclass
    class Walked(Message):
        """Enter on a memory, or a click on the current one."""

        memory_id: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._rows: dict[str, Row] = {}
        """All rows by their keys, from the top down."""
        self._seen: list[Row] = []
        """Those that nothing folded hides."""
        self._folded: set[str] = set()

    def show(self, root: Branch | None, selected: str = "") -> None:
        """Shows the tree of a neighbourhood, or nothing; the cursor goes to `selected`, else to the centre.

        Around the same centre, what was folded stays folded and the cursor on its line.
        """
        same = root is not None and root.id == self._center
        height = self.cursor - self.scroll_offset.y
        self._rows = {row.key: row for row in (_rows(root) if root is not None else ())}
        self._folded = self._folded & self._rows.keys() if same else set()
        self._lay_out(selected if selected in self._rows else self._center)
        if same:
            self._scroll_to_line(self.cursor - height)

    @property
    def total(self) -> int:
        return len(self._seen)

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self._seen[self.cursor] if self.cursor < len(self._seen) else None

    def is_folded(self, row: Row) -> bool:
        """Whether what is behind it is hidden."""
        return row.key in self._folded

    @property
    def _center(self) -> str:
        return next(iter(self._rows), "")

    def nearest_to(self, gone: str, center: str, stayed: Set[str]) -> str:
        """The memory nearest below one that is gone, else above, among those that stayed; "" around another centre."""
        if self._center != center or gone not in self._rows:
            return ""
        shown = list(self._rows)
        place = shown.index(gone)
        return next((one for one in (*shown[place + 1 :], *shown[:place][::-1]) if one in stayed), "")

    def select(self, memory_id: str) -> None:
        """Puts the cursor on a memory without telling anybody."""
        current = self.current
        if memory_id in self._rows and (current is None or current.key != memory_id):
            self._lay_out(memory_id)

    def _lay_out(self, key: str) -> None:
        """Shows what is not folded, opens what hides this row, and puts the cursor there without telling."""
        row = self._rows.get(key)
        while row is not None and (row := self._rows.get(row.above)) is not None:
            self._folded.discard(row.key)
        self._seen = list(_unfolded(list(self._rows.values()), self._folded))
        resize_content(self, Size(0, len(self._seen)))
        place = next((place for place, row in enumerate(self._seen) if row.key == key), 0)
        with self.prevent(self.Highlighted):
            self.cursor = place
        self._bring_into_view(place)
        self.refresh()

    # drawing

    def render_line(self, y: int) -> Strip:
        width, index = self.scrollable_content_region.width, self._row_at(y)
        if index is None:
            return present.strip(Content(""), width, self.visual_style)
        return present.strip(self._line(index, width), width, self._row_style(index))

    def _line(self, index: int, width: int) -> Content:
        row = self._seen[index]
        folds = ("▸ " if self.is_folded(row) else "▾ ") if row.behind else "  "
        line = Content.assemble(self._bar(index), "  " * row.level, (folds, _MUTED))
        if row.type is not None:
            line += Content.styled(present.direction(row.type, row.outgoing), present.colour(row.type))
        if row.branch is None:
            return line + Content.styled(f"  {row.members}", _MUTED)
        node, relations = row.branch.node, row.branch.relations
        kind = kind_of(node)
        before = Content.assemble(
            "  " if row.type is not None else "", (f"{sign(node)} ", present.colour(kind) if kind else "$warning")
        )
        more = f" +{len(relations) - 1}" if len(relations) > 1 else ""
        room = width - line.cell_length - before.cell_length - len(more)
        title = present.clip(name(node), max(_SHORTEST, room))
        return Content.assemble(line, before, (title, "" if node.memory is not None else "$warning"), (more, _MUTED))

    # moving

    def watch_cursor(self, old: int, new: int) -> None:
        super().watch_cursor(old, new)
        if (row := self.current) is not None and row.branch is not None:
            self.post_message(self.Highlighted(row.key))

    def action_above(self) -> None:
        if (row := self.current) is not None and row.above:
            self.cursor = next(place for place, one in enumerate(self._seen) if one.key == row.above)

    def action_fold(self) -> None:
        if (row := self.current) is not None and row.behind:
            self._folded ^= {row.key}
            self._lay_out(row.key)

    def action_select(self) -> None:
        if (row := self.current) is None:
            return
        if row.branch is None:
            self.action_fold()
        else:
            self.post_message(self.Walked(row.key))

    def on_click(self, event: events.Click) -> None:
        """As on the map: a click selects, a second one walks; on the triangle it folds."""
        index = self._row_at(event.y)
        if index is None:
            return
        again, self.cursor = index == self.cursor, index
        row = self._seen[index]
        if row.behind and event.x - 1 - 2 * row.level in (0, 1):
            self.action_fold()
        elif again:
            self.action_select()


def _rows(branch: Branch, above: str = "", level: int = 0, type_: RelationType | None = None) -> Sequence[Row]:
    """The row of a memory and all behind it, from the top down."""
    if not branch.children:
        return [Row(branch.id, above, level, type_, branch.outgoing, branch, 0, 0)]
    behind: list[Row] = []
    for (kind, outgoing), members in groupby(branch.children, key=lambda child: (child.type, child.outgoing)):
        some = list(members)
        if len(some) == 1:
            behind += _rows(some[0], branch.id, level + 1, kind)
            continue
        key = group_id(branch.id, some, typed=True)
        hidden = [row for one in some for row in _rows(one, key, level + 2)]
        behind += [Row(key, branch.id, level + 1, kind, outgoing, None, len(some), len(hidden)), *hidden]
    row = Row(branch.id, above, level, type_, branch.outgoing, branch, len(branch.children), len(behind))
    return [row, *behind]


def _unfolded(rows: Sequence[Row], folded: Set[str]) -> Iterator[Row]:
    if not folded:
        yield from rows
        return
    place = 0
    while place < len(rows):
        yield rows[place]
        place += 1 + (rows[place].behind if rows[place].key in folded else 0)
