"""The vector store on a server: versions, keys, failures and what is sent, against a small server of our own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from services.adapters.server.server_store import ServerVectorStore
from services.errors import (
    AuthenticationFailed,
    InvalidInput,
    MemoriaError,
    StorageFull,
    StoreMismatch,
    StoreRefused,
    StoreTimeout,
    StoreUnavailable,
)
from services.model import MemoryType
from services.points import BM25_B, BM25_K, TextSearch

S = MemoryType.SEMANTIC
SECRET = "very-secret-key"


class FakeQdrant(ThreadingHTTPServer):
    """Answers as Qdrant's REST documentation says, for one collection; remembers what it was asked."""

    daemon_threads = True
    request_queue_size = 128
    """Indexes are asked for side by side; with the usual 5, connections are refused on a busy machine."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.version = "1.20.0"
        self.text_index: Mapping[str, object] = {"type": "text"}
        self.refuse: tuple[int, str] | None = None
        self.delay = 0.0
        self.existing = {"semantic"}
        self.aliases: dict[str, str] = {}
        self.asked: list[tuple[str, str, dict[str, object]]] = []
        self.keys: set[str | None] = set()
        self.unknown_fields: tuple[str, ...] = ()

    def answer(self, method: str, path: str, body: dict[str, object]) -> tuple[int, object]:
        match method, path.split("?")[0].strip("/").split("/"):
            case "GET", [""]:
                return 200, {"title": "qdrant - vector search engine", "version": self.version}
            case _ if self.refuse:
                return self.refuse[0], {"status": {"error": self.refuse[1]}}
            case "GET", ["collections", name] if name not in self.existing:
                return 404, {"status": {"error": f"Not found: Collection `{name}` doesn't exist!"}}
            case "GET", ["collections", _]:
                return 200, self._collection()
            case "GET", ["aliases"]:
                return 200, {
                    "aliases": [{"alias_name": one, "collection_name": self.aliases[one]} for one in self.aliases]
                }
            case "POST", ["collections", "aliases"]:
                return 200, True
            case "PUT", ["collections", name]:
                self.existing.add(name)
                return 200, True
            case "PUT", ["collections", _, "index"] if any(field in json.dumps(body) for field in self.unknown_fields):
                return 400, {"status": {"error": "Format error in JSON body: unknown field"}}
            case "POST", ["collections", _, "points", "count"]:
                return 200, {"count": 1}
            case "POST", ["collections", _, "points", "scroll"]:
                return 200, {"points": [{"id": 1, "payload": {"content": "some words"}}], "next_page_offset": None}
            case "POST", ["collections", _, "points"]:
                return 200, [{"id": 1, "payload": {"content": "some words", "project": "api"}}]
            case "POST", ["collections", _, "points", "query", "batch"]:
                return 200, [{"points": [{"id": 1, "version": 1, "score": 2.5, "payload": {"content": "some words"}}]}]
        return 200, {"operation_id": 1, "status": "completed"}

    def _collection(self) -> object:
        return {
            "status": "green",
            "optimizer_status": "ok",
            "points_count": 1,
            "segments_count": 1,
            "config": {
                "params": {"vectors": {"size": 4, "distance": "Cosine"}},
                "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000},
                "optimizer_config": {
                    "deleted_threshold": 0.2,
                    "vacuum_min_vector_number": 1000,
                    "default_segment_number": 0,
                    "flush_interval_sec": 5,
                },
                "metadata": None,
            },
            "payload_schema": {"content": {"data_type": "text", "params": self.text_index, "points": 1}},
        }

    def sent(self, ending: str) -> list[dict[str, Any]]:
        """Bodies of the requests whose path ends so."""
        return [body for _, path, body in self.asked if path.split("?")[0].endswith(ending)]


class _Answer(BaseHTTPRequestHandler):
    server: FakeQdrant

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        self.server.asked.append((self.command, self.path, body))
        self.server.keys.add(self.headers.get("api-key"))
        time.sleep(self.server.delay)
        status, result = self.server.answer(self.command, self.path, body)
        plain = self.path == "/" or status != 200
        data = json.dumps(result if plain else {"result": result, "status": "ok", "time": 0.0}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keeps the tests' output clean."""


