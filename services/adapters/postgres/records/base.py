"""What the repositories share: a checked way to read, and the connection of a transaction to write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from services.adapters.postgres import schema
from services.adapters.postgres.database import Database, Parameters, fetch
from services.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection


class Reads:
    """Base of the readers: each statement one round trip."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._readable = False
        self._writable = False
        self.bare = False
        """True for a database whose functions of ours cannot be called: it is another program's, or they are closed."""
        self.own_paths = True
        """False where `public.find_path` is MCP Memoria's, which mixes paths."""
        self.kinds = True
        """False where the history does not yet have the kind of each act."""

    async def require_schema(self) -> None:
        """Raises SchemaMissing or StoreTooNew; asks the database until it was once in order."""
        if not self._writable:
            await schema.require_schema(self._database)
            self._learn(await schema.schema_state(self._database))
            self._writable = True

    async def _read(self, sql: str, **parameters: object) -> Sequence[Row[Any]]:
        await self._require_readable()
        return await self._database.read(sql, parameters)

    async def _write(self, sql: str, **parameters: object) -> None:
        await self.require_schema()
        await self._database.write(sql, parameters)

    async def _require_readable(self) -> None:
        """Any database can be read as it is, save one of a newer version; the embedded one is set up."""
        if self._readable:
            return
        if self._database.embedded is not None:
            await self.require_schema()
        else:
            state = await schema.schema_state(self._database)
            schema.refuse_unusable(state, self._database.name)
            self._learn(state)

    def _learn(self, state: schema.SchemaState) -> None:
        self.bare, self.own_paths = state.version is None, state.own_paths
        self.kinds = (state.version or "") >= "0003"
        self._readable = True


class Writes:
    """Base of the writers of a transaction."""

    def __init__(self, connection: AsyncConnection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings

    @property
    def connection(self) -> AsyncConnection:
        """That of the transaction."""
        return self._connection

    async def _fetch(self, sql: str, parameters: Parameters) -> Sequence[Row[Any]]:
        return await fetch(self._connection, sql, parameters)
