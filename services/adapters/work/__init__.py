"""Work time in PostgreSQL: sessions, clients and projects, and the reports over them."""

from __future__ import annotations

from services.adapters.work.clients import ClientTable
from services.adapters.work.log import LogTable
from services.adapters.work.preferences import PreferenceTable
from services.adapters.work.reports import ReportTable
from services.adapters.work.sessions import SessionTable

__all__ = ["PostgresWork"]


class PostgresWork(SessionTable, LogTable, ReportTable, ClientTable, PreferenceTable):
    """`services.work_records.WorkRecords` on one database."""
