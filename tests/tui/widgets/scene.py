"""Believable memories and a bare app to draw one widget in."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

from memoria_tui.themes import type_colours
from services.model import (
    Action,
    Change,
    Entity,
    FacetCount,
    Facets,
    Hit,
    Memory,
    MemoryType,
    Query,
    RelatedMemory,
    Relation,
    RelationType,
    StoreKind,
    StoreStatus,
)
from tests.tui.quick import quick

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
QUERY = Query(raw="tokens expire", text="tokens expire")
S, E, P = MemoryType.SEMANTIC, MemoryType.EPISODIC, MemoryType.PROCEDURAL


def clock() -> datetime:
    return NOW


def memory(number: int, content: str, kind: MemoryType = S, tags: tuple[str, ...] = (), days: float = 3) -> Memory:
    created = NOW - timedelta(days=days)
    return Memory(f"{number:08x}-0000-4000-8000-000000000000", kind, content, created_at=created, tags=tags)


def numbered(count: int, start: int = 0) -> tuple[Hit, ...]:
    return tuple(Hit(memory(number, f"memory {number}")) for number in range(start, start + count))


JWT = Memory(
    "00000001-0000-4000-8000-000000000000",
    S,
    "# JWT expiry was set to 10 s; tokens died in flight\n\nThe access token lived **10 s**.\n\n- `ttl` is *900*\n\n"
    "```python\nttl = 900\n```\n\n| key | value |\n|-----|-------|\n| ttl | 900 |\n",
    created_at=NOW - timedelta(days=3),
    updated_at=NOW - timedelta(hours=5),
    importance=0.8,
    tags=("auth", "jwt"),
    project="api",
    metadata={"confidence": 0.9, "source": "incident 42", "steps": ["a", "b"]},
)
LUNCH = memory(2, "Anna: customers are signed out after lunch", E, ("auth", "support"), 5)
ROTATE = memory(3, "Rotate the signing key without signing anybody out", P, ("runbook",), 22)
ODD = Memory(
    "00000005-0000-4000-8000-000000000000",
    E,
    "日本語の記憶 👩‍💻 👨‍👩‍👧‍👦 ❤️ שלום עולם [red]markup[/red] \x1b[31m \x9b0m \u202egnp.exe\n\n"
    "[b]bold[/b] &#x202e; <b>html</b>\n\x07",
    created_at=NOW - timedelta(days=400),
    tags=("日本", "[b]x[/b]", "\x1b]8;;http://evil\x07"),
    project="[@click=app.quit]x[/]",
    headless=True,
    metadata={"\x1b[2J": "\x1b[31m", "[red]": ["\u202e", None]},
)
HITS = (
    Hit(JWT, 0.98, relevance=0.98, relations=4),
    Hit(LUNCH, 0.9, relevance=0.9, relations=2),
    Hit(
        ROTATE,
        0.6,
        relevance=0.6,
        relations=1,
        passage="Deploy the new key first. Then wait until all old tokens have expired: 900 s.",
    ),
    Hit(memory(4, "Sessions survive a deploy since v2.1", S, ("deploy",), 70), 0.4, relevance=0.4),
    Hit(ODD, 0.3, relevance=0.3, relations=12_345),
    Hit(memory(6, "", P, days=0), 0.1, relevance=0.1),
)
FACETS = Facets(
    types=(FacetCount("semantic", 212), FacetCount("episodic", 61), FacetCount("procedural", 18)),
    tags=(FacetCount("auth", 38), FacetCount("jwt", 12_345), FacetCount("a very long name of a tag", 3)),
    projects=(FacetCount("api", 27),),
    dates=(FacetCount("today", 2), FacetCount("this week", 9)),
)
RELATIONS = (
    RelatedMemory(Relation("r1", JWT.id, LUNCH.id, RelationType.FIXES), True, LUNCH),
    RelatedMemory(Relation("r2", ROTATE.id, JWT.id, RelationType.DERIVES), False, ROTATE),
    RelatedMemory(Relation("r3", "gone", JWT.id, RelationType.PART_OF), False, None),
)


def change(number: int, summary: str, actor: str = "anna") -> Change:
    at = NOW - timedelta(days=number)
    return Change(
        number, "g", Entity.MEMORY, JWT.id, Action.UPDATED, actor, "memoria-tui", at, None, None, summary=summary
    )


HISTORY = (change(3, "edited text  +2 −1"), change(5, "", "agent"))
STORES = tuple(
    StoreStatus(kind, kind is not StoreKind.POSTGRES, label)
    for kind, label in zip(StoreKind, ("embedded", "embedded", "bundled"), strict=True)
)


M = TypeVar("M", bound=Message)


class Scene(App[None]):
    """Shows widgets side by side and keeps the messages they post."""

    CSS = "Screen { layout: horizontal; } SearchBar, StatusHeader { width: 1fr; }"
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, *shown: Widget) -> None:
        super().__init__()
        self.shown = shown
        self.messages: list[Message] = []
        quick(self)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return type_colours(self.current_theme)

    def compose(self) -> ComposeResult:
        yield from self.shown

    @asynccontextmanager
    async def open(self, width: int = 80, height: int = 24) -> AsyncIterator[Pilot[None]]:
        """Runs the app without a terminal."""
        async with self.run_test(size=(width, height), message_hook=self.messages.append) as pilot:
            yield pilot

    def posted(self, kind: type[M]) -> list[M]:
        """Messages of a kind in order, each once however far it bubbled."""
        return list({id(message): message for message in self.messages if isinstance(message, kind)}.values())


_PATIENCE = 60.0


def lines(app: App[None]) -> list[str]:
    """What stands on the screen."""
    return [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]


async def eventually(pilot: Pilot[None], text: str) -> str:
    """Waits until the text stands on the screen, however busy the machine is; gives the whole screen."""
    deadline = time.monotonic() + _PATIENCE
    while text not in (page := "\n".join(lines(pilot.app))):
        assert time.monotonic() < deadline, f"{text!r} did not appear in:\n{page}"
        await pilot.pause(0.03)
    return page


def dangers(app: App[None]) -> set[str]:
    """Characters on the screen that a terminal would obey or that hide text, and links that it would follow."""
    found: set[str] = set()
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            found |= {one for one in segment.text if unicodedata.category(one) in ("Cc", "Cs") or one in _BIDI}
            if segment.style is not None and segment.style.link:
                found.add(segment.style.link)
    return found


_BIDI = "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
