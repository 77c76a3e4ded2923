"""Qdrant Edge's shards of one set of the three collections: all of it blocking, for a process of its own."""

from __future__ import annotations

import ctypes
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import qdrant_edge as edge

from services.adapters.collections import (
    OWN_INDEXES,
    REMEDY,
    TEXT_KEY,
    check_question,
    checked_vectors,
    paths_of,
    point_id,
    point_ids,
    point_of,
    points_of,
    required_id,
    selected,
    storable_text,
)
from services.adapters.edge import shard_facets, unindexed_words
from services.adapters.edge.edge_errors import open_error
from services.adapters.edge.edge_filters import edge_filter
from services.adapters.edge.shard_config import TIDY_EVERY, edge_config, index_params
from services.errors import ModelMismatch, StoreMismatch
from services.files import rename_folder
from services.model import MemoryType
from services.points import (
    BM25_B,
    BM25_K,
    CollectionInfo,
    DenseSearch,
    Filter,
    HasId,
    Point,
    ScoredPoint,
    Scroll,
    SearchRequest,
    TextSearch,
)

FIRST_INDEXES = ("parent_id",)


class EdgeShards:
    """The collections in `folder`; the caller holds the folder's lock."""

    def __init__(
        self,
        folder: Path,
        made: tuple[int, str] | None,
        remember: Callable[[tuple[int, str]], None],
        tidy_every: int = TIDY_EVERY,
        collections: Sequence[MemoryType] = tuple(MemoryType),
    ) -> None:
        """`made` is the size and the model of the vectors, None before there are any; `remember` keeps a new one."""
        self._folder = folder
        self._made = made
        self._remember = remember
        self._tidy_every = tidy_every
        self._collections = collections
        self._shards: dict[MemoryType, edge.EdgeShard] = {}
        self._fresh: dict[MemoryType, int] = {}
        self._dirty = False
        if made:
            for collection in collections:
                if (folder / collection / "edge_config.json").exists():
                    self._load(collection)

    def ensure(self, dimensions: int, model: str, keys: Iterable[str] = OWN_INDEXES) -> None:
        """As `VectorStore.ensure`, with the indexes on `keys`; a store that holds no vector yet takes the new model."""
        if self._made not in (None, (dimensions, model)):
            if any(shard.info().points_count for shard in self._shards.values()):
                self.check(dimensions, model)
            self._discard()
        if not self._made:
            self._remember((dimensions, model))
            self._made = (dimensions, model)
        for collection in self._collections:
            if collection not in self._shards:
                self._create(collection, dimensions)
            for key in self._missing_indexes(collection):
                if key in keys:
                    self._create_index(collection, key)

    def begin(self, dimensions: int, model: str) -> None:
        """As `ensure`, with the indexes alone that filling asks for; `complete` makes the others, once a point."""
        self.ensure(dimensions, model, FIRST_INDEXES)

    def complete(self) -> bool:
        """Makes one index that is missing, over points in finished segments; False when there is none to make."""
        for collection, shard in self._shards.items():
            if missing := self._missing_indexes(collection):
                if self._fresh[collection]:
                    shard.optimize()
                    self._reload(collection)
                self._create_index(collection, missing[0])
                return True
        return False

    def check(self, dimensions: int, model: str) -> None:
        """Raises ModelMismatch when the vectors are of another size or model."""
        if self._made not in (None, (dimensions, model)):
            raise ModelMismatch(
                f"the memories were embedded by {self.model()} ({self._dimensions} dimensions), "
                f"not by {model} ({dimensions}); {REMEDY}"
            )

    def model(self) -> str | None:
        return self._made[1] if self._made else None

    def info(self) -> dict[MemoryType, CollectionInfo]:
        return {collection: self._info(collection) for collection in self._shards}

    def upsert(self, collection: MemoryType, points: Sequence[Point]) -> None:
        shard = self._writable(collection)
        checked_vectors(points, self._dimensions)
        self._written(collection, len(points))
        shard.update(
            edge.UpdateOperation.upsert_points(
                [
                    edge.Point(
                        required_id(point.id),
                        {} if point.vector is None else list(point.vector),
                        dict(point.payload),
                    )
                    for point in points
                ]
            )
        )

    def set_payloads(
        self, collection: MemoryType, changes: Sequence[tuple[Sequence[str], Mapping[str, object]]]
    ) -> None:
        """By filter, because Edge refuses the whole list when one id does not exist."""
        shard = self._writable(collection)
        for ids, payload in changes:
            self._written(collection, len(ids))
            shard.update(edge.UpdateOperation.set_payload_by_filter(_these(ids), dict(payload)))

    def delete_payload(self, collection: MemoryType, ids: Sequence[str], keys: Sequence[str]) -> None:
        shard = self._writable(collection)
        self._written(collection, len(ids))
        paths, unspeakable = paths_of(keys)
        shard.update(edge.UpdateOperation.delete_payload_by_filter(_these(ids), paths))
        for record in shard.retrieve(point_ids(ids), True, False) if unspeakable else ():
            kept = {key: value for key, value in (record.payload or {}).items() if key not in unspeakable}
            shard.update(edge.UpdateOperation.overwrite_payload([record.id], kept))

    def delete_points(self, collection: MemoryType, ids: Sequence[str]) -> None:
        self._writable(collection).update(edge.UpdateOperation.delete_points(point_ids(ids)))
        self._dirty = True

    def retrieve(self, collection: MemoryType, ids: Sequence[str], vectors: bool) -> list[Point]:
        shard = self._shards.get(collection)
        if shard is None:
            return []
        return points_of(shard.retrieve(point_ids(ids), True, vectors), ids, vectors)

    def scroll(self, request: Scroll) -> list[Point]:
        shard = self._shards.get(request.collection)
        if shard is None or request.limit < 1:
            return []
        after = point_id(request.after_id) if request.after_id and not request.order_by else None
        records, _ = shard.scroll(
            edge.ScrollRequest(
                offset=after,
                limit=request.limit + (after is not None),
                filter=self._filter(request.collection, request.where),
                with_payload=selected(request.payload_keys),
                with_vector=request.with_vectors,
                order_by=_order(request),
            )
        )
        points = [point_of(record, request.with_vectors) for record in records]
        return [point for point in points if point.id != str(after)][: request.limit]

    def search(self, requests: Sequence[SearchRequest]) -> list[list[ScoredPoint]]:
        answers: dict[int, list[ScoredPoint]] = {}
        for collection in {request.collection: None for request in requests}:
            mine = [place for place, request in enumerate(requests) if request.collection is collection]
            shard = self._shards.get(collection)
            batch = edge.QueryBatchRequest([self._query(requests[place]) for place in mine])
            found: Sequence[list[edge.ScoredPoint]] = shard.query_batch(batch) if shard else [[] for _ in mine]
            for place, hits in zip(mine, found, strict=True):
                read, request = (
                    [ScoredPoint(str(hit.id), hit.payload or {}, hit.score) for hit in hits],
                    requests[place],
                )
                answers[place] = read
                if shard and isinstance(request, TextSearch):
                    answers[place] = unindexed_words.scored(shard, request, read)
        return [answers[place] for place in range(len(requests))]

    def count(self, collection: MemoryType, where: Filter) -> int:
        shard = self._shards.get(collection)
        return shard.count(edge.CountRequest(exact=True, filter=self._filter(collection, where))) if shard else 0

    def facet(self, collection: MemoryType, key: str, where: Filter, limit: int) -> dict[str, int]:
        shard = self._shards.get(collection)
        if shard is None:
            return {}
        return shard_facets.facet(shard, key, unindexed_words.answerable(shard, where), limit)

    def flush(self) -> None:
        """Brings to disk what until now lies in the write-ahead logs: safe against a power cut, faster to open."""
        if self._dirty:
            for shard in self._shards.values():
                shard.flush()
            self._dirty = False

    def tidy(self) -> None:
        """Moves points of a long run of writes into finished segments, one collection's worth."""
        for collection, fresh in self._fresh.items():
            if fresh >= self._tidy_every:
                self._shards[collection].optimize()
                self._reload(collection)
                return

    def close(self) -> None:
        self.flush()
        for shard in self._shards.values():
            shard.close()
        self._shards.clear()

    def _query(self, request: SearchRequest) -> edge.QueryRequest:
        query: edge.Query | edge.TextQuery | None = None
        params = None
        if isinstance(request, DenseSearch):
            check_question(request, self._dimensions or len(request.vector))
            query = edge.Query.Nearest(list(request.vector))
            params = edge.SearchParams(exact=request.exact)
        elif isinstance(request, TextSearch):
            query = edge.TextQuery(TEXT_KEY, storable_text(request.text), edge.Bm25Params(k=BM25_K, b=BM25_B))
        return edge.QueryRequest(
            limit=request.limit,
            query=query,
            filter=self._filter(request.collection, request.where),
            with_payload=selected(request.payload_keys),
            params=params,
        )

    def _filter(self, collection: MemoryType, where: Filter) -> edge.Filter | None:
        shard = self._shards.get(collection)
        return edge_filter(unindexed_words.answerable(shard, where) if shard else where)

    def _writable(self, collection: MemoryType) -> edge.EdgeShard:
        if collection not in self._shards:
            raise StoreMismatch(
                f"the store in {self._folder} has no collection {collection} yet; it is made by `ensure`"
            )
        return self._shards[collection]

    def _written(self, collection: MemoryType, points: int) -> None:
        self._fresh[collection] += points
        self._dirty = True

    def _info(self, collection: MemoryType) -> CollectionInfo:
        info = self._shards[collection].info()
        return CollectionInfo(
            points=info.points_count,
            dimensions=self._dimensions,
            missing_indexes=tuple(self._missing_indexes(collection)),
        )

    def _missing_indexes(self, collection: MemoryType) -> list[str]:
        present = self._shards[collection].info().payload_schema
        return [key for key in OWN_INDEXES if key not in present]

    def _create_index(self, collection: MemoryType, key: str) -> None:
        self._shards[collection].update(edge.UpdateOperation.create_field_index(key, index_params(OWN_INDEXES[key])))

    def _load(self, collection: MemoryType) -> None:
        path = self._folder / collection
        try:
            shard = edge.EdgeShard.load(str(path))
        except BaseException as error:  # Edge panics, which is no Exception, on some damage
            raise open_error(error, path) from error
        info = shard.info()
        self._shards[collection] = shard
        self._fresh[collection] = max(0, info.points_count - info.indexed_vectors_count)

    def _reload(self, collection: MemoryType) -> None:
        """Gives back the memory and the mapped files that the former segments used."""
        self._shards.pop(collection).close()
        if sys.platform == "linux":
            with suppress(OSError, AttributeError):
                ctypes.CDLL(None).malloc_trim(0)
        self._load(collection)
        self._fresh[collection] = 0

    def _create(self, collection: MemoryType, dimensions: int) -> None:
        """Makes the shard beside its place and moves it there, so that a half-made one is never found."""
        place, draft = self._folder / collection, self._folder / f"{collection}.new"
        for leftover in (place, draft):
            shutil.rmtree(leftover, ignore_errors=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        shard = edge.EdgeShard.create(str(draft), edge_config(dimensions))
        shard.close()
        rename_folder(draft, place)
        self._load(collection)

    def _discard(self) -> None:
        for collection in list(self._shards):
            self._shards.pop(collection).close()
            shutil.rmtree(self._folder / collection)
        self._made = None

    @property
    def _dimensions(self) -> int:
        """0 while nothing is made."""
        return self._made[0] if self._made else 0


def _these(ids: Sequence[str]) -> edge.Filter:
    found = edge_filter(Filter(must=(HasId(frozenset(ids)),)))
    return found or edge.Filter()


def _order(request: Scroll) -> edge.OrderBy | None:
    if request.order_by is None:
        return None
    direction = edge.Direction.Desc if request.descending else edge.Direction.Asc
    return edge.OrderBy(request.order_by, direction, request.start_from)
