"""The three collections on a Qdrant server. Imports qdrant-client, which takes a while: import this on first use."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from qdrant_client import AsyncQdrantClient, models

from services.adapters.collections import (
    DRAFT,
    FORMER,
    MAX_TOKEN,
    MIN_TOKEN,
    MOST_VALUES,
    REMEDY,
    SHARED_INDEXES,
    TEXT_KEY,
    Index,
    check_question,
    checked_vectors,
    paths_of,
    point_id,
    point_ids,
    point_of,
    points_of,
    required_id,
    selected,
    storable,
    storable_text,
)
from services.adapters.server import unindexed
from services.adapters.server.collection_info import MODEL_KEY, PURPOSE_KEY, Described, described
from services.adapters.server.server_filters import server_filter
from services.adapters.server.unscored import UnscoredText
from services.concurrency import together
from services.errors import (
    AuthenticationFailed,
    ModelMismatch,
    StoreMismatch,
    StoreReadOnly,
    StoreRefused,
    StoreUnavailable,
)
from services.model import MemoryType
from services.points import (
    BM25_B,
    BM25_K,
    CollectionInfo,
    DatedBetween,
    DenseSearch,
    Filter,
    HasId,
    Point,
    ScoredPoint,
    Scroll,
    SearchRequest,
    Tally,
    TextSearch,
)

_PATIENCE = 600
"""Seconds that the making of an index over many points may take."""
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


T = TypeVar("T")
IN_USE: Mapping[MemoryType, str] = {collection: collection.value for collection in MemoryType}
"""The names that other programs know too."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How collections are spread over a cluster when they are made."""

    shards: int = 1
    replicas: int = 1
    on_disk: bool = False


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
        self._known: dict[MemoryType, Described] = {}
        self._making = asyncio.Lock()

    def forget(self) -> None:
        """The next requests ask again what the collections are like."""
        self._known.clear()

    async def ensure(self, dimensions: int, model: str) -> None:
        """As `VectorStore.ensure`. The model of vectors that another program made stays unknown.

        Others may do the same at once: what is there by then is not made again.
        """
        async with self._making:
            aliases = await aliases_of(self._client)
            for collection in MemoryType:
                name = aliases.get(self._names[collection], self._names[collection])
                found = await self._look(collection)
                if found is None:
                    await self._create(name, dimensions, model)
                elif found.points == 0 and found.model is None:
                    await self._client.update_collection(name, metadata={MODEL_KEY: model})
                found = found or await self._look(collection)
                missing = [key for key in SHARED_INDEXES[collection] if found and key not in found.indexes]
                await together(*(self._create_index(name, key, SHARED_INDEXES[collection][key]) for key in missing))
                await self._look(collection)
        self._compare(dimensions, model)

    async def check(self, dimensions: int, model: str) -> None:
        """Raises ModelMismatch when the vectors are of another size or model."""
        await self.info()
        self._compare(dimensions, model)

    def _compare(self, dimensions: int, model: str) -> None:
        for collection, found in self._known.items():
            if found.dimensions != dimensions or found.model not in (None, model):
                raise ModelMismatch(
                    f"the {collection} memories on the server were embedded by {found.model or 'another model'} "
                    f"({found.dimensions} dimensions), not by {model} ({dimensions}); {REMEDY}"
                )

    async def try_key(self) -> None:
        """Asks for a change of no alias at all; raises when this key may write nothing."""
        await self._client.update_collection_aliases(change_aliases_operations=[])

    async def model(self) -> str | None:
        looked = [await self._look(collection) for collection in MemoryType]
        return next((found.model for found in looked if found and found.model), None)

    async def info(self) -> dict[MemoryType, CollectionInfo]:
        looked = await together(*(self._look(collection) for collection in MemoryType))
        return {
            collection: CollectionInfo(
                points=found.points,
                dimensions=found.dimensions,
                missing_indexes=tuple(key for key in SHARED_INDEXES[collection] if key not in found.indexes),
            )
            for collection, found in zip(MemoryType, looked, strict=True)
            if found
        }

    async def upsert(self, collection: MemoryType, points: Sequence[Point]) -> None:
        found = await self._writable(collection)
        if any(point.vector is not None and len(point.vector) != found.dimensions for point in points):
            found = await self._look(collection) or found  # another program may have put others in their place
        checked_vectors(points, found.dimensions)
        structs = [
            models.PointStruct(
                id=required_id(point.id),
                vector={} if point.vector is None else list(point.vector),
                payload=storable(point.payload),
            )
            for point in points
        ]
        await self._client.upsert(self._names[collection], structs, wait=True)

    async def set_payloads(
        self, collection: MemoryType, changes: Sequence[tuple[Sequence[str], Mapping[str, object]]]
    ) -> None:
        await self._writable(collection)
        operations = [
            models.SetPayloadOperation(set_payload=models.SetPayload(payload=storable(payload), filter=_these(ids)))
            for ids, payload in changes
        ]
        await self._client.batch_update_points(self._names[collection], operations, wait=True)

    async def delete_payload(self, collection: MemoryType, ids: Sequence[str], keys: Sequence[str]) -> None:
        await self._writable(collection)
        name = self._names[collection]
        paths, unspeakable = paths_of(keys)
        if paths:
            await self._client.delete_payload(name, keys=paths, points=_these(ids), wait=True)
        for record in await self._client.retrieve(name, point_ids(ids)) if unspeakable else ():
            kept = {key: value for key, value in (record.payload or {}).items() if key not in unspeakable}
            await self._client.overwrite_payload(name, kept, points=[record.id], wait=True)

    async def delete_points(self, collection: MemoryType, ids: Sequence[str]) -> None:
        await self._writable(collection)
        await self._client.delete(self._names[collection], points_selector=_these(ids), wait=True)

    async def retrieve(self, collection: MemoryType, ids: Sequence[str], vectors: bool) -> list[Point]:
        if not ids:
            return []

        async def ask(name: str, _: Described) -> list[models.Record]:
            return await self._client.retrieve(name, point_ids(ids), with_vectors=vectors)

        return points_of(await self._read(collection, list[models.Record](), ask), ids, vectors)

    async def scroll(self, request: Scroll) -> list[Point]:
        if request.limit < 1:
            return []
        return await self._read(request.collection, [], partial(self._scroll, request))

    async def search(self, requests: Sequence[SearchRequest]) -> list[list[ScoredPoint]]:
        """One batch a collection; text that the server cannot score is searched beside it."""
        batched: dict[MemoryType, list[int]] = {}
        answers: list[list[ScoredPoint]] = [[] for _ in requests]
        for place, request in enumerate(requests):
            batched.setdefault(request.collection, []).append(place)
        nothing: list[list[ScoredPoint]] = []
        found = await together(
            *(
                self._read(collection, nothing, partial(self._search, [requests[place] for place in places]))
                for collection, places in batched.items()
            )
        )
        for places, lists in zip(batched.values(), found, strict=True):
            for place, hits in zip(places, lists, strict=False):
                answers[place] = hits
        return answers

    async def count(self, collection: MemoryType, where: Filter) -> int:
        return await self._read(collection, 0, partial(self._count, where))

    async def facet(self, collection: MemoryType, key: str, where: Filter, limit: int) -> dict[str, int]:
        nothing: dict[str, int] = {}
        return await self._read(collection, nothing, partial(self._facet, key, where, limit))

    async def tally(
        self, collection: MemoryType, where: Filter, keys: Sequence[str], spans: Sequence[DatedBetween]
    ) -> Tally:
        """In collections without the indexes for it all is counted in one pass over the points."""
        nothing = Tally(0, {key: {} for key in keys}, (0,) * len(spans))
        return await self._read(collection, nothing, partial(self._tally, where, keys, spans))

    async def _read(self, collection: MemoryType, nothing: T, ask: Callable[[str, Described], Awaitable[T]]) -> T:
        """What `ask` gives for a collection; `nothing` while it does not exist.

        Another program may have put a collection of another kind in its place, or deleted it: then it is asked again.
        """
        found = self._known.get(collection) or await self._look(collection)
        if found is None:
            return nothing
        try:
            return await ask(self._names[collection], found)
        except (StoreRefused, ModelMismatch):
            now = await self._look(collection)
            if found.fits(now):
                raise
            return nothing if now is None else await ask(self._names[collection], now)

    async def _scroll(self, request: Scroll, name: str, found: Described) -> list[Point]:
        order, where = _order(request), await self._filter(name, found, request.where)
        keys = selected(request.payload_keys)
        if order is not None and not found.sorts(order.key):
            records = await unindexed.ordered(self._client, name, order, where)
            if request.with_vectors or request.payload_keys != (order.key,):
                ids = [record.id for record in records[: request.limit]]
                read = await self._client.retrieve(name, ids, keys, request.with_vectors)
                by_id = {record.id: record for record in read}
                records = [by_id[one] for one in ids if one in by_id]
            return [point_of(record, request.with_vectors) for record in records]
        after = point_id(request.after_id) if request.after_id and order is None else None
        records, _ = await self._client.scroll(
            name,
            scroll_filter=where,
            limit=request.limit + (after is not None),
            offset=after,
            order_by=order,
            with_payload=keys,
            with_vectors=request.with_vectors,
        )
        points = [point_of(record, request.with_vectors) for record in records]
        return [point for point in points if point.id != str(after)][: request.limit]

    async def _count(self, where: Filter, name: str, found: Described) -> int:
        condition = await self._filter(name, found, where)
        return (await self._client.count(name, count_filter=condition, exact=True)).count

    async def _facet(self, key: str, where: Filter, limit: int, name: str, found: Described) -> dict[str, int]:
        condition = await self._filter(name, found, where)
        if not found.counts(key):
            return await unindexed.counted(self._client, name, key, condition, limit)
        answer = await self._client.facet(name, key=key, facet_filter=condition, limit=limit, exact=True)
        return {str(hit.value): hit.count for hit in answer.hits if hit.count}  # it knows values of deleted points too

    async def _tally(
        self, where: Filter, keys: Sequence[str], spans: Sequence[DatedBetween], name: str, found: Described
    ) -> Tally:
        if not all(map(found.counts, keys)) or not all(found.sorts(span.key) for span in spans):
            condition = await self._filter(name, found, where)
            return await unindexed.tallied(self._client, name, condition, keys, spans)
        total, values, counts = await together(
            self._count(where, name, found),
            together(*(self._facet(key, where, MOST_VALUES, name, found) for key in keys)),
            together(*(self._count(Filter((where, span)), name, found) for span in spans)),
        )
        return Tally(total, dict(zip(keys, values, strict=True)), tuple(counts))

    async def _search(self, requests: Sequence[SearchRequest], name: str, found: Described) -> list[list[ScoredPoint]]:
        for request in requests:
            check_question(request, found.dimensions)
        where = [await self._filter(name, found, request.where) for request in requests]
        ranked_here = {
            place: request
            for place, request in enumerate(requests)
            if isinstance(request, TextSearch) and not (found.text and found.text.scores)
        }
        asked = {place: _query(one, where[place]) for place, one in enumerate(requests) if place not in ranked_here}
        answered = self._query(name, list(asked.values()))
        searched = (
            UnscoredText(self._client, name, found.text, where[place]).search(one) for place, one in ranked_here.items()
        )
        by_server, here = await together(answered, together(*searched))
        answers = dict(zip((*asked, *ranked_here), (*by_server, *here), strict=True))
        for place, request in enumerate(requests):
            if isinstance(request, TextSearch) and found.text:
                answers[place] = await unindexed.with_unindexed_words(
                    self._client, name, request, where[place], found.text, answers[place]
                )
        return [answers[place] for place in range(len(requests))]

    async def _query(self, name: str, questions: list[models.QueryRequest]) -> list[list[ScoredPoint]]:
        found = await self._client.query_batch_points(name, questions) if questions else []
        return [[ScoredPoint(str(hit.id), hit.payload or {}, hit.score) for hit in one.points] for one in found]

    async def _filter(self, name: str, found: Described, where: Filter) -> models.Filter | None:
        return server_filter(await unindexed.answerable(self._client, name, found.text, where))

    async def _create(self, name: str, dimensions: int, model: str) -> None:
        """One that another program made in between is as good."""
        with _there_already():
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
        make = partial(self._client.create_payload_index, name, key, wait=True, timeout=_PATIENCE)
        if kind is not Index.TEXT:
            await make(field_schema=_SCHEMA[kind])
            return
        try:
            await make(field_schema=_TEXT_INDEX)
        except StoreRefused as error:
            if error.status not in (400, 422):
                raise
            await make(field_schema=_TEXT_INDEX.model_copy(update={"scoring": None}))

    async def _look(self, collection: MemoryType) -> Described | None:
        """Asks the server about the collection; None when it does not exist."""
        name = self._names[collection]
        try:
            info = await self._client.get_collection(name)
        except StoreRefused as error:
            if error.status != 404:
                raise
            self._known.pop(collection, None)
            if switching(await aliases_of(self._client), name):
                reason = "another set of memories takes the place of this one; try again in a moment"
                raise StoreUnavailable(reason) from error
            return None
        found = self._known[collection] = described(name, info)
        return found

    async def _writable(self, collection: MemoryType) -> Described:
        if not (found := self._known.get(collection) or await self._look(collection)):
            raise StoreMismatch(f"the server has no collection {collection} yet; it is made by `ensure`")
        return found


