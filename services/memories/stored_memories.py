"""From points to memories: chunks are put together, ids of chunks become the id of their memory. Nothing is written."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from uuid import UUID

from services.batches import batches
from services.concurrency import together
from services.memories.payload import State, logical, read_memory
from services.model import Memory, MemoryType
from services.points import CANONICAL_ID, Between, Condition, Filter, HasId, Matches, Point, ScoredPoint, Scroll
from services.ports import VectorStore
from services.records import Transaction
from services.times import WriterZone

_PAGE = 1000
_PAGE_OF_VECTORS = 200
"""Few enough that unpacking their vectors does not hold up the event loop."""
_MOST_IDS = 1_000_000
CHUNKED, FIRST_CHUNK = Between("chunk_index", gte=0), Between("chunk_index", gte=0, lte=0)
NOT_FIRST = Between("chunk_index", gte=1)
"""Points that are a chunk, but not the first."""
ONE_EACH = Filter(must_not=(NOT_FIRST,))
"""One point a memory, unless its first chunk is gone."""
_ID_PART = re.compile(r"[0-9a-f]{1,32}")


@dataclass(frozen=True, slots=True)
class Stored:
    """One state of a memory as points hold it. A memory has a second one only while a save is not finished."""

    id: str
    state: State
    points: tuple[Point, ...]
    """Ordered by chunk."""

    @property
    def texts(self) -> tuple[str, ...] | None:
        """What the points are indexed by, in order; None when a chunk is missing."""
        if len(self.points) == 1 and chunk_index(self.points[0]) is None:
            return (self.state.content,)
        if [chunk_index(point) for point in self.points] != list(range(len(self.points))):
            return None
        if len(self.points) != self.points[0].payload.get("chunk_count"):
            return None
        return tuple(str(point.payload.get("content", "")) for point in self.points)

    @property
    def pieces(self) -> tuple[str | None, ...] | None:
        """As `texts`, with None in the place of a chunk that is missing; None when their places cannot be told."""
        count = self.points[0].payload.get("chunk_count")
        if self.texts is not None or not isinstance(count, int):
            return self.texts
        by_place = {chunk_index(point): str(point.payload.get("content", "")) for point in self.points}
        if len(by_place) != len(self.points) or not by_place.keys() <= set(range(count)):
            return None
        return tuple(by_place.get(place) for place in range(count))

    @property
    def whole(self) -> bool:
        """True when the whole text is known, also where chunks are missing."""
        return self.texts is not None or "full_content" in self.points[0].payload

    @property
    def pending(self) -> bool:
        """True when a vector is known to be missing."""
        return any(point.has_vector is False for point in self.points)

    def memory(self, zone: WriterZone) -> Memory:
        return replace(
            read_memory(self.id, self.state, zone),
            chunk_count=len(self.points),
            headless=(chunk_index(self.points[0]) or 0) > 0,
            pending=self.pending,
        )


def memory_id_of(point: Point | ScoredPoint) -> str:
    """The id of the memory that a point belongs to: its `parent_id`, else its own id."""
    parent = point.payload.get("parent_id")
    return parent if isinstance(parent, str) and CANONICAL_ID.fullmatch(parent) else point.id


def chunk_index(point: Point | ScoredPoint) -> int | None:
    """Place of the point among the chunks, from 0; None for a plain memory."""
    index = point.payload.get("chunk_index")
    return index if isinstance(index, int) and not isinstance(index, bool) and index >= 0 else None


def canonical(memory_id: object) -> str | None:
    """A UUID in any writing as lowercase text with dashes; None when it is no UUID."""
    try:
        return str(UUID(memory_id)) if isinstance(memory_id, str) else None
    except ValueError:
        return None


def fold(collection: MemoryType, points: Iterable[Point]) -> list[Stored]:
    """Puts the points of one collection together; points of one memory with different texts stay apart."""
    groups: defaultdict[tuple[str, object, str | None], list[Point]] = defaultdict(list)
    for point in points:
        whole = point.payload.get("full_content")
        count = None if chunk_index(point) is None else point.payload.get("chunk_count")
        count = count if isinstance(count, (int, float, str)) else None
        groups[memory_id_of(point), count, whole if isinstance(whole, str) else None].append(point)
    # Only the first chunk of a very long memory has the whole text.
    complete = {key[:2]: key for key in groups if key[1] is not None and key[2] is not None}
    for key in [key for key in groups if key[2] is None and key[:2] in complete]:
        groups[complete[key[:2]]] += groups.pop(key)
    return [_stored(key[0], collection, group) for key, group in groups.items()]


def _stored(memory_id: str, collection: MemoryType, points: list[Point]) -> Stored:
    points.sort(key=lambda point: chunk_index(point) or 0)
    payload = logical(points[0].payload)
    if len(points) > 1 and "full_content" not in points[0].payload:
        payload["content"] = "".join(str(point.payload.get("content", "")) for point in points)
    if any(point.payload.get("has_relations") is True for point in points[1:]):
        payload["has_relations"] = True  # set on single chunks, and no chunk may lose it when all are written again
    return Stored(memory_id, State(collection, payload), tuple(points))


async def read_stored(vectors: VectorStore, ids: Iterable[str], *, embeddings: bool = True) -> dict[str, list[Stored]]:
    """The states of each memory that exists, the newest first. Without `embeddings`, `pending` is not known."""
    wanted = frozenset(ids)
    if not wanted:
        return {}
    found: defaultdict[str, list[Stored]] = defaultdict(list)
    for stored in await together(*(in_collection(vectors, type_, wanted, embeddings) for type_ in MemoryType)):
        for one in stored:
            found[one.id].append(one)
    for states in found.values():
        states.sort(key=age, reverse=True)
    return dict(found)


def age(state: Stored) -> tuple[str, int]:
    """What orders the states of a memory, oldest first."""
    return str(state.state.payload.get("updated_at", "")), len(state.points)


async def in_collection(
    vectors: VectorStore, collection: MemoryType, wanted: frozenset[str], embeddings: bool
) -> list[Stored]:
    """The states, in no order, that one collection has of the memories."""
    return fold(collection, await _points(vectors, collection, wanted, embeddings))


async def _points(vectors: VectorStore, collection: MemoryType, wanted: Set[str], embeddings: bool) -> list[Point]:
    where = Filter(any_of=(HasId(frozenset(wanted)), Matches("parent_id", tuple(sorted(wanted)))))
    request = Scroll(collection, _PAGE_OF_VECTORS if embeddings else _PAGE, where, with_vectors=embeddings)
    points = [point async for page in pages(vectors, request) for point in page]
    return [point for point in points if memory_id_of(point) in wanted]


async def all_points(
    vectors: VectorStore, collection: MemoryType, *, embeddings: bool = True
) -> AsyncIterator[list[Point]]:
    """Every point of a collection; those of one memory stand together, in the order of its text."""
    read: set[str] = set()
    async for page in pages(vectors, Scroll(collection, _PAGE_OF_VECTORS, ONE_EACH, with_vectors=embeddings)):
        yield [point for point in page if chunk_index(point) is None]
        if new := {memory_id_of(point) for point in page if chunk_index(point) is not None} - read:
            read |= new
            yield sorted(await _points(vectors, collection, new, embeddings), key=_place)
    for batch in batches(await headless_ids(vectors, collection), _PAGE_OF_VECTORS):
        yield sorted(await _points(vectors, collection, set(batch), embeddings), key=_place)


async def all_stored(
    vectors: VectorStore, collection: MemoryType, *, embeddings: bool = True
) -> AsyncIterator[list[Stored]]:
    """The newest state of every memory of a collection."""
    async for points in all_points(vectors, collection, embeddings=embeddings):
        yield newest(fold(collection, points))


def newest(states: Iterable[Stored]) -> list[Stored]:
    """Of each memory the newest of its states."""
    return list({one.id: one for one in sorted(states, key=age)}.values())


def _place(point: Point) -> tuple[str, int, str]:
    return memory_id_of(point), chunk_index(point) or 0, point.id


async def pages(vectors: VectorStore, request: Scroll) -> AsyncIterator[list[Point]]:
    """All points of the request in the order of their ids, `limit` at a time; the next ones are fetched meanwhile."""
    page = await vectors.scroll(request)
    while len(page) == request.limit:
        following = asyncio.create_task(vectors.scroll(replace(request, after_id=page[-1].id)))
        try:
            yield page
            page = await following
        finally:
            following.cancel()
    if page:
        yield page


async def headless_ids(vectors: VectorStore, type_: MemoryType) -> list[str]:
    """Ids of memories of one collection whose first chunk is gone, sorted: upstream deletes chunks by their own ids."""
    parts = await vectors.facet(type_, "parent_id", Filter((NOT_FIRST,)), _MOST_IDS)
    first = await vectors.facet(type_, "parent_id", Filter((FIRST_CHUNK,)), _MOST_IDS)
    return sorted(set(parts) - set(first))


async def count_memories(vectors: VectorStore) -> int:
    """All memories, those without their first chunk included."""
    headless = await together(*(headless_ids(vectors, type_) for type_ in MemoryType))
    return sum(await together(*(vectors.count(type_, ONE_EACH) for type_ in MemoryType))) + sum(map(len, headless))


async def owners(vectors: VectorStore, ids: Sequence[str]) -> dict[str, str]:
    """The memory of each id: itself, or for a chunk's id its memory; ids of nothing are left out."""
    owned: dict[str, str] = {}
    for points in await together(*(vectors.retrieve(type_, ids) for type_ in MemoryType)):
        owned |= {point.id: memory_id_of(point) for point in points}
    if rest := [one for one in ids if one not in owned]:
        owned |= {one: one for one in await read_stored(vectors, rest, embeddings=False)}
    return owned


