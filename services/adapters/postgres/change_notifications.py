"""Follows what is written to the database, whoever writes.

A connection of its own, not one of the pool, hears what the triggers of `sql/007_live.sql` tell. Where it cannot hear,
it looks every few seconds at numbers that PostgreSQL keeps anyway, which costs the same for any number of rows:

- behind a pooler such as PgBouncer in transaction mode, which takes LISTEN and delivers nothing. A pooler shows by the
  process number it gives its client, which is not the server's;
- in a database that lacks the triggers, or has lost one with a table that was made again;
- on a standby, which takes no LISTEN.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.adapters.postgres.database import Database
from services.errors import MemoriaError
from services.model import Subject
from services.ports import Tell

if TYPE_CHECKING:
    from psycopg import AsyncConnection

CHANNEL = "memoria_tui"
_TRIGGER = "memoria_tui_live"
_SUBJECTS: Mapping[str, Subject] = {
    "public.memory_relations": Subject.RELATIONS,
    "public.work_sessions": Subject.SESSIONS,
    "public.clients": Subject.NAMES,
    "public.projects": Subject.NAMES,
    "public.user_settings": Subject.SETTINGS,
    "memoria_tui.audit_log": Subject.HISTORY,
}
"""What a table is about."""
_OF_NAME = {table.partition(".")[2]: subject for table, subject in _SUBJECTS.items()} | {"points": Subject.MEMORIES}
"""By what is told; points of memories are told by who wrote them, in the transaction in which it did."""
_EVERYTHING = frozenset(_SUBJECTS.values())
_COUNTERS = f"""
WITH followed AS (
    SELECT c.oid, n.nspname || '.' || c.relname AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('public', 'memoria_tui') AND c.relkind IN ('r', 'p')
      AND n.nspname || '.' || c.relname IN ({", ".join(f"'{table}'" for table in _SUBJECTS)})
)
SELECT pg_backend_pid(),
       pg_is_in_recovery(),
       (SELECT count(*) FROM pg_trigger JOIN followed ON followed.oid = tgrelid
        WHERE tgname = '{_TRIGGER}' AND tgenabled IN ('O', 'A')),
       (SELECT COALESCE(json_object_agg(name, concat_ws(
                   ' ', pg_relation_filenode(oid), pg_stat_get_tuples_inserted(oid), pg_stat_get_tuples_updated(oid),
                   pg_stat_get_tuples_deleted(oid), CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() END)),
               '{{}}') FROM followed)
"""
"""The file of a table changes when it is truncated. A standby counts nothing: there, whatever arrives is news."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds."""

    look: float = 4.0
    """Between two looks where nothing can be heard."""
    check: float = 30.0
    """Of silence, after which it is checked that everything can still be heard."""
    retry: float = 0.5
    """Before the first try to reach a database that is away; each further one waits twice as long."""
    longest: float = 30.0
    """Between two such tries."""


@dataclass(frozen=True, slots=True)
class TableCounters:
    """How a database stands, told from any other state by its counters."""

    audible: bool
    """Whether LISTEN hears everything."""
    counters: Mapping[str, str]
    """By table, what differs after each write."""


class DatabaseFeed:
    def __init__(self, database: Database, rhythm: Rhythm | None = None) -> None:
        self._database = database
        self._rhythm = rhythm or Rhythm()

    async def watch(self, tell: Tell) -> None:
        await asyncio.to_thread(importlib.import_module, "psycopg")
        from psycopg import Error

        wait = self._rhythm.retry
        while True:
            try:
                async with self._connected() as connection:
                    last = await read_counters(connection)
                    wait = self._rhythm.retry
                    tell(_EVERYTHING)
                    await self._follow(connection, last, tell)
            except (Error, OSError, MemoriaError):
                await asyncio.sleep(wait)
                wait = min(2 * wait, self._rhythm.longest)

    async def _follow(self, connection: AsyncConnection[Any], last: TableCounters, tell: Tell) -> None:
        """Goes on until the connection breaks, which raises what psycopg raises."""
        listening = False
        while True:
            received: set[Subject] = set()
            if not last.audible:
                await asyncio.sleep(self._rhythm.look)
            elif not listening:
                await connection.execute(f"LISTEN {CHANNEL}")
                listening = True
            else:
                async for payload in _notifications(connection, self._rhythm.check):
                    if subject := _subject(payload):
                        received.add(subject)
                        tell(frozenset((subject,)))
            now = await read_counters(connection)
            if missed := _differing(last.counters, now.counters) - received:
                tell(frozenset(missed))
            last = now

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection[Any]]:
        connection = await self._database.open()
        try:
            yield connection
        finally:
            await connection.close()


async def read_counters(connection: AsyncConnection[Any]) -> TableCounters:
    """One statement over the catalogue, however many rows there are. Raises what psycopg raises."""
    row = await (await connection.execute(_COUNTERS)).fetchone()
    assert row is not None
    process, standby, triggers, counters = row
    direct = process == connection.info.backend_pid
    return TableCounters(direct and not standby and triggers == len(_SUBJECTS), counters)


async def _notifications(connection: AsyncConnection[Any], seconds: float) -> AsyncIterator[str]:
    """What is told in so many seconds, as it comes.

    Sleeps until something comes: psycopg's own wait for notices wakes the program ten times a second.
    """
    deadline = time.monotonic() + seconds
    while True:
        async for notice in connection.notifies(timeout=0):
            yield notice.payload
        left = deadline - time.monotonic()
        if left <= 0 or not await _readable(connection.fileno(), left):
            return


async def _readable(file: int, seconds: float) -> bool:
    """Whether there is something to read before so many seconds have passed."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(file, ready.set)
    try:
        async with asyncio.timeout(seconds):
            await ready.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(file)
    return True


def _differing(before: Mapping[str, str], after: Mapping[str, str]) -> set[Subject]:
    return {subject for table, subject in _SUBJECTS.items() if before.get(table) != after.get(table)}


def _subject(payload: str) -> Subject | None:
    """None for what others send through the channel."""
    try:
        return _OF_NAME.get(json.loads(payload)["table"])
    except (ValueError, TypeError, KeyError):
        return None
