"""CONTRIBUTING.md names every file through which a key in the search box, and a save, ask the stores."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType

from textual import events
from textual.pilot import Pilot

from memoria_tui.modes.memories.screen import MemoriesScreen
from services.container import open_services
from services.model import MemoryDraft
from services.settings import Settings
from tests.tui.conftest import press, screen_of, settle, until
from tests.tui.plain_app import plain_app
from tests.tui.quick import quick

ROOT = Path(__file__).parents[2]
_SMALL = {"services/concurrency.py", "services/batches.py"}
"""What every part of the program is written with."""
_BESIDE = {"_count", "_page", "read_details"}
"""What is read beside the list, for the counts and for the preview."""


def named(section: str) -> set[str]:
    """The files of a section; a bare name is in the folder of the file before it."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split(f"## {section}")[1].split("## ")[0]
    files, folder = set[str](), ""
    for name in re.findall(r"`([\w/]+\.py)`", text):
        folder = name.rpartition("/")[0] or folder
        files.add(f"{folder}/{name.rpartition('/')[2]}")
    return files


@contextmanager
def asking(begins: str) -> Iterator[list[set[str]]]:
    """The files on the stack, each time that what begins with a function of this name asks a store."""
    under_way, passed = ContextVar("under_way", default=False), list[set[str]]()

    def follow(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(str(ROOT)):
            return
        if code.co_name in (begins, *_BESIDE):
            under_way.set(code.co_name == begins)
        elif under_way.get() and "/adapters/" in code.co_filename and code.co_name in ("call", "fetch"):
            passed.append(set())
            above: FrameType | None = frame
            while above is not None:
                path = Path(above.f_code.co_filename)
                if path.is_relative_to(ROOT) and ".venv" not in path.parts and "tests" not in path.parts:
                    passed[-1].add(str(path.relative_to(ROOT)))
                above = above.f_back

    sys.setprofile(follow)
    try:
        yield passed
    finally:
        sys.setprofile(None)


@asynccontextmanager
async def opened(postgres_url: str, home: Path) -> AsyncIterator[Pilot[None]]:
    """The app on real stores with one memory."""
    settings = Settings(home=home, database_url=postgres_url, zone="UTC")
    async with open_services(settings) as services:
        await services.memories.create(MemoryDraft("a backup of the database"))
    async with quick(plain_app(lambda: open_services(settings))).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        yield pilot


async def test_every_file_by_which_a_key_asks_the_stores_is_named(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as pilot:
        await press(pilot, "slash")
        screen = screen_of(pilot)
        assert isinstance(screen, MemoriesScreen)
        with asking("_search") as stacks:
            pilot.app.post_message(events.Key("b", "b"))
            await until(pilot, lambda: "1" in screen.search_bar.result_line and screen.search_bar.text == "b")
            await settle(pilot)
    passed = set[str]().union(*stacks)
    assert "services/search/search_service.py" in passed
    assert passed - _SMALL <= named("The way of a keystroke in the search box")


async def test_every_file_by_which_a_save_asks_the_stores_is_named(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as pilot:
        await press(pilot, "j", "e", "x")
        screen = screen_of(pilot)
        assert isinstance(screen, MemoriesScreen)
        with asking("save") as stacks:
            pilot.app.post_message(events.Key("ctrl+s", None))
            await settle(pilot)
        assert screen.preview.editing is None
    passed = set[str]().union(*(one for one in stacks if "memoria_tui/write_queue.py" in one))
    assert "services/memories/saving.py" in passed
    assert passed - _SMALL <= named("The way of a save")
