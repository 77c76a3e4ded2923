"""The search box: what was typed, completion, errors in place, harmless pasting."""

from __future__ import annotations

import json
from pathlib import Path

from rich.style import Style
from textual import events
from textual.widgets import Input

from memoria_tui.user_files.search_history import SearchHistory
from memoria_tui.widgets.search_bar import SearchBar
from services.errors import QuerySyntaxError
from services.model import SearchMode
from services.search.query import operators
from tests.tui.widgets.scene import Scene, lines


def scene() -> tuple[Scene, SearchBar]:
    bar = SearchBar(operators())
    return Scene(bar), bar


async def test_typing_tells_the_text_and_the_mode() -> None:
    app, bar = scene()
    async with app.open() as pilot:
        bar.focus()
        await pilot.press("h", "i", "ctrl+r", "enter")
        assert [(message.raw, message.mode) for message in app.posted(SearchBar.Changed)] == [
            ("h", SearchMode.HYBRID),
            ("hi", SearchMode.HYBRID),
        ]
        assert [message.mode for message in app.posted(SearchBar.ModeChanged)] == [SearchMode.SEMANTIC]
        assert [message.raw for message in app.posted(SearchBar.Submitted)] == ["hi"]


async def test_a_key_that_is_typed_does_not_lay_the_screen_out_again() -> None:
    app, bar = scene()
    async with app.open() as pilot:
        bar.focus()
        await pilot.press("a")
        laid_out = list[object]()
        app.screen.screen_layout_refresh_signal.subscribe(app.screen, laid_out.append)
        await pilot.press("b", "c")
        assert (bar.text, laid_out) == ("abc", [])


async def test_fixed_values_are_completed_as_one_types() -> None:
    app, bar = scene()
    async with app.open() as pilot:
        bar.focus()
        await pilot.press(*"x type:s")
        assert any("semantic" in line for line in lines(app)[2:])
        await pilot.press("enter")
        assert bar.text == "x type:semantic "
        assert app.posted(SearchBar.Submitted) == []
        assert not any("semantic" in line for line in lines(app)[3:])


async def test_of_many_values_those_out_of_sight_are_told_and_reached_by_the_arrows() -> None:
    app, bar = scene()
    async with app.open() as pilot:
        bar.focus()
        await pilot.press(*"is:")
        known = next(one.values for one in bar.operators if one.name == "is") or ()
        assert any("↓ more" in line for line in lines(app))
        assert not any(known[-1] in line for line in lines(app)[2:])
        await pilot.press("up")
        assert any(f"▸ {known[-1]}" in line for line in lines(app))
        assert any("↑ more" in line for line in lines(app))
        await pilot.press("enter")
        assert bar.text == f"is:{known[-1]} "


async def test_the_word_for_no_project_is_offered_without_quotes_and_a_project_of_that_name_with_them() -> None:
    app, bar = scene()
    async with app.open() as pilot:
        bar.focus()
        for names, completed in (((), "project:none "), (("none",), 'project:"none" ')):
            bar.set_text("")
            await pilot.press(*"project:no")
            bar.offer(names)
            await pilot.press("enter")
            assert bar.text == completed


async def test_other_values_are_asked_for_and_chosen_with_the_arrows() -> None:
    app, bar = scene()
    async with app.open() as pilot:
        bar.focus()
        await pilot.press(*"-tag:au")
        wanted = app.posted(SearchBar.CompletionWanted)[-1]
        assert (wanted.operator, wanted.prefix) == ("tag", "au")
        bar.offer(("auth", "audit log", "deploy"))
        await pilot.press("down")
        assert any("▸ audit log" in line for line in lines(app))
        assert not any("deploy" in line for line in lines(app))
        await pilot.press("right")
        assert bar.text == '-tag:"audit log" '


async def test_values_offered_for_less_text_do_not_take_the_place_of_what_is_typed_whole() -> None:
    app, bar = scene()
    async with app.open() as pilot:
        bar.focus()
        await pilot.press(*"tag:a")
        bar.offer(("api", "auth"))
        await pilot.press(*"uth", "enter")
        assert (bar.text, app.posted(SearchBar.Submitted)[-1].raw) == ("tag:auth", "tag:auth")


async def test_names_of_operators_are_offered_but_enter_still_searches() -> None:
    app, bar = scene()
    async with app.open() as pilot:
        bar.focus()
        await pilot.press(*"pro")
        assert any("project:" in line for line in lines(app)[2:])
        await pilot.press("enter")
        assert app.posted(SearchBar.Submitted)[-1].raw == "pro"
        await pilot.press("tab")
        assert bar.text == "project:"


async def test_escape_closes_the_completions_and_a_late_offer_does_not_open_them() -> None:
    app, bar = scene()
    async with app.open() as pilot:
        bar.focus()
        await pilot.press(*"type:e", "escape")
        assert not any("episodic" in line for line in lines(app))
        bar.set_text("type:episodic done")
        await pilot.pause()
        bar.offer(("auth",))
        await pilot.pause()
        assert not any("auth" in line for line in lines(app))


async def test_pasting_is_made_one_harmless_line() -> None:
    app, bar = scene()
    async with app.open() as pilot:
        bar.focus()
        app.query_one(Input).post_message(events.Paste("two\nlines\x1b]52;c;x\x07\u202e"))
        await pilot.pause()
        assert bar.text == "two lines ]52;c;x  "


async def test_the_same_text_set_again_is_no_change() -> None:
    app, bar = scene()
    async with app.open() as pilot:
        bar.set_text("a\nb")
        await pilot.pause()
        bar.set_text("a b")
        await pilot.pause()
        assert [message.raw for message in app.posted(SearchBar.Changed)] == ["a b"]


async def test_an_error_is_underlined_where_it_is_until_the_text_changes() -> None:
    app, bar = scene()
    async with app.open() as pilot:
        bar.focus()
        bar.set_text("x importance:9 y")
        await pilot.pause()
        bar.error = QuerySyntaxError("importance is a number from 0 to 1", 2, 14)
        await pilot.pause()
        strip = app.screen._compositor.render_strips()[1]
        underlined = "".join(part.text for part in strip if (part.style or Style()).underline)
        assert underlined == "importance:9"
        assert "importance is a number" in lines(app)[2]
        await pilot.press("z")
        assert bar.error is None
        assert "importance is a number" not in lines(app)[2]


async def test_the_result_line_stands_in_the_border() -> None:
    app, bar = scene()
    async with app.open() as pilot:
        bar.result_line = "hybrid · 38 hits · [21 ms]"
        await pilot.pause()
        assert "hybrid · 38 hits · [21 ms]" in lines(app)[0]


async def test_up_brings_back_what_was_searched_for_and_down_what_is_typed(tmp_path: Path) -> None:
    file = tmp_path / "searches"
    before = SearchHistory(file)
    for text in ("one", "tag:auth", "one", ""):
        before.remember(text)
    assert not file.exists()  # who types waits for no disk
    before.write()
    app = Scene(bar := SearchBar(operators(), SearchHistory(file)))
    async with app.open() as pilot:
        bar.focus()
        await pilot.press("n", "e", "up")
        assert bar.text == "one"
        await pilot.press("up", "up")
        assert bar.text == "tag:auth"
        await pilot.press("down", "down")
        assert bar.text == "ne"
        assert app.posted(SearchBar.Changed)[-1].raw == "ne"
        await pilot.press("w", "enter")
        before.remember("of another program")
        before.write()
        await app.workers.wait_for_complete()
    assert {"new", "of another program", "one"} <= set(json.loads(file.read_text()))
    file.write_text('["new"]')
    assert SearchHistory(file).older("") == "new"
