"""Opens the agents' door: the memories for AI agents, over MCP."""

from __future__ import annotations

from functools import partial

from memoria_tui.cli.terminal import Terminal
from services.settings import APP

_PROGRAM = f"{APP} mcp"
"""What the history calls it."""


def serve_mcp(terminal: Terminal) -> int:
    """Serves the agent at the other end of standard input and output until it goes away. Raises InvalidInput."""
    if terminal.prints_to_person:
        terminal.error("memoria-tui mcp is started by an agent's program and talks to it; see: memoria-tui mcp --help")
        return 1
    terminal.keep_log()
    from memoria_tui.agents.stdio import serve_stdio

    serve_stdio(partial(terminal.opened, _PROGRAM))
    return 0