@pytest.fixture
def qdrant() -> Iterator[FakeQdrant]:
    with FakeQdrant() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def connected(qdrant: FakeQdrant) -> ServerVectorStore:
    return ServerVectorStore("127.0.0.1", qdrant.server_port, SECRET)


async def failure(store: ServerVectorStore) -> MemoriaError:
    with pytest.raises(MemoriaError) as caught:
        await store.count(S)
    await store.close()
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)
    return caught.value


async def test_the_key_is_sent_and_nothing_is_said_about_versions_or_safety(qdrant: FakeQdrant) -> None:
    store = connected(qdrant)
    with warnings.catch_warnings(action="error"):
        assert await store.count(S) == 1
    assert qdrant.keys == {SECRET}
    await store.close()


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_told_as_such(qdrant: FakeQdrant, status: int) -> None:
    qdrant.refuse = (status, f"Invalid API key or JWT {SECRET[:0]}")
    error = await failure(connected(qdrant))
    assert isinstance(error, AuthenticationFailed)
    assert f"127.0.0.1:{qdrant.server_port}" in str(error)
    assert "QDRANT_API_KEY" in str(error)


async def test_an_old_server_is_refused_with_both_versions(qdrant: FakeQdrant) -> None:
    qdrant.version = "1.15.4"
    error = await failure(connected(qdrant))
    assert isinstance(error, StoreMismatch)
    assert "1.15.4" in str(error)
    assert "1.16" in str(error)


@pytest.mark.parametrize("version", ["1.16.0", "1.20.1-dev", "2.0.0", "unheard of"])
async def test_servers_from_1_16_are_used(qdrant: FakeQdrant, version: str) -> None:
    qdrant.version = version
    store = connected(qdrant)
    assert await store.count(S) == 1
    assert (await store.status()).version == version
    await store.close()


async def test_a_server_that_does_not_answer_is_a_timeout(qdrant: FakeQdrant) -> None:
    qdrant.delay = 1.3
    assert isinstance(
        await failure(ServerVectorStore("127.0.0.1", qdrant.server_port, SECRET, seconds=1)), StoreTimeout
    )


async def test_a_server_that_is_not_there_is_named_and_found_when_it_comes(qdrant: FakeQdrant) -> None:
    port = qdrant.server_port
    qdrant.shutdown()
    qdrant.server_close()
    error = await failure(ServerVectorStore("127.0.0.1", port))
    assert isinstance(error, StoreUnavailable)
    assert f"127.0.0.1:{port} cannot be reached" in str(error)


async def test_a_store_that_failed_to_open_tries_again(qdrant: FakeQdrant) -> None:
    store = connected(qdrant)
    qdrant.version = "1.0.0"
    assert not (await store.status()).ok
    qdrant.version = "1.18.0"
    assert (await store.status()).ok
    await store.close()


async def test_a_full_disk_and_other_errors_of_the_server_are_told_apart(qdrant: FakeQdrant) -> None:
    qdrant.refuse = (500, "Service internal error: No space left on device")
    assert isinstance(await failure(connected(qdrant)), StorageFull)
    qdrant.refuse = (500, "Service internal error: out of luck")
    error = await failure(connected(qdrant))
    assert isinstance(error, StoreRefused)
    assert error.status == 500
    assert str(error).endswith("answered with error 500: Service internal error: out of luck")


async def test_something_else_on_that_port_is_told_as_such() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n<html></html>")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        error = await failure(ServerVectorStore("127.0.0.1", server.sockets[0].getsockname()[1]))
    assert isinstance(error, StoreUnavailable)
    assert "does not speak" in str(error)


@pytest.mark.parametrize(
    ("host", "label"),
    [
        ("qdrant", "qdrant:6333"),
        ("qdrant:7000", "qdrant:7000"),
        ("https://user:pass@qdrant.example", "qdrant.example:6333"),
        ("http://[::1]:7", "[::1]:7"),
    ],
)
async def test_the_label_names_host_and_port_and_no_password(host: str, label: str) -> None:
    store = ServerVectorStore(host)
    assert (store._label, "pass" in store._url) == (label, False)


