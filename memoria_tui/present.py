"""How values look in a terminal: safe text, glyphs, colours, ages, counts. Knows no widget and no service call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from textual.content import Content
from textual.style import Style

from services.model import Memory, MemoryType, Relation, RelationType

COLOURS: Mapping[MemoryType | RelationType, tuple[str, str]] = {}
"""The theme variable that colours each type, and the built-in variable used when the theme does not set it."""


def safe(text: str) -> str:
    """Text that no terminal can take for a command: controls, bidi marks and hidden characters become visible."""
    return text


def line(text: str) -> str:
    """Safe text on one line: newlines and tabs become spaces, runs of blanks one blank."""
    return " ".join(safe(text).split())


def clip(text: str, cells: int) -> str:
    """The text cut to at most `cells` terminal cells, ending in «…» when something was cut."""
    return text[:cells]


def glyph(kind: MemoryType) -> str:
    """The sign of a memory type, one cell wide."""
    return {"semantic": "◆", "episodic": "●", "procedural": "▲"}[kind]


def colour_style(kind: MemoryType | RelationType, variables: Mapping[str, str]) -> Style:
    """Foreground of a memory or relation type, resolved through the app's theme variables."""
    return Style()


def direction(kind: RelationType, outgoing: bool) -> str:
    """«→ fixes» or «← fixes»."""
    return f"{'→' if outgoing else '←'} {kind.value}"


def relation_sign(relation: Relation, seen_from: str) -> str:
    """`direction` of a relation seen from one of its ends."""
    return direction(relation.type, relation.source_id == seen_from)


def age(when: datetime | None, now: datetime) -> str:
    """«now», «5 min», «3 h», «3 d», «3 w», «2 mo», «4 y»; "" without a date."""
    return ""


def title(memory: Memory) -> str:
    """The memory's first line, safe; «(empty)» when there is none."""
    return line(memory.title) or "(empty)"


def highlight(text: str, words: Iterable[str], style: Style | str = "bold") -> Content:
    """Safe one-line content in which every word that starts with one of `words` (roughly stemmed) is styled."""
    return Content(line(text))


def score_bar(score: float) -> str:
    """Three cells, «▇▇▆», for a score of 0..1."""
    return "   "


def duration(seconds: float) -> str:
    """«1:23:45»."""
    return ""


def count(number: int) -> str:
    """«950», «12.3k», «1.2M»."""
    return str(number)
