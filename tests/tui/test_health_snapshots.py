"""How the Health screen looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memoria_tui.app import MemoriaApp
from memoria_tui.user_files.config import Config
from services.errors import StoreInUse, StoreUnavailable
from tests.tui.conftest import keys
from tests.tui.fakes import clock
from tests.tui.health_fakes import HealthServices
from tests.tui.plain_app import plain_app
from tests.tui.quick import quick

Compare = Callable[..., Any]

_STEPS = {
    "stores": (),
    "integrity": (*["down"] * 5, "enter"),
    "agents": (*["end"], *["up"] * 5),
    "tokens": (*["end"], *["up"] * 4, "enter"),
    "new_token": (*["end"], *["up"] * 4, "n", *"deploy", "tab", "tab", *"pier, dock"),
    "made_token": (*["end"], *["up"] * 4, "n", *"deploy", "enter"),
    "restore": ("end", "up", "up", "enter", "enter"),
}


def app(services: HealthServices, theme: str = "memoria-dark") -> MemoriaApp:
    return quick(plain_app(services.opened, config=Config(theme=theme, mode="health"), clock=clock))


@pytest.mark.parametrize("state", _STEPS)
def test_state(snap_compare: Compare, state: str) -> None:
    assert snap_compare(app(HealthServices()), terminal_size=(120, 40), run_before=keys(*_STEPS[state]))


def test_relations_where_it_is_narrow(snap_compare: Compare) -> None:
    steps = keys(*["down"] * 8, "enter")
    assert snap_compare(app(HealthServices()), terminal_size=(80, 24), run_before=steps)


@pytest.mark.parametrize("section", ["agents", "tokens"])
@pytest.mark.parametrize("state", ["loaded", "empty", "failing"])
def test_agents_where_it_is_narrow(snap_compare: Compare, section: str, state: str) -> None:
    services = HealthServices(empty=state == "empty")
    if state == "failing":
        away = StoreUnavailable("cannot reach PostgreSQL at db.acme.example:5432/memoria: is it running?")
        services.agents.failure = services.tokens.failure = away
    assert snap_compare(app(services), terminal_size=(80, 24), run_before=keys(*_STEPS[section]))


def test_an_empty_store(snap_compare: Compare) -> None:
    assert snap_compare(
        app(HealthServices(empty=True), "memoria-light"), terminal_size=(120, 40), run_before=keys(*["down"] * 4)
    )


def test_a_store_that_cannot_be_opened(snap_compare: Compare) -> None:
    services = HealthServices()
    services.store.failure = StoreInUse("/home/anna/x is in use by memoria-tui (process 4711): quit it, or wait")
    assert snap_compare(app(services), terminal_size=(120, 40), run_before=keys())
