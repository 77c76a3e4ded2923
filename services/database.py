"""What `memoria-tui db status` and `db upgrade` do."""

from __future__ import annotations

from dataclasses import dataclass

from services.adapters.postgres import schema
from services.adapters.postgres.database import Database
from services.settings import Settings


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """How the database stands to this program."""

    place: str
    """«embedded» or «host:port/database»."""
    server_version: str
    schema_version: str | None
    """None: nothing of ours in it yet."""
    newest_version: str
    upstream: bool
    """MCP Memoria uses this database too."""
    missing: tuple[str, ...] = ()
    """What an upgrade would add, one line each."""
    problems: tuple[str, ...] = ()

    @property
    def current(self) -> bool:
        return self.schema_version == self.newest_version


class DatabaseService:
    """Looks at the schema of the database and brings it up to date."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def of(cls, settings: Settings) -> DatabaseService:
        """For the database that the settings name."""
        return cls(Database.of(settings))

    async def status(self) -> DatabaseStatus:
        """Only looks. Raises StoreUnavailable."""
        state = await schema.schema_state(self._database)
        return DatabaseStatus(
            place=self._database.label,
            server_version=state.server_version,
            schema_version=state.version,
            newest_version=schema.NEWEST,
            upstream=state.upstream,
            missing=() if state.current else schema.missing(state),
            problems=schema.problems(state, self._database.name),
        )

    async def upgrade(self, *, dry_run: bool = False) -> str:
        """Brings the schema up to date; with `dry_run` it changes nothing. Gives the SQL, "" when nothing is to do.

        Raises StoreTooNew, StoreMismatch or StoreUnavailable.
        """
        state = await schema.schema_state(self._database)
        schema.refuse_unusable(state, self._database.name)
        if state.current:
            return ""
        script = await schema.upgrade_script(state.version)
        if not dry_run:
            await schema.upgrade(self._database)
        return script

    async def close(self) -> None:
        await self._database.close()
