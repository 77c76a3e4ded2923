"""The search box: text, mode, result line, errors in place and a small list of completions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from services.errors import QuerySyntaxError
from services.model import SearchMode

if TYPE_CHECKING:
    from services.query import Operator


class SearchBar(Widget):
    """Where a person types a query; says what was typed, never what it finds."""

    result_line: reactive[str] = reactive("")
    mode: reactive[SearchMode] = reactive(SearchMode.HYBRID)
    error: reactive[QuerySyntaxError | None] = reactive(None)

    @dataclass
    class Changed(Message):
        """The text is another one (not posted by `set_text` with the same text)."""

        raw: str
        mode: SearchMode

    @dataclass
    class Submitted(Message):
        """Enter was pressed: the person is done typing and wants the list."""

        raw: str
        mode: SearchMode

    @dataclass
    class ModeChanged(Message):
        """The person switched the mode."""

        mode: SearchMode

    @dataclass
    class CompletionWanted(Message):
        """The cursor stands behind `operator:prefix`; answer with `offer`."""

        operator: str
        prefix: str

    def __init__(self, operators: tuple[Operator, ...], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.operators = operators

    @property
    def text(self) -> str:
        """The text as it stands in the box."""
        return ""

    def set_text(self, raw: str) -> None:
        """Puts another text into the box, cursor at its end; posts Changed when it differs."""

    def offer(self, completions: tuple[str, ...]) -> None:
        """Shows completions of the word at the cursor under the box; none hides the list."""

    def action_cycle_mode(self) -> None:
        """hybrid → semantic → keyword → hybrid."""
