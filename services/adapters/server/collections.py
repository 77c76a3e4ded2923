"""The three collections on a Qdrant server. Imports qdrant-client, which takes a while: import this on first use."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from services.adapters.collections import (
    DRAFT,
    FORMER,
    MAX_TOKEN,
    MIN_TOKEN,
    REMEDY,
    SHARED_INDEXES,
    TEXT_KEY,
    Index,
    batches,
    checked_vectors,
    json_path,
    point_id,
    point_ids,
    required_id,
    storable,
    storable_text,
)
from services.adapters.server.bm25 import STOP_WORDS, bm25, words
from services.adapters.server.filters import server_filter
from services.errors import ModelMismatch, StoreMismatch, StoreUnavailable
from services.model import MemoryType
from services.points import (
    BM25_B,
    BM25_K,
    CollectionInfo,
    Contains,
    DenseSearch,
    Filter,
    HasId,
    Point,
    ScoredPoint,
    Scroll,
    TextSearch,
)

MODEL_KEY, PURPOSE_KEY = "embedding_model", "memoria_purpose"
"""Keys of a collection's metadata."""
_NOBODYS = "memoria-tui-has-no-such-collection"
_WORDS, _CANDIDATES = 8, 250
"""The rarest words that an unscored text search looks up, and the points it reads for each."""
_SCHEMA: Mapping[Index, models.PayloadSchemaType] = {
    Index.KEYWORD: models.PayloadSchemaType.KEYWORD,
    Index.INTEGER: models.PayloadSchemaType.INTEGER,
    Index.FLOAT: models.PayloadSchemaType.FLOAT,
    Index.BOOL: models.PayloadSchemaType.BOOL,
    Index.DATETIME: models.PayloadSchemaType.DATETIME,
}
_TEXT_INDEX = models.TextIndexParams(
    type=models.TextIndexType.TEXT,
    tokenizer=models.TokenizerType.WORD,
    min_token_len=MIN_TOKEN,
    max_token_len=MAX_TOKEN,
    lowercase=True,
    ascii_folding=True,
    phrase_matching=True,
    stemmer=models.SnowballParams(type=models.Snowball.SNOWBALL, language=models.SnowballLanguage.ENGLISH),
    stopwords=models.Language.ENGLISH,
    scoring=True,
)

_SCORING = models.Bm25Scoring(bm25=models.Bm25Params(k=BM25_K, b=BM25_B))


IN_USE: Mapping[MemoryType, str] = {collection: collection.value for collection in MemoryType}
"""The names that other programs know too."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How collections are spread over a cluster when they are made."""

    shards: int = 1
    replicas: int = 1
    on_disk: bool = False


@dataclass(frozen=True, slots=True)
class _Collection:
    """What the server says about a collection, as far as requests depend on it."""

    points: int
    dimensions: int
    model: str | None
    indexes: frozenset[str]
    scores_text: bool


