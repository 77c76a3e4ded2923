"""Whatever a memory holds, what reaches the terminal is only text."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.widgets import Static

from memoria_tui.widgets.facets import FacetPanel
from memoria_tui.widgets.header import StatusHeader
from memoria_tui.widgets.memory_editor import Disguise
from memoria_tui.widgets.memory_list import MemoryList
from memoria_tui.widgets.preview import Preview
from memoria_tui.widgets.search_bar import SearchBar
from services.model import (
    FacetCount,
    Facets,
    Hit,
    Memory,
    MemoryType,
    Query,
    RelatedMemory,
    Relation,
    RelationType,
    SessionCategory,
    SessionStatus,
    StatusSnapshot,
    StoreKind,
    StoreStatus,
    WorkSession,
)
from services.search.query import operators
from tests.tui.widgets.scene import NOW, ODD, Scene, change, clock, dangers, eventually

CONTROLS = (
    "\x1b[31m",
    "\x1b]52;c;eA==\x07",
    "\x9b2J",
    "\x00",
    "\x7f",
    "\r",
    "\u202e",
    "\u2066",
    "\u200b",
    "\ud800",
    "\ufe0f",
)
MARKUP = (
    "[red]",
    "[/]",
    "[@click=app.quit]",
    "# ",
    "> ",
    "- ",
    "| a |",
    "```\n",
    "`",
    "**",
    "\n\n",
    "\t",
    "word ",
    "日",
    "👩‍💻",
)
DECODED = (
    "&#x202e;",
    "&#27;",
    "<http://a/%1b%5d>",
    "[a](http://b/%1b)",
    "![\x1b](c)",
    "<b>",
    "\\\x1b",
    "    ",
    "[a]: b\n",
)
PIECES = st.sampled_from((*CONTROLS, *MARKUP, *DECODED))
TEXTS = st.one_of(
    st.lists(PIECES, max_size=12).map("".join), st.text(st.characters(exclude_categories=()), max_size=60)
)


class Wide(Scene):
    CSS = Scene.CSS + (
        "Scene Screen { layout: vertical; } MemoryList, FacetPanel { height: 12; width: 1fr; } Preview { height: 90; }"
    )


async def rendered_dangers(texts: list[str]) -> set[str]:
    """Draws the texts in every place where memory text can stand."""
    found: set[str] = set()
    scene = Wide(StatusHeader(clock), SearchBar(operators()), FacetPanel(), MemoryList(clock), Preview(clock))
    async with scene.open(70, 130) as pilot:
        for text in texts:
            memory = Memory(
                "i",
                MemoryType.SEMANTIC,
                text,
                created_at=NOW,
                tags=(text,),
                project=text,
                metadata={text: text, "k": [text]},
            )
            relation = Relation("r", "i", "j", RelationType.FIXES)
            session = WorkSession(
                "1", text, SessionCategory.CODING, SessionStatus.PAUSED, NOW, client=text, project=text
            )
            top = pilot.app.query_one(StatusHeader)
            top.where = text
            top.status = StatusSnapshot((StoreStatus(StoreKind.EMBEDDER, True, text),), sessions=(session,))
            bar = pilot.app.query_one(SearchBar)
            bar.result_line = text
            bar.set_text(text)
            counts = (FacetCount(text, 3),)
            pilot.app.query_one(FacetPanel).facets = Facets(tags=counts, projects=counts, types=counts)
            hits = (Hit(memory, passage=text), Hit(replace(memory, content="x"), passage=text))
            pilot.app.query_one(MemoryList).show_listing(len(hits), Query(raw=text, text=text + " word"), first=hits)
            preview = pilot.app.query_one(Preview)
            preview.show(hits[0])
            preview.show_details((RelatedMemory(relation, True, memory),), (change(1, text, text),))
            await pilot.pause(0.06)
            found |= dangers(pilot.app)
            preview.begin_edit(memory)
            preview.show_external_change(text)
            await pilot.pause()
            found |= dangers(pilot.app)
            assert preview.edited_text == text
            preview.end_edit()
        assert pilot.app.query_one(SearchBar).display
    return found


@settings(max_examples=3, deadline=None)
@given(st.lists(TEXTS, min_size=4, max_size=6))
def test_no_memory_text_reaches_the_terminal_as_a_command(texts: list[str]) -> None:
    assert asyncio.run(rendered_dangers([ODD.content, *texts])) == set()


async def test_the_check_sees_a_command_that_gets_through() -> None:
    scene = Scene(Static("a\x1bb", markup=False))
    async with scene.open():
        assert dangers(scene) == {"\x1b"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("&#x202e;exe", "‹U+202E›exe"),
        ("<http://a/%1b%5d0;x>", "http://a/␛]0;x"),
        ("<script>x</script>", "<script>x</script>"),
        ("[a]: http://hidden", "[a]: http://hidden"),
        ("[red]text[/red]", "[red]text[/red]"),
    ],
)
async def test_markdown_neither_decodes_to_commands_nor_hides_text(text: str, shown: str) -> None:
    scene = Scene(Preview(clock))
    async with scene.open() as pilot:
        scene.query_one(Preview).show(Hit(Memory("i", MemoryType.SEMANTIC, text)))
        await eventually(pilot, shown)


@given(TEXTS, TEXTS)
def test_a_disguise_comes_off_without_loss(text: str, pasted: str) -> None:
    disguise = Disguise()
    hidden = disguise.hide(text)
    assert disguise.reveal(hidden) == text
    assert not any(0xD800 <= ord(one) < 0xE000 or one in "\x1b\x9b\x00\u202e" for one in hidden)
    second = disguise.hide(pasted)
    assert disguise.reveal(hidden + second) == text + pasted
