"""Opens the agents' door: the memories for AI agents, over MCP and HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from memoria_tui.cli.terminal import Terminal
from services.settings import APP

if TYPE_CHECKING:
    from services.container import Services

_MCP, _SERVE = f"{APP} mcp", f"{APP} serve"
"""What the history calls them."""


def serve_mcp(terminal: Terminal) -> int:
    """Serves the agent at the other end of standard input and output until it goes away. Raises InvalidInput."""
    if terminal.prints_to_person:
        terminal.error("memoria-tui mcp is started by an agent's program and talks to it; see: memoria-tui mcp --help")
        return 1
    terminal.keep_log()
    from memoria_tui.agents.stdio import serve_stdio

    @asynccontextmanager
    async def opened() -> AsyncIterator[Services]:
        async with terminal.opened(_MCP) as services:
            terminal.imported()
            yield services

    serve_stdio(opened)
    return 0


def serve_over_http(
    terminal: Terminal,
    host: str,
    port: int,
    certificate: Path | None,
    key: Path | None,
    names: Sequence[str],
    *,
    tokens: bool,
) -> int:
    """Serves any number of agents until a signal ends it. Raises InvalidInput."""
    terminal.keep_log()
    from memoria_tui.agents.http import Listening, serve_http

    def announce(address: str) -> None:
        terminal.info(f"serving MCP at {address}/mcp · ctrl+c ends it")

    serve_http(partial(terminal.opened, _SERVE), Listening(host, port, certificate, key, names, tokens), announce)
    return 0
