"""Markdown from strangers: nothing in it reaches the terminal but text, and it cannot make the program slow."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from textual.content import Content
from textual.widgets import Markdown
from textual.widgets.markdown import MarkdownFence

from memoria_tui import present

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


class SafeMarkdown(Markdown):
    """Textual's Markdown with every text sanitised after parsing, raw HTML shown as text, and code left plain."""

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
        & MarkdownFence { margin: 0 0 1 0; padding: 0 1; background: $foreground 5%; color: $foreground; }
        & MarkdownBullet { color: $foreground 50%; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, parser_factory=_parser, open_links=False)

    def on_markdown_link_clicked(self, event: Markdown.LinkClicked) -> None:
        """Follows no link of a memory."""
        event.stop()
        event.prevent_default()


class _PlainCode(MarkdownFence):
    """Code as it stands: guessing languages and lexing strangers' text can take seconds."""

    @classmethod
    def highlight(cls, code: str, language: str, ansi: bool = False, dark: bool = False) -> Content:
        return Content("\n".join(code.rstrip("\n").split("\n")))


SafeMarkdown.BLOCKS = {**Markdown.BLOCKS, "fence": _PlainCode, "code_block": _PlainCode}


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
    token.content = present.safe(token.content)
    token.info = present.safe(token.info)
    token.attrs = {
        name: present.safe(value) if isinstance(value, str) else value for name, value in token.attrs.items()
    }
    for child in token.children or ():
        _make_safe(child)
