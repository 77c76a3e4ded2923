"""The facets: choosing values by key and mouse, and a cursor that keeps its value."""

from __future__ import annotations

from memoria_tui.widgets.facets import FacetPanel
from services.model import FacetCount, Facets
from tests.tui.widgets.scene import FACETS, Scene, lines


async def test_values_are_chosen_by_key_and_by_mouse() -> None:
    panel = FacetPanel()
    app = Scene(panel)
    async with app.open() as pilot:
        panel.facets = FACETS
        panel.focus()
        await pilot.press("down", "enter", "end", "space", "home", "up", "enter")
        await pilot.click(FacetPanel, offset=(3, 6))
        await pilot.click(FacetPanel, offset=(3, 0))
        chosen = [(message.kind, message.value) for message in app.posted(FacetPanel.Toggled)]
        assert chosen == [("type", "episodic"), ("date", "this week"), ("type", "semantic"), ("tag", "auth")]


async def test_the_cursor_stays_on_its_value_when_counts_change() -> None:
    panel = FacetPanel()
    app = Scene(panel)
    async with app.open() as pilot:
        panel.facets = FACETS
        panel.focus()
        await pilot.press("down", "down", "down", "down")
        panel.facets = Facets(tags=(FacetCount("new", 9), FacetCount("jwt", 8), FacetCount("auth", 1)))
        await pilot.press("enter")
        assert app.posted(FacetPanel.Toggled)[-1].value == "jwt"


async def test_active_values_are_marked_and_stay_when_nothing_has_them() -> None:
    panel = FacetPanel()
    app = Scene(panel)
    async with app.open() as pilot:
        panel.facets = FACETS
        panel.active = frozenset({("tag", "jwt"), ("project", "gone")})
        await pilot.pause()
        marked = [line.split() for line in lines(app) if line.startswith("✓")]
        assert marked == [["✓jwt", "12.3k"], ["✓gone", "0"]]


async def test_an_empty_panel_takes_keys() -> None:
    panel = FacetPanel()
    app = Scene(panel)
    async with app.open() as pilot:
        panel.focus()
        await pilot.press("down", "enter", "end")
        assert app.posted(FacetPanel.Toggled) == []
