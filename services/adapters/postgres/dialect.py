"""SQLAlchemy's dialect of psycopg, without the five questions that an engine asks before its first statement."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg

DRIVER = "postgresql+statements"
"""Of a URL for `create_async_engine`."""


class StatementsDialect(PGDialectAsync_psycopg):
    """For engines that run statements in text only: what they may look like depends on no server."""

    supports_statement_cache = True

    @classmethod
    def get_async_dialect_cls(cls, _: object) -> type[StatementsDialect]:
        return cls

    def initialize(self, connection: Any) -> None:
        self.default_schema_name, self.default_isolation_level = "public", "READ COMMITTED"


registry.register(DRIVER.replace("+", "."), __name__, StatementsDialect.__name__)
