"""What PostgreSQL and its libraries raise, as a person is told it; all else passes as what it is."""

from __future__ import annotations

import errno

import psycopg
import pytest

from services.adapters.postgres.database import Database
from services.adapters.postgres.postgres_errors import connecting, translated
from services.errors import InvalidInput, MemoriaError, StorageFull, StoreBusy, StoreTimeout, StoreUnavailable

FULL = OSError(errno.ENOSPC, "No space left on device", "/backups/a.tar")


@pytest.fixture
def database(postgres_url: str) -> Database:
    return Database(postgres_url)


@pytest.mark.parametrize("error", [FULL, PermissionError("of a file"), KeyError("a bug"), ZeroDivisionError()])
@pytest.mark.parametrize("way", ["connection", "transaction", "snapshot"])
async def test_an_error_of_the_body_passes_as_what_it_is(database: Database, way: str, error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        async with getattr(database, way)():
            raise error
    assert caught.value is error
    await database.close()


@pytest.mark.parametrize("statement", ["SELEKT 1", "SELECT no_such_column FROM clients", "SELECT no_such_function()"])
async def test_a_mistake_of_this_program_is_no_outage(database: Database, statement: str) -> None:
    with pytest.raises(Exception, match=r"syntax|does not exist") as caught:
        await database.write(statement)
    assert not isinstance(caught.value, MemoriaError)
    await database.close()


async def test_a_lost_connection_is_told_as_such(database: Database) -> None:
    with pytest.raises(StoreUnavailable):
        async with database.connection() as connection:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    await database.close()


async def test_a_value_that_no_text_can_hold_is_the_callers(database: Database) -> None:
    with pytest.raises(InvalidInput, match="refused a value"):
        await database.write("SELECT CAST(:value AS text)", {"value": "nul \x00"})
    await database.close()


@pytest.mark.parametrize(
    ("state", "message", "kind"),
    [
        ("53100", 'could not extend file "base/5/1": No space left on device', StorageFull),
        ("58030", 'could not write file "x": Read-only file system', StorageFull),
        ("58030", "could not read file: Input/output error", StoreUnavailable),
        ("57014", "canceling statement", StoreTimeout),
        ("57P01", "terminating connection", StoreUnavailable),
        ("40P01", "deadlock detected", StoreBusy),
    ],
)
def test_each_known_state_has_its_error(state: str, message: str, kind: type[MemoriaError]) -> None:
    with pytest.raises(kind) as caught, translated("PostgreSQL"):
        raise psycopg.errors.lookup(state)(message)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    assert ("free some space" in str(caught.value)) is (kind is StorageFull)


def test_an_error_of_the_way_to_the_server_is_told_only_while_connecting() -> None:
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    with pytest.raises(StoreUnavailable, match="cannot be reached"), connecting("PostgreSQL"):
        raise refused
    with pytest.raises(ConnectionRefusedError), translated("PostgreSQL"):
        raise refused
