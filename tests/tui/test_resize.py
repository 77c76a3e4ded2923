"""A screen that was resized looks as one that was opened at that size: nothing is drawn for another width."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.app import App
from textual.content import Content
from textual.pilot import Pilot
from textual.widget import Widget

from memoria_tui.dialogs.confirm import ConfirmDialog
from memoria_tui.dialogs.form import Field, FormDialog, Values
from memoria_tui.dialogs.relation_type import RelationTypeDialog
from tests.tui.conftest import press, settle
from tests.tui.fakes import clock
from tests.tui.health_fakes import HealthServices
from tests.tui.inbox_fakes import morning
from tests.tui.plain_app import plain_app
from tests.tui.quick import quick
from tests.tui.summary_fakes import SummaryServices, a_year
from tests.tui.test_graph_snapshots import woven
from tests.tui.work_world import Desk, two_days

Size = tuple[int, int]
NARROW, USUAL, WIDE = (60, 20), (120, 40), (300, 80)


def shown(app: App[None]) -> list[str]:
    """The lines of the terminal."""
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


async def looks(app: App[None], modes: str, sizes: tuple[Size, ...]) -> Mapping[tuple[str, Size], list[str]]:
    """What each mode shows at each size, opened at the first one and resized to the others."""
    seen = {}
    async with app.run_test(size=sizes[0]) as pilot:
        await settle(pilot)
        for mode in modes:
            await resize(pilot, sizes[0])
            await press(pilot, mode)
            for size in sizes:
                await resize(pilot, size)
                seen[mode, size] = shown(app)
    return seen


async def resize(pilot: Pilot[None], size: Size) -> None:
    if pilot.app.size != size:
        await pilot.resize_terminal(*size)
    await settle(pilot)


async def compare(made: Callable[[], App[None]], modes: str) -> None:
    once = await looks(made(), modes, (USUAL, NARROW, WIDE))
    other = await looks(made(), modes, (WIDE, NARROW))
    for place in other:
        assert once[place] == other[place], place


def everything() -> HealthServices:
    """What all modes but Work show something of."""
    services, waiting, year = HealthServices(), morning(), SummaryServices(a_year())
    store = services.store
    store.relations = woven().relations
    store.unreviewed, store.known, store.near = waiting.unreviewed, waiting.known, waiting.near
    for one in ("reports", "work", "clients", "billing", "memory_counts"):
        setattr(services, one, getattr(year, one))
    return services


async def test_each_mode_is_drawn_for_the_size_that_there_is() -> None:
    await compare(lambda: quick(plain_app(everything().opened, clock=clock)), "12356")


async def test_work_is_drawn_for_the_size_that_there_is(desk: Desk) -> None:
    await desk.filled(two_days)
    await compare(desk.app, "4")


async def test_a_dialog_on_a_low_terminal_keeps_its_keys_and_the_field_with_the_focus_in_sight(desk: Desk) -> None:
    dialogs: dict[str, tuple[tuple[str, ...], int]] = {
        "new memory": (("n",), 5),
        "session": (("4", "j", "j", "j", "enter"), 19),
        "clients": (("c",), 0),
        "week": (("v",), 0),
    }
    async with desk.working(two_days, size=NARROW) as pilot:
        await press(pilot, "1")
        for dialog, (opens, fields) in dialogs.items():
            await press(pilot, *opens)
            for _ in range(fields + 1):
                await pilot.app.animator.wait_until_complete()  # what scrolls
                await settle(pilot)
                assert is_in_sight(pilot, pilot.app.screen.query_one("#keys")), dialog
                assert pilot.app.focused is not None
                assert is_in_sight(pilot, pilot.app.focused), (dialog, pilot.app.focused)
                await press(pilot, *["tab"] * bool(fields))
            await press(pilot, "escape")
        pilot.app.push_screen(RelationTypeDialog("Link", Content("one line\n" * 3), Content("two")))
        await settle(pilot)
        assert is_in_sight(pilot, pilot.app.screen.query_one("#keys"))
        pilot.app.push_screen(ConfirmDialog("Sure?", "\n".join(map(str, range(40))), "do it"))
        await settle(pilot)
        assert is_in_sight(pilot, pilot.app.screen.query_one("#keys"))
        await press(pilot, "down", "down", "up")
        assert pilot.app.screen.query_one(".whole-text").scroll_y == 1, "its text is scrolled"


def is_in_sight(pilot: Pilot[None], widget: Widget) -> bool:
    """Whether all of it is on the terminal."""
    seen = pilot.app.screen._compositor.visible_widgets.get(widget)
    return seen is not None and seen[1].contains_region(seen[0])


async def test_a_form_is_laid_out_for_the_size_that_there_is_when_it_opens() -> None:
    seen: list[frozenset[str]] = []

    def facts(values: Values) -> Content:
        seen.append(form.classes)
        return Content()

    async def save(values: Values) -> None:
        pass

    form = FormDialog("Form", [[Field("what", "What")]], save, facts=facts)
    async with App[None]().run_test(size=(80, 24)) as pilot:
        pilot.app.push_screen(form)
        await settle(pilot)
        assert seen[0] == {"-short", "-normal"}, "before Textual gives the size's classes, which lays all out again"
