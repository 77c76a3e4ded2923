"""A hit as two lines of a list: score, glyph, title or passage; tags, states, relations, age."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len
from textual.content import Content

from memoria_tui import present
from services.model import Hit

ROW_LINES = 2
_MUTED, _FAINT = "$foreground 60%", "$foreground 45%"
_WIDEST_TITLE = 2_000
_LEAD = 24


@dataclass(frozen=True, slots=True)
class RowLayout:
    """What is the same for all rows of a list as it stands."""

    width: int
    """Cells."""
    ranked: bool
    pattern: re.Pattern[str] | None
    now: datetime

    @property
    def indent(self) -> int:
        """Cells before the title: cursor bar, mark, score, glyph and the blanks between."""
        return 8 if self.ranked and self.width >= 40 else 4


def draw_row(hit: Hit, layout: RowLayout, *, marked: bool, bar: tuple[str, str]) -> tuple[Content, Content]:
    """The two lines of a hit, each at most `layout.width` cells; `bar` is the cursor at its left, with its style."""
    score = present.score_bar(hit.score) + " " if layout.indent == 8 else ""
    kind = hit.memory.type
    room = max(0, layout.width - layout.indent - 1)
    first = Content.assemble(
        bar,
        ("✓" if marked else " ", "bold $accent"),
        (score, "$primary"),
        (present.glyph(kind), present.colour(kind)),
        " ",
        _headline(hit, layout, room),
    )
    facts = _facts(hit, layout)
    tags_room = max(0, room - facts.cell_length - 1)
    second = Content.assemble(
        bar,
        " " * (layout.indent - 1),
        (present.fit(_tags(hit, tags_room), tags_room), _MUTED),
        " ",
        facts,
    )
    return first, second


def draw_gap(layout: RowLayout, *, bar: tuple[str, str]) -> tuple[Content, Content]:
    """What stands for a row that is not here yet."""
    return Content.assemble(bar, " " * (layout.indent - 3), ("…", _FAINT)), Content.assemble(bar)


def _headline(hit: Hit, layout: RowLayout, room: int) -> Content:
    """The title, or the passage around its first hit when the match lies deeper in the text."""
    name = present.title(hit.memory)[:_WIDEST_TITLE]
    passage = present.line(hit.passage[:_WIDEST_TITLE])
    if layout.pattern is not None and passage and not layout.pattern.search(name):
        found = layout.pattern.search(passage)
        if found is not None:
            name = _excerpt(passage, found.start(), room)
    text = present.highlight(present.clip(name, room), layout.pattern, "bold $accent")
    return text.stylize(_FAINT) if name == present.UNTITLED else text


def _excerpt(passage: str, at: int, room: int) -> str:
    """The passage from a little before the hit on, beginning at a word."""
    if cell_len(passage[:at]) < min(room // 2, _LEAD):
        return passage
    start = passage.rfind(" ", 0, max(0, at - min(room // 3, _LEAD)) + 1) + 1
    return f"… {passage[start:]}" if start else passage


def _tags(hit: Hit, room: int) -> str:
    return present.clip("  ".join(present.line(tag) for tag in hit.memory.tags), room)


def _facts(hit: Hit, layout: RowLayout) -> Content:
    """States, relations and age in columns of fixed width at the right end."""
    parts: list[tuple[str, str]] = []
    if hit.memory.pending:
        parts.append(("◌ pending ", "$warning"))
    if hit.memory.headless:
        parts.append(("! headless ", "$warning"))
    relations = f"⇄ {present.count(hit.relations)}" if hit.relations else ""
    parts.append((present.fit(relations, 7), _FAINT))
    when = present.age(hit.memory.created_at, layout.now)
    parts.append((present.fit(when, 6, right=True), _MUTED))
    return Content.assemble(*parts)
