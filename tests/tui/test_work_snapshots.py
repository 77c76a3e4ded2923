"""How the Work screen looks: every state and dialog, three sizes, both themes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.errors import StoreInUse
from tests.tui.conftest import keys
from tests.tui.work_world import Desk, billed, two_days

Compare = Callable[..., Any]

_SIZES = [(80, 24), (120, 40), (200, 50)]
_IN_USE = StoreInUse("/home/anna/.local/share/memoria-tui is in use by memoria-tui (process 4711): quit it, or wait")


def _named(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


@pytest.mark.parametrize("size", _SIZES, ids=_named)
def test_two_days_of_work(snap_compare: Compare, desk: Desk, size: tuple[int, int]) -> None:
    assert snap_compare(desk.app(two_days), terminal_size=size, run_before=keys())


def test_two_days_of_work_in_the_light(snap_compare: Compare, desk: Desk) -> None:
    desk.theme = "memoria-light"
    assert snap_compare(desk.app(two_days), terminal_size=(120, 40), run_before=keys("tab"))


@pytest.mark.parametrize("size", _SIZES, ids=_named)
def test_nothing_was_worked_yet(snap_compare: Compare, desk: Desk, size: tuple[int, int]) -> None:
    assert snap_compare(desk.app(), terminal_size=size, run_before=keys())


@pytest.mark.parametrize("size", _SIZES, ids=_named)
def test_store_that_cannot_be_opened(snap_compare: Compare, desk: Desk, size: tuple[int, int]) -> None:
    desk.failure = _IN_USE
    assert snap_compare(desk.app(), terminal_size=size, run_before=keys())


_STATES = {
    "start": ("n",),
    "start_with_a_problem": ("n", "=work", *["tab"] * 9, "=soon", "enter"),
    "add": ("A", "=stand-up", *["tab"] * 9, "=9:00", "tab", "tab", "=15m"),
    "add_with_a_problem": ("A", "=stand-up", *["tab"] * 9, "=9:00", "tab", "=8:00", "enter"),
    "switch": ("W", "=f"),
    "edit": ("j", "j", "j", "enter"),
    "stop": ("tab", "s"),
    "choice": ("j", "j", "s"),
    "filter": ("f",),
    "filtered": ("f", "tab", "tab", "tab", "=Acme", "enter"),
    "by_duration": ("o", "l"),
    "clients": ("c",),
    "settings": ("P",),
    "help": ("question_mark",),
}


@pytest.mark.parametrize("state", _STATES)
def test_state(snap_compare: Compare, desk: Desk, state: str) -> None:
    assert snap_compare(desk.app(two_days), terminal_size=(120, 40), run_before=keys(*_STATES[state]))


_BILLING = {
    "timesheet": ("j", "dollar_sign"),
    "terms": ("j", "dollar_sign", "P"),
    "edit_of_what_was_billed": ("j", "dollar_sign", "enter", "=!", "ctrl+s"),
    "budgets": ("c",),
    "no_work_to_bill": ("j", "dollar_sign", "left_square_bracket"),
}


@pytest.mark.parametrize("state", _BILLING)
def test_billing(snap_compare: Compare, desk: Desk, state: str) -> None:
    assert snap_compare(desk.app(billed), terminal_size=(120, 40), run_before=keys(*_BILLING[state]))


@pytest.mark.parametrize("size", _SIZES, ids=_named)
def test_week(snap_compare: Compare, desk: Desk, size: tuple[int, int]) -> None:
    assert snap_compare(desk.app(billed), terminal_size=size, run_before=keys("v", "right"))


@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=_named)
def test_timesheet(snap_compare: Compare, desk: Desk, size: tuple[int, int]) -> None:
    assert snap_compare(desk.app(billed), terminal_size=size, run_before=keys(*_BILLING["timesheet"]))


@pytest.mark.parametrize("state", ["start_with_a_problem", "add", "edit", "clients"])
def test_state_where_it_is_narrow(snap_compare: Compare, desk: Desk, state: str) -> None:
    assert snap_compare(desk.app(two_days), terminal_size=(80, 24), run_before=keys(*_STATES[state]))
