"""What is used of Textual 8.2 without being public, each with the reason: to be looked at with every new version."""

from __future__ import annotations

from collections.abc import Iterator

from textual._context import active_message_pump
from textual._xterm_parser import XTermParser as XTermParser  # a paste with marks in it, see `driver`
from textual.binding import Binding
from textual.command import CommandPalette
from textual.dom import DOMNode
from textual.drivers._byte_stream import ByteStream as ByteStream  # what is typed in a browser, see `browser_driver`


def bindings_of(node: DOMNode) -> Iterator[Binding]:
    """The keys of a node after the person's keymap; public are only those of what has the focus."""
    bindings = node._bindings
    if node.app._keymap:
        bindings = bindings.copy()  # Textual applies the keymap to copies, too, at every key
        bindings.apply_keymap(node.app._keymap)
    return (binding for _, binding in bindings)


def handling_node() -> object:
    """Whose handler runs now; an error that a handler raises does not say it."""
    return active_message_pump.get(None)


def gathers(palette: CommandPalette) -> bool:
    """Whether it still looks for what fits its text."""
    group = CommandPalette._GATHER_COMMANDS_GROUP
    return any(one.group == group and not one.is_finished for one in palette.app.workers if one.node is palette)
