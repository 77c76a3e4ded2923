"""What a program costs that is open while nobody does anything: requests and time of the processor.

On the embedded stores and on servers; the servers are stand-ins in processes of their own, PostgreSQL is a real one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psutil
from psycopg import AsyncConnection

from services.adapters.daemon.client import DaemonClient
from services.adapters.edge.edge_store import EdgeVectorStore
from services.adapters.postgres.database import Database
from services.container import Services, open_services
from services.model import MemoryDraft, SessionDraft
from services.settings import Settings
from tests.benchmarks.figures import Figure, limited
from tests.tui.plain_app import plain_app

_REQUESTS, _CORE = 1.0, 0.5
"""The limits: requests a second over all stores, and percent of a core."""
_MODEL, _DIMENSIONS = "all-minilm", 384
_OLLAMA = f"""
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Ollama(BaseHTTPRequestHandler):
    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        asked = json.loads(self.rfile.read(length) or b"{{}}")
        vectors = [[1.0] + [0.0] * {_DIMENSIONS - 1} for _ in asked.get("input", ())]
        told = {{"version": "0.12.6", "models": [{{"name": "{_MODEL}:latest"}}], "embeddings": vectors}}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = answer
    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Ollama)
print(server.server_port, flush=True)
server.serve_forever()
"""
_TRANSACTIONS = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"


class Counted(logging.Handler):
    """Counts the requests that httpx makes, for Qdrant and for Ollama, and those to the embedded vector store."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.number = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.number += 1


class _CountedClient(DaemonClient):
    def __init__(self, home: Path, counted: Counted) -> None:
        super().__init__(home, linger=0)
        self._counted = counted

    async def call(self, target: str, method: str, *arguments: object) -> object:
        self._counted.number += 1
        return await super().call(target, method, *arguments)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--memories", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=60.0, help="measured in each state (default: %(default)s)")
    parser.add_argument("--settle", type=float, default=45.0, help="before that (default: %(default)s)")


async def run(args: argparse.Namespace) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="memoria-benchmark-", ignore_cleanup_errors=True) as folder:
        database = Database.of(Settings(home=Path(folder)))
        url = (await database.url()).set(drivername="postgresql").render_as_string(hide_password=False)
        with _server("-m", "tests.qdrant_server") as qdrant, _server("-c", _OLLAMA) as ollama:
            settings = Settings(
                home=Path(folder),
                database_url=url,
                qdrant_host=qdrant,
                ollama_host=f"127.0.0.1:{ollama}",
                embedding_model=_MODEL,
                embedding_dimensions=_DIMENSIONS,
                writer_zone="UTC",
            )
            try:
                embedded = await _figures("embedded", Settings(home=Path(folder), writer_zone="UTC"), url, args)
                return [*embedded, *await _figures("servers", settings, url, args)]
            finally:
                await database.close()


async def _figures(where: str, settings: Settings, url: str, args: argparse.Namespace) -> list[Figure]:
    async with open_services(settings) as services:
        await services.database.upgrade()
        for number in range(args.memories):
            await services.memories.create(MemoryDraft(f"memory {number}"))
    figures, counted = [], Counted()
    async with await AsyncConnection.connect(url, autocommit=True) as asking, _opened(settings, counted) as services:
        await asking.execute("VACUUM ANALYZE")  # what the server would do by itself meanwhile
        await asyncio.sleep(args.settle)
        figures += await _measured(f"{where}, idle", counted, asking, args.seconds)
        session = await services.work.start(SessionDraft("something"))
        await asyncio.sleep(args.settle)
        figures += await _measured(f"{where}, while a timer runs", counted, asking, args.seconds)
        await services.work.stop(session.id)
    return figures


@asynccontextmanager
async def _opened(settings: Settings, counted: Counted) -> AsyncIterator[Services]:
    """The app on its first mode, and its services."""
    given: asyncio.Future[Services] = asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def opened() -> AsyncIterator[Services]:
        vectors = None if settings.qdrant_host else EdgeVectorStore(_CountedClient(settings.home, counted))
        async with open_services(settings, vectors=vectors) as services:
            given.set_result(services)
            yield services

    app = plain_app(opened, where="servers")
    async with app.run_test(size=(120, 40)):
        yield await given


async def _measured(
    state: str, counted: Counted, asking: AsyncConnection[tuple[object, ...]], seconds: float
) -> list[Figure]:
    httpx = logging.getLogger("httpx")
    httpx.addHandler(counted)
    httpx.setLevel(logging.INFO)
    counted.number = 0
    before, used, begun = await _transactions(asking), _processor_seconds(), time.monotonic()
    await asyncio.sleep(seconds)
    lasted = time.monotonic() - begun
    cores = (_processor_seconds() - used) / lasted * 100
    transactions = await _transactions(asking) - before
    httpx.removeHandler(counted)
    requests = (counted.number + transactions) / lasted
    what = f"{state}: requests, {counted.number} to vectors and models and {transactions} to PostgreSQL"
    return [limited(what, requests, "/s", _REQUESTS), limited(f"{state}: of a core", cores, "%", _CORE)]


def _processor_seconds() -> float:
    """Of this process and of the daemon."""
    daemons = [
        one for one in psutil.process_iter(["cmdline"]) if "services.adapters.daemon" in (one.info["cmdline"] or ())
    ]
    return sum(sum(one.cpu_times()[:2]) for one in (psutil.Process(), *daemons))


async def _transactions(asking: AsyncConnection[tuple[object, ...]]) -> int:
    """Committed and rolled back so far, without those of this question; backends tell after a second at the most."""
    row = await (await asking.execute(_TRANSACTIONS)).fetchone()
    assert row is not None
    return int(str(row[0]))


@contextmanager
def _server(*arguments: str) -> Iterator[str]:
    """A process that prints where it is and runs until the end; gives what it prints."""
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
