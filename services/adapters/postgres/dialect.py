"""SQLAlchemy's dialect of psycopg, without the five questions that an engine asks before its first statement."""

from __future__ import annotations

from typing import Any

# The package first: a thread that imports its psycopg before it and one that imports it find it half imported.
from sqlalchemy.dialects import postgresql, registry

DRIVER = "postgresql+statements"
"""Of a URL for `create_async_engine`."""


class StatementsDialect(postgresql.psycopg.PGDialectAsync_psycopg):
    """For engines that run statements in text only: what they may look like depends on no server."""

    supports_statement_cache = True

    @classmethod
    def get_async_dialect_cls(cls, _: object) -> type[StatementsDialect]:
        return cls

    def initialize(self, connection: Any) -> None:
        self.default_schema_name, self.default_isolation_level = "public", "READ COMMITTED"


registry.register(DRIVER.replace("+", "."), __name__, StatementsDialect.__name__)
