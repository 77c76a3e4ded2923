"""Opens what a shell's prompt asks of work time, without the other services, which take long to import."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.adapters.postgres.open_work_database import OpenWorkDatabase
from services.ports import Clock
from services.records import Records
from services.records.stored_sessions import newest_stamps
from services.settings import Settings
from services.work.reports import ReportService
from services.work.store_zone import with_kept_zone
from services.work.work_service import WorkService
from services.work.writer_zone import with_writer_zone

if TYPE_CHECKING:
    from services.work.billing import BillingService


@dataclass(frozen=True, slots=True)
class ReadOnlyWork:
    """Sessions and reports, to read only."""

    records: Records
    work: WorkService
    reports: ReportService

    @property
    def billing(self) -> BillingService:
        """Imported when it is asked for: a prompt asks for none."""
        from services.work.billing import BillingService
        from services.work.clients_and_projects import ClientService

        return BillingService(self.records, self.reports, ClientService(self.records))


@contextlib.asynccontextmanager
async def open_work(settings: Settings, clock: Clock) -> AsyncIterator[ReadOnlyWork]:
    """Pauses are read by the clock of who wrote them, as far as they tell."""
    database = OpenWorkDatabase(settings)
    try:
        if not database.shared:
            settings, _ = with_kept_zone(settings)
        elif settings.writer_zone is None:
            settings, _ = with_writer_zone(settings, await newest_stamps(database))
        records = Records(database, settings, clock)
        yield ReadOnlyWork(records, WorkService(records, settings, clock), ReportService(records, settings, clock))
    finally:
        await database.close()