class ServerCollections:
    """The requests of a `VectorStore`, as the server takes them; raises what qdrant-client raises."""

    def __init__(
        self,
        client: AsyncQdrantClient,
        layout: Layout,
        names: Mapping[MemoryType, str] = IN_USE,
        purpose: str | None = None,
    ) -> None:
        """`names` are those of the collections or of aliases; `purpose` is written into collections that are made."""
        self._client = client
        self._layout = layout
        self._names = names
        self._purpose = purpose
        self._known: dict[MemoryType, _Collection] = {}

    def forget(self) -> None:
        """The next requests ask again what the collections are like."""
        self._known.clear()

    async def ensure(self, dimensions: int, model: str) -> None:
        """As `VectorStore.ensure`. The model of vectors that another program made stays unknown."""
        aliases = await aliases_of(self._client)
        for collection in MemoryType:
            name = aliases.get(self._names[collection], self._names[collection])
            found = await self._look(collection)
            if found is None:
                await self._create(name, dimensions, model)
            elif found.points == 0 and found.model is None:
                await self._client.update_collection(name, metadata={MODEL_KEY: model})
            found = found or await self._look(collection)
            for key in SHARED_INDEXES[collection]:
                if found and key not in found.indexes:
                    await self._create_index(name, key, SHARED_INDEXES[collection][key])
            await self._look(collection)
        self.check(dimensions, model)

    def check(self, dimensions: int, model: str) -> None:
        """Raises ModelMismatch when the vectors, as far as known, are of another size or model."""
        for collection, found in self._known.items():
            if found.dimensions != dimensions or found.model not in (None, model):
                raise ModelMismatch(
                    f"the {collection} memories on the server were embedded by {found.model or 'another model'} "
                    f"({found.dimensions} dimensions), not by {model} ({dimensions}); {REMEDY}"
                )

    async def try_key(self) -> None:
        """Asks for a write that changes nothing, for its collection does not exist; raises when it is not permitted."""
        try:
            await self._client.delete(_NOBODYS, points_selector=models.PointIdsList(points=[]), wait=True)
        except UnexpectedResponse as error:
            if error.status_code == 403:
                raise
        except ValueError:  # how the client in this process says that there is no such collection
            pass

    async def model(self) -> str | None:
        looked = [await self._look(collection) for collection in MemoryType]
        return next((found.model for found in looked if found and found.model), None)

    async def info(self) -> dict[MemoryType, CollectionInfo]:
        looked = await asyncio.gather(*(self._look(collection) for collection in MemoryType))
        return {
            collection: CollectionInfo(
                points=found.points,
                dimensions=found.dimensions,
                missing_indexes=tuple(key for key in SHARED_INDEXES[collection] if key not in found.indexes),
                details={"scores text": found.scores_text},
            )
            for collection, found in zip(MemoryType, looked, strict=True)
            if found
        }

    async def upsert(self, collection: MemoryType, points: Sequence[Point]) -> None:
        found = await self._writable(collection)
        if any(point.vector is not None and len(point.vector) != found.dimensions for point in points):
            found = await self._look(collection) or found  # another program may have put others in their place
        checked_vectors(points, found.dimensions)
        name = self._names[collection]
        for batch in batches(points):
            structs = [
                models.PointStruct(
                    id=required_id(point.id),
                    vector={} if point.vector is None else list(point.vector),
                    payload=storable(point.payload),
                )
                for point in batch
            ]
            await self._client.upsert(name, structs, wait=True)

    async def set_payload(self, collection: MemoryType, ids: Sequence[str], payload: Mapping[str, object]) -> None:
        await self._writable(collection)
        await self._client.set_payload(self._names[collection], storable(payload), points=_these(ids), wait=True)

    async def delete_payload(self, collection: MemoryType, ids: Sequence[str], keys: Sequence[str]) -> None:
        await self._writable(collection)
        name = self._names[collection]
        paths = {key: json_path(storable_text(key)) for key in keys}
        speakable = [path for path in paths.values() if path]
        if speakable:
            await self._client.delete_payload(name, keys=speakable, points=_these(ids), wait=True)
        unspeakable = {key for key, path in paths.items() if path is None}
        for record in await self._client.retrieve(name, point_ids(ids)) if unspeakable else ():
            kept = {key: value for key, value in (record.payload or {}).items() if key not in unspeakable}
            await self._client.overwrite_payload(name, kept, points=[record.id], wait=True)

    async def delete_points(self, collection: MemoryType, ids: Sequence[str]) -> None:
        await self._writable(collection)
        await self._client.delete(self._names[collection], points_selector=_these(ids), wait=True)

    async def retrieve(self, collection: MemoryType, ids: Sequence[str], vectors: bool) -> list[Point]:
        if not ids or not await self._readable(collection):
            return []
        records = await self._client.retrieve(self._names[collection], point_ids(ids), with_vectors=vectors)
        found = {str(record.id): record for record in records}
        wanted = dict.fromkeys(str(point_id(text)) for text in ids)
        return [_point(found[name], vectors) for name in wanted if name in found]

    async def scroll(self, request: Scroll) -> list[Point]:
        if request.limit < 1 or not await self._readable(request.collection):
            return []
        after = point_id(request.after_id) if request.after_id and not request.order_by else None
        records, _ = await self._client.scroll(
            self._names[request.collection],
            scroll_filter=server_filter(request.where),
            limit=request.limit + (after is not None),
            offset=after,
            order_by=_order(request),
            with_payload=_selected(request.payload_keys),
            with_vectors=request.with_vectors,
        )
        points = [_point(record, request.with_vectors) for record in records]
        return [point for point in points if point.id != str(after)][: request.limit]

    async def search(self, requests: Sequence[DenseSearch | TextSearch]) -> list[list[ScoredPoint]]:
        """One batch a collection; text that the server cannot score is searched beside it."""
        batched: dict[MemoryType, list[int]] = {}
        tasks = []
        answers: list[list[ScoredPoint]] = [[] for _ in requests]
        for place, request in enumerate(requests):
            if not (found := await self._readable(request.collection)):
                continue
            if isinstance(request, TextSearch) and not found.scores_text:
                tasks.append(self._unscored(request, answers[place]))
            else:
                if isinstance(request, DenseSearch) and len(request.vector) != found.dimensions:
                    found = await self._look(request.collection) or found
                _check_question(request, found.dimensions)
                batched.setdefault(request.collection, []).append(place)
        for collection, places in batched.items():
            asked = {place: requests[place] for place in places}
            tasks.append(self._batch(collection, asked, answers))
        await asyncio.gather(*tasks)
        return answers

    async def count(self, collection: MemoryType, where: Filter) -> int:
        if not await self._readable(collection):
            return 0
        return (await self._client.count(self._names[collection], count_filter=server_filter(where), exact=True)).count

    async def facet(self, collection: MemoryType, key: str, where: Filter, limit: int) -> dict[str, int]:
        if not await self._readable(collection):
            return {}
        answer = await self._client.facet(
            self._names[collection], key=key, facet_filter=server_filter(where), limit=limit, exact=True
        )
        return {str(hit.value): hit.count for hit in answer.hits}

    async def _batch(
        self,
        collection: MemoryType,
        asked: Mapping[int, DenseSearch | TextSearch],
        answers: list[list[ScoredPoint]],
    ) -> None:
        questions = [_query(request) for request in asked.values()]
        found = await self._client.query_batch_points(self._names[collection], questions)
        for place, response in zip(asked, found, strict=True):
            answers[place] += [ScoredPoint(str(hit.id), hit.payload or {}, hit.score) for hit in response.points]

    async def _unscored(self, request: TextSearch, answer: list[ScoredPoint]) -> None:
        """Reads points that hold the question's rarest words and scores them here."""
        name, client = self._names[request.collection], self._client
        sought = [word for word in dict.fromkeys(words(storable_text(request.text))) if word not in STOP_WORDS]
        counts = [client.count(name, count_filter=_having(word), exact=True) for word in sought]
        total, *found = [reply.count for reply in await asyncio.gather(client.count(name), *counts)]
        known = sorted((count, word) for count, word in zip(found, sought, strict=True) if count)[:_WORDS]
        read = partial(client.scroll, name, limit=_CANDIDATES, with_payload=[TEXT_KEY])
        pages = await asyncio.gather(*(read(scroll_filter=_having(word, request.where)) for _, word in known))
        texts = {record.id: str((record.payload or {}).get(TEXT_KEY)) for page, _ in pages for record in page}
        scores = dict(zip(texts, bm25(list(texts.values()), {word: n for n, word in known}, total), strict=True))
        best = sorted(scores, key=lambda point: -scores[point])[: request.limit]
        records = await client.retrieve(name, best, _selected(request.payload_keys))
        payloads = {record.id: record.payload or {} for record in records}
        answer += [ScoredPoint(str(point), payloads[point], scores[point]) for point in best if point in payloads]

    async def _create(self, name: str, dimensions: int, model: str) -> None:
        await self._client.create_collection(
            name,
            vectors_config=models.VectorParams(
                size=dimensions, distance=models.Distance.COSINE, on_disk=self._layout.on_disk
            ),
            shard_number=self._layout.shards,
            replication_factor=self._layout.replicas,
            on_disk_payload=self._layout.on_disk,
            metadata={MODEL_KEY: model} | ({} if self._purpose is None else {PURPOSE_KEY: self._purpose}),
        )

    async def _create_index(self, name: str, key: str, kind: Index) -> None:
        """A server too old for scored text gets the same index without scores."""
        if kind is not Index.TEXT:
            await self._client.create_payload_index(name, key, _SCHEMA[kind], wait=True)
            return
        try:
            await self._client.create_payload_index(name, key, _TEXT_INDEX, wait=True)
        except UnexpectedResponse as error:
            if error.status_code not in (400, 422):
                raise
            unscored = _TEXT_INDEX.model_copy(update={"scoring": None})
            await self._client.create_payload_index(name, key, unscored, wait=True)

    async def _look(self, collection: MemoryType) -> _Collection | None:
        """Asks the server about the collection; None when it does not exist."""
        name = self._names[collection]
        if not await self._client.collection_exists(name):
            self._known.pop(collection, None)
            if switching(await aliases_of(self._client), name):
                raise StoreUnavailable("another set of memories takes the place of this one; try again in a moment")
            return None
        info = await self._client.get_collection(name)
        vectors = info.config.params.vectors
        if not isinstance(vectors, models.VectorParams):
            raise StoreMismatch(
                f"the collection {name} has named vectors, MCP Memoria's have one without a name; "
                "use another Qdrant server or rename that collection"
            )
        schema = info.payload_schema
        text = schema[TEXT_KEY].params if TEXT_KEY in schema else None
        model = (info.config.metadata or {}).get(MODEL_KEY)
        found = self._known[collection] = _Collection(
            points=info.points_count or 0,
            dimensions=vectors.size,
            model=model if isinstance(model, str) else None,
            indexes=frozenset(schema),
            scores_text=bool(isinstance(text, models.TextIndexParams) and text.scoring),
        )
        return found

    async def _readable(self, collection: MemoryType) -> _Collection | None:
        """What is known of the collection, asked once; None while it does not exist."""
        return self._known.get(collection) or await self._look(collection)

    async def _writable(self, collection: MemoryType) -> _Collection:
        if not (found := await self._readable(collection)):
            raise StoreMismatch(f"the server has no collection {collection} yet; it is made by `ensure`")
        return found


