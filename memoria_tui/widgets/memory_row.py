"""A hit as two lines of a list: what the memory is called and its age; the passage that matched, project and tags."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len
from textual.content import Content

from memoria_tui.text import present
from services.model import GOOD_RELEVANCE, Hit

ROW_LINES = 2
_MUTED, _FAINT, _MATCH = "$foreground 60%", "$foreground 45%", "bold $accent"
_LONGEST_PASSAGE = 800
_LEAD = 24
_AGE = 6
_ROOMY, _TWO = 60, 16
"""Cells from which on tags have room beside a passage, and beside a project."""


@dataclass(frozen=True, slots=True)
class RowLayout:
    """What is the same for all rows of a list as it stands."""

    width: int
    """Cells."""
    ranked: bool
    judged: bool
    """Whether some hits are only the nearest: see `Query.judged`."""
    pattern: re.Pattern[str] | None
    now: datetime

    @property
    def indent(self) -> int:
        """Cells before the title: cursor bar, mark, score, glyph and the blanks between."""
        return 8 if self.ranked and self.width >= 40 else 4

    def is_weak(self, hit: Hit) -> bool:
        """Whether it hardly answers what was asked."""
        return self.judged and hit.relevance < GOOD_RELEVANCE


def draw_row(hit: Hit, layout: RowLayout, *, marked: bool, bar: tuple[str, str]) -> tuple[Content, Content]:
    """The two lines of a hit, each at most `layout.width` cells; `bar` is the cursor at its left, with its style."""
    score = present.score_bar(hit.relevance) + " " if layout.indent == 8 else ""
    kind = hit.memory.type
    room = max(0, layout.width - layout.indent - 1)
    first = Content.assemble(
        bar,
        ("✓" if marked else " ", "bold $accent"),
        (score, _FAINT if layout.is_weak(hit) else "$primary"),
        (present.glyph(kind), present.colour(kind)),
        " ",
        *_spread(_headline(hit, layout), _state(hit, layout), room),
    )
    before = bar, " " * (layout.indent - 1)
    if (passage := _passage(hit, layout, room)) is None:
        return first, Content.assemble(*before, _about(hit, layout, room))
    passage = passage.stylize_before(_MUTED) if layout.is_weak(hit) else passage
    about = _about(hit, layout, room * 2 // 5 if room >= _ROOMY else room // 3)
    return first, Content.assemble(*before, *_spread(passage, about, room))


def draw_gap(layout: RowLayout, *, bar: tuple[str, str]) -> tuple[Content, Content]:
    """What stands for a row that is not here yet."""
    return Content.assemble(bar, " " * (layout.indent - 3), ("…", _FAINT)), Content.assemble(bar)


def _spread(left: Content, right: Content, room: int) -> tuple[Content | str, ...]:
    """Both in so many cells, the left one cut where there is too little room."""
    left = present.truncated(left, max(0, room - right.cell_length - 1))
    return left, " " * (room - left.cell_length - right.cell_length), right


def _headline(hit: Hit, layout: RowLayout) -> Content:
    title = present.clip(present.title(hit.memory), layout.width)
    text = present.highlight([title], layout.pattern, _MATCH)
    if layout.is_weak(hit):
        text = text.stylize_before(_MUTED)
    faint = title == present.UNTITLED or hit.superseded or present.expiry(hit.memory, layout.now) == "expired"
    return text.stylize(_FAINT) if faint else text


def _state(hit: Hit, layout: RowLayout) -> Content:
    """What is wrong with it, and its age in a column at the right end."""
    flags = "".join(
        f"{sign} " for sign, holds in (("◌ pending", hit.memory.pending), ("! headless", hit.memory.headless)) if holds
    )
    old = "superseded" if hit.superseded else present.expiry(hit.memory, layout.now)
    when = present.age(hit.memory.created_at, layout.now)
    return Content.assemble(
        (flags, "$warning"), (old and f"{old} ", _FAINT), (present.fit(when, _AGE, right=True), _MUTED)
    )


def _passage(hit: Hit, layout: RowLayout, room: int) -> Content | None:
    """The passage from a little before its first match on; None where it says no more than the title."""
    if layout.pattern is None:
        return None
    found = layout.pattern.search(hit.passage)
    # A long passage is looked at around its match.
    start = max(0, found.start() - _LONGEST_PASSAGE // 2) if found else 0
    text = present.line(present.unmarked(hit.passage[start : start + _LONGEST_PASSAGE]))
    text = text.removeprefix(present.title(hit.memory)).lstrip(" .:")
    found = layout.pattern.search(text)
    excerpt = _excerpt(text, found.start() if found else 0, room * 3 // 5)
    return present.highlight([present.clip(excerpt, room)], layout.pattern, _MATCH) if text else None


def _excerpt(passage: str, at: int, room: int) -> str:
    """The passage from a little before the hit on, beginning at a word."""
    if cell_len(passage[:at]) < min(room // 2, _LEAD):
        return passage
    start = passage.rfind(" ", 0, max(0, at - min(room // 3, _LEAD)) + 1) + 1
    return f"… {passage[start:]}" if start else passage


def _about(hit: Hit, layout: RowLayout, room: int) -> Content:
    """Project, tags and number of relations."""
    project = present.line(hit.memory.project or "")
    tags = present.highlight([present.line(tag) for tag in hit.memory.tags], layout.pattern, _MATCH, "  ")
    relations = f"⇄ {present.count(hit.relations)}" if hit.relations else ""
    left = room - (cell_len(relations) + 2 if relations else 0)
    project = present.clip(project, left // 2 if tags and left >= _TWO else left)
    room_for_tags = left - (cell_len(project) + 2 if project else 0)
    tags = present.truncated(tags, room_for_tags if not project or room_for_tags >= _TWO // 2 else 0)
    return Content.assemble(
        (project, "$foreground 80%"),
        "  " if project and tags else "",
        tags.stylize_before(_MUTED),
        "  " if relations and (project or tags) else "",
        (relations, _FAINT),
    )
