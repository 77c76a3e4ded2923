"""What is drawn of a memory is safe, fits its place and reads well."""

from __future__ import annotations

import unicodedata
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App
from textual.color import Color
from textual.content import Content
from textual.style import Style

from memoria_tui.text import present
from memoria_tui.text.work_text import CATEGORY_COLOURS
from memoria_tui.widgets import memory_facts
from services.model import Memory, MemoryType, RelationType
from services.times import duration
from services.unknown_ids import MEMORY_ID, unknown_id
from tests.tui.fakes import memory_id
from tests.tui.plain_app import plain_app

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ANYTHING = st.text(st.characters(codec=None, exclude_categories=()), max_size=80)
TRICKY = st.text(
    st.sampled_from(
        "a é م ی 你 \u200c\u200d\ufe0f\U0001f468\U0001f469\U0001f3fd\U0001f3f4\U000e0067\U000e007f"
        "\x1b\x9b\u202e\ud800\r\n\t❤"
    ),
    max_size=30,
)


@given(ANYTHING | TRICKY)
def test_safe_text_holds_no_control_bidi_mark_or_surrogate(text: str) -> None:
    for character in present.escape_control(text):
        assert character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")
        assert character not in "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@given(ANYTHING | TRICKY)
def test_making_text_safe_twice_changes_nothing_more(text: str) -> None:
    once = present.escape_control(text)
    assert present.escape_control(once) == once


@given(ANYTHING | TRICKY)
def test_harmless_text_keeps_every_position(text: str) -> None:
    harmless = present.strip_hidden(text)
    assert len(harmless) == len(text)
    assert present.escape_control(harmless) == harmless
    assert "\n" not in harmless


@given(ANYTHING | TRICKY, st.integers(0, 40))
def test_clipped_text_never_exceeds_its_cells(text: str, cells: int) -> None:
    assert cell_len(present.clip(present.line(text), cells)) <= cells
    assert cell_len(present.fit(present.line(text), cells)) == cells


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]52;c;x\x07", "␛]52;c;x␇"),
        ("a\x9b31mb", "a‹U+009B›31mb"),
        ("invoice\u202egpj.exe", "invoice‹U+202E›gpj.exe"),
        ("pass\u200bword", "pass‹U+200B›word"),
        ("a\r\nb\rc", "a\nb␍c"),
        ("\ud83d", "‹U+D83D›"),
        ("x\U000e0041", "x‹U+E0041›"),
        ("a\ufe0f\ufe0e", "a\ufe0f‹U+FE0E›"),
    ],
)
def test_what_could_command_or_hide_becomes_visible(text: str, shown: str) -> None:
    assert present.escape_control(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "👩‍💻 👨‍👩‍👧‍👦 ❤️ 👍🏽 1️⃣",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "می‌خواهم",
        "क्‍ष",
        "你好 日本",
        "שלום",
        "[red]not markup[/]",
    ],
)
def test_writing_that_needs_invisible_characters_stays_whole(text: str) -> None:
    assert present.escape_control(text) == text


def test_clip_cuts_wide_characters_and_marks_whole() -> None:
    assert present.clip("日本語の記憶", 6) == "日本…"
    assert present.clip("e\u0301e\u0301e\u0301", 2) == "e\u0301…"
    assert present.clip("short", 5) == "short"
    assert present.clip("anything", 0) == ""
    assert present.clip("x" * 1_000_000, 5) == "xxxx…"


@pytest.mark.parametrize(
    ("passed", "shown"),
    [
        (timedelta(seconds=-9), "now"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=3), "3 h"),
        (timedelta(days=9), "9 d"),
        (timedelta(days=22), "3 w"),
        (timedelta(days=70), "2 mo"),
        (timedelta(days=800), "2 y"),
    ],
)
def test_age_uses_the_largest_unit_that_says_enough(passed: timedelta, shown: str) -> None:
    assert present.age(NOW - passed, NOW) == shown


def test_no_date_has_no_age() -> None:
    assert present.age(None, NOW) == ""


def test_title_of_an_empty_memory_says_so() -> None:
    assert present.title(Memory("1", MemoryType.SEMANTIC, " \n")) == "(empty)"
    assert present.title(Memory("1", MemoryType.SEMANTIC, "\n## JWT\x1b[0m expiry\nrest")) == "JWT␛[0m expiry"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("---\ntags: [a]\ntitle: 'Rotating keys'\n---\n\n# Another\n", "Rotating keys"),
        ("---\ntags: [a]\n---\n\n## Keys\ntext", "Keys"),
        ("Anna said, e.g. twice, that it is late. Nobody answered.", "Anna said, e.g. twice, that it is late."),
        ("鍵は毎年新しくする。古い鍵は残る。", "鍵は毎年新しくする。"),
        ("Before a deploy:\n\n- freeze the **queue**\n- wait", "Before a deploy: freeze the queue"),
        ("Use `snake_case` in 2 * 3 * 4", "Use snake_case in 2 * 3 * 4"),
        ("---\nno front matter", "no front matter"),
    ],
)
def test_a_memory_is_called_by_its_front_matter_its_heading_or_its_first_sentence(text: str, title: str) -> None:
    assert present.title(Memory("1", MemoryType.SEMANTIC, text)) == title


