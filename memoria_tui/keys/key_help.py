"""The content of the help: every key that works on a screen, in groups, and the operators of the search box."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping

from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen

from memoria_tui import dialogs, modes
from memoria_tui.dialogs.help import HelpSection
from memoria_tui.keys.key_names import key_names
from memoria_tui.modes.registry import MODES
from memoria_tui.terminal.textual_internals import bindings_of
from memoria_tui.widgets.header import StatusHeader
from services.search.query import operators

_GROUPS = {
    **{mode.name: "Here" for mode in MODES},
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
_MODES = {mode.name for mode in MODES}
WITHIN = {
    "list": {"memories"},
    "facets": {"memories"},
    "search": {"memories"},
    "preview": {"memories", "inbox", "graph"},
    "tree": {"graph"},
    "map": {"graph"},
    "running": {"work"},
    "log": {"work"},
    "chart": {"summary"},
    "choices": {"health"},
}
"""The modes in which the keys of a widget work; a dialog has its own alone."""


_SIGNS = HelpSection(
    "In the header",
    (
        ("●", "Qdrant, PostgreSQL and the embedder, in this order"),
        ("○ ✖", "One without an answer, or with a fault"),
        ("◌ 3", "Memories that wait for their vectors"),
        ("⏱ ⏸", "Timers that run and that are paused"),
    ),
)


def sections(screen: Screen[object], display: Callable[[Binding], str]) -> tuple[HelpSection, ...]:
    """Sections for all bindings with an id on a screen and in it; the operators where there is a search box."""
    groups: dict[str, dict[str, tuple[list[str], str]]] = {}
    for binding in _bindings(screen):
        group, _, _ = (binding.id or "").partition(".")
        keys, _ = groups.setdefault(group, {}).setdefault(binding.action, ([], binding.tooltip or binding.description))
        if (key := display(binding)) not in keys:
            keys.append(key)
    titles = {**dict.fromkeys(_own_groups(screen), "Here"), **_GROUPS}
    found = [
        HelpSection(title, tuple(dict.fromkeys((" ".join(keys), what) for keys, what in groups[group].values())))
        for group, title in titles.items()
        if group in groups
    ]
    ids = {binding.id: display(binding) for binding in _bindings(screen)}
    rules = [(" ".join(ids.get(one, one) for one in keys.split()), what) for keys, what in _rules(screen)]
    marks = [_operators(), HelpSection("Marks", tuple(rules))] if rules else []
    return (*found[:1], *marks, *found[1:], *([_SIGNS] if screen.query(StatusHeader) else []))


def _own_groups(screen: Screen[object]) -> Iterable[str]:
    """First parts of the ids of the keys that a dialog has itself, but for those that all dialogs have."""
    if not isinstance(screen, ModalScreen):
        return []
    own = [binding.id for binding in type(screen).BINDINGS if isinstance(binding, Binding) and binding.id]
    return [id_.partition(".")[0] for id_ in own if not id_.startswith("dialog.")]


def _rules(screen: Screen[object]) -> Iterable[tuple[str, str]]:
    """Ids of keys, and what they have in common."""
    return getattr(screen, "HELP_RULES", ())


def all_keys() -> Mapping[str, Binding]:
    """Every binding of the program by its id, also of modes and dialogs that were not opened yet."""
    for package in (modes, dialogs):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    importlib.import_module("memoria_tui.app")
    return {
        binding.id: binding
        for node in _descendants(DOMNode)
        if node.__module__.startswith("memoria_tui.")
        for binding in node.BINDINGS
        if isinstance(binding, Binding) and binding.id
    }


def wrong_keys(keymap: Mapping[str, str]) -> list[str]:
    """One line for each id that is none, and for each key that another action has where it works."""
    if not keymap:
        return []
    known = all_keys()
    unknown = sorted(keymap.keys() - known.keys())
    keys = {id_: key_names(keymap.get(id_, binding.key)) for id_, binding in known.items()}
    nearest = sorted(known, key=lambda id_: _distance(id_, keymap, known))
    told = [f"keymap.{name}: no key has that id; memoria-tui config keys lists them" for name in unknown]
    for id_ in sorted(keymap.keys() & known.keys()):
        for other in sorted(known):
            if other == id_ or known[other].action == known[id_].action or not _meet(id_, other):
                continue
            for key in sorted(keys[id_] & keys[other]):
                loses = max(id_, other, key=nearest.index)
                left = f"only {', '.join(others)}" if (others := sorted(keys[loses] - {key})) else "no key"
                whose = f"{key} is the key of {other} ({known[other].description})"
                told.append(f"keymap.{id_}: {whose}; where both work, {loses} has {left}")
    return told


def _distance(id_: str, keymap: Mapping[str, str], known: Mapping[str, Binding]) -> tuple[bool, int, bool]:
    """Smaller for what gets a key before others: what has priority, is nearest to the focus, is in the keymap."""
    group = id_.partition(".")[0]
    return not known[id_].priority, 2 if group == "app" else 1 if group in _MODES else 0, id_ not in keymap


def _meet(one: str, other: str) -> bool:
    """Whether both keys work at a time."""
    first, second = (WITHIN.get(group := id_.partition(".")[0], {group}) for id_ in (one, other))
    return bool(first & second) or "app" in first | second


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
