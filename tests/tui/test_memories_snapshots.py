"""How the Memories screen looks: every state and dialog, three sizes, both themes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from memoria_tui.user_files.config import Config
from services.errors import StoreInUse
from services.model import ChangedSince, Entity, Kind, Progress
from tests.tui.conftest import keys, make_app, press, settle
from tests.tui.fakes import Store, filled, many, memory_id

Compare = Callable[..., Any]

_IN_USE = StoreInUse("/home/anna/.local/share/memoria-tui is in use by memoria-tui (process 4711): quit it, or wait")


async def _demo(services: object, progress: Callable[[Progress], None]) -> str:
    return ""


@pytest.mark.parametrize(
    ("theme", "size"),
    [
        ("memoria-dark", (80, 24)),
        ("memoria-dark", (120, 40)),
        ("memoria-light", (120, 40)),
        ("memoria-dark", (200, 50)),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value[0]}x{value[1]}",
)
def test_list_and_preview(snap_compare: Compare, theme: str, size: tuple[int, int]) -> None:
    app = make_app(filled(), config=Config(theme=theme))
    assert snap_compare(app, terminal_size=size, run_before=keys("down"))


@pytest.mark.parametrize("theme", ["memoria-dark", "memoria-light"])
def test_search_results(snap_compare: Compare, theme: str) -> None:
    app = make_app(filled(), config=Config(theme=theme))
    assert snap_compare(app, terminal_size=(120, 40), run_before=keys("slash", "=token", "enter", "space"))


def test_empty_store(snap_compare: Compare) -> None:
    assert snap_compare(make_app(Store(), load_demo=_demo), terminal_size=(120, 40), run_before=keys())


def test_store_that_cannot_be_opened(snap_compare: Compare) -> None:
    assert snap_compare(make_app(Store(failure=_IN_USE)), terminal_size=(80, 24), run_before=keys())


_STATES = {
    "nothing_found": ("slash", "=zzz", "enter"),
    "error_in_the_box": ("slash", "=type:foo"),
    "completion": ("slash", "=tag:"),
    "editing": ("down", "e", "=New "),
    "new_memory": ("n",),
    "tags": ("space", "space", "t", "=new", "enter"),
    "set": ("equals_sign",),
    "set_importance_wrong": ("equals_sign", "i", "x", "enter"),
    "history": ("e", "=X ", "ctrl+s", "h"),
    "trash": ("d", "d", "T"),
    "why": ("slash", "=token", "enter", "down", "w"),
    "help": ("question_mark",),
    "unsaved": ("n", "=text", "escape"),
}


@pytest.mark.parametrize("state", _STATES)
def test_state(snap_compare: Compare, state: str) -> None:
    assert snap_compare(make_app(filled()), terminal_size=(120, 40), run_before=keys(*_STATES[state]))


@pytest.mark.parametrize("state", ["editing", "history", "help"])
def test_state_where_it_is_narrow(snap_compare: Compare, state: str) -> None:
    assert snap_compare(make_app(filled()), terminal_size=(80, 24), run_before=keys(*_STATES[state]))


@pytest.mark.parametrize("state", ["history", "tags"])
def test_state_in_the_light(snap_compare: Compare, state: str) -> None:
    app = make_app(filled(), config=Config(theme="memoria-light"))
    assert snap_compare(app, terminal_size=(120, 40), run_before=keys(*_STATES[state]))


def test_conflict(snap_compare: Compare) -> None:
    store = filled()

    async def to_conflict(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await press(pilot, "down", "e", "=Mine ")
        one = memory_id(1)
        text = store.memories[one].content.replace("restart the gateway", "tell support")
        store.memories[one] = replace(store.memories[one], content=text)
        await press(pilot, "ctrl+s")

    assert snap_compare(make_app(store), terminal_size=(120, 40), run_before=to_conflict)


_SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")


@_SIZES
@pytest.mark.parametrize("steps", [("H",), ("d", "e", "=X ", "ctrl+s", "H", "enter")], ids=["none", "some"])
def test_the_last_changes(snap_compare: Compare, steps: tuple[str, ...], size: tuple[int, int]) -> None:
    assert snap_compare(make_app(filled()), terminal_size=size, run_before=keys(*steps))


@_SIZES
@pytest.mark.parametrize("changed", [False, True], ids=["asked", "changed_since"])
def test_undo_asks(snap_compare: Compare, size: tuple[int, int], changed: bool) -> None:
    store = filled()
    theirs, mine = ({"type": "semantic", "payload": {"content": text, "tags": [text]}} for text in ("theirs", "mine"))

    async def to_question(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await press(pilot, "d")
        store.act = replace(store.act, kind=Kind.IMPORT, counts={Entity.MEMORY: 307}, titles=("One", "Two"))
        if changed:
            store.changed_since = (
                ChangedSince(Entity.MEMORY, memory_id(7), "theirs", "text, tags", mine, theirs),
                ChangedSince(Entity.SESSION, memory_id(8), "work", "was deleted", {"end_time": "10:00"}, None),
            )
        await press(pilot, "u")

    assert snap_compare(make_app(store), terminal_size=size, run_before=to_question)


def test_a_long_list(snap_compare: Compare) -> None:
    assert snap_compare(make_app(many(3000)), terminal_size=(120, 40), run_before=keys("G", "k", "space"))
