"""`connected_agents` and `token_uses`: who works with the memories through the programs that serve agents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.model import AGENT, TOKEN
from services.ports import SqlDatabase

_LAPSED = 90
"""Seconds after which a program that says nothing is taken for gone."""
_PUT = """
INSERT INTO memoria_tui.connected_agents (process, name, program, since, calls, errors, last_call, last_at)
SELECT CAST(:process AS uuid), one.name, :program, now() - one.since * interval '1 second', one.calls, one.errors,
       one.last_call, now() - one.last * interval '1 second'
FROM unnest(CAST(:names AS text[]), CAST(:since AS float8[]), CAST(:calls AS bigint[]), CAST(:errors AS bigint[]),
            CAST(:last_calls AS text[]), CAST(:last AS float8[])) AS one (name, since, calls, errors, last_call, last)
ON CONFLICT (process, name) DO UPDATE SET since = least(connected_agents.since, excluded.since),
    calls = excluded.calls, errors = excluded.errors, last_call = excluded.last_call, last_at = excluded.last_at,
    seen_at = now()
"""
_USED = f"""
INSERT INTO memoria_tui.token_uses (name, used_at)
SELECT token.name, max(agent.last_at) FROM memoria_tui.access_tokens token
JOIN memoria_tui.connected_agents agent ON agent.name = '{AGENT}{TOKEN}' || token.name
WHERE agent.process = CAST(:process AS uuid) GROUP BY token.name
ON CONFLICT (name) DO UPDATE SET used_at = greatest(token_uses.used_at, excluded.used_at)
"""
_FORGET = f"""
DELETE FROM memoria_tui.connected_agents
WHERE process = CAST(:process AS uuid) OR seen_at < now() - interval '{_LAPSED} seconds'
"""
_ALL = f"""
SELECT name, program, since, calls, errors, last_call, last_at FROM memoria_tui.connected_agents
WHERE seen_at > now() - interval '{_LAPSED} seconds'
  AND NOT EXISTS (SELECT 1 FROM memoria_tui.access_tokens token
                  WHERE connected_agents.name = '{AGENT}{TOKEN}' || token.name
                    AND (token.revoked_at IS NOT NULL OR token.expires_at <= now()))
ORDER BY last_at DESC, name
"""


@dataclass(frozen=True, slots=True)
class Calls:
    """What an agent asked of a program so far; times are seconds ago."""

    name: str
    """«agent:claude-code»."""
    since: float
    last: float
    last_call: str
    """Name of the tool."""
    calls: int
    errors: int


@dataclass(frozen=True, slots=True)
class ConnectedAgent:
    """An agent, and what it asked of a program that still runs."""

    name: str
    program: str
    """«memoria-tui mcp»."""
    since: datetime
    """Of its first call."""
    calls: int
    errors: int
    last_call: str
    """Name of the tool."""
    last_at: datetime


class ConnectedAgents:
    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    async def put(self, process: str, program: str, agents: Sequence[Calls]) -> None:
        """Says that a program runs, and what agents asked of it."""
        async with self._database.transaction() as connection:
            await connection.fetch(
                _PUT,
                process=process,
                program=program,
                names=[one.name for one in agents],
                since=[one.since for one in agents],
                calls=[one.calls for one in agents],
                errors=[one.errors for one in agents],
                last_calls=[one.last_call for one in agents],
                last=[one.last for one in agents],
            )
            await connection.fetch(_USED, process=process)

    async def forget(self, process: str) -> None:
        """Takes out a program that ends, and those that were killed."""
        await self._database.write(_FORGET, process=process)

    async def all(self) -> list[ConnectedAgent]:
        """Who called last first."""
        rows = await self._database.fetch(_ALL)
        return [
            ConnectedAgent(row.name, row.program, row.since, row.calls, row.errors, row.last_call, row.last_at)
            for row in rows
        ]
