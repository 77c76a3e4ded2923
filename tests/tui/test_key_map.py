"""One key, one meaning: what each key is for in all modes, and that nothing else is bound to it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from textual.widgets import OptionList

import memoria_tui.dialogs
from memoria_tui.app import MemoriaApp
from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.dialogs.link_target import LinkTargetDialog
from memoria_tui.keys.key_help import WITHIN
from memoria_tui.keys.key_names import key_name
from memoria_tui.modes.mode import ModeScreen
from memoria_tui.modes.registry import MODES, Mode
from memoria_tui.text.relation_styles import LOOKS
from memoria_tui.widgets.choice_list import KeyedList
from tests.tui.test_modes import own_nodes

PROGRAM = Path(memoria_tui.__file__).parent
TYPED_IN = (LinkTargetDialog,)
"""Dialogs of which the list never has the focus: letters go into their field."""
MEANINGS = {
    "search, find": ("memories.search", "graph.find", "work.search", "clients.find"),
    "new": ("memories.new", "work.start", "clients.new", "health.new_token"),
    "add": ("work.add", "clients.project"),
    "edit": ("inbox.edit", "memories.edit", "work.edit", "clients.rename"),
    "set": ("memories.set", "graph.set", "clients.move", "timesheet.billed"),
    "delete, revoke": ("inbox.delete", "memories.delete", "work.delete", "clients.delete", "health.revoke"),
    "filter": ("memories.facets", "graph.types", "work.filter", "summary.filter"),
    "order": ("inbox.group", "work.sort", "summary.group"),
    "overview": ("graph.overview", "summary.agents"),
    "link": ("inbox.link", "memories.link", "graph.link"),
    "graph": ("inbox.graph", "memories.graph", "health.graph"),
    "work with it": ("memories.work", "work.change", "summary.sessions"),
    "import into the memories": ("memories.import", "work.remember"),
    "export": ("memories.export", "graph.export", "work.export", "summary.export", "timesheet.export"),
    "trash": ("inbox.trash", "memories.trash", "health.trash"),
    "stop": ("work.stop", "health.stop"),
    "view": ("work.week", "inbox.read", "memories.read", "graph.read", "summary.table"),
    "timesheet": ("work.timesheet", "summary.timesheet"),
    "settings": ("work.settings", "clients.terms", "timesheet.terms"),
    "earlier, the one before": ("map.before", "summary.earlier", "timesheet.earlier", "week.earlier"),
    "later, the next one": ("map.next", "summary.later", "timesheet.later", "week.later"),
    "next client": ("summary.next", "timesheet.next"),
    "client before": ("summary.before", "timesheet.before"),
    "undo": ("app.undo", "clients.undo", "timesheet.undo", "week.undo"),
    "help": ("app.help", "clients.help", "timesheet.help", "week.help"),
    "refresh": ("inbox.retry", "memories.retry", "graph.retry", "work.retry", "summary.retry", "health.retry"),
    "next pane, next link": ("graph.map", "work.switch", "summary.memories", "health.switch", "preview.link"),
    "more": ("graph.deeper", "preview.more"),
    "less": ("graph.nearer", "preview.before"),
    "switch it: mark, fold, pause": (
        "list.mark",
        "map.mark",
        "tree.fold",
        "facets.toggle",
        "work.pause",
        "summary.running",
        "work.resume",
    ),
    "merge": (
        *("work.merge", "clients.merge", "inbox.merge", "memories.merge", "health.merge", "duplicates.merge"),
        "names.merge",
    ),
    "outdated: let it expire": ("inbox.retire", "memories.retire"),
    "supersedes": ("inbox.supersede", "memories.supersede", "duplicates.supersede"),
    "hide for now": ("inbox.snooze", "work.hide"),
    "lineage": ("memories.lineage",),
    "tags": ("memories.tags", "inbox.tags"),
    "history": ("memories.history", "inbox.history"),
    "in $EDITOR": ("memories.editor", "inbox.editor"),
    "bring back": ("work.unstop", "inbox.restore"),
    "open; in the Inbox keep, and the next one": (
        "inbox.keep",
        "list.select",
        "tree.walk",
        "map.walk",
        "log.select",
        "running.select",
        "chart.open",
        "week.open",
        "facets.toggle",
        "preview.follow",
    ),
    "back": ("inbox.back", "memories.back", "memories.list", "graph.tree", "work.all", "summary.back", "health.back"),
    "up": (
        "inbox.nearer",
        "list.up",
        "tree.up",
        "map.up",
        "facets.up",
        "log.up",
        "running.up",
        "chart.before",
        "week.up",
        "choices.up",
        "preview.up",
    ),
    "down": (
        "inbox.near",
        "list.down",
        "tree.down",
        "map.down",
        "facets.down",
        "log.down",
        "running.down",
        "chart.after",
        "week.down",
        "choices.down",
        "preview.down",
    ),
    "left": ("week.left", "inbox.before", "tree.parent", "map.left", "chart.before", "preview.left"),
    "right": ("week.right", "inbox.next", "map.right", "chart.after", "preview.right"),
    "half a page up": (
        "list.half_up",
        "list.page_up",
        "tree.page_up",
        "log.page_up",
        "choices.page_up",
        "preview.half_up",
    ),
    "half a page down": (
        "list.half_down",
        "list.page_down",
        "tree.page_down",
        "log.page_down",
        "choices.page_down",
        "preview.half_down",
    ),
    "top": (
        "list.first",
        "tree.first",
        "map.center",
        "facets.first",
        "log.first",
        "chart.first",
        "choices.first",
        "preview.home",
    ),
    "bottom": ("list.last", "tree.last", "facets.last", "log.last", "chart.last", "choices.last", "preview.end"),
}
"""What a key means → ids of what does that; a key that is not here does one thing only."""
IN_A_TEXT = {"preview.next", "preview.previous"}
"""`n` and `N` between the matches of a text that has the focus, as in every pager."""
HEAVY = ("health.repair", "health.repair_all", "health.repair_everything", "health.embed", "health.back_up",
         "health.reembed", "health.drop_old", "health.upgrade", "graph.unlink")  # fmt: skip
"""What destroys or takes minutes."""
_IN_MODES = {mode.name for mode in MODES} | {
    "timesheet", "week",
    "app", "list", "tree", "map", "facets", "log", "running", "chart", "choices", "preview", "clients"
}  # fmt: skip


def bindings() -> Iterable[Binding]:
    """All keys of the modes, of what is in them, and of the one dialog that is as large as a mode."""
    for node in own_nodes():
        for one in vars(node).get("BINDINGS", ()):
            if isinstance(one, Binding) and (one.id or "").partition(".")[0] in _IN_MODES:
                yield one


def keyed() -> dict[str, set[str]]:
    ids: dict[str, set[str]] = {}
    for one in bindings():
        for key in one.key.split(","):
            ids.setdefault(key, set()).add(one.id or "")
    return ids


def test_no_key_has_two_meanings() -> None:
    groups = [set(ids) for ids in MEANINGS.values()]
    several = {
        key_name(key): ids
        for key, ids in keyed().items()
        if len(ids - IN_A_TEXT) > 1 and not any(ids - IN_A_TEXT <= group for group in groups)
    }
    assert several == {}


def test_what_destroys_or_takes_minutes_is_on_keys_that_do_nothing_else() -> None:
    shared = {one.id: keyed()[one.key] for one in bindings() if one.id in HEAVY and keyed()[one.key] != {one.id}}
    assert shared == {}


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_where_a_key_went_and_what_the_palette_does_from_elsewhere_is_said_of_keys_that_there_are(mode: object) -> None:
    screen = getattr(mode, "screen")()  # noqa: B009  # the registry knows it by its folder
    assert issubclass(screen, ModeScreen)
    everywhere = {one.key for node in (screen, MemoriaApp) for one in node.BINDINGS if isinstance(one, Binding)}
    named = {key_name(key) for keys in everywhere for key in keys.split(",")} | {"'", "tab", "arrows"}
    for told in screen.MOVED.values():
        assert named & set(re.findall(r"(?:ctrl\+)?[\w!='.]+", told)), told
    assert {one.action for one in screen.BINDINGS if isinstance(one, Binding)} >= screen.FROM_ELSEWHERE


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_a_key_that_is_set_is_compared_with_those_of_all_that_its_mode_has(mode: Mode) -> None:
    source = "".join(file.read_text("utf-8") for file in (PROGRAM / "modes" / mode.name).glob("*.py"))
    parts = [node for node in own_nodes() if re.search(rf"\b{node.__name__}\(", source)]
    bound = [one for node in parts for kind in node.__mro__ for one in vars(kind).get("BINDINGS", ())]
    groups = {(one.id or "").partition(".")[0] for one in bound if isinstance(one, Binding)}
    unread = {"choices"} if mode.name == "inbox" else set()  # its list never has the focus
    assert {group for group in groups - unread if mode.name not in WITHIN.get(group, {mode.name})} == set()


SAYS_WHAT_A_KEY_DOES = re.compile(
    r'(?:["“(«]|[;:,.·] |\band |\bthen |\}[,;]? )((?:ctrl\+)?[A-Zb-z_$>=!@#&*]|enter|esc|tab|space) '
    r"(?:again |now |here )?(?:make|list|show|stop|remove|link|open|retrie|check|revoke|delete|edit|say|export|suggest"
    r"|review|correct|change|goe|hide|leave|undoe|set)s\b"
)
"""«; E retries now», «: n makes one»."""


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_keys_that_the_texts_of_a_mode_name_are_there(mode: Mode) -> None:
    others = {one.name for one in MODES} - {mode.name} | {"clients", "timesheet", "week"}
    bound = [one for one in bindings() if (one.id or "").partition(".")[0] not in others]
    there = {key_name(key) for one in bound for key in one.key.split(",")}
    files = [
        *(PROGRAM / "modes" / mode.name).glob("*.py"),
        *([PROGRAM / "text" / "work_text.py"] * (mode.name == "work")),
    ]
    named = [key for file in files for key in SAYS_WHAT_A_KEY_DOES.findall(file.read_text("utf-8"))]
    offered = [
        key
        for file in files
        for keys in re.findall(r'\bkey\("([^"]+)"', file.read_text("utf-8"))
        for key in keys.split(", ")
    ]
    assert [key for key in (*named, *map(key_name, offered)) if key not in there] == []


def dialogs() -> Iterator[type[Dialog[Any]]]:
    for module in pkgutil.iter_modules(memoria_tui.dialogs.__path__):
        for one in vars(importlib.import_module(f"memoria_tui.dialogs.{module.name}")).values():
            if isinstance(one, type) and issubclass(one, Dialog) and one.__module__.endswith(f".{module.name}"):
                yield one


@pytest.mark.parametrize("dialog", dialogs(), ids=lambda dialog: dialog.__name__)
def test_a_dialog_or_a_list_in_it_has_the_keys_that_its_last_line_says(dialog: type[Dialog[Any]]) -> None:
    shown = {key for keys, _ in dialog.KEYS for key in keys.split() if re.fullmatch(r"(ctrl\+)?[a-zA-Z]", key)}
    parts = [one for one in vars(importlib.import_module(dialog.__module__)).values() if isinstance(one, type)]
    bound = [one for part in (dialog, *parts) for kind in part.__mro__ for one in vars(kind).get("BINDINGS", ())]
    assert shown <= {key_name(key) for one in bound if isinstance(one, Binding) for key in one.key.split(",")}


@pytest.mark.parametrize("dialog", dialogs(), ids=lambda dialog: dialog.__name__)
def test_the_last_line_of_a_dialog_says_every_key_of_its_own_that_is_shown(dialog: type[Dialog[Any]]) -> None:
    said = {key for keys, _ in dialog.KEYS for key in keys.split()}
    source = inspect.getsource(sys.modules[dialog.__module__])
    said |= set(
        re.findall(r'"([^" ]+)"', re.sub(r"Binding\([^()]*(\([^()]*\)[^()]*)*\)", "", source))
    )  # made as it opens
    bound = [one for one in dialog.BINDINGS if isinstance(one, Binding) and one.show and one.key != "question_mark"]
    assert {key_name(key) for one in bound for key in one.key.split(",")} <= said


@pytest.mark.parametrize("dialog", dialogs(), ids=lambda dialog: dialog.__name__)
def test_the_lists_of_a_dialog_have_the_keys_that_all_lists_have(dialog: type[Dialog[Any]]) -> None:
    made = set(re.findall(r"\b(\w*List)\(", inspect.getsource(dialog)))
    types = [one for name in made if isinstance(one := vars(sys.modules[dialog.__module__]).get(name), type)]
    lists = [one for one in types if issubclass(one, OptionList)]
    assert dialog in TYPED_IN or all(issubclass(one, KeyedList) for one in lists)


def test_no_choice_has_a_key_that_moves_in_lists() -> None:
    moving = {binding.key for binding in KeyedList.BINDINGS if isinstance(binding, Binding)}
    chosen = {
        key for file in PROGRAM.rglob("*.py") for key in re.findall(r'\bChoice\(\s*"(.)"', file.read_text("utf-8"))
    }
    assert {"i", "p"} <= chosen
    assert not moving & (chosen | {look.key for look in LOOKS.values()})
