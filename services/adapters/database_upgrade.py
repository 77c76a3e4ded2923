"""What `memoria-tui db status` and `db upgrade` do, and who must be asked before the first write to others' stores."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping

from services.adapters.postgres import schema
from services.adapters.postgres.database import Database
from services.errors import ModelMismatch, SchemaMissing, StoreUnavailable
from services.migrations import NEWEST
from services.model.database import Ask, DatabaseStatus, UpgradePlan
from services.ports import Embedder, VectorStore
from services.settings import Settings

_log = logging.getLogger(__name__)


class DatabaseService:
    """Looks at the schema of the database and brings it up to date, together with the collections beside it."""

    def __init__(
        self,
        database: Database,
        vectors: VectorStore | None = None,
        embedder: Embedder | None = None,
        ask: Ask | None = None,
    ) -> None:
        """`vectors` is a store that other programs use too, None for one of our own; without `ask` nobody is asked."""
        self._database = database
        self._vectors = vectors
        self._embedder = embedder
        self._ask = ask
        self._deciding = asyncio.Lock()
        self._database_ready = False
        self._vectors_ready = vectors is None

    @classmethod
    def of(cls, settings: Settings) -> DatabaseService:
        """For the database that the settings name, alone."""
        return cls(Database.of(settings))

    def connections(self) -> Mapping[str, int]:
        """The connections of this process, in use and idle."""
        return self._database.connections()

    async def status(self) -> DatabaseStatus:
        """Only looks. Raises StoreUnavailable."""
        state = await schema.schema_state(self._database)
        problems = schema.problems(state, self._database.name)
        try:
            _, indexes = await self._lacking()
        except StoreUnavailable as error:
            indexes, problems = (), (*problems, str(error))
        return DatabaseStatus(
            place=self._database.label,
            server_version=state.server_version,
            schema_version=state.version,
            newest_version=NEWEST,
            upstream=state.upstream,
            missing=() if state.current or schema.hidden(state) else schema.missing(state),
            problems=problems,
            indexes=indexes,
            read_only=bool(schema.read_only(state, self._database.name)),
        )

    async def plan(self) -> UpgradePlan:
        """What an upgrade would do; empty when nothing is to do. A Qdrant that is away is left out.

        Raises StoreReadOnly, StoreTooNew, StoreMismatch or StoreUnavailable.
        """
        state = await schema.schema_state(self._database)
        schema.refuse_unusable(state, self._database.name)
        schema.refuse_read_only(state, self._database.name)
        try:
            place, indexes = await self._lacking()
        except StoreUnavailable:
            place, indexes = "", ()
        if state.current:
            return UpgradePlan(self._database.label, vectors_place=place, indexes=indexes)
        return UpgradePlan(self._database.label, schema.added(state), schema.replaced(state), place, indexes)

    async def upgrade(self, *, dry_run: bool = False) -> str:
        """Brings the schema up to date; with `dry_run` it changes nothing. Gives the SQL, "" when none is to run.

        Adds the indexes that a shared Qdrant lacks as well. Raises as `plan`.
        """
        plan = await self.plan()
        script = ""
        if plan.added or plan.replaced:
            state = await schema.schema_state(self._database)
            script = await schema.upgrade_script(state.version)
            if not dry_run:
                await schema.upgrade(self._database)
                _log.info("upgraded %s: %s", plan.place, "; ".join([*plan.added, *plan.replaced]))
        if plan.indexes and not dry_run:
            await self._add_indexes()
        return script

    async def permit(self, *, vectors: bool = False, asking: bool = True) -> None:
        """Returns when the database, and with `vectors` the collections too, may be written.

        What other programs made is only added to after a yes; `asking` False asks nobody. Raises SchemaMissing when
        that is not given, and as `plan`.
        """
        if vectors and asking and self._vectors is None:
            return  # what is to be asked about the database is asked by its first transaction
        async with self._deciding:
            if self._database_ready and (self._vectors_ready or not vectors):
                return
            plan = await self._needed()
            if plan:
                if not asking or self._ask is None:
                    raise SchemaMissing(_lacks(plan))
                if not await self._ask(plan, self.upgrade):
                    raise SchemaMissing("nothing was written: the stores stay as they are until you say yes")
                self._vectors_ready |= bool(plan.vectors_place)
            self._database_ready = True

    async def _needed(self) -> UpgradePlan:
        """The plan without what is ours: an embedded or empty database is set up without a question."""
        state = await schema.schema_state(self._database)
        if self._database.embedded is None and state.tables and not state.current:
            return await self.plan()
        schema.refuse_read_only(state, self._database.name)
        place, indexes = ("", ()) if self._vectors_ready else await self._lacking(of_others=True)
        self._vectors_ready |= not indexes
        return UpgradePlan(self._database.label, vectors_place=place, indexes=indexes)

    async def _lacking(self, *, of_others: bool = False) -> tuple[str, tuple[str, ...]]:
        """Where the shared Qdrant is, and the indexes that filled collections lack there.

        `of_others`: only those about which somebody is asked; what is ours has its indexes added with the first write.
        """
        if self._vectors is None:
            return "", ()
        status = await self._vectors.status()
        if not status.ok:
            raise StoreUnavailable("; ".join(status.problems))
        if status.read_only or (of_others and await self._vectors.model() is not None):
            return status.label, ()
        lines = [
            f"{collection}: {', '.join(found.missing_indexes)}"
            for collection, found in (await self._vectors.info()).items()
            if found.points and found.missing_indexes
        ]
        return status.label, tuple(lines)

    async def _add_indexes(self) -> None:
        assert self._vectors is not None
        assert self._embedder is not None
        with contextlib.suppress(ModelMismatch):  # the store notes it, and has its indexes all the same
            await self._vectors.ensure(self._embedder.dimensions, self._embedder.model)
        self._vectors_ready = True

    async def close(self) -> None:
        await self._database.close()


def _lacks(plan: UpgradePlan) -> str:
    wants = [f"PostgreSQL at {plan.place} lacks the history of this program"] if plan.added or plan.replaced else []
    wants += [f"Qdrant at {plan.vectors_place} lacks its indexes"] if plan.indexes else []
    return (
        f"{', '.join(wants)}: nothing was written; "
        "`memoria-tui db upgrade --dry-run` shows what is missing, `memoria-tui db upgrade` adds it"
    )
