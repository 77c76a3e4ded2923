"""The palettes: calm surfaces, one accent, and one colour for each type of memory and of relation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from textual.theme import BUILTIN_THEMES, Theme

from memoria_tui.text.present import colour
from memoria_tui.text.relation_styles import LOOKS
from services.model import MemoryType, RelationType
from services.model.colours import ON_WHITE
from services.storable_text import quoted

_SKY, _ORANGE, _GREEN, _YELLOW = "#56b4e9", "#e69f00", "#1fb488", "#f0e442"
_VERMILION, _PURPLE, _WHITE, _GREY, _BLUE = "#e8702a", "#cc79a7", "#e8ecf6", "#98a1b8", "#8a9cff"
_OF_TYPES: Mapping[MemoryType | RelationType, tuple[str, str, str]] = {
    MemoryType.SEMANTIC: ("#86b3f5", "text-primary", _SKY),
    MemoryType.EPISODIC: ("#e6b673", "text-success", _ORANGE),
    MemoryType.PROCEDURAL: ("#8ecb9e", "text-warning", _GREEN),
    **{kind: (look.dark, look.built_in, look.distinct) for kind, look in LOOKS.items()},
}
_COLOURS = {
    **{
        colour(kind).removeprefix("$"): (dark, ON_WHITE[kind], built_in, distinct)
        for kind, (dark, built_in, distinct) in _OF_TYPES.items()
    },
    "series-1": ("#86b3f5", "#2a62b8", "text-secondary", _SKY),
    "series-2": ("#e6b673", "#9a5d0c", "text-accent", _ORANGE),
    "series-3": ("#8ecb9e", "#2c7a4b", "text-success", _GREEN),
    "series-4": ("#b79df0", "#6a45b8", "primary-lighten-2", _PURPLE),
    "series-5": ("#ee8a8c", "#b83a45", "text-warning", _VERMILION),
    "series-6": ("#79c7c1", "#127a78", "text-primary", _YELLOW),
    "series-7": ("#e38fc0", "#a83a82", "text-error", _BLUE),
    "series-8": ("#d9cf8d", "#75691a", "secondary-lighten-2", _WHITE),
    "series-rest": ("#98a1b8", "#646c80", "foreground-darken-1", _GREY),
}
"""Variables of types and of series in charts: dark, light, the variable of Textual's own themes instead, distinct."""


def _coloured(place: int) -> dict[str, str]:
    return {name: colours[place] for name, colours in _COLOURS.items()}


DARK = Theme(
    name="memoria-dark",
    dark=True,
    primary="#8fa8f0",
    secondary="#6d7fb8",
    accent="#e6b673",
    foreground="#cfd5e3",
    background="#14161d",
    surface="#191c25",
    panel="#222633",
    success="#8ecb9e",
    warning="#e6b673",
    error="#ee8a8c",
    variables={
        **_coloured(0),
        "border": "#3a4257",
        "border-blurred": "#2a3040",
        "block-cursor-background": "#2a3248",
        "block-cursor-foreground": "#e8ecf6",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#20242f",
        "block-cursor-blurred-foreground": "#cfd5e3",
        "input-selection-background": "#8fa8f0 30%",
        "input-cursor-background": "#e8ecf6",
        "footer-background": "#14161d",
        "footer-foreground": "#98a1b8",
        "footer-description-foreground": "#98a1b8",
        "footer-description-background": "#14161d",
        "footer-key-foreground": "#e6b673",
        "footer-item-background": "#14161d",
        "scrollbar": "#2f3648",
        "scrollbar-hover": "#46506b",
        "scrollbar-active": "#8fa8f0",
        "scrollbar-background": "#14161d",
        "scrollbar-background-hover": "#14161d",
        "scrollbar-background-active": "#14161d",
        "scrollbar-corner-color": "#14161d",
    },
)

LIGHT = Theme(
    name="memoria-light",
    dark=False,
    primary="#3f5bb5",
    secondary="#7485bf",
    accent="#9a5d0c",
    foreground="#12151f",
    background="#f8f7f3",
    surface="#f2f0ea",
    panel="#e7e4db",
    success="#2c7a4b",
    warning="#9a5d0c",
    error="#b83a45",
    variables={
        **_coloured(1),
        "border": "#bdb9ac",
        "border-blurred": "#d8d4c8",
        "block-cursor-background": "#dfe4f4",
        "block-cursor-foreground": "#1c2130",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#ebe8e0",
        "block-cursor-blurred-foreground": "#2c3140",
        "input-selection-background": "#3f5bb5 25%",
        "input-cursor-background": "#2c3140",
        "footer-background": "#f8f7f3",
        "footer-foreground": "#646c80",
        "footer-description-foreground": "#646c80",
        "footer-description-background": "#f8f7f3",
        "footer-key-foreground": "#9a5d0c",
        "footer-item-background": "#f8f7f3",
        "scrollbar": "#cfcabb",
        "scrollbar-hover": "#b5af9d",
        "scrollbar-active": "#3f5bb5",
        "scrollbar-background": "#f8f7f3",
        "scrollbar-background-hover": "#f8f7f3",
        "scrollbar-background-active": "#f8f7f3",
        "scrollbar-corner-color": "#f8f7f3",
    },
)

DISTINCT = replace(
    DARK,
    name="memoria-distinct",
    accent=_ORANGE,
    success=_SKY,
    warning=_YELLOW,
    error=_VERMILION,
    variables={
        **DARK.variables,
        **_coloured(3),
        "footer-key-foreground": _ORANGE,
    },
)
"""For eyes that take red and green for one: the colours of Okabe and Ito, lightened where a dark surface needs it."""

THEMES = (DARK, LIGHT, DISTINCT)


def wrong_theme(name: str) -> str | None:
    """What is wrong with the name of a theme; None: there is such a one, here or in Textual."""
    if name in BUILTIN_THEMES or name in (own := [one.name for one in THEMES]):
        return None
    return f"theme is {quoted(name)}; it must be one of {', '.join((*own, *sorted(BUILTIN_THEMES)))}"


def type_colours(theme: Theme) -> dict[str, str]:
    """Variables with the colours of types and series for a theme that does not set them."""
    colours = theme.to_color_system().generate()
    return {name: colours[built_in] for name, built_in in _coloured(2).items()}
