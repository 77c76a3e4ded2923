"""The search box: text, mode, result line, errors in place and a small list of completions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from rich.highlighter import Highlighter
from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.geometry import Offset
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.widgets import Input, Label

from memoria_tui.text import present
from memoria_tui.user_files.search_history import SearchHistory
from memoria_tui.widgets.line_input import Completions, LineInput
from services.errors import QuerySyntaxError
from services.model import SearchMode
from services.search.query import Operator, quoted, unquoted

_VALUE_AT_END = re.compile(r'(?:^|\s)-?(?P<operator>\w+):(?P<prefix>"[^"]*(?:""[^"]*)*|[^\s"]*)$')
_NAME_AT_END = re.compile(r"(?:^|\s)-?(?P<name>\w{2,})$")
_OPERATOR = re.compile(r"(?:(?<=\s)|^)-?\w+:")


class _QueryInput(LineInput):
    """The line of the query, some of whose keys are those of the completions."""

    def __init__(self, keys: Callable[[str], bool], highlighter: Highlighter) -> None:
        super().__init__(highlighter=highlighter, select_on_focus=False, compact=True)
        self._keys = keys

    async def _on_key(self, event: events.Key) -> None:
        if self._keys(event.key):
            event.stop()
            event.prevent_default()
            return
        await super()._on_key(event)


class _QueryColours(Highlighter):
    """Operators in their own colour, the wrong place underlined."""

    def __init__(self, bar: SearchBar) -> None:
        self._bar = bar

    def highlight(self, text: Text) -> None:
        known = {operator.name for operator in self._bar.operators}
        for found in _OPERATOR.finditer(text.plain):
            if found[0].strip("-:") in known:
                text.stylize(Style.parse("$primary").rich_style, *found.span())
        if (error := self._bar.error) is not None:
            text.stylize(Style.parse("underline $error").rich_style, error.start, max(error.end, error.start + 1))


class SearchBar(Horizontal):
    """Where a person types a query; says what was typed, never what it finds."""

    DEFAULT_CSS = """
    SearchBar {
        height: 3;
        border: round $border-blurred;
        border-title-align: right;
        border-title-color: $foreground 60%;
        border-subtitle-align: left;
        border-subtitle-color: $error;
        padding: 0 1;
        &:focus-within { border: round $border; }
        & > Label { width: 2; color: $foreground 50%; }
        &:focus-within > Label { color: $accent; }
        & > Input, & > Input:focus { width: 1fr; background: transparent; }
    }
    """
    BINDINGS = [
        Binding("ctrl+r", "cycle_mode", "Mode", id="search.mode", tooltip=f"Switch {', '.join(SearchMode)}"),
    ]

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

    def __init__(self, operators: tuple[Operator, ...], history: SearchHistory | None = None) -> None:
        """`history`: what `up` and `down` go back and forward in."""
        super().__init__()
        self.operators = operators
        self._history = history or SearchHistory()
        self._recalled: str | None = None
        """What the history put into the box just now: nothing of it is to be completed."""
        self._input = _QueryInput(self._take_key, _QueryColours(self))
        self._completions = Completions(self._accept)
        self._offered: tuple[str, ...] = ()
        self._offered_to = ""
        """The operator whose values were offered last."""

    def compose(self) -> ComposeResult:
        # First, so that its offset counts from the left edge; it takes no room itself.
        yield self._completions
        yield Label("/", markup=False)
        yield self._input

    @property
    def text(self) -> str:
        """The text as it stands in the box."""
        return self._input.value

    def set_text(self, raw: str) -> None:
        """Puts another text into the box, cursor at its end; posts Changed when it differs."""
        self._input.value = raw
        self._input.cursor_position = len(raw)

    def focus(self, scroll_visible: bool = True) -> SearchBar:
        self._input.focus(scroll_visible)
        return self

    def watch_mode(self, mode: SearchMode) -> None:
        self._input.placeholder = f"{mode} search · tag: project: type: since: is: … narrow it · ↑ earlier ones"

    def watch_result_line(self, result_line: str) -> None:
        self.border_title = Content(present.line(result_line)) if result_line else None

    def watch_error(self, error: QuerySyntaxError | None) -> None:
        self.border_subtitle = None if error is None else Content(present.line(str(error)))
        self._input.refresh()

    def action_cycle_mode(self) -> None:
        """hybrid → semantic → keyword → hybrid."""
        modes = list(SearchMode)
        self.mode = modes[(modes.index(self.mode) + 1) % len(modes)]
        self.post_message(self.ModeChanged(self.mode))

    @on(Input.Changed)
    def _text_changed(self, event: Input.Changed) -> None:
        event.stop()
        # The place of an error is that of the text before.
        self.error = None
        if event.value != self._recalled:
            self._look_for_completions()
        self._recalled = None
        self.post_message(self.Changed(event.value, self.mode))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.remember()
        self.post_message(self.Submitted(event.value, self.mode))

    def remember(self) -> bool:
        """Lets `up` in the empty box bring back what is searched for; False where that is nothing."""
        if not self.text.strip():
            return False
        self._history.remember(self.text)
        self._keep_history()
        return True

    @work(group="history", thread=True)
    def _keep_history(self) -> None:
        self._history.write()

    def on_descendant_blur(self) -> None:
        self._completions.close()

    # completion

    def offer(self, completions: tuple[str, ...]) -> None:
        """Shows completions of the word at the cursor under the box; none hides the list."""
        self._offered = completions
        found = _VALUE_AT_END.search(self._before_cursor)
        if found is None or not self._input.has_focus:
            self._completions.close()
            return
        completions = tuple(dict.fromkeys((*completions, *self._keywords(found["operator"]))))
        prefix = _begun(found).casefold()
        fitting = tuple(word for word in completions if prefix in word.casefold())
        fitting = tuple(sorted(fitting, key=lambda word: not word.casefold().startswith(prefix)))
        settled = prefix in (word.casefold() for word in fitting)
        if settled and len(fitting) == 1:
            fitting = ()
        self._open(fitting, found.start("prefix"), choice=-1 if settled else 0)

    def _keywords(self, operator: str) -> tuple[str, ...]:
        return next((known.keywords for known in self.operators if known.name == operator.casefold()), ())

    @property
    def _before_cursor(self) -> str:
        return self._input.value[: self._input.cursor_position]

    def _look_for_completions(self) -> None:
        """Offers what is known by itself: names of operators and fixed values; asks for the others."""
        before = self._before_cursor
        if found := _VALUE_AT_END.search(before):
            operator = next((known for known in self.operators if known.name == found["operator"].casefold()), None)
            if operator is None:
                self._completions.close()
            elif operator.values is not None:
                self.offer(operator.values)
            else:
                self.offer(self._offered if self._offered_to == operator.name else ())
                self._offered_to = operator.name
                self.post_message(self.CompletionWanted(operator.name, _begun(found)))
        elif found := _NAME_AT_END.search(before):
            named = [known for known in self.operators if known.name.startswith(found["name"].casefold())]
            names = tuple(f"{known.name}:" for known in named)
            self._open(names, found.start("name"), choice=-1, helps=tuple(known.help for known in named))
        else:
            self._completions.close()

    def _open(self, words: tuple[str, ...], start: int, *, choice: int, helps: tuple[str, ...] = ()) -> None:
        if not words:
            self._completions.close()
            return
        column = Text(self._input.value[:start]).cell_len - self._input.scroll_offset.x
        self._completions.open(words, at=Offset(column - 1, 2), choice=choice, helps=helps)

    def _take_key(self, key: str) -> bool:
        """Keys of the list of completions while it is open, else of the history; True when the key is used up."""
        completions = self._completions
        if not completions.is_open:
            return key in ("up", "down") and self._recall(key)
        if key in ("up", "down"):
            completions.move(1 if key == "down" else -1)
        elif key == "escape":
            completions.close()
        elif key == "tab" or (key in ("enter", "right") and completions.chosen is not None):
            self._accept(completions.first)
        else:
            return False
        return True

    def _recall(self, key: str) -> bool:
        step = self._history.older if key == "up" else self._history.newer
        if (text := step(self.text)) is not None:
            self._recalled = text
            self.set_text(text)
        return True

    def _accept(self, word: str) -> None:
        """Puts the completion in place of what was typed of it."""
        before = self._before_cursor
        found = _VALUE_AT_END.search(before)
        if found is not None:
            start = found.start("prefix")
            is_keyword = word in self._keywords(found["operator"]) and word not in self._offered
            word = f"{word if is_keyword else quoted(found['operator'].casefold(), word)} "
        else:
            name = _NAME_AT_END.search(before)
            start = name.start("name") if name else len(before)
        self._completions.close()
        self._input.replace(word, start, len(before))


def _begun(found: re.Match[str]) -> str:
    """What is typed of a value, without its quotation marks."""
    written = found["prefix"]
    return unquoted(written[1:]) if written.startswith('"') else written
