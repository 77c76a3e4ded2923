"""The Memories mode: search and browse are one."""

from __future__ import annotations

from collections.abc import Iterable

from textual import events, on
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.loadable import Failed, Idle, Loaded, Loading
from memoria_tui.screens.memories_files import MemoryFiles
from memoria_tui.screens.memories_linking import MemoryLinking
from memoria_tui.widgets.facets import FacetPanel
from memoria_tui.widgets.memory_list import MemoryList
from memoria_tui.widgets.preview import Preview
from memoria_tui.widgets.search_bar import SearchBar
from services.search.query import operators

_ON_A_MEMORY = frozenset(
    {"edit", "editor", "tags", "set", "more_like", "history", "why", "copy_text", "copy_id", "delete", "export"}
    | {"mark_all", "link", "graph"}
)
"""Actions that need a memory in the list."""
_NOT_WHILE_EDITING = _ON_A_MEMORY | {"new", "import", "load_demo", "trash", "retry"}


class MemoriesScreen(MemoryFiles, MemoryLinking):
    """Search box above; facets, list and preview side by side, or one under the other where it is narrow."""

    CSS_PATH = "memories.tcss"
    HELP = "Memories: search, read, write and curate what is remembered"
    HELP_RULES = (
        ("e h v w m g", "what opens one memory takes the one under the cursor"),
        ("t s d l x y Y", "what acts takes the marked ones, else the one under the cursor"),
        ("hidden marks", "marked memories that are not in the list: it asks first which are meant"),
        ("esc", "marks stay until esc in the list"),
    )

    BINDINGS = [
        Binding("slash", "search", "Search", id="memories.search", key_display="/", tooltip="Type a search"),
        Binding("n", "new", "New", id="memories.new", tooltip="Write a new memory"),
        Binding("e", "edit", "Edit", id="memories.edit", tooltip="Edit the text in place"),
        Binding("t", "tags", "Tags", id="memories.tags", tooltip="Add and remove tags"),
        Binding("m", "more_like", "Similar", id="memories.more", tooltip="More like it"),
        Binding("l", "link", "Link", id="memories.link", tooltip="Link it, or the marked pair"),
        Binding("g", "graph", "Graph", id="memories.graph", tooltip="Show it in the graph"),
        Binding("h", "history", "History", id="memories.history", tooltip="Earlier versions: compare and restore"),
        Binding("d", "delete", "Delete", id="memories.delete", tooltip="Put into the trash"),
        Binding("w", "why", "Why", id="memories.why", tooltip="Why it was found: the parts of its score"),
        Binding("a", "mark_all", "Mark all", id="memories.mark_all", show=False, tooltip="Mark all hits, or none"),
        Binding("s", "set", "Set", id="memories.set", show=False, tooltip="Set importance, project or type"),
        Binding("ctrl+e", "editor", "Editor", id="memories.editor", show=False, tooltip="Edit in $EDITOR"),
        Binding("y", "copy_text", "Copy text", id="memories.copy", show=False, tooltip="Copy the text"),
        Binding("Y", "copy_id", "Copy id", id="memories.copy_id", show=False, tooltip="Copy the id"),
        Binding("x", "export", "Export", id="memories.export", show=False, tooltip="Export the marked to a file"),
        Binding("i", "import", "Import", id="memories.import", show=False, tooltip="Import a file or a folder"),
        Binding("D", "load_demo", "Demo data", id="memories.demo", show=False, tooltip="Load the demo data"),
        Binding("T", "trash", "Trash", id="memories.trash", show=False, tooltip="See and restore what was deleted"),
        Binding("F", "facets", "Facets", id="memories.facets", show=False, tooltip="Go to the counts at the left"),
        Binding("v", "read", "Read", id="memories.read", show=False, tooltip="Go to the text and scroll it"),
        Binding("r", "retry", "Again", id="memories.retry", show=False, tooltip="Ask again"),
        Binding("escape", "leave_search", "List", id="memories.list", tooltip="Go to the list"),
        Binding("escape", "back", "Back", id="memories.back", show=False, tooltip="Back to the list, then to all"),
    ]

    def compose_body(self) -> Iterable[Widget]:
        yield SearchBar(operators())
        with Horizontal(id="body"):
            yield FacetPanel(id="facets")
            with Vertical(id="centre"):
                yield MemoryList(self.clock, id="memories")
            yield Preview(self.clock, id="preview")
        yield Static(id="progress")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in _NOT_WHILE_EDITING and self.is_mounted and self.preview.editing is not None:
            return False
        match action:
            case "load_demo":
                empty = isinstance(self.state, Loaded) and self.state.value.empty_store
                return empty and self._load_demo is not None
            case "search" | "leave_search":
                return self._searching is (action == "leave_search")
            case "retry":
                return not isinstance(self.state, Idle)
            case "new" | "import" | "trash":
                return self.is_connected
            case _ if action in _ON_A_MEMORY:
                return isinstance(self.state, Loaded | Loading) and self.memory_list.total > 0
        return True

    @property
    def _searching(self) -> bool:
        return self.is_mounted and self.search_bar.has_focus_within

    # where the eyes and hands are

    @on(SearchBar.Submitted)
    def to_list(self) -> None:
        if isinstance(self.state, Failed):
            self.action_retry()
        self.memory_list.focus()

    @on(MemoryList.Selected)
    def action_read(self) -> None:
        self.query_one("#preview-page").focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Where it is narrow, what has the focus gets the room."""
        self.set_class(self.preview.has_focus_within, "-reading")
        self.set_class(self.facet_panel.has_focus, "-choosing")

    def action_search(self) -> None:
        self.search_bar.focus()

    def action_leave_search(self) -> None:
        self.set_focus(None if self.has_class("-noticed") else self.memory_list)

    def action_facets(self) -> None:
        self.add_class("-choosing")
        self.facet_panel.focus()

    def action_back(self) -> None:
        """One step back: to the list, then no marks, then no search."""
        if not (self.memory_list.has_focus or self.has_class("-noticed")):
            self.remove_class("-reading", "-choosing")
            self.memory_list.focus()
        elif self.memory_list.marked:
            self.memory_list.mark_all(frozenset())
        else:
            self.search_bar.set_text("")
