"""A text that changes, of which most updates are what it says already."""

from __future__ import annotations

from textual.content import Content
from textual.visual import VisualType
from textual.widgets import Static


class LazyStatic(Static):
    """Draws only another content: after each update of a `Static` the whole screen is laid out again."""

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        if not _is_same(self.content, content):
            super().update(content, layout=layout)


def _is_same(one: VisualType, other: VisualType) -> bool:
    if isinstance(one, Content) and isinstance(other, Content):
        return one.is_same(other)
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    return not one and not other
