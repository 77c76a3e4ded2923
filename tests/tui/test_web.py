"""The app in a browser: who gets at it, and what becomes of it when its tab or its server goes away."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import pytest
from aiohttp import ClientSession, WSServerHandshakeError
from aiohttp.test_utils import TestServer
from yarl import URL

from memoria_tui.web.server import application
from tests.tui.browser import PATIENCE, chromium, tab
from tests.tui.on_a_terminal import Play

TOKEN = "right"
_NEWEST = "Postgres autovacuum"


def on_fakes(play: Play, process: Path) -> str:
    """A command that starts the app on fake services, and writes the number of its process."""
    started = shlex.join([sys.executable, "-m", "tests.tui.on_a_terminal", json.dumps(asdict(play))])
    return f"echo $$ > {shlex.quote(str(process))}; exec {started}"


@asynccontextmanager
async def served(command: str = "false") -> AsyncIterator[str]:
    """The address of a server in this process, without the token."""
    async with TestServer(application(command, TOKEN)) as server:
        yield str(server.make_url("/"))


@pytest.fixture
def variables(tmp_path: Path, postgres_url: str) -> dict[str, str]:
    home = {"MEMORIA_HOME": str(tmp_path / "home"), "MEMORIA_LINGER": "0"}
    return {**os.environ, **home, "MEMORIA_DATABASE_URL": postgres_url}


@asynccontextmanager
async def program(variables: dict[str, str]) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """`memoria-tui web`, and the address that it prints."""
    command = [sys.executable, "-m", "memoria_tui", "web", "--port", "0"]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE, env=variables)
    try:
        assert process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            found = re.search(r"http://127\.0\.0\.1:\d+/[\w-]{43}/", (await process.stderr.readline()).decode())
        assert found
        yield process, found[0]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended(process: Path) -> None:
    """Waits for the end of the process whose number is in the file."""
    number = int(process.read_text())  # noqa: ASYNC240
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                os.kill(number, 0)
            except ProcessLookupError:
                return
            await asyncio.sleep(0.05)


async def draft_in(folder: Path, text: str) -> None:
    """Waits until a file of what was typed and not saved has this text."""
    async with asyncio.timeout(PATIENCE):
        while not any(text in file.read_text() for file in folder.glob("*") if file.is_file()):  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"{TOKEN}/", {}, 200),
        (f"{TOKEN}/", {"Host": "localhost:4000"}, 200),
        (f"{TOKEN}/static/js/textual.js", {}, 200),
        ("", {}, 403),
        ("wrong/", {}, 403),
        ("static/js/textual.js", {}, 403),
        ("%C3%A9/", {}, 403),
        (f"{TOKEN}/", {"Host": "evil.example"}, 403),
        (f"{TOKEN}/", {"Host": "127.0.0.1.evil.example"}, 403),
        (f"{TOKEN}/", {"Origin": "http://evil.example"}, 403),
        (f"{TOKEN}/", {"Origin": "null"}, 403),
        (f"{TOKEN}/static/", {}, 403),
        (f"{TOKEN}/elsewhere", {}, 404),
    ],
)
async def test_only_who_knows_the_token_gets_the_page_and_only_from_this_machine(
    path: str, headers: dict[str, str], status: int
) -> None:
    async with served() as at, ClientSession() as session, session.get(at + path, headers=headers) as answer:
        said = await answer.text()
    assert answer.status == status
    assert status == 200 or TOKEN not in said
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("path", "headers"),
    [("wrong/ws", {}), ("ws", {}), (f"{TOKEN}/ws", {"Origin": "http://127.0.0.1:1"}), (f"{TOKEN}/ws", {"Host": "a.b"})],
)
async def test_no_app_is_started_for_who_does_not_know_the_token(
    tmp_path: Path, path: str, headers: dict[str, str]
) -> None:
    async with served(f"touch {tmp_path / 'started'}") as address, ClientSession() as session:
        with pytest.raises(WSServerHandshakeError) as refused:
            await session.ws_connect(address + path, headers=headers)
    assert refused.value.status == 403
    assert not (tmp_path / "started").exists()


async def test_the_page_loads_nothing_from_elsewhere() -> None:
    async with served() as address, ClientSession() as session, session.get(f"{address}{TOKEN}/") as answer:
        page, allowed = await answer.text(), answer.headers["content-security-policy"]
    socket = f"{address.replace('http', 'ws')}{TOKEN}/ws"
    assert re.findall(r"\w+://[^\"]+", page) == [socket]
    assert "default-src 'none'" in allowed


async def test_each_tab_has_an_app_of_its_own_that_ends_with_it_without_losing_text(tmp_path: Path) -> None:
    drafts, process = tmp_path / "drafts", tmp_path / "process"
    async with served(on_fakes(Play(drafts=str(drafts)), process)) as at:
        async with tab(f"{at}{TOKEN}/") as other:
            await other.until(_NEWEST)
            async with tab(f"{at}{TOKEN}/") as one:
                await one.until(_NEWEST)
                await other.type("\x11")
                await other.ended()
                await one.type("\x1a")
                await one.until("There is no shell")
                await one.type("\x05")
                await one.until("cannot be handed to an editor")
                await one.type("n")
                await one.until("New memory")
                await one.type("\x1b[200~typed é in a tab\x1b[201~")
                await one.until("typed é in a tab")
        await ended(process)
        await draft_in(drafts, "in a tab")


async def test_a_tab_may_go_away_while_much_is_drawn_and_a_write_is_under_way(tmp_path: Path) -> None:
    written, process = tmp_path / "written", tmp_path / "process"
    play = Play(slow=1.0, written=str(written), begun=str(tmp_path / "begun"))
    async with served(on_fakes(play, process)) as address:
        async with tab(f"{address}{TOKEN}/") as one:
            await one.until(_NEWEST)
            await one.type("n")
            await one.until("New memory")
            await one.type("kept")
            await one.until("kept")
            await one.type("\x13")
            await one.type("\x11" + "123456" * 5)
        await ended(process)
    assert "kept" in written.read_text()


async def test_a_tab_whose_app_does_not_start_is_closed() -> None:
    async with served("echo no store >&2; exit 1") as address, tab(f"{address}{TOKEN}/") as one:
        await one.ended()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
async def test_the_end_of_the_server_ends_the_apps_and_keeps_their_texts(
    variables: dict[str, str], number: signal.Signals
) -> None:
    drafts = Path(variables["MEMORIA_HOME"]) / "drafts"
    async with program(variables) as (server, address), tab(address) as one:
        if number is signal.SIGINT:
            assert (await refused(variables, address)).startswith("cannot listen on 127.0.0.1, port ")
        await one.until("write a memory")
        await one.type("n")
        await one.until("New memory")
        await one.type("what was typed")
        await one.until("what was typed")
        server.send_signal(number)
        await one.ended()
        async with asyncio.timeout(PATIENCE):
            assert await server.wait() == (0 if number is signal.SIGINT else -number)
        await draft_in(drafts, "what was typed")


async def refused(variables: dict[str, str], address: str) -> str:
    """What another server says to whom the port of this one is given."""
    command = [sys.executable, "-m", "memoria_tui", "web", "--port", str(URL(address).port)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE, env=variables)
    _, said = await process.communicate()
    assert process.returncode == 1
    return said.decode()


async def test_a_person_searches_opens_edits_and_undoes_in_chromium(variables: dict[str, str], tmp_path: Path) -> None:
    async with program(variables) as (_, address), chromium(address, tmp_path / "profile") as page:
        await page.until("write a memory")
        await page.type("n")
        await page.until("New memory")
        await page.type("The kettle whistles.")
        await page.until("kettle whistles.")
        await page.control("s")
        await page.until("Created")
        await page.type("/kettle\r")
        await page.until("1 hit")
        since = len(page.seen)
        await page.type("e")
        await page.until("save", since)
        await page.type("Every morning: ")
        await page.control("s")
        await page.until("Saved", since)
        since = len(page.seen)
        await page.type("u")
        await page.until("Undone", since)
        shown = await page.ask("Runtime.evaluate", expression="document.body.className")
        assert "-first-byte" in shown["result"]["value"]
        picture = await page.ask("Page.captureScreenshot")
        assert len(picture["data"]) > 20_000
        assert page.problems == []
