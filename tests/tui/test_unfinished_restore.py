"""A restore that was begun and not finished is said when the program starts, and can be finished or undone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.pilot import Pilot

from memoria_tui.app import MemoriaApp
from memoria_tui.dialogs.unfinished_restore import UnfinishedRestoreDialog
from services.backup.backup_values import UnfinishedRestore
from tests.tui.conftest import settle, until
from tests.tui.fakes import FakeRestoring, FakeServices, Store, clock
from tests.tui.passing_time import passes
from tests.tui.plain_app import plain_app
from tests.tui.quick import quick


@asynccontextmanager
async def started(restoring: FakeRestoring) -> AsyncIterator[tuple[MemoriaApp, Pilot[None]]]:
    services = FakeServices(Store())
    services.restoring = restoring
    app = quick(plain_app(services.opened, clock=clock))
    async with app.run_test() as pilot:
        await until(pilot, lambda: isinstance(app.screen, UnfinishedRestoreDialog))
        await settle(pilot)
        await passes(1)  # it is read before it is answered
        yield app, pilot


def begun() -> FakeRestoring:
    at = datetime(2026, 11, 20, 10, tzinfo=UTC)
    return FakeRestoring(UnfinishedRestore(Path("/srv/[b]\x1b/one.tar"), replace=True, begun_at=at))


async def test_who_looks_first_is_told_how_to_finish_it() -> None:
    async with started(begun()) as (app, pilot):
        await pilot.press("escape")
        await until(pilot, lambda: bool(app._notifications))
        (notice,) = [one.message for one in app._notifications]
    assert "a restore of /srv/[b]␛/one.tar was begun as a replacement on" in notice
    assert "`memoria-tui restore --resume`" in notice
    assert "`memoria-tui restore --undo`" in notice


@pytest.mark.parametrize(("key", "done"), [("ctrl+f", "finished"), ("ctrl+u", "taken back")])
async def test_one_key_finishes_it_or_takes_it_back(key: str, done: str) -> None:
    restoring = begun()
    async with started(restoring) as (app, pilot):
        await pilot.press(key)
        await until(pilot, lambda: bool(restoring.done))
        assert not isinstance(app.screen, UnfinishedRestoreDialog)
    assert restoring.done == [done]
