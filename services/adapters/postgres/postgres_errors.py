"""Turns what PostgreSQL and its libraries raise into one line of our own tree of errors."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from services.errors import (
    MAKE_ROOM,
    AuthenticationFailed,
    Conflict,
    InvalidInput,
    MemoriaError,
    SchemaMissing,
    StorageFull,
    StoreBusy,
    StoreReadOnly,
    StoreTimeout,
    StoreUnavailable,
)

MISSING_TABLE = ("42P01", "3F000")
"""SQLSTATE of an undefined table and of an undefined schema."""
_MISSING_PART = ("42703", "42883")
"""SQLSTATE of an undefined column and of an undefined function."""
NOT_PERMITTED = "42501"
"""SQLSTATE of a missing privilege."""
SHUT_DOWN = "57P01"
"""SQLSTATE of a connection that the server ended; a statement that gets it was not carried out."""
_DISK_FULL = "53100"
"""SQLSTATE of a write for which the disk has no room."""
_DISK = ("No space left", "Read-only file system", "Disk quota", "Permission denied")
"""What the server says of a write that its disk refuses, whatever class of SQLSTATE it gives it."""
_REFUSED = ("authentication failed", "no password supplied", "pg_hba.conf")
SETTING = "MEMORIA_DATABASE_URL"
"""What has the URL of our own database."""
UPGRADE_ADVICE = "`memoria-tui db upgrade` adds it"


@contextlib.contextmanager
def connecting(database: str, setting: str = SETTING) -> Iterator[None]:
    """Around the making of a connection: as `translated`, but whatever fails there is about the way to the server."""
    import psycopg

    with translated(database, setting):
        try:
            yield
        except (psycopg.Error, OSError) as error:
            if sqlstate(error) is not None:
                raise
            raise _without_state(one_line(error), database, setting) from error


@contextlib.contextmanager
def translated(database: str, setting: str = SETTING) -> Iterator[None]:
    """Raises our error for those of PostgreSQL's libraries that are known; all others pass as what they are.

    `database` is how to call it, `setting` what has its URL.
    """
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        known = _translate(error, database, setting)
        if known is None:
            raise
        raise known from error


def sqlstate(error: BaseException | None) -> str | None:
    """The five characters by which PostgreSQL names the kind of an error."""
    return getattr(error, "sqlstate", None)


@contextlib.contextmanager
def of_an_earlier_schema(database: str) -> Iterator[None]:
    """Around what is read of an earlier schema than this program's: raises SchemaMissing for what is not there yet."""
    try:
        yield
    except Exception as error:
        if sqlstate(error) in _MISSING_PART:
            raise _lacking(database, one_line(error)) from error
        raise


_UNAVAILABLE = ("08", "40", "53", "54", "55", "57", "58", "F0", "XX")
"""Classes of SQLSTATE that tell of the server: connection, deadlock, resources, limits, its state, its disk."""


def _translate(error: BaseException, where: str, setting: str) -> MemoriaError | None:
    """What a known error means; None for one that can only be a mistake of this program."""
    import psycopg

    state, line = sqlstate(error), one_line(error)
    match state:
        case None:
            if isinstance(error, psycopg.DataError):
                return InvalidInput(f"{where} refused a value: {line}")
            lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
            return _without_state(line, where, setting) if lost else None
        case "28000" | "28P01":
            return AuthenticationFailed(f"{where} refused the user or password: {line}")
        case "42501":
            return AuthenticationFailed(f"{where} does not permit this: {line}")
        case "3D000":
            return StoreUnavailable(f"{where}: {line}; create it, or correct {setting}")
        case "57014" | "55P03":
            return StoreTimeout(f"{where}: {line}")
        case "40P01" | "40001":
            return StoreBusy(f"{where}: another program writes the same; try again")
        case "42P01" | "3F000":
            return _lacking(where, line)
        case "23505":
            return Conflict(f"{where}: {line}", current=None)
        case "25006":
            return StoreReadOnly(f"{where} is read-only: {line}")
    if state[:2] == "53" and state != "53300":
        advice = f"; {MAKE_ROOM}" if state == _DISK_FULL else ""
        return StorageFull(f"{where} is out of room: {line}{advice}")
    if state[:2] == "58" and any(text in line for text in _DISK):
        return StorageFull(f"{where} cannot write: {line}; {MAKE_ROOM}")
    if state[:2] in ("22", "23"):
        return InvalidInput(f"{where} refused a value: {line}")
    return StoreUnavailable(f"{where}: {line}") if state[:2] in _UNAVAILABLE else None


def _lacking(where: str, line: str) -> SchemaMissing:
    return SchemaMissing(f"{where} lacks what this program needs ({line}): {UPGRADE_ADVICE}")


def _without_state(line: str, where: str, setting: str) -> MemoriaError:
    """libpq gives no SQLSTATE for a connection that could not be made: only its text tells."""
    lowered = line.lower()
    if any(text in lowered for text in _REFUSED) or re.search(r'role ".*" does not exist', line):
        return AuthenticationFailed(f"{where} refused the user or password: {line}")
    if "timeout" in lowered or "timed out" in lowered:
        return StoreTimeout(f"{where} did not answer in time")
    if "invalid connection option" in lowered or "invalid uri query parameter" in lowered:
        return InvalidInput(f"{setting}: {line}")
    if "does not exist" in lowered and "database" in lowered:
        return StoreUnavailable(f"{where}: {line}; create it, or correct {setting}")
    return StoreUnavailable(f"{where} cannot be reached: {line}")


def one_line(error: BaseException) -> str:
    """The most telling line: the last «FATAL:» of libpq's attempts, else the first one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    fatal = [line.rpartition("FATAL:")[2].strip() for line in lines if "FATAL:" in line]
    return fatal[-1] if fatal else lines[0]
