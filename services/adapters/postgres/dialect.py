"""SQLAlchemy's dialect of psycopg, without what it asks before statements: five questions at first, then one each."""

from __future__ import annotations

import time
from typing import Any
from weakref import WeakKeyDictionary

# The package first: a thread that imports its psycopg before it and one that imports it find it half imported.
from sqlalchemy.dialects import postgresql, registry

from services.adapters.postgres.early_connection import has_something

DRIVER = "postgresql+statements"
"""Of a URL for `create_async_engine`."""
_FRESH_SECONDS = 5.0
"""A connection that was used within so many and whose server said nothing since is not asked whether it is there."""


class StatementsDialect(postgresql.psycopg.PGDialectAsync_psycopg):
    """For engines that run statements in text only: what they may look like depends on no server."""

    supports_statement_cache = True

    @classmethod
    def get_async_dialect_cls(cls, _: object) -> type[StatementsDialect]:
        return cls

    def do_ping(self, dbapi_connection: Any) -> bool:
        """A server that ends closes its connections, which can be read then."""
        driver, now = dbapi_connection.driver_connection, time.monotonic()
        last, self._used[driver] = self._used.get(driver, -_FRESH_SECONDS), now
        if now - last < _FRESH_SECONDS and not has_something(driver):
            return True
        alive: bool = super().do_ping(dbapi_connection)  # type: ignore[no-untyped-call]
        return alive

    def initialize(self, connection: Any) -> None:
        self.default_schema_name, self.default_isolation_level = "public", "READ COMMITTED"
        self._used: WeakKeyDictionary[Any, float] = WeakKeyDictionary()
        """When each connection was taken last, by the machine's clock."""
        self._used[connection.connection.driver_connection] = time.monotonic()


registry.register(DRIVER.replace("+", "."), __name__, StatementsDialect.__name__)
