"""Finds memories: by meaning, by words and by their relations, or as a plain list. Reading writes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from services.concurrency import together
from services.errors import EmbeddingFailed, Malformed, MemoriaError, NotFound
from services.memories.chunking import chunk_id
from services.memories.stored_memories import chunk_index, ids_with_prefix, memory_id_of, read_stored
from services.model import (
    AGENT,
    LONGEST_QUERY,
    FacetCount,
    Facets,
    Memory,
    MemoryType,
    Query,
    SearchMode,
    SearchResult,
    SortKey,
)
from services.model.memories import TITLE_IN
from services.permitted_stores import SeenRelations
from services.points import (
    Condition,
    DenseSearch,
    Filter,
    HasId,
    Lookup,
    Matches,
    ScoredPoint,
    Scroll,
    TextSearch,
    Vector,
)
from services.ports import Clock, Embedder, Nearness, RelationSummary, VectorStore, WordEmbedder
from services.records import Records
from services.search import facets as facet_counts
from services.search import fusion
from services.search.asked_for import asked_for
from services.search.filters import Among, FilterBuilder, Filters, keeps_text, memories_of
from services.search.hits import HitReader, Place, RankedHits, Read, Scores
from services.search.list_order import Order
from services.search.listing import FIRST_PAGE_SECONDS, End, Listing
from services.search.query import operators
from services.search.unrelated import BUNDLED, TYPICAL, Unrelated, measured
from services.search.vocabulary import Vocabulary, words_in
from services.settings import Settings
from services.times import first_weekday, person_zone, writer_zone
from services.unknown_ids import MEMORY_ID, ambiguous_id, unknown_id

_MOST_COMPLETIONS = 50
_AUTHORS_KEPT = 30.0
"""Seconds for which authors are not read again: for them the whole history is."""
_UNHURRIED = 5.0
"""Seconds before a list that replaces another is read to its end: while others write, a newer one comes before."""
_KEYS = ("parent_id", "chunk_index", "chunk_count")
"""All that a leg needs of a payload."""
_MOST_CHUNKS = 1000
"""Points that are looked at to find neighbours, and the vectors of a memory that others shall be like."""
_MOST_ALIKE, _AT_ONCE = 1000, 500
_MOST_READ = 5_000
"""Memories of which a list reads the texts for a phrase or an excluded word: the index knows no stop words."""
_MOST_LOOKED_AT = 10_000
"""Characters of a passage in which what is asked for is looked for."""
_OF_AN_ID = 36
"""Characters."""
_MOST_TAGS = 30
"""Words of a question that are looked for among the tags, the most telling ones."""
_ROUNDS = 10
"""How often a leg asks at most, each time for twice as many points."""


class SearchService:
    """All questions to the memories. Each raises StoreUnavailable when what it needs cannot be reached."""

    def __init__(
        self,
        vectors: VectorStore,
        embedder: Embedder,
        records: Records,
        settings: Settings,
        clock: Clock,
        words: WordEmbedder | None = None,
    ) -> None:
        """`words` reads the best hits word by word where the embedder cannot."""
        self._vectors = vectors
        self._records = records
        self._clock = clock
        self._person_zone, self._writer_zone = person_zone(settings), writer_zone(settings)
        self._week_begins = first_weekday(settings)
        self._filters = FilterBuilder(vectors, records, self._writer_zone)
        self._reader = HitReader(vectors, records, self._writer_zone)
        words = embedder if isinstance(embedder, WordEmbedder) else words
        self._ranking = Ranking(vectors, embedder, words, records, self._filters, self._reader)
        self._last: RankedHits | None = None
        self._authors: tuple[tuple[str, ...], float] = (), -math.inf
        """Who wrote memories, and when that was read."""
        self._listed: tuple[Query, Filters] | None = None
        """What the last list is of: the counts beside it are of the same, and what that took is not done twice."""

    async def search(self, query: Query, first: int | None = None) -> SearchResult:
        """Ranked hits, or the first page of a plain list, with the number of all; no facets.

        `first`: so many are read, and the others counted.

        Raises NotFound when the memory that others shall be like does not exist, and what failed when no leg of the
        search could answer; otherwise a leg that failed is told in `notices`.
        """
        start = time.perf_counter()
        wanted = query.limit if first is None else first
        notices: tuple[str, ...] = ()
        answered = True
        if query.ranked:
            ranked = await self.ranked(query)
            hits = await ranked.page(0, wanted)
            total, notices, answered = ranked.total, ranked.notices, ranked.answered
        else:
            listing = await self._opened(query)
            hits, total = await listing.page(0, wanted), listing.total
        return SearchResult(query, hits, total, (time.perf_counter() - start) * 1000, notices, answered)

    async def ids(self, query: Query) -> list[str]:
        """All memories that a query asks for, newest first, of which the words of its text must occur.

        Those like another one are the best 1,000. Raises as `search` does.
        """
        if query.like:
            return [hit.memory.id for hit in (await self.search(replace(query, limit=_MOST_ALIKE))).hits]
        listing = await self._opened(replace(query, sort=SortKey.CREATED), await self._points(query, math.inf))
        found: list[str] = []
        for offset in range(0, listing.total, _AT_ONCE):
            found += [hit.memory.id for hit in await listing.page(offset, _AT_ONCE, relations=False)]
        return found

    async def count(self, query: Query) -> int:
        """Memories that a query without words asks for; those of a few operators alone are read to be counted."""
        points = await self._filters.first_chunks(await self._points(query))
        if not points.among:
            return sum(await together(*(self._vectors.count(one, where) for one, where in points.where.items())))
        return sum([len(page) for one in points.where async for page in points.pages(self._vectors, one, ())])

    async def ranked(self, query: Query) -> RankedHits:
        """The hits of a ranked search, read as far as they are wanted. Raises as `search` does."""
        start = time.perf_counter()
        ranked = self._last = await self._ranking.rank(query)
        ranked.took_ms = (time.perf_counter() - start) * 1000
        return ranked

    async def facets(self, query: Query) -> Facets:
        """Exact counts over all memories of a plain list, or over the hits of a ranked search."""
        now = self._clock().astimezone(self._person_zone)
        if query.ranked:
            last = self._last
            ranked = last if last and last.query == query else await self.ranked(query)
            return facet_counts.of_hits(await ranked.page(0, query.limit), now, self._week_begins)
        listed, self._listed = self._listed, None
        points = listed[1] if listed and listed[0] == query else await self._points(query)
        first_chunks = await self._filters.first_chunks(points)
        return await facet_counts.counted(self._vectors, first_chunks, now, self._writer_zone, self._week_begins)

    async def listing(self, query: Query, *, again: bool = False) -> Listing:
        """A plain list that can be read at any place. In another order than relevance, a text must occur.

        `again`: only to see what others changed, perhaps soon once more; where nobody goes, it is not read at once.
        """
        points = await self._points(query)
        approximate = not points.among  # otherwise all are read at once
        listing = await self._opened(query, points, approximate=approximate)
        self._listed = (query, points)
        listing.read_ahead(_UNHURRIED if again else 0.0)
        if approximate:
            listing.replace_by(partial(self._opened, query, points))
        listing.in_background(self._ranking.warm_up(after=FIRST_PAGE_SECONDS))
        return listing

    def when_loaded(self, call: Callable[[], object]) -> None:
        """`call` is called once, when all that searches need is in memory."""
        self._ranking.loaded = call

    async def complete(self, operator: str, prefix: str) -> tuple[str, ...]:
        """Values of an operator that begin like `prefix`, most used first; at most 50."""
        known = next((one.values for one in operators() if one.name == operator), None) or ()
        if operator in ("tag", "project"):
            known = tuple(one.value for one in await self.in_use(operator))
        if operator == "by":
            known = _names(await self._known_authors(), marked=prefix.startswith(AGENT))
        start = prefix.casefold()
        return tuple(value for value in known if value.casefold().startswith(start))[:_MOST_COMPLETIONS]

    async def _known_authors(self) -> tuple[str, ...]:
        authors, read_at = self._authors
        if time.monotonic() > read_at + _AUTHORS_KEPT:
            authors = await self._records.history.authors()
            self._authors = authors, time.monotonic()
        return authors

    async def in_use(self, operator: str) -> tuple[FacetCount, ...]:
        """All tags (`tag`) or projects (`project`) with the number of memories that have them, most used first."""
        first_chunks = await self._filters.first_chunks(await self._points(Query()))
        counts = await facet_counts.values(
            self._vectors, first_chunks.where, "tags" if operator == "tag" else "project"
        )
        values = sorted(counts, key=lambda value: (-counts[value], value.casefold()))
        return tuple(FacetCount(value, counts[value]) for value in values)

    async def _opened(self, query: Query, points: Filters | None = None, *, approximate: bool = False) -> Listing:
        first_chunks = await self._filters.first_chunks(points or await self._points(query), approximate=approximate)
        found = await together(*(self._vectors.count(one, where) for one, where in first_chunks.where.items()))
        counts = dict(zip(first_chunks.where, found, strict=True))
        order, end = (
            Order(self._vectors, first_chunks.where, counts, query),
            End(self._vectors, first_chunks.where, counts, query),
        )
        at_once = bool(first_chunks.among) or not query.sort.is_indexed
        total = await order.read_all(first_chunks) if at_once else sum(found)
        return Listing(total, order, end, self._reader)

    async def _points(self, query: Query, most_read: float = _MOST_READ) -> Filters:
        points = await self._filters.points(query, await self._ranking.texts(query.text) if query.text else ())
        return await self._filtered_by_texts(query, points, most_read) if query.asks_texts else points

    async def _filtered_by_texts(self, query: Query, points: Filters, most: float) -> Filters:
        """Only memories whose texts have the phrases and no excluded word; of more than `most`, what the index says."""
        one_each = await self._filters.first_chunks(points)
        counts = await together(*(self._vectors.count(one, where) for one, where in one_each.where.items()))
        if sum(counts) > most:
            return points
        kept: set[str] = set()
        for collection in one_each.where:
            async for page in one_each.pages(self._vectors, collection, ()):
                stored = await read_stored(self._vectors, [memory_id_of(one) for one in page], embeddings=False)
                kept |= {id_ for id_, of in stored.items() if any(keeps_text(query, one.state.content) for one in of)}
        return replace(points, among=(*points.among, Among(frozenset(kept), wanted=True)))


@dataclass(slots=True)
class _Leg:
    """What one leg found: the best raw score of each memory, and the point it comes from."""

    scores: dict[str, float] = field(default_factory=dict)
    points: dict[str, Place] = field(default_factory=dict)
    failure: MemoriaError | None = None


@dataclass(slots=True)
class _Graph:
    """What relations bring to memories, and the points of those that no leg had found."""

    activation: dict[str, float] = field(default_factory=dict)
    points: dict[str, Place] = field(default_factory=dict)
    summaries: dict[str, RelationSummary] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    failure: MemoriaError | None = None


def _names(actors: Sequence[str], *, marked: bool) -> tuple[str, ...]:
    """What can follow `by:`: names, before them `agent` where there is one; `marked`: agents as `agent:name`."""
    if marked:
        return tuple(actor for actor in actors if actor.startswith(AGENT))
    any_agent = [AGENT[:-1]] if any(actor.startswith(AGENT) for actor in actors) else []
    return tuple(dict.fromkeys((*any_agent, *(actor.removeprefix(AGENT) for actor in actors))))


def _require_short(*texts: str) -> None:
    """Raises InvalidInput."""
    if (longest := max(map(len, texts))) > LONGEST_QUERY:
        raise Malformed(f"a query of {longest:,} characters is too long; at most {LONGEST_QUERY:,}")


class Ranking:
    """Ranks memories for a query. A leg that cannot take part gives a notice, and the others go on."""

    def __init__(
        self,
        vectors: VectorStore,
        embedder: Embedder,
        words: WordEmbedder | None,
        records: Records,
        filters: FilterBuilder,
        reader: HitReader,
    ) -> None:
        self.loaded: Callable[[], object] | None = None
        """Called once, when all that searches need is in memory."""
        self._vectors = vectors
        self._embedder = embedder
        self._words = words
        self._relations = SeenRelations(vectors, records)
        self._filters = filters
        self._reader = reader
        self._vocabulary = Vocabulary(vectors)
        self._measured: Unrelated | None = None
        self._warm = False

    async def warm_up(self, after: float) -> None:
        """Loads, once and `after` so many seconds, what the first search would have to wait for.

        It ends with the list that it goes with; the next list's begins again.
        """
        await asyncio.sleep(after)
        if self._warm:
            return
        with contextlib.suppress(MemoriaError):  # a search says what is wrong
            await self._vocabulary.load()
            await self._embedder.embed_query("memory")
            await self._unrelated(Query())
        self._warm = True
        if self.loaded is not None:
            self.loaded()

    async def texts(self, text: str) -> list[str]:
        """The text, and the same with each likely completion of its last word when that is not finished."""
        _require_short(text)
        words = await self._vocabulary.completions(text)
        return [text, *(" ".join((*text.split()[:-1], word)) for word in words)]

    async def rank(self, query: Query) -> RankedHits:
        """The hits, the first of them read. Raises what failed when no leg could answer."""
        _require_short(query.text, *query.phrases)
        asked = query
        if query.like:
            query = replace(query, like=await self._whole_id(query.like))
        scope = await self._filters.points(query)
        begun = "" if query.mode is SearchMode.SEMANTIC else query.text
        weights, completions = await together(self._vocabulary.weights(query.text), self._vocabulary.completions(begun))
        words = " ".join((query.text, *completions))
        dense, keyword, unrelated = await together(
            self._dense(query, scope, weights), self._keyword(query, scope, words, weights), self._unrelated(query)
        )
        used = [leg for leg in (dense, keyword) if leg is not None]
        if all(leg.failure for leg in used):
            raise next(leg.failure for leg in used if leg.failure)
        worded = keyword is not None and not keyword.failure
        dense, keyword = dense or _Leg(), keyword or _Leg()
        weight = fusion.DENSE_WEIGHT if isinstance(self._embedder, WordEmbedder) else fusion.SENTENCE_WEIGHT
        own, others = fusion.own_scores(dense.scores, keyword.scores, weight)
        graph = await self._graph(scope, own, followed=query.mode is SearchMode.HYBRID)
        own |= dict.fromkeys(graph.points, others)
        shares = {one: fusion.SUPERSEDED for one, among in graph.summaries.items() if among.superseded}
        own, graph.activation = fusion.scaled(own, shares), fusion.scaled(graph.activation, shares)
        totals = fusion.totals(own, graph.activation)
        legs = (dense.scores, keyword.scores, graph.activation)
        scores = Scores(totals, *legs, graph.summaries, unrelated, worded)
        points = {**graph.points, **dense.points, **keyword.points}
        embedded = frozenset(point.id for _, point in dense.points.values())
        reading = partial(self._closely, query.text, weights if dense.scores else {})
        ranked = RankedHits(asked, scores, points, embedded, self._reader, reading)
        ranked.notices = tuple(_notices(dense, keyword, graph))
        await ranked.open()
        return ranked

    async def _dense(self, query: Query, scope: Filters, weights: Mapping[str, float]) -> _Leg | None:
        if query.mode is SearchMode.KEYWORD and not query.like:
            return None
        try:
            vector = await (self._vector_of(query.like) if query.like else self._vector_for(query.text, weights))

            def near(collection: MemoryType, where: Filter, limit: int) -> DenseSearch:
                return DenseSearch(collection, vector, limit, where, payload_keys=_KEYS)

            return await self._found(scope, near, query.limit)
        except NotFound:
            raise
        except MemoriaError as error:
            return _Leg(failure=error)

    async def _keyword(self, query: Query, scope: Filters, words: str, weights: Mapping[str, float]) -> _Leg | None:
        if query.mode is SearchMode.SEMANTIC or not query.text:
            return None

        def worded(collection: MemoryType, where: Filter, limit: int) -> TextSearch:
            return TextSearch(collection, words, limit, where, payload_keys=_KEYS)

        try:
            leg, tagged = await together(self._found(scope, worded, query.limit), self._tagged(scope, weights))
        except MemoriaError as error:
            return _Leg(failure=error)
        shares = fusion.shares(leg.scores, weights)
        for memory_id, (share, place) in tagged.items():
            shares[memory_id] = min(1.0, shares.get(memory_id, 0.0) + share)
            leg.points.setdefault(memory_id, place)
        return _Leg(shares, leg.points)

    async def _tagged(self, scope: Filters, weights: Mapping[str, float]) -> dict[str, tuple[float, Place]]:
        """What memories share with the question by tags that are words of it; one that very many have tells nothing."""
        telling = fusion.telling(weights)
        looked_for = heapq.nlargest(_MOST_TAGS, telling, key=telling.__getitem__)
        forms = {word: (word, word.upper(), word.capitalize()) for word in looked_for}
        words = {form: word for word, some in forms.items() for form in some}

        async def having(tags: Iterable[str]) -> list[tuple[MemoryType, ScoredPoint]]:
            return await self._looked_up(Matches("tags", tuple(tags)), scope, fusion.DEPTH, (*_KEYS, "tags"))

        points = await having(words) if words else []
        if len(points) >= fusion.DEPTH:  # then which of them tell is seen one by one
            each = await together(*map(having, forms.values()))
            points = [one for some in each if len(some) < fusion.DEPTH for one in some]
        found: dict[str, tuple[float, Place]] = {}
        for collection, point in sorted(points, key=lambda one: chunk_index(one[1]) or 0):
            tags = point.payload.get("tags")
            among = tags if isinstance(tags, list) else [tags]
            asked = {word for form, word in words.items() if form in among}
            found.setdefault(memory_id_of(point), (fusion.share_of(asked, weights), (collection, point)))
        return found

    async def _found(
        self, scope: Filters, ask: Callable[[MemoryType, Filter, int], DenseSearch | TextSearch], limit: int
    ) -> _Leg:
        """The best memories of a leg, each by its best chunk.

        One memory may have hundreds of chunks, and they may come before all others: where a full answer holds fewer
        memories than are wanted, the store is asked again for what is not of those, and for more of it.
        """
        deepest = max(fusion.DEPTH, limit)
        enough = limit if limit > fusion.DEPTH else min(limit, fusion.ENOUGH)
        best: dict[str, tuple[float, MemoryType, ScoredPoint]] = {}
        open_, depth = dict(scope.where), deepest
        for _ in range(_ROUNDS):
            found = await self._vectors.search([ask(one, where, depth) for one, where in open_.items()])
            ranked = [(one, hit) for one, hits in zip(open_, found, strict=True) for hit in scope.kept(hits)]
            for collection, hit in sorted(ranked, key=lambda one: -one[1].score):
                memory_id, score = memory_id_of(hit), _folded(hit)
                if memory_id not in best or score > best[memory_id][0]:
                    best[memory_id] = (score, collection, hit)
                    if len(best) == deepest:
                        break
            full = [one for one, hits in zip(open_, found, strict=True) if len(hits) >= depth]
            if not full or len(best) >= enough:
                break
            seen = {one: frozenset(memory for memory, (_, kind, _) in best.items() if kind is one) for one in full}
            open_ = {one: Filter((scope.where[one],), (memories_of(seen[one]),)) for one in full}
            depth *= 2
        kept = sorted(best, key=lambda one: -best[one][0])[:deepest]
        return _Leg({one: best[one][0] for one in kept}, {one: best[one][1:] for one in kept})

    async def _unrelated(self, query: Query) -> Unrelated:
        """Measured at the first search by meaning, of a model that is not the bundled one."""
        if isinstance(self._embedder, WordEmbedder) or (query.mode is SearchMode.KEYWORD and not query.like):
            return BUNDLED
        if self._measured is None:
            try:
                self._measured = await measured(self._embedder)
            except MemoriaError:  # the dense leg says what is wrong
                return TYPICAL
        return self._measured

    async def _vector_for(self, text: str, weights: Mapping[str, float]) -> Vector:
        if weights and isinstance(self._embedder, WordEmbedder):
            return await self._embedder.embed_words(weights)
        return await self._embedder.embed_query(text)

    async def _closely(
        self, text: str, weights: Mapping[str, float], read: Sequence[Read]
    ) -> dict[str, fusion.Closely]:
        near: Sequence[Nearness | None] = [None] * len(read)
        if weights and self._words is not None:
            near = await self._words.closeness(fusion.telling(weights), [one.passage for one in read])
        asked, answer = words_in(text), asked_for(text)
        return {
            one.memory.id: fusion.Closely(
                value,
                has_asked=answer is not None and answer.search(one.passage, 0, _MOST_LOOKED_AT) is not None,
                asks=one.passage.rstrip().endswith("?"),
                titled=_is_titled(one.memory, asked),
            )
            for one, value in zip(read, near, strict=True)
        }

    async def _whole_id(self, beginning: str) -> str:
        found = (await ids_with_prefix(self._vectors, beginning, 2)) if len(beginning) < _OF_AN_ID else [beginning]
        if len(found) > 1:
            raise ambiguous_id(MEMORY_ID, beginning, found)
        return found[0] if found else beginning

    async def _vector_of(self, memory_id: str) -> Vector:
        """The middle of a memory's vectors."""
        where = Filter(any_of=(HasId(frozenset({memory_id})), Matches("parent_id", (memory_id,))))
        pages = await together(
            *(
                self._vectors.scroll(Scroll(one, _MOST_CHUNKS, where, payload_keys=(), with_vectors=True))
                for one in MemoryType
            )
        )
        points = [point for page in pages for point in page]
        if not points:
            raise unknown_id(MEMORY_ID, memory_id)
        vectors = [point.vector for point in points if point.vector]
        if not vectors:
            raise EmbeddingFailed(f"memory {memory_id} waits for its vectors; others like it cannot be found yet")
        return [sum(numbers) / len(vectors) for numbers in zip(*vectors, strict=True)]

    async def _graph(self, scope: Filters, own: Mapping[str, float], *, followed: bool) -> _Graph:
        """How all memories stand among others, and where relations are `followed`, what these bring."""
        try:
            activation = await self._activation(own) if followed else {}
            new = sorted(activation.keys() - own.keys(), key=lambda one: -activation[one])[: fusion.SEEDS]
            reached, (summaries, notices) = await together(
                self._points_of(new, scope), self._reader.summaries([*own, *new])
            )
        except MemoriaError as error:
            return _Graph(failure=error)
        known = {one: value for one, value in activation.items() if one in own}
        found: dict[str, Place] = {}
        for collection, point in reached:
            memory_id = memory_id_of(point)
            value = max(activation.get(memory_id, 0.0), activation.get(point.id, 0.0))
            known[memory_id] = max(known.get(memory_id, 0.0), value)
            found.setdefault(memory_id, (collection, point))
        points = {one: place for one, place in found.items() if one not in own}
        return _Graph(known, points, summaries, notices)

    async def _activation(self, own: Mapping[str, float]) -> dict[str, float]:
        seeds = fusion.seeds(own)
        links = await self._relations.links_around(seeds, fusion.FREE_FAN, fusion.MIDDLES)
        return fusion.activation(seeds, links)

    async def _points_of(self, ids: Sequence[str], scope: Filters) -> list[tuple[MemoryType, ScoredPoint]]:
        """Points of those that are memories, or chunks of one, and in the scope; first chunks first.

        By their ids, which is quick; what has none there (memories without their first chunk) is looked for.
        """
        named = frozenset([*ids, *(chunk_id(one, 0) for one in ids)])
        points = await self._looked_up(HasId(named), scope, len(named)) if ids else []
        there = {id_ for _, hit in points for id_ in (hit.id, memory_id_of(hit))}
        if missing := frozenset(ids) - there:
            points += await self._looked_up(memories_of(missing), scope, _MOST_CHUNKS)
        return sorted(points, key=lambda one: chunk_index(one[1]) or 0)

    async def _looked_up(
        self, these: Condition, scope: Filters, most: int, keys: tuple[str, ...] = _KEYS
    ) -> list[tuple[MemoryType, ScoredPoint]]:
        """At most so many of a collection; flat conditions, and a small number, are looked up in half the time."""
        found = await self._vectors.search(
            [Lookup(one, most, replace(where, must=(these, *where.must)), keys) for one, where in scope.where.items()]
        )
        return [(one, hit) for one, hits in zip(scope.where, found, strict=True) for hit in scope.kept(hits)]


def _is_titled(memory: Memory, asked: Sequence[str]) -> bool:
    """Whether the words asked for are the title, which is looked for only where all of them occur."""
    beginning = memory.content[:TITLE_IN].casefold()
    return bool(asked) and all(word in beginning for word in asked) and words_in(memory.title) == asked


def _folded(hit: ScoredPoint) -> float:
    count = hit.payload.get("chunk_count")
    return fusion.folded(hit.score, chunk_index(hit) or 0, count if isinstance(count, int) else 1)


def _notices(dense: _Leg, keyword: _Leg, graph: _Graph) -> Iterable[str]:
    if dense.failure:
        yield f"found by words only: {dense.failure}"
    if keyword.failure:
        yield f"found by meaning only: {keyword.failure}"
    if graph.failure:
        yield f"relations were not used: {graph.failure}"
    yield from graph.notices
