"""The content of the help: every key that works on a screen, in groups, and the operators of the search box."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable

from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen

from memoria_tui import dialogs, modes
from memoria_tui.dialogs.help import HelpSection
from memoria_tui.modes.registry import MODES
from memoria_tui.textual_internals import bindings_of
from services.search.query import operators

_GROUPS = {
    **{mode.name: "Here" for mode in MODES},
    "clients": "Here",
    "app": "Everywhere",
    "list": "In the list",
    "choices": "In the lists",
    "facets": "In the counts",
    "search": "In the search box",
    "preview": "In the text",
    "tree": "In the tree",
    "map": "On the map",
    "running": "In the timers",
    "log": "In the log",
    "chart": "In the chart",
}
"""First part of the ids of bindings → heading."""


def sections(screen: Screen[object], display: Callable[[Binding], str]) -> tuple[HelpSection, ...]:
    """Sections for all bindings with an id on a screen and in it, then the operators; a dialog has only its own."""
    groups: dict[str, dict[str, tuple[list[str], str]]] = {}
    for binding in _bindings(screen):
        group, _, _ = (binding.id or "").partition(".")
        keys, _ = groups.setdefault(group, {}).setdefault(binding.action, ([], binding.tooltip or binding.description))
        if (key := display(binding)) not in keys:
            keys.append(key)
    known = [
        HelpSection(title, tuple((" ".join(keys), what) for keys, what in groups[group].values()))
        for group, title in _GROUPS.items()
        if group in groups
    ]
    rules = tuple(getattr(screen, "HELP_RULES", ()))
    operators = () if isinstance(screen, ModalScreen) else (_operators(),)
    return (*known, *([HelpSection("Marks", rules)] if rules else []), *operators)


def key_ids() -> frozenset[str]:
    """The id of every binding of the program, also of modes and dialogs that were not opened yet."""
    for package in (modes, dialogs):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    return frozenset(
        binding.id
        for node in _descendants(DOMNode)
        if node.__module__.startswith("memoria_tui.")
        for binding in node.BINDINGS
        if isinstance(binding, Binding) and binding.id
    )


def _descendants(node: type[DOMNode]) -> Iterable[type[DOMNode]]:
    for child in node.__subclasses__():
        yield child
        yield from _descendants(child)


def _bindings(screen: Screen[object]) -> Iterable[Binding]:
    above = () if isinstance(screen, ModalScreen) else (screen.app,)
    for node in (screen, *screen.walk_children(), *above):
        for binding in bindings_of(node):
            if binding.id and not binding.system:
                yield binding


def _operators() -> HelpSection:
    lines = [(f"{operator.name}:", operator.help) for operator in operators()]
    words = [('"two words"', "must occur as they stand"), ("-word", "must not occur; also before an operator")]
    return HelpSection("Operators of the search box", tuple(lines + words))