@contextlib.contextmanager
def _there_already() -> Iterator[None]:
    """What was to be made may exist."""
    try:
        yield
    except StoreRefused as error:
        if error.status != 409:
            raise


async def aliases_of(client: AsyncQdrantClient) -> dict[str, str]:
    """The name of the collection behind each alias; of none for a key that may only ask for named collections."""
    try:
        found = (await client.get_aliases()).aliases
    except (AuthenticationFailed, StoreReadOnly):
        return {}
    return {one.alias_name: one.collection_name for one in found}


def switching(aliases: Mapping[str, str], name: str) -> bool:
    """Whether a collection that does not exist was taken away to be replaced, and the replacement is to be finished."""
    return name not in aliases and f"{name}{DRAFT}" in aliases and f"{name}{FORMER}" in aliases


def _query(request: SearchRequest, where: models.Filter | None) -> models.QueryRequest:
    asked = models.QueryRequest(filter=where, limit=request.limit, with_payload=selected(request.payload_keys))
    if isinstance(request, TextSearch):
        asked.query = models.TextQuery(text=models.TextQueryInput(query=storable_text(request.text), scoring=_SCORING))
        asked.using = TEXT_KEY
    elif isinstance(request, DenseSearch):
        asked.query, asked.params = list(request.vector), models.SearchParams(exact=request.exact)
    return asked


def _these(ids: Sequence[str]) -> models.Filter:
    """By filter, because some modes refuse the whole list when one id does not exist."""
    return server_filter(Filter(must=(HasId(frozenset(ids)),))) or models.Filter()


def _order(request: Scroll) -> models.OrderBy | None:
    if request.order_by is None:
        return None
    direction = models.Direction.DESC if request.descending else models.Direction.ASC
    start = datetime.fromisoformat(request.start_from) if isinstance(request.start_from, str) else request.start_from
    return models.OrderBy(key=request.order_by, direction=direction, start_from=start)
