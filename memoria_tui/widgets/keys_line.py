"""The line of keys of a dialog; where it needs several, a key stays with what it does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from textual.content import Content
from textual.geometry import Size
from textual.style import Style
from textual.widgets import Static

Keys = Iterable[tuple[str, str]]
"""Each key with what it does."""


class KeysLine(Static):
    """«enter save   esc cancel», keys in the accent colour, to be clicked too."""

    DEFAULT_CSS = "KeysLine { width: 100%; }"

    def __init__(self, keys: Keys, gap: int = 3, *, id: str | None = None) -> None:  # noqa: A002
        """`gap`: cells between them."""
        super().__init__(id=id)
        self.auto_links = False  # they look as they are: a click on one presses it
        self._gap = gap
        self._items = _items(keys)

    def show(self, keys: Keys) -> None:
        """Shows other keys."""
        self._items = _items(keys)
        self.refresh(layout=True)

    def render(self) -> Content:
        return Content("\n").join(self._rows(self.content_size.width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, len(self._rows(width)))

    def _rows(self, width: int) -> list[Content]:
        """The keys in as few lines of that width as they fit into, none of them broken."""
        rows: list[list[Content]] = [[]]
        for item in self._items:
            if rows[-1] and 0 < width < self._joined([*rows[-1], item]).cell_length:
                rows.append([])
            rows[-1].append(item)
        return [self._joined(row) for row in rows]

    def _joined(self, items: Iterable[Content]) -> Content:
        return Content(" " * self._gap).join(items)


def _items(keys: Keys) -> Sequence[Content]:
    shown = ((key, Content.assemble((key, "bold $accent"), f" {what}")) for key, what in keys)
    return [
        text.stylize(Style.from_meta({"@click": f"app.simulate_key('{name}')"})) if (name := _pressed(key)) else text
        for key, text in shown
    ]


def _pressed(key: str) -> str:
    """The key as events name it; "" for what is several keys."""
    named = {"esc": "escape", "/": "slash", "enter": "enter", "tab": "tab", "space": "space"}
    return named.get(key, key if re.fullmatch(r"[A-Za-z]|ctrl\+[a-z]", key) else "")
