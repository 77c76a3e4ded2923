"""A database read in a hurry, for a shell's prompt: one connection, and no SQLAlchemy, whose import takes 0.2 s."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from services.adapters.postgres import schema
from services.adapters.postgres.checked_database import CheckedDatabase, features_of
from services.adapters.postgres.database import CONNECT, Database, Parameters, libpq_url
from services.adapters.postgres.early_connection import connect
from services.adapters.postgres.postgres_errors import MISSING_TABLE, sqlstate, translated
from services.ports import SqlFeatures
from services.settings import Settings

if TYPE_CHECKING:
    import psycopg

_PARAMETER = re.compile(r"(?<![:\w]):(\w+)")
"""As SQLAlchemy writes them."""
_EMPTY = schema.SchemaState(version=None, server_version="", tables=frozenset())


class GlanceDatabase(CheckedDatabase):
    """Reads any schema as it is, and an embedded database that was never made as an empty one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: psycopg.AsyncConnection[Any] | None = None
        super().__init__(Database.of(settings))

    @property
    def shared(self) -> bool:
        """Whether other programs may write to it."""
        return self.database.embedded is None

    async def features(self) -> SqlFeatures:
        """Of the schema as it is."""
        if self._features is None:
            self._features = features_of(await self._state() if self._made else _EMPTY)
        return self._features

    async def _state(self) -> schema.SchemaState:
        if not self.shared and (newest := await schema.newest_by(self._ask)):
            return newest
        state = await schema.schema_state_by(self._ask)
        schema.refuse_unusable(state, self.database.name)
        return state

    @property
    def _made(self) -> bool:
        return self.shared or self._settings.postgres_dir.exists()

    async def fetch(self, sql: str, **parameters: object) -> Sequence[Any]:
        return await self._ask(sql, parameters)

    async def _ask(self, sql: str, parameters: Parameters | None) -> Sequence[Any]:
        if not self._made:
            return []
        import psycopg

        try:
            connection = await self._connected()
            asked = _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%")) if parameters else sql
            return await (await connection.execute(asked.encode(), parameters)).fetchall()
        except (psycopg.Error, OSError) as error:
            if sqlstate(error) in MISSING_TABLE:
                return []
            with translated(self.database.name):
                raise

    async def _connected(self) -> psycopg.AsyncConnection[Any]:
        """One connection; nothing else runs beside a glance that could wait for it."""
        if self._connection is None:
            from psycopg.rows import namedtuple_row

            url = libpq_url(self._settings.database_url or await self._embedded_url())
            arguments = {name: value for name, value in CONNECT.items() if f"{name}=" not in url}
            self._connection = await connect(url, url, **arguments)
            await self._connection.set_autocommit(True)
            self._connection.row_factory = namedtuple_row
        return self._connection

    async def _embedded_url(self) -> str:
        assert self.database.embedded is not None
        return await self.database.embedded.start()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
        await super().close()
