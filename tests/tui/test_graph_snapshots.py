"""How the Graph screen looks: loaded, empty and failing, its dialogs, three sizes, both themes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from memoria_tui.user_files.config import Config
from services.errors import StoreUnavailable
from services.model import Relation, RelationType
from tests.tui.conftest import keys, make_app, poll_status, press, settle
from tests.tui.fakes import Store, filled, memory_id
from tests.tui.graph_fakes import suggested
from tests.tui.test_graph_screen import GONE, services_of

Compare = Callable[..., Any]

_SIZES = [(80, 24), (120, 40), (200, 50)]
_MORE = (
    (2, 4, RelationType.FOLLOWS),
    (5, 2, RelationType.SUPPORTS),
    (1, 6, RelationType.PART_OF),
    (7, 1, RelationType.OPPOSES),
    (6, 4, RelationType.RELATED),
)


def woven() -> Store:
    """The small team's store with more relations, one of them to a memory that is gone."""
    store = filled()
    store.relations += [
        Relation(f"more-{place}", memory_id(source), memory_id(target), kind)
        for place, (source, target, kind) in enumerate(_MORE)
    ]
    store.relations.append(Relation("orphan", memory_id(1), GONE, RelationType.SUPERSEDES))
    return store


def _size(value: object) -> str:
    return f"{value[0]}x{value[1]}" if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize("size", _SIZES, ids=_size)
def test_tree_map_and_preview(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(woven(), mode="graph"), terminal_size=size, run_before=keys("down"))


def test_light_theme(snap_compare: Compare) -> None:
    app = make_app(woven(), mode="graph", config=Config(theme="memoria-light"))
    assert snap_compare(app, terminal_size=(120, 40), run_before=keys("tab", "right"))


def test_map_where_it_is_narrow(snap_compare: Compare) -> None:
    assert snap_compare(make_app(woven(), mode="graph"), terminal_size=(80, 24), run_before=keys("tab"))


@pytest.mark.parametrize("size", _SIZES, ids=_size)
def test_no_relations(snap_compare: Compare, size: tuple[int, int]) -> None:
    store = filled()
    store.relations = []
    assert snap_compare(make_app(store, mode="graph"), terminal_size=size, run_before=keys())


@pytest.mark.parametrize("size", _SIZES, ids=_size)
def test_failing_store(snap_compare: Compare, size: tuple[int, int]) -> None:
    store = filled()

    async def fail(pilot: Pilot[None]) -> None:
        await settle(pilot)
        store.failure = StoreUnavailable("PostgreSQL at 127.0.0.1:5432 does not answer: start it, then press r")
        await press(pilot, "3")
        await poll_status(pilot)

    assert snap_compare(make_app(store), terminal_size=size, run_before=fail)


_DIALOGS = {
    "target": ("down", "l"),
    "type": ("down", "equals_sign", "t", "tab"),
    "types": ("f", "f"),
    "path": ("down", "p", "=postgres", "enter"),
    "overview": ("O"),
}


@pytest.mark.parametrize("name", _DIALOGS)
def test_dialog(snap_compare: Compare, name: str) -> None:
    assert snap_compare(make_app(woven(), mode="graph"), terminal_size=(120, 40), run_before=keys(*_DIALOGS[name]))


@pytest.mark.parametrize("size", _SIZES[:2], ids=_size)
def test_suggestions(snap_compare: Compare, size: tuple[int, int]) -> None:
    store = woven()

    async def suggest(pilot: Pilot[None]) -> None:
        await settle(pilot)
        services_of(pilot).suggestions.given = [
            suggested(store.memories[memory_id(1)], store.memories[memory_id(other)], kind, confidence)
            for other, kind, confidence in ((4, RelationType.FIXES, 0.91), (5, RelationType.RELATED, 0.52))
        ]
        await press(pilot, "S", "space")

    assert snap_compare(make_app(store, mode="graph"), terminal_size=size, run_before=suggest)
