"""A field that holds one of a few values."""

from __future__ import annotations

from typing import TypeVar

from textual.binding import Binding
from textual.widgets import Select

Value = TypeVar("Value")


class FormSelect(Select[Value], inherit_bindings=False):
    """Space and the arrows open its list; enter means in it what it means in every other field of the form."""

    BINDINGS = [
        Binding("space,down,up", "show_overlay", "Choices", id="select.open", show=False, tooltip="Show the choices"),
    ]
