"""A restore that was begun and not finished is told when the program starts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from memoria_tui.app import MemoriaApp
from services.backup.values import UnfinishedRestore
from tests.tui.fakes import FakeRestoring, FakeServices, Store, clock


async def test_the_next_start_tells_how_to_finish_it() -> None:
    services = FakeServices(Store())
    begun = datetime(2026, 11, 20, 10, tzinfo=UTC)
    services.restoring = FakeRestoring(UnfinishedRestore(Path("/srv/[b]\x1b/one.tar"), replace=True, begun_at=begun))
    app = MemoriaApp(services.opened, clock=clock)
    async with app.run_test() as pilot:
        await app.workers.wait_for_complete()
        await pilot.pause()
        (notice,) = [one.message for one in app._notifications]

    assert "was begun on" in notice
    assert "finish it with: memoria-tui restore '/srv/[b]␛/one.tar' --replace" in notice
