"""The strip of a day: where its blocks lie."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from textual.app import App, ComposeResult

from memoria_tui.themes import DARK
from memoria_tui.widgets.day_timeline import Block, DayOfWork, DayTimeline
from services.model import SessionCategory

_DAY = date(2026, 11, 20)


class _Strip(App[None]):
    """A strip of 10 hours in 120 cells: 12 cells an hour."""

    def __init__(self, *hours: tuple[float, float]) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name
        midnight = datetime(2026, 11, 20, tzinfo=UTC)
        self._blocks = tuple(
            Block(midnight + timedelta(hours=start), midnight + timedelta(hours=end), SessionCategory.CODING)
            for start, end in hours
        )

    def compose(self) -> ComposeResult:
        yield DayTimeline()

    def on_mount(self) -> None:
        self.query_one(DayTimeline).shown = DayOfWork(_DAY, UTC, self._blocks)


async def _lines(*hours: tuple[float, float]) -> list[str]:
    app = _Strip(*hours)
    async with app.run_test(size=(136, 5)) as pilot:
        await pilot.pause()
        strip = app.query_one(DayTimeline)
        return [strip.render_line(y).text for y in range(2)]


async def test_blocks_stand_under_their_hours() -> None:
    hours, blocks = await _lines((9, 10), (17, 18))
    assert blocks.index("█") == hours.index("09")
    assert blocks[hours.index("17")] == "█"
    assert blocks.count("█") == 24
    assert "09:00–18:00" in blocks


async def test_what_ran_at_once_shares_its_cells() -> None:
    _, blocks = await _lines((9, 11), (10, 12))
    assert (blocks.count("█"), blocks.count("▀"), blocks.count("▄")) == (12, 12, 12)


async def test_early_and_late_work_widens_the_hours() -> None:
    hours, _ = await _lines((5.5, 6), (20, 22.2))
    assert "05" in hours
    assert "22" in hours


async def test_the_shortest_work_is_seen() -> None:
    _, blocks = await _lines((9, 9.001))
    assert blocks.count("█") == 1
