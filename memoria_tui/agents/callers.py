"""Who sends a request over HTTP, and in which context."""

from __future__ import annotations

from starlette.requests import Request

from memoria_tui.agents.tool import Context
from memoria_tui.agents.tool_answers import one_line
from services.acting import Actor, Scope
from services.model import AGENT, TOKEN

LONGEST_NAME = 60
"""Characters of a client's name in the history."""


def caller(request: Request, name: str = "") -> tuple[Actor, Context]:
    """The holder of the request's token, else the program of this machine that calls itself so, or by its user agent.

    The project of the context is that of the address, or the only one to which the holder is kept.
    """
    holder: Actor | None = request.state.actor
    project = request.query_params.get("project")
    if holder is not None and holder.projects and len(holder.projects) == 1:
        project = project or next(iter(holder.projects))
    known = name or request.headers.get("user-agent", "").partition("/")[0]
    return holder or Actor(agent_name(known), Scope.WRITE), Context(project, kept=False)


def agent_name(client: str) -> str:
    """«agent:claude-code», as the history names a client; what names the holder of a token is nobody else's name."""
    name = one_line(client, LONGEST_NAME) or "unknown"
    return AGENT + (name.replace("/", "-") if name.startswith(TOKEN) else name)
