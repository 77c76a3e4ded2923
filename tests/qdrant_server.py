"""A Qdrant server for tests: REST on a port of this machine over qdrant-client's in-process store.

Clients in this process reach it without a socket; what crosses is written and read all the same. Other programs, and
who connects to its address, speak HTTP with it.

It refuses what Qdrant 1.18 refuses, with its statuses and messages: an order or a facet without its index, a
collection that exists or is gone, a key that may only read or is wrong. A text is matched by words where a text index
is, else as the server does, as a piece of the text in its very case. Words are not stemmed, unlike on a server.

Several programs may share one: `python -m tests.qdrant_server [PORT]` prints its address and runs until it is ended.
Where MEMORIA_TEST_QDRANT has the address of a real server, `http://[KEY[:READING_KEY]@]host:port`, tests use that
instead, after all its collections were deleted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from httpx import AsyncBaseTransport, Limits, Request, Response
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from qdrant_client import AsyncQdrantClient, QdrantClient, models

from services.adapters.server.server_store import ServerVectorStore
from tests.quick_qdrant import hasten

VERSION = "1.18.3"
LARGEST = 32 << 20
"""Bytes of the largest body that the server takes."""
_LATER = 0.05
"""Seconds until a write is done that nobody waits for."""
_ABSENT = re.compile(r"Collection (\S+) not found")
_SORTABLE = (models.PayloadSchemaType.INTEGER, models.PayloadSchemaType.FLOAT, models.PayloadSchemaType.DATETIME)
_COUNTABLE = (
    models.PayloadSchemaType.KEYWORD,
    models.PayloadSchemaType.INTEGER,
    models.PayloadSchemaType.UUID,
    models.PayloadSchemaType.BOOL,
)
_ADVICE = (
    "Check https://qdrant.tech/documentation/concepts/indexing/#payload-index to see which payload schemas support"
)


hasten()


@dataclass(frozen=True, slots=True)
class Qdrant:
    """Where a server for tests is, and its keys."""

    url: str
    key: str | None = None
    reading_key: str | None = None
    here: StandIn | None = None
    """The server, if it is in this process."""

    def store(self, key: str | None = None, **options: Any) -> ServerVectorStore:
        """The program's store on it; `options` as `ServerVectorStore` takes them."""
        if self.here is not None:
            options.setdefault("client", self.client(key))
        return ServerVectorStore(self.url, api_key=key or self.key, **options)

    def client(self, key: str | None = None) -> AsyncQdrantClient:
        """The library's client, which may do everything unless it is given a lesser key."""
        access = self._access() | {"api_key": key or self.key}
        if self.here is not None:
            access["transport"] = _InThisProcess(self.here)
        with warnings.catch_warnings(action="ignore"):
            return AsyncQdrantClient(**access)

    def sync_client(self) -> QdrantClient:
        """The same, blocking."""
        return QdrantClient(**self._access())

    def _access(self) -> dict[str, Any]:
        kept = Limits(keepalive_expiry=2)
        return {"url": self.url, "api_key": self.key, "check_compatibility": False, "timeout": 60, "limits": kept}


def real_server() -> Qdrant | None:
    """The server that MEMORIA_TEST_QDRANT names."""
    if not (address := os.environ.get("MEMORIA_TEST_QDRANT")):
        return None
    parts = urlsplit(address)
    return Qdrant(f"{parts.scheme}://{parts.hostname}:{parts.port or 6333}", parts.username, parts.password)


def lacks_keys() -> bool:
    """Whether the server that is named asks for no key, so that none may be refused."""
    return bool((real := real_server()) and not real.reading_key)


@contextlib.contextmanager
def running_qdrant(key: str | None = None, reading_key: str | None = None) -> Iterator[Qdrant]:
    """An empty server: a real one where one is named, else one in a thread of this process."""
    if real := real_server():
        with contextlib.closing(real.sync_client()) as client:
            for collection in client.get_collections().collections:
                client.delete_collection(collection.name)
        yield real
        return
    with StandIn(key=key, reading_key=reading_key) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Qdrant(server.url, key, reading_key, server)
        finally:
            server.shutdown()
            thread.join()


