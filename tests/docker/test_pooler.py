"""The profile `pgbouncer`: Debian's PgBouncer with the file that the stack mounts, and the program behind it."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest

from services.adapters.database_upgrade import DatabaseService
from services.model import Action, Entity
from services.ports import NewChange
from services.records import Records
from services.settings import Settings
from tests.docker.stack import CENTRAL, DOCKER, compose
from tests.services.servers import DEBIAN_15, open_to_others, postgres_15, query, records_of

PASSWORD = "s3cret: @/?#%41 ü'"
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.defpath}:/usr/sbin")
SERVICE = compose(CENTRAL)["services"]["pgbouncer"]
SECONDS_TO_START = 20


@contextmanager
def pooler(folder: Path, postgres: Path) -> Iterator[int]:
    """Port of a PgBouncer as the image would run it, before the PostgreSQL on a socket in `postgres`."""
    if PGBOUNCER is None:
        pytest.skip("needs Debian's pgbouncer")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    settings = (DOCKER / "pgbouncer.ini").read_text("utf-8")
    for there, here in (
        ("host=postgres port=5432", f"host={postgres} port=5432"),
        ("listen_addr = 0.0.0.0", "listen_addr = 127.0.0.1"),
        ("listen_port = 6432", f"listen_port = {port}"),
        ("/etc/pgbouncer/userlist.txt", str(folder / "userlist.txt")),
    ):
        assert there in settings
        settings = settings.replace(there, here)
    (folder / "pgbouncer.ini").write_text(settings, "utf-8")
    (folder / "userlist.txt").write_text(f'"pooled" "{PASSWORD}"\n', "utf-8")
    user = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else None
    open_to_others(folder)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([PGBOUNCER, folder / "pgbouncer.ini"], user=user, cwd="/", stderr=log)
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


def healthy(port: int, password: str = PASSWORD) -> bool:
    """What the stack's health check says."""
    kind, command = SERVICE["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    environment = {
        "PATH": f"{DEBIAN_15}:{os.defpath}",
        "DB_USER": "pooled",
        "DB_PASSWORD": password,
        "DB_NAME": "memoria",
    }
    asked = command.replace("$$", "$").replace("6432", str(port))
    done = subprocess.run(["sh", "-c", asked], env=environment, capture_output=True, check=False)
    return done.returncode == 0


async def test_the_program_works_through_the_pooler_of_the_stack(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "pooler").mkdir()
    with postgres_15(tmp_path / "postgres") as server, pooler(tmp_path / "pooler", tmp_path / "postgres") as port:
        hba = tmp_path / "postgres" / "data" / "pg_hba.conf"
        hba.write_text("local all pooled scram-sha-256\n" + hba.read_text("utf-8"), "utf-8")
        query(server, "SELECT pg_reload_conf()")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(psycopg.sql.SQL("CREATE ROLE pooled LOGIN PASSWORD {}").format(PASSWORD))
            connection.execute("CREATE DATABASE memoria OWNER pooled")
        deadline = time.monotonic() + SECONDS_TO_START
        while not healthy(port):
            assert time.monotonic() < deadline, (tmp_path / "pooler" / "log").read_text("utf-8")
        assert not healthy(port, "wrong")

        url = f"postgresql://pooled:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/memoria"
        settings = Settings(home=tmp_path, database_url=url, actor="tester")
        service = DatabaseService.of(settings)
        assert await service.upgrade() != ""
        assert (await service.status()).current
        await service.close()

        programs = [records_of(settings) for _ in range(8)]
        memory = str(uuid4())
        await asyncio.gather(*(write(records, memory) for records in programs for _ in range(5)))
        for history in await asyncio.gather(
            *(records.history.changes_of(Entity.MEMORY, memory) for records in programs)
        ):
            assert len(history) == 40
        for records in programs:
            await records.close()
        with pytest.raises(psycopg.OperationalError, match="options"):
            query(f"{url}?options=-c%20default_transaction_read_only%3Don", "SELECT 1")


async def write(records: Records, memory: str) -> None:
    """One transaction of the program's: a change and its outbox entry."""
    async with records.transaction() as transaction:
        change = NewChange(Entity.MEMORY, memory, Action.UPDATED, before=None, after={})
        (number,) = await transaction.history.append(str(uuid4()), [change])
        await transaction.outbox.put({memory: number})
