"""Markdown from strangers: nothing in it reaches the terminal but text, and it cannot make the program slow.

What a search found in it is marked, and can be gone to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import cast

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from textual import work
from textual.content import Content
from textual.css.types import TextAlign
from textual.message import Message
from textual.widgets import Markdown, Static
from textual.widgets.markdown import MarkdownBlock, MarkdownFence

from memoria_tui.terminal.markdown_internals import MarkdownTable, MarkdownTableCellContents, blocks_of, token_of
from memoria_tui.text import present

_LANGUAGES = frozenset(
    """
    bash c c++ console cpp cs csharp css diff docker dockerfile go graphql html http ini java javascript js json jsx
    kotlin lua make makefile php powershell py python rb rs ruby rust scala sh shell sql swift toml ts tsx typescript
    xml yaml yml zsh
    """.split()  # noqa: SIM905
)
"""What code is highlighted."""
_LEXED = 8_000
"""Characters of a block of code up to which it is."""
_CELL = re.compile(r"\||\n")
_COSTLY_CHARACTERS = 12_000
_COSTLY_BLOCKS = 120
"""Lines and table cells together: each can become a widget of its own."""
_DEEPEST = 20
"""Nested lists and quotes, as CommonMark's preset has it."""


def first_part(text: str, parts: int = 1) -> str:
    """The beginning of a long text that can be drawn at once; each further part adds as much again.

    Ends with a line where one ends in the last tenth.
    """
    end = parts * _COSTLY_CHARACTERS
    for number, found in enumerate(_CELL.finditer(text, 0, end + 1), 1):
        if number == parts * _COSTLY_BLOCKS:
            end = found.end()
            break
    if end >= len(text):
        return text
    line_end = text.rfind("\n", end - end // 10, end)
    return text[: line_end if line_end > 0 else end]


def line_of(drawn: Static, end: int) -> int:
    """The line of the screen that has the character before `end` of what a widget draws."""
    content, width = drawn.content, drawn.content_size.width
    assert isinstance(content, Content)
    before = content[:end]
    wraps = width and drawn.styles.text_wrap != "nowrap"
    lines = len(before.wrap(width)) if wraps else before.plain.count("\n") + 1
    return drawn.content_region.y + max(0, lines - 1)


@dataclass(frozen=True, slots=True)
class _Match:
    """Where a part of the text that a search found is drawn."""

    block: Static
    start: int
    end: int


class SafeMarkdown(Markdown):
    """Markdown that opens no links, loads nothing, draws raw HTML as text, and lexes code only of named languages."""

    DEFAULT_CSS = """
    SafeMarkdown {
        height: auto;
        padding: 0;
        & > MarkdownBlock { margin: 0 0 1 0; }
        & MarkdownH1, & MarkdownH2, & MarkdownH3, & MarkdownH4, & MarkdownH5, & MarkdownH6 {
            content-align: left middle;
            color: $primary;
            background: transparent;
            text-style: bold;
            margin: 0 0 1 0;
        }
        & MarkdownFence {
            margin: 0 0 1 0;
            padding: 0 1;
            background: $foreground 5%;
            color: $foreground;
            overflow: hidden;
            & > Label { padding: 0; width: 1fr; }
        }
        & MarkdownBullet { color: $foreground 50%; }
    }
    """

    @dataclass
    class Shown(Message):
        """The text that was asked for last is drawn."""

        number: int
        """What `show` gave."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, parser_factory=cache(_parser), open_links=False)  # 2 ms each
        self._matches: list[_Match] = []
        self._unmarked: dict[Static, Content] = {}
        self._current: int | None = None
        self._asked = 0
        self._drawn: str | None = None

    def show(self, text: str, pattern: re.Pattern[str] | None) -> int:
        """Draws a text in the place of the one before, with what the pattern finds marked.

        `Shown` says when, by the number that this gives.
        """
        self._asked += 1
        self._draw(text, pattern, self._asked)
        return self._asked

    @work(group="text")
    async def _draw(self, text: str, pattern: re.Pattern[str] | None, asked: int) -> None:
        if self._drawn == text:
            for block, content in self._unmarked.items():
                block.update(content, layout=False)
        else:
            await self.update(text)
        if asked != self._asked:
            self._drawn = None
            return
        self._drawn = text
        drawn = {one: one.content for one in self.query(Static) if isinstance(one.content, Content)}
        self._matches = [
            _Match(block, *found.span())
            for block, content in drawn.items()
            for found in (pattern.finditer(content.plain) if pattern is not None else ())
        ]
        self._unmarked, self._current = {one.block: drawn[one.block] for one in self._matches}, None
        for block in self._unmarked:
            self._mark(block)
        self.post_message(self.Shown(asked))

    def forget(self) -> None:
        """Draws the text again although it is the same: the theme is another one."""
        self._drawn = None

    def _mark(self, block: Static) -> None:
        content = self._unmarked[block]
        for number, match in enumerate(self._matches):
            if match.block is block:
                style = "bold $accent reverse" if number == self._current else "bold $accent"
                content = content.stylize(style, match.start, match.end)
        block.update(content, layout=False)

    def go_to(self, number: int) -> int | None:
        """Marks one of the matches as the current one; gives the line of the screen that it is drawn on.

        The number goes on from the last to the first. None: nothing is marked.
        """
        if not self._matches:
            return None
        before, self._current = self._current, number % len(self._matches)
        for one in {self._current, self._current if before is None else before}:
            self._mark(self._matches[one].block)
        match = self._matches[self._current]
        return line_of(match.block, match.end)

    @property
    def is_laid_out(self) -> bool:
        """Whether all that is drawn has its place on the screen."""
        return all(one.region for one in (*self.children[-1:], *self._unmarked))

    def go_near(self, source_line: int) -> int:
        """As `go_to` with the first match from a line of the text on; the line of the screen where that is drawn."""
        blocks = [one for one in self.query(MarkdownBlock) if one.source_range[0] <= source_line and one.region]
        top = blocks[-1].content_region.y if blocks else self.region.y
        lines = [line_of(match.block, match.end) for match in self._matches]
        near = next((number for number, line in enumerate(lines) if line >= top), None)
        return top if near is None else self.go_to(near) or top

    @property
    def place(self) -> tuple[int, int]:
        """The number of the current match, 0 for none, and how many there are."""
        return 0 if self._current is None else self._current + 1, len(self._matches)

    def on_markdown_link_clicked(self, event: Markdown.LinkClicked) -> None:
        """Follows no link of a memory."""
        event.stop()
        event.prevent_default()


class _Code(MarkdownFence):
    """Code in the colours of its language where it names one: guessing it, and lexing much, can take seconds."""

    @classmethod
    def highlight(cls, code: str, language: str, ansi: bool = False, dark: bool = False) -> Content:
        plain = code.rstrip("\n").expandtabs(4)
        name = language.split(maxsplit=1)[0].casefold() if language.strip() else ""
        if name not in _LANGUAGES or len(plain) > _LEXED:
            return Content(plain)
        return super().highlight(plain, name, ansi, dark)

    def notify_style_update(self) -> None:
        """What is marked in it stays; its colours are those of the theme in any case."""
        MarkdownBlock.notify_style_update(self)


class _Table(MarkdownTable):
    """A table whose columns are aligned as its head says."""

    def on_mount(self) -> None:
        heads = [token for block in blocks_of(self) if (token := token_of(block)).type == "th_open"]
        sides = [str(head.attrs.get("style", "")).removeprefix("text-align:") or "left" for head in heads]
        for number, cell in enumerate(self.query(MarkdownTableCellContents)):
            cell.tooltip = None  # it would be read as markup
            cell.styles.text_align = cast("TextAlign", sides[number % len(sides)])


SafeMarkdown.BLOCKS = {**Markdown.BLOCKS, "fence": _Code, "code_block": _Code, "table_open": _Table}


def _parser() -> MarkdownIt:
    parser = MarkdownIt("gfm-like", {"html": False, "maxNesting": _DEEPEST})
    # Definitions of links would vanish from sight.
    parser.disable("reference")
    parser.core.ruler.push("safe_text", _make_tokens_safe)
    return parser


def _make_tokens_safe(state: StateCore) -> None:
    """Sanitises what the parser made: entities and percent signs in links decode to characters the source lacks."""
    for token in state.tokens:
        _make_safe(token)
        _break_lines(token)


def _break_lines(token: Token) -> None:
    """A line of a log or a list without marks stays a line; the parser's own option is for HTML only."""
    for child in token.children or ():
        child.type = "hardbreak" if child.type == "softbreak" else child.type


def _make_safe(token: Token) -> None:
    token.content = present.escape_control(token.content)
    token.info = present.escape_control(token.info)
    token.attrs = {
        name: present.escape_control(value) if isinstance(value, str) else value for name, value in token.attrs.items()
    }
    for child in token.children or ():
        _make_safe(child)