class _Refusal(Exception):
    """Status and message of an answer that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class StandIn(ThreadingHTTPServer):
    """The server; one request at a time touches the store."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0, *, key: str | None = None, reading_key: str | None = None) -> None:
        super().__init__(("127.0.0.1", port), _Answer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.key, self.reading_key = key, reading_key
        self.store = QdrantClient(":memory:")
        self.indexes: dict[str, dict[str, Any]] = {}
        self.turn = threading.Lock()

    def answer(self, method: str, path: str, body: bytes, key: str | None) -> tuple[int, bytes]:
        """Status and body of the answer to a request."""
        try:
            result = self._result(method, path, body, key)
        except _Refusal as refusal:
            message = str(refusal)
            told = message if refusal.status == 401 else json.dumps({"status": {"error": message}, "time": 0.0})
            return refusal.status, told.encode()
        whole = result if path == "/" else {"result": result, "status": "ok", "time": 0.0}
        return 200, to_json(whole, exclude_none=True, inf_nan_mode="constants")

    def _result(self, method: str, path: str, body: bytes, key: str | None) -> object:
        """Raises _Refusal."""
        parts = urlsplit(path)
        route = _route(method, parts.path)
        if self.key and parts.path != "/":
            self._check_key(key, route)
        if len(body) > LARGEST:
            raise _Refusal(413, f"JSON payload ({len(body)} bytes) is larger than allowed (limit: {LARGEST} bytes).")
        try:
            asked = route.body.validate_json(body) if route.body else None
        except ValidationError as error:
            raise _Refusal(400, f"Format error in JSON body: {error.errors()[0]['msg']}") from error
        work = partial(route.work, self, route.name, asked)
        if route.points and route.writes and parse_qs(parts.query).get("wait") != ["true"]:
            self._in_turn(partial(self.collection, route.name))
            threading.Timer(_LATER, self._in_turn, (work,)).start()
            return {"operation_id": 0, "status": "acknowledged"}
        return self._in_turn(work)

    def collection(self, name: str) -> str:
        """The collection of a name, which may be an alias. Raises _Refusal when there is none."""
        aliases = {one.alias_name: one.collection_name for one in self.store.get_aliases().aliases}
        found = aliases.get(name, name)
        if not self.store.collection_exists(found):
            raise _Refusal(404, f"Not found: Collection `{name}` doesn't exist!")
        return found

    def kind(self, name: str, key: str) -> models.PayloadSchemaType | None:
        """The kind of a key's index."""
        schema = self.indexes.get(self.collection(name), {}).get(key.strip('"'))
        kind = getattr(schema, "type", schema)
        return None if kind is None else models.PayloadSchemaType(str(getattr(kind, "value", kind)))

    def filter(self, name: str, where: models.Filter | None) -> models.Filter | None:
        """A filter with texts matched as the indexes of the collection have it."""
        return None if where is None else _filter(where, partial(self._condition, name))

    def _in_turn(self, work: Callable[[], object]) -> object:
        with self.turn, warnings.catch_warnings(action="ignore"):
            try:
                return work()
            except ValueError as error:
                raise _refusal(str(error)) from error
            except KeyError as error:
                raise _Refusal(404, f"Not found: No point with id {error.args[0]} found") from error

    def _check_key(self, key: str | None, route: _Route) -> None:
        if key is None:
            raise _Refusal(401, "Must provide an API key or an Authorization bearer token")
        if key not in (self.key, self.reading_key):
            raise _Refusal(401, "Invalid API key or JWT")
        if route.writes and key != self.key:
            if route.points:
                self._in_turn(partial(self.collection, route.name))
            raise _Refusal(403, "Forbidden: Global manage access is required")

    def _condition(self, name: str, condition: models.FieldCondition) -> models.Condition:
        match condition.match:
            case models.MatchText(text=text):
                pass
            case models.MatchPhrase(phrase=text):
                pass
            case models.MatchTextAny(text_any=text):
                pass
            case _:
                return condition
        index = self.indexes.get(self.collection(name), {}).get(condition.key)
        if not isinstance(index, models.TextIndexParams):
            pieces = text.split() if isinstance(condition.match, models.MatchTextAny) else [text]
            found = (models.MatchSubstring(substring=piece) for piece in pieces)
            return models.Filter(should=[models.FieldCondition(key=condition.key, match=one) for one in found])
        if isinstance(condition.match, models.MatchPhrase):
            return condition if index.phrase_matching else models.HasIdCondition(has_id=[])
        words = [word for word in re.findall(r"[^\W_]+", text) if _kept(word, index)]
        kept = condition.match.model_copy(
            update={"text_any" if isinstance(condition.match, models.MatchTextAny) else "text": " ".join(words)}
        )
        return condition.model_copy(update={"match": kept}) if words else models.HasIdCondition(has_id=[])


def _kept(word: str, index: models.TextIndexParams) -> bool:
    from services.stop_words import STOP_WORDS

    if index.stopwords is not None and word.lower() in STOP_WORDS:
        return False
    return (index.min_token_len or 0) <= len(word) <= (index.max_token_len or sys.maxsize)


def _filter(where: models.Filter, changed: Callable[[models.FieldCondition], models.Condition]) -> models.Filter:
    """The filter with its conditions on fields replaced."""

    def of(condition: models.Condition) -> models.Condition:
        match condition:
            case models.Filter():
                return _filter(condition, changed)
            case models.FieldCondition():
                return changed(condition)
            case _:
                return condition

    def every(clause: models.Condition | list[models.Condition] | None) -> list[models.Condition] | None:
        return None if clause is None else [of(one) for one in (clause if isinstance(clause, list) else [clause])]

    least = where.min_should
    return models.Filter(
        must=every(where.must),
        must_not=every(where.must_not),
        should=every(where.should),
        min_should=least and models.MinShould(conditions=every(least.conditions) or [], min_count=least.min_count),
    )


def _refusal(message: str) -> _Refusal:
    if found := _ABSENT.search(message):
        return _Refusal(404, f"Not found: Collection `{found[1]}` doesn't exist!")
    if "already exists" in message:
        return _Refusal(409, f"Wrong input: {message}!")
    return _Refusal(400, message if message.startswith("Wrong input: ") else f"Wrong input: {message}")


def _version(server: StandIn, name: str, asked: None) -> object:
    return {"title": "qdrant - vector search engine", "version": VERSION}


def _collections(server: StandIn, name: str, asked: None) -> object:
    return server.store.get_collections()


def _aliases(server: StandIn, name: str, asked: None) -> object:
    return server.store.get_aliases()


def _change_aliases(server: StandIn, name: str, asked: models.ChangeAliasesOperation) -> object:
    for action in asked.actions:
        if isinstance(action, models.CreateAliasOperation):
            server.store.get_collection(action.create_alias.collection_name)
    return server.store.update_collection_aliases(asked.actions)


def _exists(server: StandIn, name: str, asked: None) -> object:
    return {"exists": server.store.collection_exists(name)}


def _info(server: StandIn, name: str, asked: None) -> object:
    found = server.collection(name)
    info = server.store.get_collection(found).model_dump(mode="json", exclude_none=True)
    schema = {}
    for key, index in server.indexes[found].items():
        params = None if isinstance(index, models.PayloadSchemaType) else index.model_dump(mode="json")
        schema[key] = {"data_type": server.kind(name, key), "params": params, "points": info["points_count"]}
    return {**info, "payload_schema": schema}


def _create(server: StandIn, name: str, asked: models.CreateCollection) -> object:
    if server.store.collection_exists(name):
        aliased = name in {one.alias_name for one in server.store.get_aliases().aliases}
        raise (
            _Refusal(
                400, f"Wrong input: Can't create collection with name {name}. Alias with the same name already exists"
            )
            if aliased
            else _Refusal(409, f"Wrong input: Collection `{name}` already exists!")
        )
    server.indexes[name] = {}
    return server.store.create_collection(
        name,
        vectors_config=asked.vectors,
        shard_number=asked.shard_number,
        replication_factor=asked.replication_factor,
        on_disk_payload=asked.on_disk_payload,
        metadata=asked.metadata,
    )


def _update(server: StandIn, name: str, asked: models.UpdateCollection) -> object:
    return server.store.update_collection(server.collection(name), metadata=asked.metadata)


def _delete_collection(server: StandIn, name: str, asked: None) -> object:
    server.indexes.pop(name, None)
    return server.store.delete_collection(name)


def _create_index(server: StandIn, name: str, asked: models.CreateFieldIndex) -> object:
    index = asked.field_schema
    if isinstance(index, models.TextIndexParams):
        index = index.model_copy(update={"scoring": None})  # 1.18 does not know it and says nothing
    server.indexes[server.collection(name)][asked.field_name.strip('"')] = index
    return _DONE


def _delete_index(server: StandIn, name: str, asked: None) -> object:
    collection, _, key = name.partition("/")
    server.indexes[server.collection(collection)].pop(key, None)
    return _DONE


def _upsert(server: StandIn, name: str, asked: models.PointsList) -> object:
    server.store.upsert(server.collection(name), asked.points)
    return _DONE


def _selector(server: StandIn, name: str, asked: Any) -> Any:
    where = server.filter(name, getattr(asked, "filter", None))
    return asked.points if where is None else models.FilterSelector(filter=where)


def _delete(server: StandIn, name: str, asked: models.PointIdsList | models.FilterSelector) -> object:
    server.store.delete(server.collection(name), _selector(server, name, asked))
    return _DONE


def _set_payload(server: StandIn, name: str, asked: models.SetPayload) -> object:
    server.store.set_payload(server.collection(name), asked.payload, _selector(server, name, asked), key=asked.key)
    return _DONE


def _change(server: StandIn, name: str, asked: models.UpdateOperations) -> object:
    for one in asked.operations:
        assert isinstance(one, models.SetPayloadOperation)
        _set_payload(server, name, one.set_payload)
    return [_DONE for _ in asked.operations]


def _overwrite_payload(server: StandIn, name: str, asked: models.SetPayload) -> object:
    server.store.overwrite_payload(server.collection(name), asked.payload, _selector(server, name, asked))
    return _DONE


def _delete_payload(server: StandIn, name: str, asked: models.DeletePayload) -> object:
    server.store.delete_payload(server.collection(name), asked.keys, _selector(server, name, asked))
    return _DONE


def _retrieve(server: StandIn, name: str, asked: models.PointRequest) -> object:
    payload = True if asked.with_payload is None else asked.with_payload
    return server.store.retrieve(server.collection(name), asked.ids, payload, asked.with_vector or False)


def _scroll(server: StandIn, name: str, asked: models.ScrollRequest) -> object:
    order = models.OrderBy(key=asked.order_by) if isinstance(asked.order_by, str) else asked.order_by
    if order is not None and server.kind(name, order.key) not in _SORTABLE:
        raise _Refusal(
            400,
            f"Wrong input: No range index for `order_by` key: `{order.key}`. Please create one to use `order_by`. "
            f"{_ADVICE} Range conditions",
        )
    points, following = server.store.scroll(
        server.collection(name),
        server.filter(name, asked.filter),
        limit=asked.limit or 10,
        order_by=order,
        offset=asked.offset,
        with_payload=True if asked.with_payload is None else asked.with_payload,
        with_vectors=asked.with_vector or False,
    )
    return {"points": points, "next_page_offset": following}


def _count(server: StandIn, name: str, asked: models.CountRequest) -> object:
    return server.store.count(server.collection(name), server.filter(name, asked.filter))


def _facet(server: StandIn, name: str, asked: models.FacetRequest) -> object:
    collection = server.collection(name)
    if server.kind(name, asked.key) not in _COUNTABLE and server.store.count(collection).count:
        raise _Refusal(
            400,
            f"Wrong input: No appropriate index for faceting: `{asked.key}`. Please create one to facet on this field. "
            f"{_ADVICE} Match conditions",
        )
    return server.store.facet(collection, asked.key, server.filter(name, asked.filter), asked.limit or 10)


def _query_batch(server: StandIn, name: str, asked: models.QueryRequestBatch) -> object:
    return [_query(server, name, one) for one in asked.searches]


def _query(server: StandIn, name: str, asked: models.QueryRequest) -> object:
    if isinstance(asked.query, models.TextQuery):
        raise _Refusal(400, "Format error in JSON body: data did not match any variant of untagged enum QueryInterface")
    vector = getattr(asked.query, "nearest", asked.query)
    config = server.store.get_collection(name).config.params.vectors
    size = config.size if isinstance(config, models.VectorParams) else 0
    if isinstance(vector, list) and len(vector) != size:
        raise _Refusal(400, f"Wrong input: Vector dimension error: expected dim: {size}, got {len(vector)}")
    found = server.store.query_points(
        server.collection(name),
        query=asked.query,
        query_filter=server.filter(name, asked.filter),
        search_params=asked.params,
        limit=asked.limit or 10,
        with_payload=asked.with_payload or False,
        with_vectors=asked.with_vector or False,
    )
    return {"points": found.points}


_DONE: Mapping[str, object] = {"operation_id": 0, "status": "completed"}
_Work = Callable[[StandIn, str, Any], object]


@dataclass(frozen=True, slots=True)
class _Route:
    """What a request does."""

    work: _Work
    body: TypeAdapter[Any] | None = None
    writes: bool = False
    points: bool = False
    name: str = ""


def _of(work: _Work, body: Any = None, *, writes: bool = False, points: bool = False) -> _Route:
    return _Route(work, TypeAdapter(body) if body is not None else None, writes, points)


_ROUTES: Mapping[str, _Route] = {
    "GET /": _of(_version),
    "GET /collections": _of(_collections),
    "GET /aliases": _of(_aliases),
    "POST /collections/aliases": _of(_change_aliases, models.ChangeAliasesOperation, writes=True),
    "GET /collections/*/exists": _of(_exists),
    "GET /collections/*": _of(_info),
    "PUT /collections/*": _of(_create, models.CreateCollection, writes=True),
    "PATCH /collections/*": _of(_update, models.UpdateCollection, writes=True),
    "DELETE /collections/*": _of(_delete_collection, writes=True),
    "PUT /collections/*/index": _of(_create_index, models.CreateFieldIndex, writes=True, points=True),
    "DELETE /collections/*/index/*": _of(_delete_index, writes=True),
    "PUT /collections/*/points": _of(_upsert, models.PointsList, writes=True, points=True),
    "POST /collections/*/points/delete": _of(_delete, models.PointsSelector, writes=True, points=True),
    "POST /collections/*/points/payload": _of(_set_payload, models.SetPayload, writes=True, points=True),
    "PUT /collections/*/points/payload": _of(_overwrite_payload, models.SetPayload, writes=True, points=True),
    "POST /collections/*/points/payload/delete": _of(_delete_payload, models.DeletePayload, writes=True, points=True),
    "POST /collections/*/points/batch": _of(_change, models.UpdateOperations, writes=True, points=True),
    "POST /collections/*/points": _of(_retrieve, models.PointRequest),
    "POST /collections/*/points/scroll": _of(_scroll, models.ScrollRequest),
    "POST /collections/*/points/count": _of(_count, models.CountRequest),
    "POST /collections/*/facet": _of(_facet, models.FacetRequest),
    "POST /collections/*/points/query": _of(_query, models.QueryRequest),
    "POST /collections/*/points/query/batch": _of(_query_batch, models.QueryRequestBatch),
}


def _route(method: str, path: str) -> _Route:
    for pattern, route in _ROUTES.items():
        if found := re.fullmatch(pattern.replace("*", "([^/]+)"), f"{method} {path}"):
            return _Route(route.work, route.body, route.writes, route.points, "/".join(found.groups()))
    raise _Refusal(404, "")


class _Answer(BaseHTTPRequestHandler):
    server: StandIn
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        status, data = self.server.answer(self.command, self.path, body, self.headers.get("api-key"))
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keeps the tests' output clean."""


class _InThisProcess(AsyncBaseTransport):
    """A client's way to the server; others have their turn before it acts and before its answer is known."""

    def __init__(self, server: StandIn) -> None:
        self._server = server

    async def handle_async_request(self, request: Request) -> Response:
        body = await request.aread()
        await asyncio.sleep(0)
        path, key = request.url.raw_path.decode(), request.headers.get("api-key")
        status, data = self._server.answer(request.method, path, body, key)
        await asyncio.sleep(0)
        return Response(status, content=data, headers={"content-type": "application/json"})


def main() -> None:
    with StandIn(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as server, contextlib.suppress(KeyboardInterrupt):
        print(server.url, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