async def aliases_of(client: AsyncQdrantClient) -> dict[str, str]:
    """The name of the collection behind each alias; of none for a key that may only ask for named collections."""
    try:
        found = (await client.get_aliases()).aliases
    except UnexpectedResponse as error:
        if error.status_code != 403:
            raise
        return {}
    return {one.alias_name: one.collection_name for one in found}


def switching(aliases: Mapping[str, str], name: str) -> bool:
    """Whether a collection that does not exist was taken away to be replaced, and the replacement is to be finished."""
    return name not in aliases and f"{name}{DRAFT}" in aliases and f"{name}{FORMER}" in aliases


def _check_question(request: DenseSearch | TextSearch, dimensions: int) -> None:
    if isinstance(request, DenseSearch) and len(request.vector) != dimensions:
        raise ModelMismatch(
            f"the question has {len(request.vector)} dimensions, the stored vectors have {dimensions}; {REMEDY}"
        )


def _query(request: DenseSearch | TextSearch) -> models.QueryRequest:
    where = server_filter(request.where)
    if isinstance(request, TextSearch):
        question = models.TextQuery(text=models.TextQueryInput(query=storable_text(request.text), scoring=_SCORING))
        return models.QueryRequest(
            query=question,
            using=TEXT_KEY,
            filter=where,
            limit=request.limit,
            with_payload=_selected(request.payload_keys),
        )
    return models.QueryRequest(
        query=list(request.vector),
        params=models.SearchParams(exact=request.exact),
        filter=where,
        limit=request.limit,
        with_payload=_selected(request.payload_keys),
    )


def _having(word: str, where: Filter | None = None) -> models.Filter | None:
    return server_filter(Filter(must=(Contains(TEXT_KEY, word), *((where,) if where else ()))))


def _these(ids: Sequence[str]) -> models.Filter:
    """By filter, because some modes refuse the whole list when one id does not exist."""
    return server_filter(Filter(must=(HasId(frozenset(ids)),))) or models.Filter()


def _order(request: Scroll) -> models.OrderBy | None:
    if request.order_by is None:
        return None
    direction = models.Direction.DESC if request.descending else models.Direction.ASC
    start = datetime.fromisoformat(request.start_from) if isinstance(request.start_from, str) else request.start_from
    return models.OrderBy(key=request.order_by, direction=direction, start_from=start)


def _selected(keys: tuple[str, ...] | None) -> bool | list[str]:
    if not keys:
        return keys is None
    return [path for key in keys if (path := json_path(key))]


def _point(record: models.Record, vectors: bool) -> Point:
    vector = record.vector if isinstance(record.vector, list) and record.vector else None
    return Point(
        id=str(record.id),
        payload=record.payload or {},
        vector=vector,  # type: ignore[arg-type]  # one unnamed vector is a flat list
        has_vector=vector is not None if vectors else None,
    )
