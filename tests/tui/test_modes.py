"""The registry of modes, and what keys and actions, modes and help must have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from types import FunctionType

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

import memoria_tui
from memoria_tui.app import MemoriaApp
from memoria_tui.keys.key_help import all_keys
from memoria_tui.modes.registry import MODES, Mode
from memoria_tui.terminal.textual_internals import ParsedOnce
from tests.tui.conftest import press, running
from tests.tui.fakes import filled

_PRIVATE = re.compile(r"\btextual(?:\.\w+)*\._|\._(?:bindings|bindings_ready|screen_stacks|parent)\b")


def bindings(node: type[DOMNode]) -> Iterable[Binding]:
    return (binding for binding in node.BINDINGS if isinstance(binding, Binding))


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_a_mode_has_a_key_of_its_own_and_names_its_keys_after_itself(mode: Mode) -> None:
    own = {(binding.id or "").partition(".")[0] for binding in bindings(mode.screen())}
    assert own == {mode.name}
    assert [binding.key for binding in bindings(MemoriaApp) if binding.id == f"app.{mode.name}"] == [mode.key]


def own_nodes() -> list[type[DOMNode]]:
    """All screens, dialogs and widgets with keys."""
    all_keys()  # imports all that has keys
    return [node for node in _descendants(DOMNode) if node.__module__.startswith("memoria_tui.")]


def test_every_key_has_its_action_beside_it() -> None:
    homeless = []
    for node in own_nodes():
        for binding in bindings(node):
            place, _, action = binding.action.partition("(")[0].rpartition(".")
            if not hasattr(MemoriaApp if place == "app" else node, f"action_{action}"):
                homeless.append(f"{node.__name__}: {binding.action}")
    assert homeless == []


def test_what_decides_whether_a_key_works_names_actions_that_there_are() -> None:
    deciding = [node for node in own_nodes() if "check_action" in vars(node)]
    assert {f"{mode.screen().__name__}" for mode in MODES} <= {node.__name__ for node in deciding}
    nameless = [
        f"{node.__name__}: {name}"
        for node in deciding
        for method in ("check_action", "_is_possible")
        for name in _names(vars(node).get(method))
        if name.isidentifier() and not hasattr(node, f"action_{name}")
    ]
    assert nameless == []


def _names(method: object) -> Iterable[str]:
    """The names in a method that decides by the name of an action, and in the sets of its module that it asks."""
    if isinstance(method, FunctionType):
        code = method.__code__
        for value in (
            *code.co_consts[code.co_consts[0] == method.__doc__ :],
            *map(method.__globals__.get, code.co_names),
        ):
            if isinstance(value, str | tuple | frozenset):
                yield from (one for one in ((value,) if isinstance(value, str) else value) if isinstance(one, str))


def _descendants(node: type[DOMNode]) -> Iterable[type[DOMNode]]:
    for child in node.__subclasses__():
        yield child
        yield from _descendants(child)


def test_what_is_private_in_textual_is_used_in_the_modules_for_it_only() -> None:
    files = Path(memoria_tui.__file__).parent.rglob("*.py")
    users = {file.name for file in files if _PRIVATE.search(file.read_text())}
    assert users == {"textual_internals.py", "markdown_internals.py"}


@pytest.mark.parametrize("width", [60, 80, 120])
async def test_help_and_quit_are_in_sight_at_every_width(width: int) -> None:
    async with running(filled(), size=(width, 24)) as pilot:
        footer = "".join(segment.text for segment in pilot.app.screen._compositor.render_strips()[-1])
        assert footer.rstrip().endswith(" ? Help ctrl+q Quit")
        shown = footer.split()
        assert shown[:2] == ["/", "Search"]
        names = {one.binding.description for one in pilot.app.screen.active_bindings.values()}
        assert set(shown[1::2]) <= names  # none is cut


async def test_a_mode_that_comes_on_screen_first_styles_nothing_that_is_on_screen_by_then() -> None:
    async with running(filled()) as pilot:
        styled = list[DOMNode]()
        app = pilot.app
        sheet = app.stylesheet

        def update_nodes(nodes: Iterable[DOMNode], animate: bool = False) -> None:
            styled.extend(nodes := list(nodes))
            type(sheet).update_nodes(sheet, nodes, animate)

        sheet.update_nodes = update_nodes  # type: ignore[method-assign]
        before = app.screen
        await press(pilot, "2")
        assert app.screen is not before
        assert before not in styled
        assert app.screen.query_one("#progress").styles.height is not None


def test_a_style_sheet_is_parsed_again_only_for_other_variables() -> None:
    sheet = ParsedOnce(variables={"ink": "red"})
    sheet.add_source("Static { color: $ink; }", read_from=("one", ""))
    (first,) = sheet.rules
    sheet.add_source("Input { color: $ink; }", read_from=("two", ""))
    sheet.set_variables({"ink": "red"})
    sheet.reparse()
    assert sheet.rules[0] is first
    assert len(sheet.rules) == 2
    sheet.set_variables({"ink": "blue"})
    sheet.reparse()
    assert sheet.rules[0].styles.color != first.styles.color