async def present(vectors: VectorStore, ids: Iterable[str], without: tuple[Condition, ...] = ()) -> set[str]:
    """Those of these memories that have a point, and one that meets none of the conditions."""
    wanted = frozenset(ids)
    found: set[str] = set()
    for batch in batches(sorted(wanted), _PAGE):
        where = Filter(must_not=without, any_of=(HasId(frozenset(batch)), Matches("parent_id", tuple(batch))))
        for type_ in MemoryType:
            request = Scroll(type_, _PAGE, where, payload_keys=("parent_id",))
            found |= {memory_id_of(point) async for page in pages(vectors, request) for point in page}
    return found & wanted


async def deleted_ends(vectors: VectorStore, transaction: Transaction, ends: Iterable[str]) -> set[str]:
    """Ends of relations that the history has as deleted; the others stay until the transaction ends.

    Ids that only other programs know are not among them.
    """
    wanted = sorted(set(ends))
    await transaction.outbox.lock(wanted, shared=True)
    gone = [one for one, mark in (await transaction.outbox.marks(wanted)).items() if mark.deleted] if wanted else []
    return set(gone) - set(await owners(vectors, gone)) if gone else set()


async def ids_with_prefix(vectors: VectorStore, prefix: str, limit: int = 20) -> list[str]:
    """Ids of memories that begin so, dashes or not, sorted; at most about `limit` of them."""
    start = prefix.lower().replace("-", "")
    if not _ID_PART.fullmatch(start):
        return []
    first = int(start.ljust(32, "0"), 16)
    after = str(UUID(int=first - 1)) if first else None
    found: set[str] = set()
    for type_ in MemoryType:
        plain = Filter(must_not=(CHUNKED,))
        page = await vectors.scroll(Scroll(type_, limit, plain, after_id=after, payload_keys=("parent_id",)))
        found |= {point.id for point in page if point.id.replace("-", "").startswith(start)}
        chunked = await vectors.facet(type_, "parent_id", Filter((CHUNKED,)), _MOST_IDS)
        found |= {parent for parent in chunked if parent.replace("-", "").startswith(start)}
    return sorted(found)[:limit]
