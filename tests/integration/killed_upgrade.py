"""Upgrades a database, killed before the first, second, third, … statement, and looks at it each time.

`python -m tests.integration.killed_upgrade URL TEMPLATE` prints how many steps were killed; 1 tells of damage.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import sys

from services.adapters.postgres.database import Database
from services.adapters.postgres.records import PostgresRecords
from services.adapters.postgres.schema import NEWEST, SchemaState, schema_state, upgrade
from services.settings import load_settings
from tests.integration.killed import MOST_STEPS, Steps, in_a_fork
from tests.services.servers import query


async def upgraded_until(url: str, step: int) -> None:
    """Statements and commits are steps."""
    from sqlalchemy import Engine, event

    steps = Steps()
    event.listen(Engine, "before_cursor_execute", lambda *_: steps())
    event.listen(Engine, "commit", lambda *_: steps())
    steps.kill_before(step)
    await upgrade(Database(url))


async def looked(url: str) -> tuple[SchemaState, int, int]:
    """The schema, and what the program reads of sessions and relations."""
    database = Database(url)
    records = PostgresRecords(database, load_settings({"MEMORIA_DATABASE_URL": url, "MEMORIA_HOME": os.devnull}))
    sessions = sum([len(batch) async for batch in records.all_sessions()])
    relations = sum([len(batch) async for batch in records.all_relations()])
    state = await schema_state(database)
    await records.close()
    return state, sessions, relations


def main(server: str, template: str) -> int:
    """Killed, a database is as it was, so that the next step is tried on it too, or upgraded."""
    for module in ("sqlalchemy.dialects.postgresql.psycopg", "alembic.command"):
        importlib.import_module(module)
    name = f"{template}_killed"
    url = server.replace("/postgres?", f"/{name}?")
    query(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    query(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    before = asyncio.run(looked(url))
    for step in range(1, MOST_STEPS):

        async def live(step: int = step) -> None:
            await upgraded_until(url, step)

        ended = in_a_fork(live)
        now = asyncio.run(looked(url))
        assert now[1:] == before[1:], "something that others wrote is gone"
        assert now[0] == before[0] or now[0].version == NEWEST, "half upgraded"
        if ended == 0 or now[0].version == NEWEST:
            print(step - 1)
            return 0 if (ended, now[0].version) == (0, NEWEST) else 1
        assert ended == -signal.SIGKILL
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
