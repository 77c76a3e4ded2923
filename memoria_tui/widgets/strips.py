"""The lines that widgets draw themselves."""

from __future__ import annotations

from textual.content import Content
from textual.strip import Strip
from textual.style import Style


def strip(line: Content, width: int, style: Style) -> Strip:
    """A line over a style, in exactly `width` cells; colours of the theme are resolved."""
    return Strip(line.render_segments(style), line.cell_length).adjust_cell_length(width, style.rich_style)
