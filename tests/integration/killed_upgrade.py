"""Upgrades a database, killed before the first, second, third, … statement, and looks at it each time.

`python -m tests.integration.killed_upgrade URL TEMPLATE` prints how many steps were killed; 1 tells of damage.
"""

from __future__ import annotations

import asyncio
import importlib
import signal
import sys
from datetime import UTC, datetime

from services.adapters.postgres.database import CheckedDatabase, Database
from services.adapters.postgres.schema import schema_state, upgrade
from services.migrations import NEWEST
from services.records import Records
from services.settings import load_settings
from tests.integration.forks import in_a_fork
from tests.integration.killed import MOST_STEPS, Steps
from tests.services.servers import create_database, drop_database, query

_STANDING = """
SELECT to_regclass('memoria_tui.alembic_version') IS NOT NULL, (SELECT count(*) FROM pg_class),
       (SELECT count(*) FROM work_sessions), (SELECT count(*) FROM memory_relations)
"""
_GONE_ON_WITH = 6
"""The step after whose kill the upgrade is gone on with as well; after all others the database is what it was."""


async def upgraded_until(url: str, step: int) -> None:
    """Statements and commits are steps."""
    from sqlalchemy import Engine, event

    steps = Steps()
    event.listen(Engine, "before_cursor_execute", lambda *_: steps())
    event.listen(Engine, "commit", lambda *_: steps())
    steps.kill_before(step)
    await upgrade(Database(url))


def standing(url: str) -> tuple[object, ...]:
    """The newest revision (None: not upgraded), how many objects there are, and what others wrote."""
    ((upgraded, objects, sessions, relations),) = query(url, _STANDING)
    version = query(url, "SELECT version_num FROM memoria_tui.alembic_version")[0][0] if upgraded else None
    return version, objects, sessions, relations


async def opened(url: str) -> None:
    """The program reads it, and goes on with the upgrade."""
    database = Database(url)
    records = Records(
        CheckedDatabase(database), load_settings({"MEMORIA_DATABASE_URL": url, "MEMORIA_HOME": "/nowhere"})
    )
    assert len((await records.pulse(datetime.now(UTC))).sessions) == 3
    await asyncio.gather(upgrade(database), upgrade(Database(url)))
    assert (await schema_state(database)).version == NEWEST
    await records.close()


def return_to(server: str, name: str, template: str) -> None:
    """Makes the database what it was at first."""
    drop_database(server, name)
    create_database(server, name, template)


def main(server: str, template: str) -> int:
    """Killed, a database is as it was, so that the next step is tried on it too, or upgraded."""
    importlib.import_module("alembic.command")  # once, here, instead of in each life
    name = f"{template}_killed"
    url = server.replace("/postgres?", f"/{name}?")
    return_to(server, name, template)
    before = standing(url)
    for step in range(1, MOST_STEPS):

        async def live(step: int = step) -> None:
            await upgraded_until(url, step)

        ended = in_a_fork(live)
        now = standing(url)
        assert now[2:] == before[2:], "something that others wrote is gone"
        assert now == before or now[0] == NEWEST, "half upgraded"
        if ended == 0 or now[0] == NEWEST:
            asyncio.run(opened(url))
            print(step - 1)
            return 0 if (ended, now[0]) == (0, NEWEST) else 1
        assert ended == -signal.SIGKILL
        if step == _GONE_ON_WITH:
            asyncio.run(opened(url))
            return_to(server, name, template)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
