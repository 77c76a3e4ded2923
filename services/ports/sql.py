"""PostgreSQL as the tables of `services.records` see it: where statements run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from services.model import StoreStatus


class SqlConnection(Protocol):
    """Runs statements: each in a transaction of its own, or all in one."""

    async def fetch(self, sql: str, **parameters: object) -> Sequence[Any]:
        """The rows of one statement, columns as attributes; `:name` in it stands for a parameter.

        Outside a transaction a table that does not exist has no rows. Raises StoreUnavailable or StoreTooNew, and
        SchemaMissing where an earlier database has not yet the column or function.
        """
        ...


class SqlTransaction(SqlConnection, Protocol):
    """Statements that happen together; rows go out and in by COPY too."""

    def copy_out(self, sql: str) -> AsyncGenerator[bytes]:
        """Row by row, as `COPY … TO STDOUT` writes them in text format; to be closed."""
        ...

    async def copy_in(self, sql: str, rows: bytes) -> None:
        """Rows as `copy_out` gave them, for `COPY … FROM STDIN`."""
        ...


@dataclass(frozen=True, slots=True)
class SqlFeatures:
    """What a database can do, as it is."""

    own_paths: bool
    """`public.find_path` is ours; MCP Memoria's mixes paths."""
    revision: str = ""
    """Of our schema; "" where it is another program's database, or what is ours in it is closed to this role."""

    def since(self, revision: str) -> bool:
        """Whether it has what this revision added."""
        return self.revision >= revision


class SqlDatabase(SqlConnection, Protocol):
    """One database; connects when it is first asked. Whatever writes raises SchemaMissing, StoreReadOnly too."""

    async def features(self) -> SqlFeatures: ...

    async def write(self, sql: str, **parameters: object) -> None:
        """One statement in a transaction of its own, or in none where it must have none."""
        ...

    def transaction(self, *, commit: bool = True) -> AbstractAsyncContextManager[SqlTransaction]:
        """Committed at the end, rolled back without `commit`, on any error and on cancellation."""
        ...

    def snapshot(self) -> AbstractAsyncContextManager[SqlTransaction]:
        """A transaction that reads only, and sees nothing of what is written after its first statement."""
        ...

    async def status(self) -> StoreStatus:
        """Never raises: what is wrong stands in `problems`. Counts above 20,000 are estimates."""
        ...

    async def close(self) -> None: ...
