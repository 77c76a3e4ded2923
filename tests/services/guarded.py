"""A PostgreSQL 15 of Debian's that can be stopped and started, asks for passwords and speaks TLS."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.services.servers import DEBIAN_15, open_to_others, query, run

_RULES = """\
local all memoria trust
host all memoria 127.0.0.1/32 trust
hostssl sealed all 127.0.0.1/32 scram-sha-256
host sealed all 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256
host all all ::1/128 scram-sha-256
"""


class GuardedServer:
    """One data folder with its server; the certificate is for «localhost»."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority, self.stranger = folder / "authority.crt", folder / "stranger.crt"
        self._data = folder / "data"
        self._user = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else None
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            self.port = reserved.getsockname()[1]
        if self._user is not None:
            os.chown(folder, self._user, -1)
            open_to_others(folder)
        run(self._user, DEBIAN_15 / "initdb", "-U", "memoria", "-N", "--locale=C", "-E", "UTF8", "-D", self._data)
        (self._data / "pg_hba.conf").write_text(_RULES)
        self._certify()

    def start(self) -> None:
        options = (
            f"-k {self.folder} -p {self.port} -c listen_addresses=127.0.0.1,::1 -c fsync=off -c ssl=on "
            f"-c ssl_cert_file={self.folder}/server.crt -c ssl_key_file={self.folder}/server.key"
        )
        self._control("start", "-o", options)

    def stop(self) -> None:
        self._control("stop", "-m", "immediate")

    def restart(self) -> None:
        self.stop()
        self.start()

    def url(
        self, database: str = "postgres", *, host: str = "127.0.0.1", user: str = "memoria", password: str = ""
    ) -> str:
        """The URL of a database; the password percent-encoded."""
        secret = f":{quote(password, safe='')}" if password else ""
        return f"postgresql://{user}{secret}@{host}:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Makes an empty database again; gives its URL."""
        query(self.url(), f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        query(self.url(), f"CREATE DATABASE {database} STRATEGY file_copy")
        return self.url(database)

    def _control(self, *command: str) -> None:
        run(self._user, DEBIAN_15 / "pg_ctl", "-D", self._data, "-l", self.folder / "log", "-w", *command)

    def _certify(self) -> None:
        """An authority, a server's certificate signed by it, and an authority that signed nothing."""
        for name in ("authority", "stranger"):
            self._openssl(name, "-x509", "-subj", f"/CN={name}", "-out", self.folder / f"{name}.crt")
        self._openssl(
            "server",
            *("-x509", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-CA", self.authority, "-CAkey", self.folder / "authority.key", "-out", self.folder / "server.crt"),
        )
        key = self.folder / "server.key"
        key.chmod(0o600)
        if self._user is not None:
            os.chown(key, self._user, -1)

    def _openssl(self, key: str, *options: object) -> None:
        command = [
            "openssl",
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ]
        command += ["-keyout", str(self.folder / f"{key}.key"), *map(str, options)]
        subprocess.run(command, check=True, capture_output=True)


@contextlib.contextmanager
def guarded_server(folder: Path) -> Iterator[GuardedServer]:
    """Started; skips where Debian's server or openssl is not installed."""
    if not DEBIAN_15.is_dir() or shutil.which("openssl") is None:
        pytest.skip("needs Debian's postgresql-15 and openssl")
    server = GuardedServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
