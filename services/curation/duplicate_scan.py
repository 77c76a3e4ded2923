"""The search for near-identical memories, by vectors and words: in a scan of all, and around one that was just saved.

Some models give other vectors to a text in capitals: texts of the same words are found by a hash of these too, and what
is in capitals is looked for as it would be in small letters; around one that was just saved, also the other way round.

A scan goes through all memories in the order of their ids and writes down what it finds and how far it is; later ones
look at what was changed since.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from services.acting import seeing_all
from services.batches import batches
from services.concurrency import together
from services.curation.clusters import cosine
from services.curation.text_likeness import (
    DUPLICATES,
    LEAST_COSINE,
    LEAST_OF_DATES,
    Alike,
    Duplicate,
    alike_pairs,
    has_date,
    in_other_letters,
    is_in_capitals,
    text_hashes,
)
from services.errors import MemoriaError
from services.memories.stored_memories import (
    ONE_EACH,
    Stored,
    chunk_index,
    in_collection,
    memory_id_of,
    newest,
    pages,
    read_stored,
)
from services.model import Memory, MemoryType
from services.points import DatedBetween, DenseSearch, Filter, Point, Scroll, Vector
from services.ports import Clock, Embedder, SwitchableStore
from services.records import Records
from services.records.duplicates import StoredPair
from services.secret_texts import describe_secrets
from services.settings import Settings
from services.times import to_wall_clock, writer_zone

T = TypeVar("T")
_NEAREST = 10
"""Points that are looked at around each memory."""
_PAGE, _BATCH = 200, 32
"""Memories that are read, and looked at, at once."""
_OVERLAP = timedelta(minutes=5)
"""By which clocks of other programs may differ."""
_AT_ONCE = 20_000
"""Characters of texts that are looked at in less time than the way to a thread takes."""
_HINT = 60
"""Characters of a title in a hint."""
_TEXT = ("parent_id", "chunk_index", "content", "full_content")


@dataclass(frozen=True, slots=True)
class ScanStep:
    """How far a scan is."""

    done: int
    total: int
    found: int
    """Pairs that this scan found so far."""


@dataclass(slots=True)
class _Scan:
    """What is written down of a scan, as JSON."""

    type: str = ""
    """The collection that is scanned; "" once all are."""
    after: str | None = None
    """The last memory of it that was looked at."""
    done: int = 0
    change: int = 0
    """The newest change when it began."""
    begun: str = ""
    """When it began, as stamps are written."""
    waiting: list[str] = field(default_factory=list)
    """Memories that had no vector yet."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was near a text that was to be saved."""

    text: str
    vector: Vector
    near: Mapping[str, float]
    """Memories whose first chunks are near, with the cosine."""


