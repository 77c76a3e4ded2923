"""The preview: reading, long texts, relations and history, editing without losing a character."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import Static, TextArea

from memoria_tui.text.present import word_pattern
from memoria_tui.widgets.memory_editor import MemoryEditor
from memoria_tui.widgets.preview import Preview
from memoria_tui.widgets.safe_markdown import first_part
from services.model import Hit
from tests.tui.conftest import until
from tests.tui.widgets.scene import HISTORY, JWT, LUNCH, ODD, RELATIONS, ROTATE, Scene, clock, eventually, lines, memory


def scene() -> tuple[Scene, Preview]:
    preview = Preview(clock)
    return Scene(preview), preview


async def test_a_memory_is_shown_with_facts_relations_and_history() -> None:
    app, preview = scene()
    async with app.open(height=50) as pilot:
        preview.show(Hit(JWT))
        preview.show_details(RELATIONS, HISTORY)
        page = await eventually(pilot, "ttl = 900")
        for text in (
            "◆ semantic · api · importance 0.8",
            "#auth  #jwt",
            "2026-11-17 · 3 d ago · changed 5 h ago",
            "steps       a, b",
            "→ fixes    ● Anna: customers are signed out",
            "← part of  missing memory",
            "3 d ago  anna   edited text",
            "5 d ago  agent  updated",
        ):
            assert text in page


async def test_the_lines_of_a_plain_text_stay_lines() -> None:
    app, preview = scene()
    async with app.open(height=50) as pilot:
        preview.show(Hit(memory(1, "10:02 started\n10:03 *failed*: no route\n\na) first\nb) second")))
        page = [line.strip() for line in (await eventually(pilot, "b) second")).splitlines()]
        start = page.index("10:02 started")
        assert page[start : start + 5] == ["10:02 started", "10:03 failed: no route", "", "a) first", "b) second"]


async def test_what_is_read_again_and_is_the_same_does_not_lay_the_screen_out_again() -> None:
    app, preview = scene()
    async with app.open(height=50) as pilot:
        preview.show(Hit(JWT))
        preview.show_details(RELATIONS, HISTORY)
        await eventually(pilot, "ttl = 900")
        await pilot.pause()
        laid_out = list[object]()
        app.screen.screen_layout_refresh_signal.subscribe(app.screen, laid_out.append)
        preview.show_details(RELATIONS, HISTORY)
        await pilot.pause()
        assert laid_out == []


async def test_another_memory_does_not_keep_the_relations_of_the_one_before() -> None:
    app, preview = scene()
    async with app.open(height=50) as pilot:
        preview.show(Hit(JWT))
        preview.show_details(RELATIONS, ())
        preview.show(Hit(ODD))
        page = await eventually(pilot, "episodic")
        assert "fixes" not in page
        preview.show(Hit(LUNCH))
        assert "headless" not in await eventually(pilot, "signed out")


async def test_a_text_of_a_megabyte_is_shown_in_parts() -> None:
    app, preview = scene()
    async with app.open(height=50) as pilot:
        preview.show(Hit(memory(1, "word " * 200_000)))
        await eventually(pilot, "word word")
        more = preview.query_one("#preview-more", Static)
        assert str(more.content) == "… 988,000 more characters · + shows more"
        preview.query_one("#preview-page").focus()
        await pilot.press("plus")
        assert str(more.content) == "… 976,000 more characters · + shows more"


@pytest.mark.parametrize("costly", ["- a\n" * 3000, "|a|b|\n|-|-|\n" + "|x|y|\n" * 2000, "\n\nx" * 4000])
def test_what_would_become_many_widgets_is_shown_in_smaller_parts(costly: str) -> None:
    assert len(first_part(costly)) < 1500
    assert len(first_part(costly, 2)) > len(first_part(costly))
    assert first_part("short") == "short"


PAGE = (
    "# Runbook\n\n" + "".join(f"Step {number} of many.\n\n" for number in range(60)) + "- the token expires\n\n"
    "| key | value |\n|:---|----:|\n| ttl | token 9 |\n\n```python\ntoken = 'a' * 3\n```\n"
)
TOKENS = word_pattern(["tokens"])


async def test_a_hit_is_opened_at_its_passage_with_all_matches_marked_and_n_goes_on() -> None:
    app, preview = scene()
    async with app.open(height=20) as pilot:
        preview.show(Hit(memory(1, PAGE), passage="- the token expires"), TOKENS)
        page = await eventually(pilot, "match 1 of 3")
        assert "the token expires" in page
        assert "Runbook" not in page
        preview.page.focus()
        seen = []
        for key in ("n", "n", "n", "N"):
            await pilot.press(key)
            seen.append((await eventually(pilot, "match")).split("match ")[1][:6])
            strips = app.screen._compositor.render_strips()
            marked = [one.text for strip in strips for one in strip if one.style and one.style.reverse]
            assert marked == ["token"]
        assert seen == ["2 of 3", "3 of 3", "1 of 3", "3 of 3"]
        preview.begin_edit(memory(1, PAGE))
        assert "n N" not in await eventually(pilot, "ctrl+s save"), "they are text there"
        preview.end_edit()
        await eventually(pilot, "match 3 of 3 in this part · n N")


async def test_a_passage_deep_in_a_very_long_text_is_opened_there_and_the_text_before_can_be_shown() -> None:
    text = "Many words. " * 5_000 + "\n\nHere the token expires.\n\nThe end."
    app, preview = scene()
    async with app.open(height=20) as pilot:
        preview.show(Hit(memory(1, text), passage="Here the token expires."), TOKENS)
        page = await eventually(pilot, "match 1 of 1 in this part")
        assert "characters before · - shows them" in page
        preview.page.focus()
        await pilot.press("minus")
        assert "characters before" not in await eventually(pilot, "semantic")


async def test_another_search_marks_other_words_of_the_same_memory_and_none_when_there_is_none() -> None:
    app, preview = scene()
    async with app.open(height=50) as pilot:
        preview.show(Hit(JWT), TOKENS)
        assert "this part" not in await eventually(pilot, "of 2")
        preview.show(Hit(JWT), word_pattern(["ttl"]))
        await eventually(pilot, "of 3")
        preview.show(Hit(JWT))
        await until(pilot, lambda: not any(text in "\n".join(lines(app)) for text in ("match", "marked")))


async def test_code_has_the_colours_of_its_language_long_lines_wrap_and_columns_are_aligned() -> None:
    text = (
        "```python\nimport os\n```\n\n```\n"
        + "word " * 20
        + "end\n```\n\n| n | sum |\n|---|---:|\n| a | 9 |\n| b | 1000 |\n"
    )
    app, preview = scene()
    async with app.open(60, 30) as pilot:
        preview.show(Hit(memory(1, text)))
        page = await eventually(pilot, "1000")
        assert "end" in page
        colours = {
            segment.text: segment.style.color
            for strip in app.screen._compositor.render_strips()
            for segment in strip
            if segment.style and segment.text.strip()
        }
        assert colours["import"] != colours["os"]
        rows = [line for line in page.splitlines() if "│" in line]
        assert rows[1].index("9") == rows[2].rindex("0")


async def test_many_tags_wrap_and_long_metadata_is_folded_until_it_is_asked_for() -> None:
    many = replace(
        JWT,
        tags=tuple(f"tag{number}" for number in range(60)),
        metadata={f"key{number}": number for number in range(30)},
    )
    app, preview = scene()
    async with app.open(60, 90) as pilot:
        preview.show(Hit(many))
        page = await eventually(pilot, "… 24 more")
        assert "#tag59" in page
        assert "key9" not in page
        preview.page.focus()
        await pilot.press("shift+tab", "enter")
        assert "key29" in await eventually(pilot, "key9")


async def test_project_tags_and_relations_are_followed_by_key_and_by_click() -> None:
    app, preview = scene()
    async with app.open(height=50) as pilot:
        preview.show(Hit(JWT))
        preview.show_details(RELATIONS, ())
        await eventually(pilot, "customers are signed out")
        preview.page.focus()
        await pilot.press("tab", "enter", "tab", "enter", "right", "right", "right", "right", "enter")
        row = next(number for number, line in enumerate(lines(app)) if "customers are signed out" in line)
        await pilot.click(offset=(20, row))
        await pilot.pause()
        followed = [(one.link.kind, one.link.value) for one in app.posted(Preview.Followed)]
        assert followed == [("project", "api"), ("tag", "auth"), ("memory", ROTATE.id), ("memory", LUNCH.id)]


async def test_editing_keeps_every_character() -> None:
    app, preview = scene()
    async with app.open() as pilot:
        preview.begin_edit(ODD)
        editor = preview.query_one(TextArea)
        editor.move_cursor(editor.document.end)
        await pilot.press("!", "ctrl+s")
        (edited,) = app.posted(MemoryEditor.Saved)
        assert (edited.base, edited.content) == (ODD, ODD.content + "!")
        assert preview.editing is ODD
        preview.end_edit()
        assert preview.editing is None


@pytest.mark.parametrize("text", ["a\r\nb\r\n", "a\r\nb\nc\r", "\ufeffx\u2028y\x85z\x0c", "", "\n\n", "\ud800"])
async def test_an_untouched_text_comes_back_as_it_was(text: str) -> None:
    app, preview = scene()
    async with app.open():
        preview.begin_edit(memory(1, text))
        assert preview.edited_text == text


async def test_leaving_drops_typed_text_only_when_asked_twice() -> None:
    app, preview = scene()
    async with app.open() as pilot:
        preview.begin_edit(JWT)
        await pilot.press("x", "escape")
        assert preview.editing is JWT
        await eventually(pilot, "not saved")
        await pilot.press("y")
        await pilot.pause()
        assert "not saved" not in "\n".join(lines(app))
        await pilot.press("escape", "escape")
        assert [message.base for message in app.posted(Preview.EditCancelled)] == [JWT]
        preview.begin_edit(JWT)
        await pilot.press("escape")
        assert preview.editing is None


async def test_an_outside_change_is_said_and_a_draft_goes_on() -> None:
    app, preview = scene()
    async with app.open() as pilot:
        preview.begin_edit(JWT, "draft")
        preview.show_external_change()
        await eventually(pilot, "changed outside since you opened it")
        assert preview.query_one(TextArea).text == "draft"
        await pilot.press("ctrl+e")
        (wanted,) = app.posted(MemoryEditor.ExternalWanted)
        assert (wanted.base, wanted.content) == (JWT, "draft")


async def test_a_very_long_text_is_edited_elsewhere_and_stays_whole() -> None:
    app, preview = scene()
    long = memory(1, "word " * 200_000)
    async with app.open() as pilot:
        preview.begin_edit(long)
        await eventually(pilot, "too long to edit here · ctrl+e opens $EDITOR")
        await pilot.press("x", "ctrl+e", "ctrl+s")
        assert app.posted(MemoryEditor.ExternalWanted)[0].content == long.content
        assert app.posted(MemoryEditor.Saved) == []
        preview.begin_edit(long, "short again")
        await pilot.press("!")
        assert preview.edited_text == "!short again"
