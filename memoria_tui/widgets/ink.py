"""Styles for drawing on any background: what a widget's CSS says of a part, without the part's own background."""

from __future__ import annotations

from textual.style import Style
from textual.widget import Widget

from memoria_tui import present
from services.model import MemoryType, RelationType


def ink(widget: Widget, part: str) -> Style:
    """Colour and weight of a component class."""
    drawn = widget.get_visual_style(part)
    # Only what the part adds: a False here would take the weight from what lies below.
    return Style(
        foreground=drawn.foreground,
        bold=drawn.bold or None,
        italic=drawn.italic or None,
        underline=drawn.underline or None,
        strike=drawn.strike or None,
    )


def type_ink(widget: Widget, kind: MemoryType | RelationType) -> Style:
    """The one colour of a memory or relation type in the current theme."""
    return present.colour_style(kind, widget.app.theme_variables)
