"""Searching, browsing and reading on the Memories screen."""

from __future__ import annotations

from dataclasses import replace

from memoria_tui.modes.mode import Failed, Loaded
from services.errors import StoreUnavailable
from services.model import SearchMode
from tests.tui.conftest import press, running, screen_of, settle, titles, toasts, type_text, until
from tests.tui.fakes import Store, filled, many, memory_id
from tests.tui.passing_time import passes


async def test_an_empty_box_lists_all_newest_first() -> None:
    async with running(filled()) as pilot:
        assert titles(pilot)[0].startswith("Postgres autovacuum")
        assert len(titles(pilot)) == 7
        assert screen_of(pilot).search_bar.result_line == "7 memories · 0 ms"
        assert screen_of(pilot).memory_list.has_focus


async def test_typing_searches_and_esc_goes_back_to_the_list_then_to_all() -> None:
    async with running(filled()) as pilot:
        await press(pilot, "slash")
        await type_text(pilot, "token")
        assert titles(pilot)[0].startswith("JWT expiry")
        assert screen_of(pilot).search_bar.result_line == "hybrid · 3 hits · 21 ms"
        await press(pilot, "escape")
        assert screen_of(pilot).memory_list.has_focus
        assert len(titles(pilot)) == 3
        await press(pilot, "escape")
        assert len(titles(pilot)) == 7


async def test_fast_typing_asks_only_what_the_person_rests_on() -> None:
    store = filled()
    async with running(store) as pilot:
        store.asked.clear()
        for end in range(1, 6):
            screen_of(pilot).search_bar.set_text("token"[:end])
        await settle(pilot)
        assert [query.text for query in store.asked] == ["token"]


async def test_a_late_answer_to_an_older_question_is_dropped() -> None:
    store = filled()
    store.delays = {"token": 0.4}
    async with running(store) as pilot:
        screen = screen_of(pilot)
        screen.search_bar.set_text("token")
        await until(pilot, lambda: store.asked[-1].text == "token")
        screen.search_bar.set_text("release")
        await settle(pilot)
        await passes(0.4)
        await settle(pilot)
        assert titles(pilot) == ["How we cut a release: tag, changelog, canary, all"]


async def test_values_in_use_are_completed_what_is_not_understood_is_marked_and_the_mode_goes_with_a_question() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "slash", "=tag:bil", "tab")
        assert screen_of(pilot).search_bar.text == "tag:billing "
        assert titles(pilot) == ["Moved the billing job to the night"]
        await press(pilot, "ctrl+u", "=type:foo")
        error = screen_of(pilot).search_bar.error
        assert error is not None
        assert (error.start, error.end) == (5, 8)
        assert all("foo" not in query.raw for query in store.asked)
        await press(pilot, "ctrl+u", "=token", "ctrl+r")
        assert store.asked[-1].mode is SearchMode.SEMANTIC


async def test_a_facet_puts_its_operator_into_the_box_and_takes_it_out() -> None:
    async with running(filled()) as pilot:
        screen = screen_of(pilot)
        await press(pilot, "f", "enter")
        assert screen.search_bar.text == "type:semantic"
        assert {hit.memory.type.value for hit in screen.memory_list.hits()} == {"semantic"}
        assert ("type", "semantic") in screen.facet_panel.active
        await press(pilot, "enter")
        assert screen.search_bar.text == ""


async def test_a_long_list_is_fetched_where_the_eyes_are() -> None:
    async with running(many(5000)) as pilot:
        await press(pilot, "G")
        hit = screen_of(pilot).memory_list.current
        assert hit is not None
        assert hit.memory.content == "memory 0"
        assert len(screen_of(pilot).memory_list.hits()) < 1000


async def test_the_preview_shows_text_relations_and_history_and_more_like_this_asks_with_the_memory() -> None:
    store = filled()
    async with running(store) as pilot:
        await press(pilot, "down")
        shown = pilot.app.export_screenshot()
        for part in ("ACCESS_TTL=900", "fixes", "derives", "anna"):
            assert part in shown
        await press(pilot, "m")
        assert store.asked[-1].like == memory_id(1)


async def test_what_was_found_stays_while_a_store_is_away_and_is_read_again_with_a_key() -> None:
    store = filled()
    async with running(store) as pilot:
        store.failure = StoreUnavailable("qdrant: no answer at localhost:6333; start it")
        await press(pilot, "r")
        assert isinstance(screen_of(pilot).state, Loaded)
        assert len(titles(pilot)) == 7
        assert toasts(pilot) == ["qdrant: no answer at localhost:6333; start it"]
        store.failure = None
        await press(pilot, "r")
        assert isinstance(screen_of(pilot).state, Loaded)
        assert len(titles(pilot)) == 7
        assert screen_of(pilot).memory_list.has_focus


async def test_stores_that_cannot_be_opened_can_be_opened_again() -> None:
    store = filled()
    store.failure = StoreUnavailable("the database is starting")
    async with running(store) as pilot:
        assert isinstance(screen_of(pilot).state, Failed)
        store.failure = None
        await press(pilot, "r")
        assert len(titles(pilot)) == 7


async def test_hostile_text_is_shown_and_never_obeyed() -> None:
    store = Store()
    hostile = "[bold red]x[/] \x1b]52;c;aGk=\x07 \x1b[31mred \u202eevil \x9b1m [link=http://a]b[/link] \x00"
    known = filled().memories[memory_id(1)]
    store.memories["h"] = replace(known, id="h", content=hostile, tags=("[red]t", "\x1b[2J"), project="\x1b]0;p\x07")
    async with running(store) as pilot:
        shown = pilot.app.export_screenshot()
        assert "[bold" in shown.replace("&#160;", " ")
        await press(pilot, "d")
        drawn = "".join(segment.text for strip in pilot.app.screen._compositor.render_strips() for segment in strip)
        assert not {"\x1b", "\x07", "\x9b", "\u202e", "\x00"} & set(drawn)
