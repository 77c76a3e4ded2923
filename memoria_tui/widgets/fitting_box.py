"""A box whose lines stay in sight on a low terminal: what scrolls in it gives up the room that lacks."""

from __future__ import annotations

from textual.containers import Vertical
from textual.geometry import Size
from textual.layout import Layout, WidgetPlacement
from textual.layouts.vertical import VerticalLayout
from textual.scroll_view import ScrollView
from textual.widget import Widget

_LEAST = 2
"""Lines that stay of what scrolls."""


class FittingLayout(VerticalLayout):
    """One below the other; where that needs more lines than there are, what scrolls gets fewer, the highest first."""

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> list[WidgetPlacement]:
        placements = list(super().arrange(parent, children, size, greedy))
        flow = [place for place in placements if not (place.overlay or place.absolute)]
        if not flow or not size.height:  # it is asked how high all would be
            return placements
        lacking = flow[-1].region.bottom + flow[-1].margin.bottom - size.height
        heights = {place.widget: place.region.height for place in flow}
        while lacking > 0 and (yields := [one for one in heights if heights[one] > _least(one)]):
            heights[max(yields, key=heights.__getitem__)] -= 1
            lacking -= 1
        return _moved_up(placements, heights)


def _least(widget: Widget) -> float:
    scrolls = isinstance(widget, ScrollView) or widget.allow_vertical_scroll or widget.styles.overflow_y == "auto"
    return _LEAST + widget.gutter.height if scrolls else float("inf")


def _moved_up(placements: list[WidgetPlacement], heights: dict[Widget, int]) -> list[WidgetPlacement]:
    """The same with these heights."""
    moved, up = [], 0
    for place in placements:
        height = heights.get(place.widget, place.region.height)
        region = place.region._replace(y=place.region.y - up, height=height)
        moved.append(place._replace(region=region))
        up += place.region.height - height
    return moved


class FittingBox(Vertical):
    """What stands in it one below the other."""

    _fitting = FittingLayout()

    @property
    def layout(self) -> Layout:
        return self._fitting
