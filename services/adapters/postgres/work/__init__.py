"""Work time in PostgreSQL: sessions, clients and projects, and the reports over them."""

from __future__ import annotations

from services.adapters.postgres.work.clients import ClientTable
from services.adapters.postgres.work.log import LogTable
from services.adapters.postgres.work.preferences import PreferenceTable
from services.adapters.postgres.work.reports import ReportTable
from services.adapters.postgres.work.sessions import SessionTable
from services.adapters.postgres.work.stamps import StampTable

__all__ = ["PostgresWork"]


class PostgresWork(SessionTable, LogTable, ReportTable, ClientTable, PreferenceTable, StampTable):
    """`services.work.records.WorkRecords` on one database."""
