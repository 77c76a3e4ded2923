"""On which address the server listens, and which clients may connect."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from services.errors import InvalidInput, Malformed

HEALTH = "/health"
PUBLIC = (HEALTH, "/openapi.json", "/docs")
"""What tells nothing of the memories, and is answered without a token."""
PREFIX = "/api/v1"
IMPORT = f"{PREFIX}/import"
_RATE = 6000
"""Requests a minute of one token."""


@dataclass(frozen=True, slots=True)
class Listening:
    """On which address the server listens, and which clients may connect."""

    host: str = "127.0.0.1"
    port: int = 8765
    """0: any that is free."""
    certificate: Path | None = None
    """File with the certificate, and those that it was signed with; None: no TLS."""
    key: Path | None = None
    """File with its key, where that is not in the same one."""
    names: Sequence[str] = ()
    """Other host names by which it is reached, as of a proxy."""
    tokens: bool = False
    """Whether every client needs an access token, also where it listens on this machine alone."""
    origins: Sequence[str] = ()
    """Addresses of web pages that may use it: «https://example.org»."""
    rate: int | None = None
    """Requests a minute of one client; 0: any number; None: so where it is open, else 6,000."""
    traces: bool = False
    """Whether what it does is told to the collector of OpenTelemetry that the environment names."""

    def check(self) -> None:
        """Raises InvalidInput for what cannot be meant."""
        if self.key and not self.certificate:
            raise Malformed("--tls-key needs --tls-cert, the file of the certificate that the key belongs to")
        for origin in self.origins:
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or f"{parts.scheme}://{parts.netloc}" != origin
                or not parts.netloc
            ):
                raise Malformed(f"--allow-origin {origin}: give scheme and host alone, as in https://example.org")

    @property
    def open(self) -> bool:
        """Whether programs of this machine, which alone reach it, need no token."""
        return not self.tokens and not self.names and self.is_local

    @property
    def is_local(self) -> bool:
        with contextlib.suppress(ValueError):
            return ip_address(self.host).is_loopback
        return self.host == "localhost"

    @property
    def most_a_minute(self) -> int:
        """Requests of one client; 0: any number."""
        return (0 if self.open else _RATE) if self.rate is None else self.rate


def why_not_bound(error: OSError) -> str:
    """Why nothing can listen at an address, without what servers add to it."""
    if isinstance(error, socket.gaierror) or not error.errno:
        return error.strerror or str(error)
    return os.strerror(error.errno)


def bound(where: Listening) -> socket.socket:
    """The socket of a server. Raises InvalidInput when there can be none."""
    try:
        (family, *_, address), *_ = socket.getaddrinfo(
            where.host, where.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listening = socket.create_server(address, family=family)
    except OSError as error:
        raise InvalidInput(f"cannot listen on {where.host}, port {where.port}: {why_not_bound(error)}") from error
    # asyncio sees to that only for sockets it made itself; else the end of an answer waits 40 ms for the client
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
