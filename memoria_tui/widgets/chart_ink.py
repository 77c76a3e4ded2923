"""Colours of series in charts and tables: as many as can be told apart, from the theme."""

from __future__ import annotations

from collections.abc import Mapping

from textual.color import Color

SERIES = (
    ("relation-follows", "primary"),
    ("relation-supersedes", "warning"),
    ("relation-fixes", "success"),
    ("relation-derives", "secondary"),
    ("relation-causes", "error"),
    ("relation-supports", "accent"),
    ("relation-opposes", "primary-lighten-2"),
)
"""The theme's variable for each series, and the built-in one where the theme does not set it."""
REST = ("relation-related", "foreground-muted")
"""For everything beyond."""


def series_colour(number: int, variables: Mapping[str, str]) -> Color:
    """The colour of the series of this number; all from `len(SERIES)` on share one."""
    own, built_in = SERIES[number] if number < len(SERIES) else REST
    return Color.parse(variables.get(own) or variables[built_in])
