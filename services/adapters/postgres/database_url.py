"""The URL of a database: as libpq reads it, as SQLAlchemy does, and how a person is told where that is."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from services.adapters.postgres.postgres_errors import SETTING
from services.errors import InvalidInput

if TYPE_CHECKING:
    from sqlalchemy import URL

CONNECT: Mapping[str, object] = {
    "application_name": "memoria-tui",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""libpq's parameters, so that a dead server is noticed within seconds; the URL wins. Times in s, the last in ms."""
NO_URL = f"{SETTING} cannot be read: it must look like postgresql://user:password@host:5432/memoria"


def parse_url(given: str) -> URL:
    """SQLAlchemy's URL for psycopg."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(_one_host(libpq_url(given)).replace("postgresql:", "postgresql+psycopg:", 1))
    except (ArgumentError, ValueError) as error:
        raise InvalidInput(NO_URL) from error


def libpq_url(given: str, setting: str = SETTING) -> str:
    """The URL as libpq reads it. User and password may hold any character, percent-encoded or not.

    Raises InvalidInput naming the `setting` that has it.
    """
    user, password, rest = _split(given, setting)
    credentials = "" if user is None else quote(user, safe="")
    if password is not None:
        credentials += ":" + quote(password, safe="")
    return f"postgresql://{credentials}{'@' if credentials else ''}{rest}"


def _one_host(url: str) -> str:
    """A list of hosts, of which libpq takes the first that fits, moved to where SQLAlchemy looks for it."""
    found = re.fullmatch(r"(postgresql://(?:[^@]*@)?)([^/?@]*,[^/?@]*)(/[^?]*)?\??(.*)", url)
    if found is None:
        return url
    before, hosts, name, options = found.groups()
    listed = [f"host={host if re.search(':[0-9]+$', host) else host + ':5432'}" for host in hosts.split(",")]
    return f"{before}{name or '/'}?{'&'.join([*listed, options] if options else listed)}"


def connect_arguments(named: Collection[str]) -> dict[str, Any]:
    """What to tell libpq besides the parameters that the URL names, which win."""
    return {name: value for name, value in CONNECT.items() if name not in named}


def _split(given: str, setting: str = SETTING) -> tuple[str | None, str | None, str]:
    """User, password, and what follows them."""
    found = re.fullmatch(
        r"postgres(?:ql)?(?:\+\w+)?://(?:(?P<user>[^:@/]*)(?::(?P<password>.*))?@)?(?P<rest>[^@]*)", given
    )
    if found is None:
        raise InvalidInput(f"{setting} must begin with postgresql:// and name user, host and database")
    user, password = found["user"], found["password"]
    return (
        None if user is None else unquote(user),
        None if password is None else unquote(password),
        found["rest"],
    )


def place_of(given: str) -> str:
    """«host:port/database» without importing SQLAlchemy, for messages and the top line."""
    rest, _, query = _split(given)[2].partition("?")
    address, _, name = rest.partition("/")
    host = re.search(r"(?:^|&)host=([^&]*)", query)
    port = re.search(r"(?:^|&)port=([^&]*)", query)
    if host is not None:
        address = f"{unquote(host[1])}:{port[1] if port else 5432}"
    elif not re.search(r":\d+$", address):
        address = f"{address or 'localhost'}:{port[1] if port else 5432}"
    return f"{address}/{unquote(name)}"