def styled(text: str, words: list[str]) -> list[str]:
    found = present.highlight([text], present.word_pattern(words), "bold")
    return [text[span.start : span.end] for span in found.spans]


def test_words_are_highlighted_by_their_rough_stem() -> None:
    assert styled("Token rotation: tokens rotate early", ["tokens", "rotating"]) == [
        "Token",
        "rotation",
        "tokens",
        "rotate",
    ]
    assert styled("Policies expire", ["policy", "expiry"]) == ["Policies", "expire"]
    assert styled("untouched [b]text[/b]", ["(", "+"]) == []
    assert present.highlight(["[b]x[/b]"], present.word_pattern(["x"]), "bold").plain == "[b]x[/b]"


def test_score_bars_fill_three_cells_from_the_left() -> None:
    assert [present.score_bar(score) for score in (0, 0.1, 0.5, 0.9, 1, 7)] == [
        "   ",
        "▂  ",
        "▇▃ ",
        "▇▇▅",
        "▇▇▇",
        "▇▇▇",
    ]


def test_counts_and_durations_read_at_a_glance() -> None:
    assert [present.count(n) for n in (0, 9999, 12_345, 99_999, 999_999, 1_234_567)] == [
        "0",
        "9999",
        "12.3k",
        "100k",
        "1.0M",
        "1.2M",
    ]
    assert [duration(s) for s in (0, 59.9, 5025, 360_000)] == ["0:00:00", "0:00:59", "1:23:45", "100:00:00"]


def test_each_type_has_its_glyph_and_a_colour_in_every_theme() -> None:
    assert len({present.glyph(kind) for kind in MemoryType}) == 3
    app = plain_app(lambda: nullcontext())  # type: ignore[arg-type, return-value]
    colours = {present.colour(kind) for kind in (*MemoryType, *RelationType)} | set(CATEGORY_COLOURS.values())
    for theme in app.available_themes:
        app.set_reactive(App.theme, theme)
        variables = app.get_css_variables()
        for colour in colours:
            Color.parse(variables[colour.removeprefix("$")])


def test_direction_says_which_way_a_relation_reads() -> None:
    assert present.direction(RelationType.FIXES, True) == "→ fixes"
    assert present.direction(RelationType.PART_OF, False) == "← part of"


async def test_a_line_that_is_kept_as_drawn_follows_the_theme() -> None:
    app, line, style = App[None](), Content.styled("a line", "$accent"), Style()
    async with app.run_test() as pilot:
        app.theme = "textual-dark"
        await pilot.pause()
        dark = present.strip(line, 10, style)
        assert present.strip(line, 10, style) is dark
        app.theme = "nord"
        await pilot.pause()
        assert present.strip(line, 10, style) != dark
        assert (dark.text, present.strip(line, 4, style).text) == ("a line    ", "a li")


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(days=-3), "expired"),
        (timedelta(0), "expired"),
        (timedelta(seconds=20), "expires now"),
        (timedelta(days=9, hours=3), "expires in 9 d"),
        (timedelta(days=31), ""),
    ],
)
def test_what_expires_soon_is_said_wherever_the_memory_is_shown(left: timedelta, said: str) -> None:
    memory = Memory("id", MemoryType.SEMANTIC, "text", metadata={"expires_at": (NOW + left).isoformat()})
    assert present.expiry(memory, NOW) == said
    assert said in memory_facts.head(memory, NOW, lambda _, text: text).plain


def test_the_head_of_a_memory_says_that_it_is_superseded() -> None:
    memory = Memory("m", MemoryType.SEMANTIC, "text")
    assert "superseded" in memory_facts.head(memory, NOW, lambda _, text: text, superseded=True).plain
    assert "superseded" not in memory_facts.head(memory, NOW, lambda _, text: text).plain


def test_of_a_memory_that_is_known_here_a_message_says_that_it_was_deleted_and_not_that_nothing_has_its_id() -> None:
    known, other = memory_id(1), memory_id(2)
    titles = {known: '"JWT expiry"'}
    for message, told in (
        (f"Not done: edit · {unknown_id(MEMORY_ID, known)}", 'Not done: edit · "JWT expiry" was deleted; '),
        (str(unknown_id(MEMORY_ID, other)), f"no memory has the id {other}"),
        (f"{known} is linked", '"JWT expiry" is linked'),
    ):
        assert present.with_titles(message, titles.get).startswith(told)