class DuplicateScan:
    """Finds near-identical memories. Raises StoreUnavailable."""

    def __init__(
        self,
        vectors: SwitchableStore,
        embedder: Embedder,
        records: Records,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._vectors = vectors
        self._embedder = embedder
        self._records = records
        self._zone = writer_zone(settings)
        self._clock = clock
        self._chunk_size = settings.chunk_size

    async def scan(self, *, again: bool = False) -> AsyncIterator[ScanStep]:
        """Goes on where the last scan stopped, then looks at what was changed since; `again` begins from the start.

        Stop it at any step: what was found by then is written down.
        """
        stored = {} if again else await self._records.duplicates.scan()
        scan = _Scan(**stored) if stored else await self._begin()  # type: ignore[arg-type]  # as it was written
        if scan.type:
            async for step in self._scan_all(scan):
                yield step
        async for step in self._scan_changed(scan):
            yield step

    async def _begin(self) -> _Scan:
        now = to_wall_clock(self._clock() - _OVERLAP, self._zone)
        return _Scan(next(iter(MemoryType)), None, 0, await self._records.history.newest_number(), now.isoformat())

    async def _scan_all(self, scan: _Scan) -> AsyncIterator[ScanStep]:
        total = sum(await together(*(self._vectors.count(one, ONE_EACH) for one in MemoryType)))
        types, found = list(MemoryType), 0
        for type_ in types[types.index(MemoryType(scan.type)) :]:
            scan.type = type_
            request = Scroll(type_, _PAGE, ONE_EACH, after_id=scan.after, payload_keys=_TEXT, with_vectors=True)
            async for page in pages(self._vectors, request):
                pairs = await self._look(type_, page, scan)
                found += len(pairs)
                scan.done, scan.after = scan.done + len(page), page[-1].id
                await self._keep(scan, pairs, ())
                yield ScanStep(scan.done, max(total, scan.done), found)
            scan.after = None
        scan.type = ""
        await self._keep(scan, (), ())

    async def _scan_changed(self, scan: _Scan) -> AsyncIterator[ScanStep]:
        """What this program's history or the stamps of others say was written since."""
        goal = await self._begin()
        since = Filter((DatedBetween("updated_at", gte=datetime.fromisoformat(scan.begun)),))
        changed = {*scan.waiting, *await self._records.duplicates.changed(scan.change)}
        for type_ in MemoryType if self._vectors.shared else ():
            request = Scroll(type_, _PAGE, since, payload_keys=("parent_id",))
            changed |= {memory_id_of(point) async for page in pages(self._vectors, request) for point in page}
        done, found = 0, 0
        goal.type = ""
        for batch in batches(sorted(changed), _BATCH):
            done, found = done + len(batch), found + await self._look_again(batch, goal)
            yield ScanStep(done, len(changed), found)
        await self._keep(goal, (), ())

    async def refresh(self, ids: Iterable[str]) -> None:
        """Looks at these memories now, wherever the scan is."""
        for batch in batches(sorted(ids), _BATCH):
            await self._look_again(batch, _Scan())

    async def _look_again(self, ids: Sequence[str], scan: _Scan) -> int:
        """Finds the pairs of these memories in the place of those known; gives how many."""
        there = {id_: newest(states)[0] for id_, states in (await read_stored(self._vectors, ids)).items()}
        if gone := [one for one in ids if one not in there]:
            await self._hashed((), gone)
        pairs: dict[tuple[str, str], StoredPair] = {}
        for type_ in MemoryType:
            first = [one.points[0] for one in there.values() if one.state.type is type_]
            pairs |= {(one.one, one.other): one for one in await self._look(type_, first, scan, both=True)}
        await self._keep(None, list(pairs.values()), ids)
        return len(pairs)

    async def _hashed(self, points: Sequence[Point], gone: Sequence[str] = ()) -> dict[str, int]:
        """Hashes of the texts by memory, written down so that the others find them."""
        hashes = await _quickly(text_hashes, {memory_id_of(point): _text(point) for point in points})
        with seeing_all():
            await self._records.duplicates.keep_texts(hashes, gone)
        return hashes

    async def _keep(self, scan: _Scan | None, pairs: Sequence[StoredPair], again: Sequence[str]) -> None:
        async with self._records.transaction() as transaction:
            if again:
                await transaction.duplicates.drop(again)
            if pairs:
                await transaction.duplicates.add(pairs)
            if scan is not None:
                state = {name: getattr(scan, name) for name in _Scan.__slots__}
                await transaction.duplicates.reached(state)

    async def _look(
        self,
        type_: MemoryType,
        points: Sequence[Point],
        scan: _Scan,
        *,
        both: bool = False,
        others: dict[str, Stored] | None = None,
        looked: Looked | None = None,
    ) -> list[StoredPair]:
        """Pairs of these memories with any other one. `both` also looks in the collections scanned before.

        `others` gets those that were read for that; `looked` is of the only memory.
        """
        if not points:
            return []
        read: dict[str, Stored] = {} if others is None else others
        found, pairs = await together(
            self._of_near(type_, points, scan, read, looked, both=both), self._of_same_words(points, known=both)
        )
        return [*found.values(), *await self._compared(points, pairs - found.keys(), read)]

    async def _of_near(
        self,
        type_: MemoryType,
        points: Sequence[Point],
        scan: _Scan,
        read: dict[str, Stored],
        looked: Looked | None,
        *,
        both: bool,
    ) -> dict[tuple[str, str], StoredPair]:
        """Those of these memories with the ones whose vectors are near; these are put into `read`."""
        scan.waiting += [memory_id_of(point) for point in points if not point.vector]
        types = list(MemoryType)
        others = types if both else types[types.index(type_) :]
        found: dict[tuple[str, str], StoredPair] = {}
        for batch in batches([point for point in points if point.vector], _BATCH):
            asked = [(memory_id_of(point), point.vector or ()) for point in batch]
            if looked is not None:
                own = memory_id_of(batch[0])  # which may have been there already
                cosines = {_pair(own, other): cosine for other, cosine in looked.near.items() if other != own}
            else:
                dated = {memory_id_of(point) for point in batch if has_date(_text(point))}
                near, otherwise = await together(
                    self._near(asked, others, dated), self._near_in_other_letters(batch, others, capitals=both)
                )
                cosines = {pair: max(near.get(pair, 0.0), otherwise.get(pair, 0.0)) for pair in near.keys() | otherwise}
            away = {id_ for pair in cosines for id_ in pair} - {id_ for id_, _ in asked}
            stored = _newest_of(await read_stored(self._vectors, away, embeddings=False))
            read |= stored
            texts = {id_: one.state.content for id_, one in stored.items()}
            texts |= {memory_id_of(point): _text(point) for point in batch}
            cosines = {pair: cosine for pair, cosine in cosines.items() if texts.keys() >= {*pair}}
            new = {pair: cosine for pair, cosine in cosines.items() if pair not in found}
            pairs = await (_quickly if both else asyncio.to_thread)(alike_pairs, texts, new)
            found |= {
                pair: one for pair, one in pairs.items() if one.cosine >= LEAST_COSINE or one.kind == Alike.DIFFERS
            }
        return found

    async def _near_in_other_letters(
        self, points: Sequence[Point], types: Sequence[MemoryType], *, capitals: bool
    ) -> dict[tuple[str, str], float]:
        asked = await self._in_other_letters(points, capitals=capitals)
        return await self._near(asked, types, ()) if asked else {}

    async def _in_other_letters(self, points: Sequence[Point], *, capitals: bool) -> list[tuple[str, Vector]]:
        """The memories that are in capitals, with the vectors that they would have otherwise.

        `capitals`: also the others, with those that they would have in capitals.
        """
        texts = {memory_id_of(point): str(point.payload.get("content", "")) for point in points}
        changed = {id_: in_other_letters(text) for id_, text in texts.items()}
        other = {
            id_: changed[id_]
            for id_, text in texts.items()
            if changed[id_] != text and (capitals or is_in_capitals(text))
        }
        if not other:
            return []
        with contextlib.suppress(MemoriaError):  # then they are found by their words, where these are the same
            embedding = self._embedder.embed_documents(list(other.values()))
            model, vectors = await together(self._vectors.model(), embedding)
            return list(zip(other, vectors, strict=True)) if model in (None, self._embedder.model) else []
        return []

    async def _of_same_words(self, points: Sequence[Point], *, known: bool) -> set[tuple[str, str]]:
        """Those of these memories with the ones that have their words; with `known` also what was found before."""
        hashes = await self._hashed(points)
        with seeing_all():  # hashes are of all memories: the texts are read as who acts may
            ids = [memory_id_of(point) for point in points if point.vector]
            asked = {id_: hashes[id_] for id_ in ids if id_ in hashes}
            pairs = await self._records.duplicates.same_text(asked, _NEAREST, found=known) if asked else []
        return {(min(pair), max(pair)) for pair in pairs}

    async def _compared(
        self, points: Sequence[Point], pairs: Collection[tuple[str, str]], read: dict[str, Stored]
    ) -> list[StoredPair]:
        """The pairs of these memories that are alike by their texts and vectors; their memories are put into `read`."""
        vectors = {memory_id_of(point): point.vector for point in points if point.vector}
        stored = _newest_of(await read_stored(self._vectors, {id_ for pair in pairs for id_ in pair}))
        read |= stored
        vectors |= {id_: one.points[0].vector for id_, one in stored.items() if one.points[0].vector}
        cosines = {pair: cosine(vectors[pair[0]], vectors[pair[1]]) for pair in pairs if set(pair) <= vectors.keys()}
        texts = {id_: one.state.content for id_, one in stored.items()}
        return list((await _quickly(alike_pairs, texts, cosines)).values())

    async def _near(
        self, asked: Sequence[tuple[str, Vector]], types: Sequence[MemoryType], dated: Collection[str]
    ) -> dict[tuple[str, str], float]:
        """Pairs of these memories with those whose first chunks are near their vectors, with the highest cosine.

        Of those that are `dated` others count as near that are a little farther.
        """
        requests = [
            DenseSearch(type_, vector, _NEAREST, payload_keys=("parent_id", "chunk_index"))
            for _, vector in asked
            for type_ in types
        ]
        cosines: dict[tuple[str, str], float] = {}
        for place, hits in enumerate(await self._vectors.search(requests)):
            one, _ = asked[place // len(types)]
            least = LEAST_OF_DATES if one in dated else LEAST_COSINE
            for hit in hits:
                if hit.score >= least and not chunk_index(hit) and (other := memory_id_of(hit)) != one:
                    pair = _pair(one, other)
                    cosines[pair] = max(hit.score, cosines.get(pair, 0.0))
        return cosines

    @contextlib.asynccontextmanager
    async def looking(self, text: str) -> AsyncIterator[Awaitable[Looked | None]]:
        """Looks for what is near a text while the body saves it, for `hint`."""
        task = asyncio.create_task(self._looked(text))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _looked(self, text: str) -> Looked | None:
        """None for a long text, which has several vectors, and where the stores cannot be asked."""
        if len(text) > self._chunk_size:
            return None
        with contextlib.suppress(MemoriaError):
            texts = list(dict.fromkeys((text, in_other_letters(text))))
            model, vectors = await together(self._vectors.model(), self._embedder.embed_documents(texts))
            if model != self._embedder.model:
                return None
            found = await self._near([("", vector) for vector in vectors], list(MemoryType), [""] * has_date(text))
            return Looked(text, vectors[0], {other: cosine for (_, other), cosine in found.items()})
        return None

    async def nearest(self, memory: Memory, looked: Looked | None = None) -> Duplicate | None:
        """What a memory that was just saved is nearly the same as, whatever its type; None: nothing, or no vector yet.

        Pairs that a person keeps apart count too: the text may have been another one then.
        """
        if looked is not None and looked.text == memory.content:
            point = Point(memory.id, {"content": memory.content}, looked.vector)
        else:
            looked = None
            states = await in_collection(self._vectors, memory.type, frozenset({memory.id}), embeddings=True)
            if not states or not states[0].points[0].vector:
                return None
            point = states[0].points[0]
        others: dict[str, Stored] = {}
        pairs = await self._look(memory.type, [point], _Scan(), both=True, others=others, looked=looked)
        best = max((one for one in pairs if one.kind in DUPLICATES), key=lambda one: one.shared, default=None)
        if best is None:
            return None
        other = others[best.one if best.other == memory.id else best.other].memory(self._zone)
        return Duplicate(other, best.cosine, best.shared, Alike(best.kind))

    async def hint(self, memory: Memory, looked: Awaitable[Looked | None] | None = None) -> str:
        """«has a password, nearly the same as 1fec6d88 "the first line"», of a memory that was just saved.

        "" for neither. Never raises: it was saved. `looked`: what `looking` gave.
        """
        hints = [f"has {secrets}"] if (secrets := describe_secrets(memory.content)) else []
        with contextlib.suppress(MemoriaError):
            if near := await self.nearest(memory, await looked if looked else None):
                hints.append(f'nearly the same as {near.memory.id[:8]} "{near.memory.title[:_HINT]}"')
        return ", ".join(hints)


def _pair(one: str, other: str) -> tuple[str, str]:
    return min(one, other), max(one, other)


def _newest_of(stored: Mapping[str, Sequence[Stored]]) -> dict[str, Stored]:
    return {id_: newest(states)[0] for id_, states in stored.items()}


async def _quickly(act: Callable[..., T], texts: Mapping[str, str], *more: object) -> T:
    """What `act` makes of texts; in a thread where they are long."""
    if sum(map(len, texts.values())) <= _AT_ONCE:
        return act(texts, *more)
    return await asyncio.to_thread(act, texts, *more)


def _text(point: Point) -> str:
    whole = point.payload.get("full_content")
    return whole if isinstance(whole, str) else str(point.payload.get("content", ""))
