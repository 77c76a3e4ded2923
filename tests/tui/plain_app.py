"""The app with what a test says of how it is started, and else as a person who set nothing has it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from memoria_tui.app import MemoriaApp
from memoria_tui.setup import LoadDemo, OpenStores, Setup
from memoria_tui.terminal.driver import TerminalDriver
from memoria_tui.user_files.config import Config
from services.ports import Clock

if TYPE_CHECKING:
    from textual.driver import Driver


NOTHING_SET = Config()


def _local_time() -> datetime:
    return datetime.now().astimezone()


def plain_app(
    open_stores: OpenStores,
    *,
    where: str = "embedded",
    clock: Clock = _local_time,
    config: Config = NOTHING_SET,
    load_demo: LoadDemo | None = None,
    drafts: Path | None = None,
    driver: type[Driver] = TerminalDriver,
) -> MemoriaApp:
    setup = Setup(
        open_stores=open_stores,
        where=where,
        clock=clock,
        config=config,
        load_demo=load_demo,
        drafts=drafts,
        searches=drafts.with_name("searches") if drafts is not None else None,
    )
    return MemoriaApp(setup, driver)