@pytest.mark.parametrize("host", ["ftp://qdrant", "http://", "http://qdrant:port"])
def test_a_host_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(InvalidInput, match="MEMORIA_QDRANT_HOST"):
        ServerVectorStore(host)


async def test_a_key_for_named_collections_alone_need_not_see_aliases(qdrant: FakeQdrant) -> None:
    answer = qdrant.answer

    def refusing(method: str, path: str, body: dict[str, object]) -> tuple[int, object]:
        refused = path.startswith("/aliases")
        return (403, {"status": {"error": "Global access is required"}}) if refused else answer(method, path, body)

    qdrant.answer = refusing  # type: ignore[method-assign]
    store = connected(qdrant)
    await store.ensure(4, "model")
    assert await store.count(S) == 1
    await store.close()


async def test_missing_collections_are_made_as_the_cluster_wants_them_and_present_ones_get_missing_indexes(
    qdrant: FakeQdrant,
) -> None:
    store = ServerVectorStore("127.0.0.1", qdrant.server_port, SECRET, shards=3, replicas=2, on_disk=True)
    await store.ensure(4, "model")
    (created,) = [body for _, path, body in qdrant.asked if path.split("?")[0] == "/collections/episodic" and body]
    assert created["vectors"] == {"size": 4, "distance": "Cosine", "on_disk": True}
    assert (created["shard_number"], created["replication_factor"]) == (3, 2)
    assert created["metadata"] == {"embedding_model": "model"}
    indexed = {body["field_name"]: body["field_schema"] for body in qdrant.sent("/semantic/index")}
    assert indexed["created_at"] == "datetime"
    assert "content" not in indexed
    await store.close()


async def test_a_server_that_does_not_know_scored_text_gets_the_index_without(qdrant: FakeQdrant) -> None:
    qdrant.text_index = {}
    qdrant.unknown_fields = ("scoring",)
    qdrant._collection = lambda: {**FakeQdrant._collection(qdrant), "payload_schema": {}}  # type: ignore[method-assign, dict-item]
    store = connected(qdrant)
    await store.ensure(4, "model")
    refused, accepted, *_ = [
        body["field_schema"] for body in qdrant.sent("/semantic/index") if body["field_name"] == "content"
    ]
    assert isinstance(refused, dict)
    assert accepted == {key: value for key, value in refused.items() if key != "scoring"}
    await store.close()


async def test_a_model_of_upstream_is_unknown_and_no_mismatch(qdrant: FakeQdrant) -> None:
    store = connected(qdrant)
    await store.ensure(4, "ours")
    assert await store.model() is None
    await store.close()


async def test_text_is_scored_by_a_server_that_can(qdrant: FakeQdrant) -> None:
    qdrant.text_index = {"type": "text", "scoring": {"type": "bm25"}}
    store = connected(qdrant)
    ((hit,),) = await store.search([TextSearch(S, "words", 5)])
    (asked,) = qdrant.sent("/points/query/batch")
    assert hit.score == 2.5
    scoring = {"bm25": {"k": BM25_K, "b": BM25_B}}
    assert asked["searches"] == [
        {
            "query": {"text": {"query": "words", "scoring": scoring}},
            "using": "content",
            "limit": 5,
            "with_payload": True,
        }
    ]
    await store.close()


async def test_text_is_scored_here_for_a_server_that_cannot(qdrant: FakeQdrant) -> None:
    store = connected(qdrant)
    ((hit,),) = await store.search([TextSearch(S, "words", 5)])
    assert hit.score > 0
    assert hit.payload["project"] == "api"
    assert not any("query" in one for asked in qdrant.sent("/points/query/batch") for one in asked["searches"])
    await store.close()


def test_importing_the_store_does_not_import_the_client() -> None:
    program = "import services.adapters.server.server_store, sys; sys.exit('qdrant_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
