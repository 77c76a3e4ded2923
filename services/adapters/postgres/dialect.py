"""SQLAlchemy's dialect of psycopg, without what it asks a server beside our statements.

An engine asks five questions before its first statement, and one before each use of a pooled connection: of a command
that reads one memory that was half of all.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg

DRIVER = "postgresql+statements"
"""Of a URL for `create_async_engine`."""
_TRUSTED_SECONDS = 1.0
"""After a connection was made or asked, for which it is only looked whether its end came."""


class StatementsDialect(PGDialectAsync_psycopg):
    """For engines that run statements in text only: what they may look like depends on no server."""

    supports_statement_cache = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._asked: WeakKeyDictionary[object, float] = WeakKeyDictionary()
        """When each connection answered last."""

    @classmethod
    def get_async_dialect_cls(cls, _: object) -> type[StatementsDialect]:
        return cls

    def initialize(self, connection: Any) -> None:
        """Without asking."""
        self.default_schema_name, self.default_isolation_level = "public", "READ COMMITTED"

    def on_connect(self) -> Callable[[Any], None]:
        on_connect = super().on_connect()  # type: ignore[no-untyped-call]

        def connected(connection: Any) -> None:
            on_connect(connection)
            self._asked[connection.driver_connection] = time.monotonic()

        return connected

    def do_ping(self, dbapi_connection: Any) -> bool:
        driver = dbapi_connection.driver_connection
        now = time.monotonic()
        recent = now - self._asked.get(driver, 0.0) < _TRUSTED_SECONDS
        if recent and not driver.closed and not select.select([driver.pgconn.socket], [], [], 0)[0]:
            return True
        self._asked[driver] = now
        alive: bool = super().do_ping(dbapi_connection)  # type: ignore[no-untyped-call]
        return alive


registry.register(DRIVER.replace("+", "."), __name__, StatementsDialect.__name__)
