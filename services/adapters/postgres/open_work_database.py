"""A database read in a hurry, for a shell's prompt: by one connection, as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from services.adapters.postgres import schema
from services.adapters.postgres.database import CheckedDatabase, Database, Parameters, fetch
from services.adapters.postgres.postgres_errors import MISSING_TABLE, sqlstate, translated
from services.ports import SqlFeatures
from services.settings import Settings

if TYPE_CHECKING:
    import psycopg

_EMPTY = schema.SchemaState(version=None, server_version="", tables=frozenset())


class OpenWorkDatabase(CheckedDatabase):
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
            self._features = (await self._state() if self._made else _EMPTY).features
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
            if self._connection is None:  # nothing else runs that could wait for it
                self._connection = await self.database.open()
            return await fetch(self._connection, sql, parameters)
        except (psycopg.Error, OSError) as error:
            if sqlstate(error) in MISSING_TABLE:
                return []
            with translated(self.database.name):
                raise

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
        await super().close()
