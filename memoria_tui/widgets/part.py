"""A widget that a screen always has, looked for once."""

from __future__ import annotations

from typing import TypeVar, overload

from textual import getters
from textual.dom import DOMNode
from textual.widget import Widget

W = TypeVar("W", bound=Widget)


class Part(getters.query_one[W]):
    """As `getters.query_one`, for what is composed once and stays: actions ask for it dozens of times a key."""

    def __set_name__(self, _: type[DOMNode], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, obj: DOMNode, obj_type: type[DOMNode]) -> W: ...
    @overload
    def __get__(self, obj: None, obj_type: type[DOMNode]) -> Part[W]: ...
    def __get__(self, obj: DOMNode | None, obj_type: type[DOMNode]) -> W | Part[W]:
        if obj is None:
            return self
        found = vars(obj)[self._name] = super().__get__(obj, obj_type)
        return found
