"""Work time read in a hurry, for a shell's prompt: one connection, and no SQLAlchemy, whose import takes 0.2 s."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from services.adapters.postgres.database import CONNECT, Database, libpq_url
from services.adapters.postgres.errors import MISSING_TABLE, sqlstate, translated
from services.adapters.postgres.work import PostgresWork
from services.ports import Clock
from services.settings import Settings
from services.times import writer_zone
from services.work.stamps import with_writer_zone

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Row

_PARAMETER = re.compile(r"(?<![:\w]):(\w+)")
"""As SQLAlchemy writes them."""


class WorkGlance(PostgresWork):
    """Only reads: any schema as it is, and an embedded database that was never made as an empty one."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._opened = Database.of(settings)
        self._connection: psycopg.Connection[Any] | None = None
        super().__init__(self._opened, settings, clock)

    async def find_writer_zone(self) -> None:
        """Reads pauses by the clock of who wrote them, where the settings do not say which that is."""
        if self._settings.writer_zone is None and self._opened.embedded is None:
            self._settings, _ = with_writer_zone(self._settings, await self.stamps())
            self._writer_zone = writer_zone(self._settings)

    async def _read(self, sql: str, **parameters: object) -> Sequence[Row[Any]]:
        if self._opened.embedded is not None and not self._settings.postgres_dir.exists():
            return []
        import psycopg

        try:
            connection = await self._connected()
            rows = connection.execute(_PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%")), parameters or None).fetchall()
        except (psycopg.Error, OSError) as error:
            if sqlstate(error) in MISSING_TABLE:
                return []
            with translated(self._opened.name):
                raise
        return cast("Sequence[Row[Any]]", rows)

    async def _connected(self) -> psycopg.Connection[Any]:
        """One connection; nothing else runs beside a glance that could wait for it."""
        if self._connection is None:
            from psycopg import connect
            from psycopg.conninfo import make_conninfo
            from psycopg.rows import namedtuple_row

            url = self._settings.database_url or await self._embedded_url()
            told = {name: str(value) for name, value in CONNECT.items() if f"{name}=" not in url}
            conninfo = make_conninfo(libpq_url(url), **told)
            self._connection = connect(conninfo, autocommit=True, row_factory=namedtuple_row)
        return self._connection

    async def _embedded_url(self) -> str:
        assert self._opened.embedded is not None
        return await self._opened.embedded.start()

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        await self._opened.close()
