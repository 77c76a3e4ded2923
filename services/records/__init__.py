"""What PostgreSQL holds, one class a table or topic: `records.history.changes_of(...)`, `transaction.outbox.put(...)`.

Nothing here knows how the database is reached; `services.adapters.postgres` gives the connections.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from services.model import StoreStatus, WorkSession
from services.ports import Clock, Pulse, SqlConnection, SqlDatabase, machine_clock
from services.records.access_tokens import AccessTokens
from services.records.change_groups import ChangeGroups
from services.records.clients_and_projects import ClientsAndProjects
from services.records.connected_agents import ConnectedAgents
from services.records.duplicates import Duplicates, DuplicateWriter
from services.records.exported_rows import ExportedRows, ImportedRows
from services.records.graph_walks import GraphWalks
from services.records.history import History, HistoryWriter
from services.records.import_sources import ImportSources, ImportSourceWriter
from services.records.outbox import Outbox, OutboxWriter
from services.records.relations import RejectedSuggestions, RejectionWriter, Relations, RelationWriter
from services.records.reviews import Reviews, ReviewWriter
from services.records.session_hours import SessionHours
from services.records.session_pages import SessionLog
from services.records.session_reports import SessionReports
from services.records.sessions import Sessions
from services.records.status_file import is_out_of_place, refresh_status_file, says, write_status_file
from services.records.status_poll import read_pulse
from services.records.trash import TrashedMemories
from services.records.user_settings import UserSettings
from services.records.work_undo import WorkUndo
from services.settings import Settings
from services.times import writer_zone


class Records:
    """All tables of one database, to read; `transaction` is for writes that belong to one act.

    Raises StoreUnavailable, SchemaMissing (writing to a database without our additions) or StoreTooNew.
    """

    def __init__(self, database: SqlDatabase, settings: Settings, clock: Clock = machine_clock) -> None:
        self._database = database
        self._settings = settings
        self._zone = zone = writer_zone(settings)
        self._open_sessions: Sequence[WorkSession] | None = None
        """As they were when they were last asked for."""
        self.history = History(database)
        self.groups = ChangeGroups(database, self.history)
        self.trash = TrashedMemories(self.history)
        self.outbox = Outbox(database)
        self.relations = Relations(database)
        self.graph = GraphWalks(database, self.relations)
        self.rejected = RejectedSuggestions(database)
        self.reviews = Reviews(database)
        self.duplicates = Duplicates(database)
        self.sessions = Sessions(database, settings, zone, clock)
        self.log = SessionLog(database, zone, clock)
        self.reports = SessionReports(database, zone, clock)
        self.hours = SessionHours(database, zone, clock)
        self.clients = ClientsAndProjects(database, settings)
        self.user_settings = UserSettings(database)
        self.rows = ExportedRows(database)
        self.tokens = AccessTokens(database)
        self.agents = ConnectedAgents(database)
        self.sources = ImportSources(database, settings.home)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Committed at the end, rolled back on any error and on cancellation."""
        async with self._database.transaction() as connection:
            transaction = Transaction(connection, self._settings)
            yield transaction
        if transaction.history.touches_work:
            await refresh_status_file(self._database, self._settings)

    async def pulse(self, at: datetime) -> Pulse:
        """What waits and who works, in one round trip; what others did to sessions comes into the status file."""
        pulse = await read_pulse(self._database, self._zone, at)
        if pulse.sessions != self._open_sessions:
            self._open_sessions = pulse.sessions
            write_status_file(self._settings, pulse.sessions, at)
        return pulse

    async def update_prompts(self, sessions: Sequence[WorkSession], budgets: Mapping[str, str]) -> None:
        """Lets the file for prompts say this of the budgets of open sessions, see `write_status_file`."""
        if not says(self._settings, sessions, budgets):
            await refresh_status_file(self._database, self._settings, budgets=budgets)

    async def repair_prompts(self, sessions: Sequence[WorkSession]) -> None:
        """Writes the file for prompts where it is missing, as after a restart of the machine, or stayed behind."""
        if is_out_of_place(self._settings, sessions):
            await refresh_status_file(self._database, self._settings)

    async def status(self) -> StoreStatus:
        return await self._database.status()

    async def close(self) -> None:
        await self._database.close()


class Transaction:
    """All writes that belong to one act: all of them happen or none.

    What is read meanwhile is read through it: behind a pooler of few connections a second one would wait for this one.
    """

    def __init__(self, connection: SqlConnection, settings: Settings) -> None:
        self.connection = connection
        self.history = HistoryWriter(connection, settings)
        self.outbox = OutboxWriter(connection)
        self.relations = RelationWriter(connection)
        self.rejected = RejectionWriter(connection)
        self.reviews = ReviewWriter(connection)
        self.duplicates = DuplicateWriter(connection)
        self.rows = ImportedRows(connection)
        self.work = WorkUndo(connection)
        self.sources = ImportSourceWriter(connection)
