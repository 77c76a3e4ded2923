"""Opens the program in the terminal, on the user's stores or on the demo's."""

from __future__ import annotations

import asyncio
import gc
import importlib
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from memoria_tui.cli.terminal import Terminal
from memoria_tui.garbage_collection import collect_at_rest
from services.errors import MemoriaError
from services.model import counted_each
from services.settings import APP

if TYPE_CHECKING:
    from textual.driver import Driver

    from services.container import Services
    from services.model.database import Ask, UpgradePlan
    from services.ports import SwitchableStore
    from services.settings import Settings
    from services.waiting_notice import Waits

_DEMO = "demo"
_WEB = "textual.drivers.web_driver:WebDriver"
"""What textual-serve sets as the driver of the programs that it starts."""
_START_SECONDS = 2.0


def open_app(terminal: Terminal) -> int:
    """The app on the stores of the settings."""
    in_browser = terminal.environment.get("TEXTUAL_DRIVER") == _WEB
    if not in_browser and not (terminal.prints_to_person and terminal.stdin.isatty()):
        terminal.error("memoria-tui needs a terminal; for scripts there are commands, see: memoria-tui --help")
        return 1
    from memoria_tui.app import MemoriaApp
    from memoria_tui.setup import Setup
    from memoria_tui.terminal.driver import TerminalDriver
    from memoria_tui.user_files.config import load_config
    from services.demo.store import demo_ready, load_demo
    from services.times import person_clock
    from services.waiting_notice import Waits

    async def ask(plan: UpgradePlan, upgrade: Callable[[], Awaitable[object]]) -> bool:
        from memoria_tui.dialogs.upgrade_database import ask_in_app

        return await ask_in_app(app, plan, upgrade)

    settings = replace(terminal.settings, program=APP)
    if settings.demo and not demo_ready(settings):
        terminal.run(_nothing)  # makes it
    home = terminal.settings.home
    setup = Setup(
        open_stores=lambda: _open_services(settings, ask, Waits(app.say_wait)),
        where=_where(terminal),
        clock=person_clock(terminal.settings),
        config=load_config(terminal.config_file, terminal.environment),
        load_demo=load_demo,
        drafts=home / "drafts",
        searches=home / "searches",
    )
    app = MemoriaApp(setup, _browser_driver() if in_browser else TerminalDriver)
    terminal.keep_log()
    with suppress(KeyboardInterrupt):  # the screen is gone then, and only a store that does not close is waited for
        app.run()
    for what in app.leaving.lost:
        terminal.error(f"not done: {what}")
    return app.return_code or 0


def _browser_driver() -> type[Driver]:
    from memoria_tui.web.browser_driver import BrowserDriver

    return BrowserDriver


@asynccontextmanager
async def _open_services(settings: Settings, ask: Ask, waits: Waits) -> AsyncIterator[Services]:
    """Opens the stores, whose libraries are imported only now, off the loop: the app is on screen already."""
    gc.disable()  # nothing of what a start makes is garbage
    asyncio.get_running_loop().call_later(_START_SECONDS, gc.enable)
    async with AsyncExitStack() as closing:
        vectors = await asyncio.to_thread(_vectors, settings, waits)
        closing.push_async_callback(vectors.close)
        waking = asyncio.create_task(_wake(vectors))
        closing.callback(waking.cancel)
        container = await asyncio.to_thread(importlib.import_module, "services.container")
        opened = container.open_services(settings, vectors=vectors, ask=ask, waits=waits)
        services = await closing.enter_async_context(opened)
        # What is loaded by then stays: when the collector looks through it again, it holds the event loop for 50 ms.
        services.search.when_loaded(collect_at_rest)
        yield services


def _vectors(settings: Settings, waits: Waits) -> SwitchableStore:
    from services.vector_stores import vector_store

    return vector_store(settings, waits)


async def _wake(vectors: SwitchableStore) -> None:
    """Lets the store of the memories start while everything else is imported."""
    with suppress(MemoriaError):  # the first list meets the same error
        await vectors.info()


def open_in_browser(terminal: Terminal, port: int, *, opened: bool) -> int:
    """Serves the app to browsers of this machine until a signal ends it; `opened`: shows it in the usual one.

    Raises InvalidInput when the port cannot be used.
    """
    import threading
    import webbrowser
    from tempfile import NamedTemporaryFile

    from memoria_tui.web.server import serve_in_browser
    from services.files import make_private

    terminal.keep_log()
    make_private(terminal.settings.home)
    # The browser is given a file of this person that leads to the address: everybody sees what it is started with.
    with NamedTemporaryFile("w", dir=terminal.settings.home, prefix="browser-", suffix=".html") as page:

        def announce(address: str) -> None:
            terminal.info(f"memoria is at {address} · whoever has that address can use it · ctrl+c ends it")
            if opened:
                page.write(f'<meta http-equiv="refresh" content="0;url={address}">')
                page.flush()
                threading.Thread(target=webbrowser.open, args=(Path(page.name).as_uri(),), daemon=True).start()

        serve_in_browser(f"exec {quote(sys.executable)} -P -m memoria_tui", port, announce)
    return 0


def open_demo(terminal: Terminal, *, reset: bool, as_json: bool) -> int:
    """Makes the demo store when it is missing, then opens the app on it, or prints without a terminal what to try."""
    from services.demo.store import erase_demo

    inside = terminal.with_variables({"MEMORIA_DEMO": "true"})
    home = inside.settings.home
    if reset:
        asyncio.run(erase_demo(inside.settings))
    if inside.prints_to_person and terminal.stdin.isatty() and not as_json:
        return open_app(inside)

    async def counts(services: Services) -> Mapping[str, int]:
        return {name: count for store in await services.health.status() for name, count in store.counts.items()}

    held = inside.run(counts)
    commands = _commands()
    if as_json:
        inside.print_json({"home": str(home), "counts": dict(held), "commands": commands})
        return 0
    inside.print(f"The demo store in {home} holds {counted_each(held)}")
    inside.print("Try on it:")
    for command in commands:
        inside.print(f"  {command}")
    return 0


def _commands() -> list[str]:
    """Commands that can be pasted as they are into the shell that asked."""
    program = "memoria-tui" if shutil.which("memoria-tui") else f"{quote(sys.executable)} -m memoria_tui"
    return [
        f"{program} --demo search 'customers are signed out too early'",
        f"{program} --demo search 'tag:runbook restore a backup' --json",
        f"{program} --demo doctor",
    ]


async def _nothing(_: Services) -> None:
    """Opening the stores is all."""


def _where(terminal: Terminal) -> str:
    settings = terminal.settings
    if settings.demo:
        return _DEMO
    hosts = [host for host in (settings.qdrant_host, settings.database_url and "PostgreSQL") if host]
    return " · ".join(hosts) if hosts else "embedded"
