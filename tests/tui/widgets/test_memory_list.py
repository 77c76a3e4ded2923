"""The list: moving, marking, paging, and an eye that stays where it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual import events

from memoria_tui.widgets.loaded_rows import PAGE, Anchor, LoadedRows
from memoria_tui.widgets.memory_list import MemoryList
from services.model import Hit, Query
from tests.tui.widgets.scene import HITS, QUERY, Scene, clock, lines, memory, numbered

LIST = Query()


def scene() -> tuple[Scene, MemoryList]:
    shown = MemoryList(clock)
    return Scene(shown), shown


async def test_keys_move_by_rows_pages_and_to_the_ends_and_the_scrollbar_with_them() -> None:
    app, listed = scene()
    async with app.open(height=20) as pilot:
        listed.show_listing(1000, LIST, first=numbered(100))
        listed.focus()
        seen, bar = [], listed.vertical_scrollbar
        for key in ("down", "j", "k", "pagedown", "ctrl+d", "ctrl+u", "pageup", "G", "home", "end", "home", "up"):
            await pilot.press(key)
            seen.append(listed.cursor)
            drawn = bar.render_lines(bar.size.region)
            assert drawn == bar.refresh().render_lines(bar.size.region)
        assert seen == [1, 2, 1, 11, 16, 11, 1, 999, 0, 999, 0, 0]


async def test_a_letter_goes_to_the_next_title_that_begins_with_it() -> None:
    app, listed = scene()
    async with app.open() as pilot:
        listed.show_listing(len(HITS), QUERY, first=HITS)
        listed.focus()
        seen = []
        for letter in ("r", "S", "j", "j", "x"):
            await pilot.press("apostrophe", letter)
            seen.append(listed.cursor)
        assert seen == [2, 3, 0, 0, 0]


async def test_space_marks_and_goes_on() -> None:
    app, listed = scene()
    async with app.open() as pilot:
        listed.show_listing(len(HITS), QUERY, first=HITS)
        listed.focus()
        await pilot.press("space", "space", "up", "space")
        assert listed.marked == {HITS[0].memory.id}
        assert [len(message.marked) for message in app.posted(MemoryList.MarksChanged)][-3:] == [1, 2, 1]
        assert "✓" in lines(app)[0]


async def test_moving_tells_the_memory_and_enter_or_a_second_click_selects_it() -> None:
    app, listed = scene()
    async with app.open() as pilot:
        listed.show_listing(len(HITS), QUERY, first=HITS)
        listed.focus()
        await pilot.press("down")
        assert [message.hit for message in app.posted(MemoryList.Highlighted)] == [HITS[0], HITS[1]]
        await pilot.click(MemoryList, offset=(10, 4))
        assert listed.current == HITS[2]
        assert app.posted(MemoryList.Selected) == []
        await pilot.click(MemoryList, offset=(10, 5))
        await pilot.press("enter")
        assert [message.hit for message in app.posted(MemoryList.Selected)] == [HITS[2], HITS[2]]


async def test_the_wheel_scrolls_and_leaves_the_cursor() -> None:
    app, listed = scene()
    async with app.open() as pilot:
        listed.show_listing(1000, LIST, first=numbered(100))
        await pilot.pause()
        for _ in range(10):
            listed.post_message(events.MouseScrollDown(listed, 5, 5, 0, 1, 0, False, False, False))
        await pilot.pause(0.3)
        assert "memory 0" not in lines(app)[0]
        assert listed.cursor == 0


async def test_pages_are_asked_for_once_around_the_eye() -> None:
    app, listed = scene()
    async with app.open(height=20) as pilot:
        listed.show_listing(100_000, LIST, first=numbered(100))
        listed.focus()
        await pilot.pause(0.05)
        assert app.posted(MemoryList.PageWanted) == []
        await pilot.press("end", "up", "down")
        while not app.posted(MemoryList.PageWanted):
            await pilot.pause(0.02)
        (wanted,) = app.posted(MemoryList.PageWanted)
        assert (wanted.offset, wanted.limit) == (99_990 - PAGE, 10 + PAGE)
        assert {line.strip(" ▌") for line in lines(app)[:18:2]} == {"…"}
        listed.put_page(wanted.offset, numbered(wanted.limit, wanted.offset))
        await pilot.pause()
        assert "memory 99999" in lines(app)[18]
        assert listed.current is not None


async def test_a_page_that_never_came_is_asked_for_again_when_it_is_near_again() -> None:
    rows = LoadedRows()
    rows.begin(1000, keep=False)
    rows.put(0, numbered(100))
    assert rows.wanted(500, 10) == range(450, 560)
    assert rows.wanted(500, 10) == range(0)
    assert rows.wanted(0, 10) == range(0)
    assert rows.wanted(500, 10) == range(450, 560)


def test_rows_far_away_are_let_go_and_asked_for_again() -> None:
    rows = LoadedRows()
    rows.begin(100_000, keep=False)
    for offset in range(0, 3000, 100):
        rows.put(offset, numbered(100, offset))
    rows.forget_far(2900, keep=5)
    assert [index for index, _ in rows][:2] == [5, 2000]
    assert rows.wanted(0, 10) == range(60)


async def test_a_refresh_keeps_the_memory_on_its_line() -> None:
    app, listed = scene()
    async with app.open(height=20) as pilot:
        listed.show_listing(1000, LIST, first=numbered(100))
        listed.cursor = 40
        listed.scroll_to(y=70, animate=False)
        await pilot.pause()
        line = next(number for number, text in enumerate(lines(app)) if "▌" in text)
        new = tuple(Hit(memory(10_000 + number, f"new {number}")) for number in range(3))
        listed.show_listing(1003, LIST, first=(*new, *numbered(97)))
        await pilot.pause()
        assert listed.current == numbered(1, 40)[0]
        assert "memory 40" in lines(app)[line]


@pytest.mark.parametrize("cursor", [0, 3])
async def test_the_cursor_goes_with_its_memory_below_more_than_a_page_that_came_above_it(cursor: int) -> None:
    app, listed = scene()
    async with app.open(height=20) as pilot:
        listed.show_listing(1000, LIST, first=numbered(100))
        listed.cursor = cursor
        await pilot.pause()
        new = tuple(Hit(memory(10_000 + number, f"new {number}")) for number in range(250))
        for total in (1100, 1250):  # as others write
            listed.show_listing(total, LIST, first=new[:PAGE])
            assert listed.current == numbered(1, cursor)[0]
        listed.put_page(200, (*new[200:], *numbered(80)))
        await pilot.pause()
        assert (listed.cursor, listed.current) == (250 + cursor, numbered(1, cursor)[0])
        assert app.posted(MemoryList.Gone) == []
        assert any("▌" in line and f"memory {cursor}" in line for line in lines(app))


async def test_keys_act_on_what_the_cursor_stood_on_until_all_around_it_is_read() -> None:
    app, listed = scene()
    async with app.open(height=20) as pilot:
        listed.show_listing(1000, LIST, first=numbered(100))
        await pilot.pause()
        new = tuple(Hit(memory(10_000 + number, f"new {number}")) for number in range(300))
        listed.show_listing(1200, LIST, first=new[:PAGE])  # a hundred of the others went
        listed.put_page(100, new[100:200])
        assert listed.current == numbered(1)[0]
        listed.put_page(200, new[200:])
        await pilot.pause()
        assert listed.current == new[200]
        assert [(one.hit, one.elsewhere) for one in app.posted(MemoryList.Gone)] == [(numbered(1)[0], True)]


@pytest.mark.parametrize(
    ("page", "offset", "place"),
    [
        ("abXyz", 50, 52),  # still there
        ("abyz", 50, 52),  # gone: the one that followed
        ("cdef", 50, None),  # elsewhere
        ("yz", 50, None),  # it may stand above this page
        ("yz", 0, 0),
        ("ab", 50, None),  # it may stand below this page
        ("ab", 98, 99),  # gone from the end: the one before
        ("abcd", 50, 51),  # gone with the one that followed
    ],
)
def test_the_cursor_finds_its_memory_or_the_one_beside_it(page: str, offset: int, place: int | None) -> None:
    anchor = Anchor("X", "y", "b", height=4, at_top=False)
    assert anchor.place(list(page), offset, 100) == place


def test_rows_are_seen_in_their_new_places_until_fresh_ones_come() -> None:
    rows = LoadedRows()
    rows.begin(100, keep=False)
    rows.put(0, numbered(3))
    rows.begin(102, keep=True, moved=2)
    assert [(index, hit.memory.content) for index, hit in rows] == [
        (2, "memory 0"),
        (3, "memory 1"),
        (4, "memory 2"),
    ]
    rows.begin(101, keep=True, moved=-3)
    assert [index for index, _ in rows] == [0, 1]


async def test_another_question_starts_at_the_top() -> None:
    app, listed = scene()
    async with app.open() as pilot:
        listed.show_listing(1000, LIST, first=numbered(100))
        listed.cursor = 90
        listed.show_listing(len(HITS), QUERY, first=HITS)
        await pilot.pause()
        assert listed.cursor == 0
        assert listed.scroll_offset.y == 0
        assert listed.hits() == HITS


async def test_what_is_under_the_cursor_is_told_again_when_it_changed() -> None:
    app, listed = scene()
    async with app.open() as pilot:
        listed.show_listing(len(HITS), QUERY, first=HITS)
        changed = replace(HITS[0], memory=replace(HITS[0].memory, content="other"))
        listed.show_listing(len(HITS), QUERY, first=(changed, *HITS[1:]))
        await pilot.pause()
        assert app.posted(MemoryList.Highlighted)[-1].hit == changed


async def test_no_hits_say_so_and_highlight_nothing() -> None:
    app, listed = scene()
    async with app.open() as pilot:
        listed.show_listing(len(HITS), QUERY, first=HITS)
        listed.show_listing(0, Query(raw="zzz"))
        await pilot.pause()
        assert lines(app)[1].strip() == "No results."
        assert app.posted(MemoryList.Highlighted)[-1].hit is None
        listed.focus()
        await pilot.press("down", "space", "enter", "apostrophe", "a", "end")
        assert listed.current is None


async def drawn(width: int, query: Query, *hits: Hit) -> tuple[list[str], list[str]]:
    """The lines of a list, and the words in it that are marked as found."""
    app, listed = scene()
    async with app.open(width) as pilot:
        listed.show_listing(len(hits), query, first=hits)
        await pilot.pause()
        strips = app.screen._compositor.render_strips()
        bold = [segment.text for strip in strips for segment in strip if segment.style and segment.style.bold]
        return lines(app), [text for text in bold if text.strip()]


async def test_a_row_has_the_title_first_and_then_the_passage_that_matched_without_its_marks() -> None:
    text = "# Rotate the key\n\n- Deploy the **new key** first.\n- Wait until `tokens` of the [old](b) one expired."
    rotate = replace(HITS[2].memory, content=text, project="api")
    found = Hit(rotate, 0.9, relevance=0.6, passage=text, relations=3)
    page, marked = await drawn(100, QUERY, found)
    assert page[0].split() == ["▌", "▇▆", "▲", "Rotate", "the", "key", "3", "w"]
    assert "… first. Wait until tokens of the old one expired." in page[1].replace("  ", " ")
    assert page[1].rstrip().endswith("api  runbook  ⇄ 3")
    assert marked == ["tokens", "expired"]


async def test_a_stop_word_is_not_marked_unless_nothing_else_was_asked_and_a_phrase_is_marked_as_one() -> None:
    hit = Hit(memory(1, "What is the key to it"), passage="What is the key to it. Then the old key of the house.")
    assert (await drawn(100, Query(raw="x", text="what is the key"), hit))[1] == ["key", "key"]
    assert (await drawn(100, Query(raw="x", text="is it"), hit))[1] == ["is", "it"]
    phrase = Query(raw="x", text="of the house old", phrases=("of the house",))
    assert (await drawn(100, phrase, hit))[1] == ["old", "of the house"]


async def test_words_of_scripts_without_blanks_are_marked_inside_a_line() -> None:
    hit = Hit(memory(1, "x"), passage="鍵の回転は毎年行う")
    assert (await drawn(80, Query(raw="回転", text="回転"), hit))[1] == ["回転"]
