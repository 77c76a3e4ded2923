"""The commands `mcp` and `serve`: the memories for AI agents, over MCP and HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

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


def serve_over_http(terminal: Terminal, where: Mapping[str, Any], workers: int) -> int:
    """Serves any number of agents until a signal ends it; `where`: fields of a `Listening`. Raises InvalidInput."""
    terminal.keep_log()
    from memoria_tui.agents.http import serve_http
    from memoria_tui.agents.listen_address import PREFIX, Listening

    def announce(address: str) -> None:
        terminal.info(f"serving MCP at {address}/mcp · REST at {address}{PREFIX} · see {address}/docs · ctrl+c ends it")

    opened = partial(terminal.opened, _SERVE) if workers == 1 else _opened_by_worker
    serve_http(opened, Listening(**where, traces=wants_traces(terminal)), announce, workers)
    return 0


def wants_traces(terminal: Terminal, *, installed: bool | None = None) -> bool:
    """Whether traces are to be sent, and can be; where they cannot, that is told. `installed` None: look."""
    from memoria_tui.agents.tracing import ENDPOINT, can_send_traces

    wanted = bool(terminal.environment.get(ENDPOINT))
    if wanted and not (can_send_traces() if installed is None else installed):
        terminal.info(f"{ENDPOINT} is set, but no traces are sent; that needs: pip install 'memoria-tui[otel]'")
        return False
    return wanted


def _opened_by_worker() -> AbstractAsyncContextManager[Services]:
    """In a process of its own, whose environment is that of the one that started it."""
    terminal = Terminal.of_process()
    terminal.keep_log()
    return terminal.opened(_SERVE)
