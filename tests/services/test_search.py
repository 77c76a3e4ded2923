"""The search service over a real Qdrant Edge store with the bundled model; relations come from a stand-in."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from services.adapters.bundled_embedder import BundledEmbedder
from services.errors import EmbeddingFailed, NotFound, StoreUnavailable
from services.memories.chunking import chunk_id, chunks
from services.memories.payload import drafted
from services.memories.point_layout import points_of
from services.model import (
    GOOD_RELEVANCE,
    Facets,
    Memory,
    MemoryDraft,
    MemoryType,
    Query,
    Relation,
    RelationType,
    SearchMode,
    SearchResult,
    SortKey,
)
from services.points import Point, Vector
from services.ports import Embedder, Link, RelationSummary, VectorStore
from services.records import Records
from services.search.filters import FilterBuilder
from services.search.fusion import DEPTH
from services.search.hits import FIRST, HitReader
from services.search.query import parse_query
from services.search.search_service import Ranking, SearchService
from services.settings import Settings
from services.times import WriterZone, writer_zone
from tests.services.edge_here import Here, edge_here, model_here

UPSTREAM = Path(__file__).parents[3] / "shared" / "data" / "upstream-dev"
ROME = WriterZone(ZoneInfo("Europe/Rome"))
NOW = datetime(2026, 11, 20, 12, tzinfo=ROME)
EMBEDDER = model_here()
pytestmark = pytest.mark.asyncio(loop_scope="module")


class LinkedMemories:
    """The part of `Records.relations` that a search asks."""

    def __init__(self) -> None:
        self.all: list[Relation] = []
        self.away = False

    def link(self, source: str, target: str, kind: RelationType = RelationType.FIXES) -> None:
        self.all.append(Relation(f"relation {len(self.all)}", source, target, kind))

    async def touching(self, memory_ids: Sequence[str]) -> list[Relation]:
        if self.away:
            raise StoreUnavailable("PostgreSQL cannot be reached")
        wanted = set(memory_ids)
        return [relation for relation in self.all if wanted & {relation.source_id, relation.target_id}]

    async def links_around(self, scores: Mapping[str, float], free_fan: int, middles: int) -> list[Link]:
        near = await self.touching([*scores])
        ids = {end for one in near for end in (one.source_id, one.target_id)} | scores.keys()
        ends = ((one, pair) for one in await self.touching([*ids]) for pair in _both(one.source_id, one.target_id))
        return [Link(*pair, one.weight) for one, pair in ends if pair[0] in ids]

    async def summaries(self, memory_ids: Sequence[str]) -> dict[str, RelationSummary]:
        ends = (end for one in await self.touching(memory_ids) for end in (one.source_id, one.target_id))
        counts, old = Counter(end for end in ends if end in set(memory_ids)), await self.superseded_ids()
        return {one: RelationSummary(count, one in old) for one, count in counts.items()}

    async def superseded_ids(self, before: datetime | None = None) -> frozenset[str]:
        return frozenset(one.target_id for one in self.all if one.type is RelationType.SUPERSEDES)

    async def related_ids(self) -> frozenset[str]:
        return frozenset(end for relation in self.all for end in (relation.source_id, relation.target_id))


def _both(source: str, target: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return (source, target), (target, source)


class AwayEmbedder(BundledEmbedder):
    """A model that cannot be reached."""

    async def embed_words(self, weights: Mapping[str, float]) -> Vector:
        raise EmbeddingFailed("the model is away")


class SlowEmbedder(BundledEmbedder):
    """A model that answers when it may."""

    def __init__(self) -> None:
        super().__init__(Here(Path()))
        self.questions = 0
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def embed_query(self, text: str) -> Vector:
        self.questions += 1
        self.asked.set()
        await self.may_answer.wait()
        return await EMBEDDER.embed_query(text)


class PlainEmbedder:
    """A model that knows whole texts only, as a server's does."""

    embed_query = staticmethod(EMBEDDER.embed_query)
    embed_documents = staticmethod(EMBEDDER.embed_documents)
    model, dimensions = EMBEDDER.model, EMBEDDER.dimensions


class MeasuredEmbedder(PlainEmbedder):
    """Counts how often it was measured."""

    measured = 0

    async def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        self.measured += 1
        return await EMBEDDER.embed_documents(texts)


class Store:
    """Vectors in a folder, relations of its own, and the services over both."""

    def __init__(self, folder: Path, vectors: VectorStore | None = None) -> None:
        self.settings = Settings(home=folder, zone="Europe/Rome")
        self.vectors = vectors or edge_here(folder / "qdrant")
        self.relations = LinkedMemories()
        self.records = cast(Records, SimpleNamespace(relations=self.relations))
        self.search = self.service(EMBEDDER)

    def service(self, embedder: Embedder) -> SearchService:
        return SearchService(self.vectors, embedder, self.records, self.settings, lambda: NOW)

    async def put(self, *drafts: MemoryDraft, pending: bool = False) -> None:
        points: dict[MemoryType, list[Point]] = {}
        for draft in drafts:
            assert draft.id is not None
            state = drafted(draft, draft.id, NOW, writer_zone(self.settings))
            points.setdefault(draft.type, []).extend(points_of(draft.id, state, chunks(draft.content, 500, 50)))
        for kind, of_kind in points.items():
            await self.put_points(kind, of_kind, pending=pending)

    async def put_points(self, kind: MemoryType, points: Sequence[Point], *, pending: bool = False) -> None:
        vectors = await EMBEDDER.embed_documents([str(point.payload.get("content", "")) for point in points])
        embedded = [
            replace(point, vector=None if pending else vector) for point, vector in zip(points, vectors, strict=True)
        ]
        await self.vectors.upsert(kind, embedded)

    async def ask(self, raw: str, mode: SearchMode = SearchMode.HYBRID) -> SearchResult:
        return await self.search.search(parse_query(raw, now=NOW, week_begins=0, mode=mode))

    async def ids(self, raw: str, mode: SearchMode = SearchMode.HYBRID) -> list[int]:
        return numbers(hit.memory for hit in (await self.ask(raw, mode)).hits)


@pytest_asyncio.fixture(loop_scope="module")
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    store = Store(tmp_path)
    await store.vectors.ensure(EMBEDDER.dimensions, EMBEDDER.model)
    yield store
    await store.vectors.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Store]:
    store = Store(tmp_path_factory.mktemp("office"))
    await store.vectors.ensure(EMBEDDER.dimensions, EMBEDDER.model)
    await furnish(store)
    yield store
    await store.vectors.close()


@pytest.fixture
def office(filled: Store) -> Store:
    """Seven memories that no test changes, with relations of its own for each test."""
    return Store(filled.settings.home, filled.vectors)


def uid(number: int) -> str:
    return str(UUID(int=number))


def numbers(memories: Iterable[Memory]) -> list[int]:
    return [UUID(memory.id).int for memory in memories]


def memory(
    number: int,
    content: str,
    kind: MemoryType = MemoryType.SEMANTIC,
    *,
    created: datetime = NOW,
    tags: tuple[str, ...] = (),
    project: str | None = None,
    importance: float = 0.5,
) -> MemoryDraft:
    return MemoryDraft(content, kind, uid(number), tags, importance, project, created)


async def furnish(store: Store) -> None:
    """Seven memories of all types; the last is long."""
    filler = "The weather was fine and nobody had anything else to tell about that day. " * 12
    await store.put(
        memory(1, "The access token expires after ten seconds", tags=("auth", "jwt"), project="api", importance=0.9),
        memory(2, "Customers are signed out after lunch", MemoryType.EPISODIC, tags=("auth",), project="api"),
        memory(3, "Rotate the signing key without signing anybody out", MemoryType.PROCEDURAL, tags=("runbook",)),
        memory(4, "The bakery delivers bread at seven", created=datetime(2026, 3, 1, 9, tzinfo=UTC)),
        memory(5, "Invoices are printed on Friday", MemoryType.EPISODIC, created=datetime(2025, 6, 1, tzinfo=UTC)),
        memory(6, "Databases are saved at night", tags=("backup", "two words"), project="infra", importance=0.2),
        memory(7, f"{filler}The zebra crossed the road at the very end. {filler}", tags=("zoo",), project="infra"),
    )


async def test_a_question_that_nothing_answers_says_so(office: Store) -> None:
    assert (await office.ask("when does the token expire?")).answered
    nothing = await office.ask("asdfqwer zxcv")
    assert not nothing.answered
    assert all(hit.relevance < GOOD_RELEVANCE for hit in nothing.hits)
    assert (await office.ask("asdfqwer", mode=SearchMode.KEYWORD)).answered


async def test_the_best_match_by_words_and_meaning_comes_first_and_says_why(office: Store) -> None:
    result = await office.ask("when does the token expire?")
    hit = result.hits[0]
    assert numbers([hit.memory]) == [1]
    assert hit.score == 1.0
    assert 0.5 < (hit.why.keyword or 0) <= 1.0
    assert hit.why.dense is not None
    assert hit.passage == "The access token expires after ten seconds"
    assert result.notices == ()
    assert all(0 <= one.score <= 1 for one in result.hits)
    assert result.total == len(result.hits)


async def test_meaning_alone_needs_no_common_word(office: Store) -> None:
    hits = (await office.ask("nightly database backups", SearchMode.SEMANTIC)).hits
    assert numbers([hits[0].memory]) == [6]
    assert all(hit.why.keyword is None for hit in hits)


async def test_words_alone_find_only_what_has_one_of_them(office: Store) -> None:
    assert await office.ids("tokens expired", SearchMode.KEYWORD) == [1]


async def test_a_word_that_is_a_tag_finds_what_has_it(office: Store) -> None:
    assert await office.ids("jwt", SearchMode.KEYWORD) == [1]
    assert sorted((await office.ids("auth lunch"))[:2]) == [1, 2]
    first, *others = (await office.ask("zebra zoo runbook")).hits
    assert numbers([first.memory]) == [7]
    runbook = next(hit for hit in others if numbers([hit.memory]) == [3])
    assert 0 < (runbook.why.keyword or 0) < (first.why.keyword or 0)
    assert await office.ids("jwt -tag:auth", SearchMode.KEYWORD) == []


async def test_a_tag_in_capitals_is_found_and_one_that_very_many_have_tells_nothing(store: Store) -> None:
    await store.put(*(memory(n, f"Ward {n}", tags=("VIP", *(("NHS",) if n < 3 else ()))) for n in range(1, DEPTH + 1)))
    assert sorted(await store.ids("nhs", SearchMode.KEYWORD)) == [1, 2]
    assert await store.ids("vip", SearchMode.KEYWORD) == []
    assert sorted(await store.ids("vip nhs", SearchMode.KEYWORD)) == [1, 2]


async def test_a_chunked_memory_is_found_once_whole_and_by_its_best_chunk(office: Store) -> None:
    hits = [hit for hit in (await office.ask("zebra")).hits if numbers([hit.memory]) == [7]]
    assert len(hits) == 1
    assert "zebra" in hits[0].passage
    assert len(hits[0].passage) <= 500
    assert len(hits[0].memory.content) > 1700
    assert hits[0].memory.chunk_count > 3
    assert not hits[0].memory.headless


async def test_neighbours_of_a_good_hit_are_found_through_their_relations(office: Store) -> None:
    assert 4 not in await office.ids("token -lunch", SearchMode.KEYWORD)
    before = [one for one in await office.ids("access token") if one in (4, 5)]
    office.relations.link(uid(1), uid(5))
    result = await office.ask("access token")
    found = numbers(hit.memory for hit in result.hits)
    assert found.index(5) < found.index(4), before
    assert next(hit for hit in result.hits if numbers([hit.memory]) == [5]).why.graph
    assert next(hit for hit in result.hits if numbers([hit.memory]) == [1]).relations == 1


async def test_a_relation_that_ends_in_a_chunk_leads_to_its_memory(office: Store) -> None:
    office.relations.link(uid(1), chunk_id(uid(7), 1))
    hit = next(hit for hit in (await office.ask("access token")).hits if numbers([hit.memory]) == [7])
    assert hit.why.graph


async def test_neighbours_must_meet_the_operators_too(office: Store) -> None:
    office.relations.link(uid(1), uid(2))
    office.relations.link(uid(1), uid(9))  # no memory
    assert set(await office.ids("token type:semantic")) <= {1, 4, 6, 7}


async def test_what_is_superseded_is_marked_ranked_lower_and_can_be_left_out(office: Store) -> None:
    office.relations.link(uid(1), uid(2), RelationType.FIXES)
    _, fixed, *_ = (await office.ask("tokens expire")).hits
    office.relations.all.clear()
    office.relations.link(uid(1), uid(2), RelationType.SUPERSEDES)
    (superseded,) = [hit for hit in (await office.ask("tokens expire")).hits if hit.superseded]
    assert superseded.memory.id == fixed.memory.id == uid(2)
    assert superseded.score < fixed.score
    found = [await office.ids(f"{raw}") for raw in ("is:superseded", "-is:superseded")]
    assert [len(one) for one in found] == [1, 6]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", {1, 2, 3, 4, 5, 6, 7}),
        ("type:episodic", {2, 5}),
        ("-type:episodic", {1, 3, 4, 6, 7}),
        ("tag:auth", {1, 2}),
        ("tag:auth tag:jwt", {1}),
        ('tag:"two words"', {6}),
        ("-tag:auth", {3, 4, 5, 6, 7}),
        ("project:api", {1, 2}),
        ("project:api project:infra", {1, 2, 6, 7}),
        ("-project:api", {3, 4, 5, 6, 7}),
        ("since:2026-03-01T10:00", {1, 2, 3, 4, 6, 7}),  # 9:00 UTC
        ("since:2026-03-01T10:00:01", {1, 2, 3, 6, 7}),
        ("before:2026", {5}),
        ("importance:>0.5", {1}),
        ("importance:<=0.2", {6}),
        ("-zebra", {1, 2, 3, 4, 5, 6}),
        ("has:relations", {1, 7}),
        ("is:orphan", {2, 3, 4, 5, 6}),
        ("-is:orphan tag:zoo", {7}),
        ("is:pending", set()),
        ("is:untagged", {4, 5}),
        ("-is:untagged", {1, 2, 3, 6, 7}),
        ("project:none", {3, 4, 5}),
        ("-project:none tag:zoo", {7}),
        (f"id:{uid(3)}", {3}),
        (f"id:{uid(7)}", {7}),
        ("type:episodic type:semantic -type:semantic -type:episodic", set()),
    ],
)
async def test_operators_choose_what_is_listed_and_counted(office: Store, raw: str, expected: set[int]) -> None:
    office.relations.link(uid(1), uid(7))
    result = await office.ask(raw)
    assert set(numbers(hit.memory for hit in result.hits)) == expected
    assert result.total == len(expected)
    facets = await office.search.facets(parse_query(raw, now=NOW, week_begins=0))
    assert sum(one.count for one in facets.types) == len(expected)


async def test_a_memory_with_relations_of_its_chunks_alone_is_no_orphan(office: Store) -> None:
    office.relations.link(chunk_id(uid(7), 1), uid(1))
    office.relations.link(uid(2), uid(9))  # no memory
    assert set(await office.ids("has:relations")) == {1, 2, 7}
    assert set(await office.ids("is:orphan")) == {3, 4, 5, 6}


async def test_a_memory_whose_chunks_differ_goes_by_its_first_one(store: Store) -> None:
    await store.put(memory(1, f"How it begins. {'filler ' * 100} The pelican comes last", tags=("old",)))
    await store.vectors.set_payload(MemoryType.SEMANTIC, [chunk_id(uid(1), 0)], {"tags": ["new"], "importance": 0.9})
    (hit,) = (await store.ask("pelican")).hits
    assert "pelican" in hit.passage
    assert (hit.memory.tags, hit.memory.importance) == (("new",), 0.9)
    assert await store.ids("pelican tag:old") == []


@pytest.mark.parametrize(
    ("holds_of_the_chunk_alone", "holds_of_the_memory"),
    [
        ("tag:chunk", "tag:first"),
        ("-tag:first", "-tag:chunk"),
        ("project:chunk", "project:first"),
        ("-project:first", "-project:chunk"),
        ("importance:<0.3", "importance:>0.7"),
        ("since:2026-01", "before:2026-01"),
        ("before:2024-01", "since:2024-01"),
        ("is:untagged", "-is:untagged"),
        ("project:none", "-project:none"),
    ],
)
async def test_an_operator_asks_the_memory_and_not_the_chunk_that_was_hit(
    store: Store, holds_of_the_chunk_alone: str, holds_of_the_memory: str
) -> None:
    first = memory(
        1,
        f"How it begins. {'filler ' * 100} The pelican comes last",
        created=datetime(2025, 6, 1, tzinfo=UTC),
        tags=("first",),
        project="first",
        importance=0.9,
    )
    for created, tags, project in (("2026-06-01T10:00:00", ["chunk"], "chunk"), ("2023-06-01T10:00:00", [], None)):
        await store.put(first)
        keys = {"created_at": created, "tags": tags, "project": project, "importance": 0.1}
        await store.vectors.set_payload(MemoryType.SEMANTIC, [chunk_id(uid(1), 1)], keys)
        assert await store.ids(f"pelican {holds_of_the_chunk_alone}", SearchMode.KEYWORD) == []
    await store.put(first)
    assert await store.ids(f"pelican {holds_of_the_memory}", SearchMode.KEYWORD) == [1]


async def test_operators_narrow_a_ranked_search(office: Store) -> None:
    assert await office.ids("token tag:auth -type:episodic") == [1]
    assert 7 not in await office.ids("road -zebra")
    assert await office.ids('"zebra crossed" road') == [7]
    assert await office.ids('"crossed zebra"') == []


async def test_a_phrase_of_stop_words_is_looked_for_in_the_texts(store: Store) -> None:
    await furnish(store)
    await store.put(memory(8, "To be or not to be"))
    assert await store.ids('"not to be"') == [8]


async def test_a_phrase_and_an_excluded_word_hold_in_lists_and_bulk_changes_stop_words_too(store: Store) -> None:
    await furnish(store)
    await store.put(memory(8, "Written between two trains"))
    await store.put(memory(9, "Written in the gap"))
    for text, found in (('"written between"', [8]), ('"the gap"', [9]), ('"gap the"', []), ("written -between", [9])):
        query = replace(parse_query(text, now=NOW, week_begins=0), sort=SortKey.CREATED)
        assert numbers([hit.memory for hit in (await store.search.search(query)).hits]) == found, text
        assert await store.search.ids(query) == [memory(one, "").id for one in found], text


async def test_a_pending_memory_is_found_by_words_and_marked(store: Store) -> None:
    await furnish(store)
    await store.put(memory(8, "A quokka waits for its vector"), pending=True)
    hit = (await store.ask("quokka")).hits[0]
    assert numbers([hit.memory]) == [8]
    assert hit.memory.pending
    assert await store.ids("is:pending") == [8]
    assert 8 not in await store.ids("-is:pending")


async def test_while_the_model_is_away_words_still_find_and_a_notice_tells(office: Store) -> None:
    result = await office.service(AwayEmbedder(Here(Path()))).search(parse_query("token", now=NOW, week_begins=0))
    assert numbers([result.hits[0].memory]) == [1]
    assert "the model is away" in result.notices[0]
    with pytest.raises(EmbeddingFailed):
        await office.service(AwayEmbedder(Here(Path()))).search(
            parse_query("token", now=NOW, week_begins=0, mode=SearchMode.SEMANTIC)
        )


@pytest.mark.parametrize(("text", "asked"), [("客户在午餐后被注销", "午餐"), ("東京は日本の首都です", "首都")])
async def test_a_text_without_spaces_is_found_by_its_words(store: Store, text: str, asked: str) -> None:
    await furnish(store)
    await store.put(memory(8, text))
    assert await store.ids(asked, SearchMode.KEYWORD) == [8]


async def test_a_rare_word_of_the_question_tells_more_than_a_common_one(store: Store) -> None:
    await store.put(*(memory(number, f"Anna talked about the weather, day {number}") for number in range(1, 20)))
    await store.put(memory(20, "A pelican ate the fish"))
    assert (await store.ids("what did Anna say about the weather and the pelican", SearchMode.SEMANTIC))[0] == 20


async def test_a_model_that_knows_no_words_ranks_by_whole_texts(office: Store) -> None:
    service = office.service(cast(Embedder, PlainEmbedder()))
    result = await service.search(parse_query("access token", now=NOW, week_begins=0))
    assert numbers([result.hits[0].memory]) == [1]
    assert not result.notices


async def test_while_postgresql_is_away_the_legs_still_find_and_a_notice_tells(office: Store) -> None:
    office.relations.away = True
    result = await office.ask("token")
    assert numbers([result.hits[0].memory]) == [1]
    assert any("PostgreSQL cannot be reached" in notice for notice in result.notices)
    assert (await office.ask("")).total == 7


async def test_more_like_this_finds_others_and_not_itself(store: Store) -> None:
    await furnish(store)
    await store.put(memory(8, "An access token is valid for ten seconds only"))
    found = await store.ids(f"like:{uid(1)}")
    assert found[0] == 8
    assert 1 not in found
    with pytest.raises(NotFound):
        await store.ask(f"like:{uid(99)}")
    with pytest.raises(NotFound, match="several memories"):
        await store.ask(f"like:{uid(1)[:8]}")


async def test_a_word_that_is_being_typed_finds_what_it_will_find(office: Store) -> None:
    assert await office.ids("datab", SearchMode.KEYWORD) == [6]
    assert await office.ids("saved datab", SearchMode.KEYWORD) == [6]
    assert await office.ids("datab ", SearchMode.KEYWORD) == [6]


async def test_looking_writes_nothing(office: Store) -> None:
    before = [await office.vectors.retrieve(kind, [uid(n) for n in range(1, 7)]) for kind in MemoryType]
    await office.ask("token")
    await office.search.facets(Query())
    listing = await office.search.listing(Query())
    await listing.page(0, 10)
    assert [await office.vectors.retrieve(kind, [uid(n) for n in range(1, 7)]) for kind in MemoryType] == before


async def test_facets_count_each_memory_once_by_span_of_time(office: Store) -> None:
    facets = await office.search.facets(Query())
    assert counts(facets) == {
        "types": {"semantic": 4, "episodic": 2, "procedural": 1},
        "tags": {"auth": 2, "jwt": 1, "runbook": 1, "backup": 1, "two words": 1, "zoo": 1},
        "projects": {"api": 2, "infra": 2},
        "dates": {"today": 5, "this week": 5, "this month": 5, "this year": 6, "older": 1},
    }
    assert facets.tags[0].value == "auth"


async def test_facets_of_a_ranked_search_count_its_hits(office: Store) -> None:
    query = parse_query("token lunch", now=NOW, week_begins=0, mode=SearchMode.KEYWORD)
    result = await office.search.search(query)
    facets = await office.search.facets(query)
    assert len(result.hits) == 2
    assert counts(facets)["types"] == {"semantic": 1, "episodic": 1}
    assert counts(facets)["tags"] == {"auth": 2, "jwt": 1}


async def test_values_of_operators_are_completed_most_used_first(office: Store) -> None:
    assert await office.search.complete("tag", "") == ("auth", "backup", "jwt", "runbook", "two words", "zoo")
    assert await office.search.complete("tag", "Z") == ("zoo",)
    assert await office.search.complete("project", "") == ("api", "infra")
    assert await office.search.complete("type", "s") == ("semantic",)
    assert await office.search.complete("id", "0") == ()


async def test_a_list_can_be_read_anywhere_in_any_order(store: Store) -> None:
    drafts = [
        memory(
            number,
            f"memory number {number}",
            list(MemoryType)[number % 3],
            created=datetime.fromtimestamp(1_700_000_000 + number * 1000, UTC),
            importance=round(number % 5 / 4, 2),
        )
        for number in range(1, 301)
    ]
    for kind in MemoryType:
        mine = [draft for draft in drafts if draft.type is kind]
        states = [(str(one.id), drafted(one, str(one.id), NOW, ROME)) for one in mine]
        await store.put_points(kind, [points_of(name, state, (state.content,))[0] for name, state in states])
    listing = await store.search.listing(Query())
    assert listing.total == 300
    assert numbers(hit.memory for hit in await listing.page(290, 20)) == list(range(10, 0, -1))
    assert numbers(hit.memory for hit in await listing.page(0, 3)) == [300, 299, 298]
    assert numbers(hit.memory for hit in await listing.page(150, 2)) == [150, 149]
    assert await listing.page(300, 10) == ()
    oldest = await store.search.listing(Query(descending=False))
    assert numbers(hit.memory for hit in await oldest.page(99, 2)) == [100, 101]
    ranked = await store.search.listing(Query(sort=SortKey.IMPORTANCE))
    everything = [hit.memory for hit in await ranked.page(0, 300)]
    assert len({one.id for one in everything}) == 300
    assert [one.importance for one in everything] == sorted((one.importance for one in everything), reverse=True)


async def test_a_list_opened_in_haste_soon_holds_memories_without_a_first_chunk_too(store: Store) -> None:
    """One memory has lost its first chunk, another all chunks but its first: the numbers of both kinds are equal."""
    texts = ["one " * 80, "two " * 80]
    for number, lost in ((1, 0), (2, 1)):
        draft = memory(number, " ".join(texts))
        state = drafted(draft, uid(number), NOW, ROME)
        points = points_of(uid(number), state, tuple(texts))
        await store.put_points(draft.type, [point for place, point in enumerate(points) if place != lost])
    listing = await store.search.listing(Query())
    assert numbers(hit.memory for hit in await listing.page(0, 10)) == [2]
    async with asyncio.timeout(60):
        while listing.total != 2:  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.02)
    assert sorted(numbers(hit.memory for hit in await listing.page(0, 10))) == [1, 2]


async def test_a_first_chunk_that_goes_while_another_comes_is_noticed_although_the_numbers_stay(store: Store) -> None:
    """As another program may write at any time: it deletes one memory's first chunk and completes another memory."""
    points = {}
    for number in (1, 2):
        draft = memory(number, f"one {number}two {number}", created=datetime(2026, 3, 3 - number, tzinfo=UTC))
        state = drafted(draft, uid(number), NOW, ROME)
        points[number] = points_of(uid(number), state, (f"one {number}", f"two {number}"))
    await store.put_points(MemoryType.SEMANTIC, [*points[1], points[2][1]])
    assert await store.ids("") == [1, 2]
    await store.vectors.delete_points(MemoryType.SEMANTIC, [points[1][0].id])
    await store.put_points(MemoryType.SEMANTIC, [points[2][0]])
    listing = await store.search.listing(Query())
    async with asyncio.timeout(60):
        while numbers(hit.memory for hit in await listing.page(0, 10)) != [1, 2]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert numbers(hit.memory for hit in await listing.page(0, 10)) == [1, 2]
    result = await store.ask("")
    assert numbers(hit.memory for hit in result.hits) == [1, 2]
    assert [hit.memory.headless for hit in result.hits] == [True, False]
    assert counts(await store.search.facets(Query()))["types"] == {"semantic": 2}


@pytest.mark.parametrize("linked", [4, 1])
async def test_a_memory_that_comes_while_another_goes_is_in_a_list_by_relations(store: Store, linked: int) -> None:
    """Of five memories four or one have relations: either side may be the shorter one."""
    await store.put(*(memory(number, f"memory {number}") for number in range(1, 6)))
    for number in range(1, linked + 1):
        store.relations.link(uid(number), uid(number))
    related = list(range(1, linked + 1))
    assert await store.ids("has:relations") == related
    await store.vectors.delete_points(MemoryType.SEMANTIC, [uid(5), uid(1)])
    await store.put(memory(6, "new and alone"), memory(7, "new and related"))
    store.relations.link(uid(7), uid(7))
    assert await store.ids("has:relations") == [*related[1:], 7]
    assert await store.ids("is:orphan") == [*(one for one in range(2, 5) if one not in related), 6]


async def test_a_ranked_search_reads_what_is_seen_first_and_the_rest_when_it_is_wanted(store: Store) -> None:
    await store.put(*(memory(number, f"note {number} on tokens " + "x" * number) for number in range(1, 101)))
    query = parse_query("tokens", now=NOW, week_begins=0)
    everything = (await store.search.search(query)).hits
    ranked = await store.search.ranked(query)
    assert ranked.total == len(everything) == 100
    assert len(ranked.hits) == FIRST
    assert await ranked.page(0, 20) == everything[:20]
    assert len(ranked.hits) == FIRST
    assert await ranked.page(50, 20) == everything[50:70]
    assert (await store.search.facets(query)).types[0].count == 100
    assert ranked.hits == everything


async def test_hits_that_turn_out_to_be_none_are_told(store: Store) -> None:
    await store.put(*(memory(number, f"note {number} on tokens") for number in range(1, 41)))
    query = parse_query("tokens", now=NOW, week_begins=0)
    ranked = await store.search.ranked(query)
    told: list[int] = []
    ranked.corrected = lambda: told.append(ranked.total)
    *_, last = (await store.search.search(query)).hits
    await store.vectors.delete_points(MemoryType.SEMANTIC, [last.memory.id])
    assert len(await ranked.page(0, 100)) == 39
    assert (ranked.total, told) == (39, [39])


async def test_a_text_in_another_order_than_relevance_must_occur(office: Store) -> None:
    result = await office.search.search(
        replace(parse_query("signed lunch", now=NOW, week_begins=0), sort=SortKey.CREATED)
    )
    assert numbers(hit.memory for hit in result.hits) == [2]
    assert result.total == 1


async def test_memories_without_a_readable_date_come_last_in_a_list(store: Store) -> None:
    await store.put_points(
        MemoryType.SEMANTIC,
        [
            Point(uid(1), {"content": "no date"}),
            Point(uid(2), {"content": "a bad date", "created_at": "last summer"}),
            Point(uid(3), {"content": "old", "created_at": "2020-01-01T00:00:00"}),
            Point(uid(4), {"content": "new", "created_at": "2026-01-01T00:00:00+02:00"}),
            Point(uid(5), {"content": "a number for a date", "created_at": 5}),
        ],
    )
    result = await store.ask("")
    assert numbers(hit.memory for hit in result.hits) == [4, 3, 1, 2, 5]
    assert result.total == 5


async def test_a_store_with_nothing_in_it_answers_with_nothing(store: Store) -> None:
    assert (await store.ask("")).total == 0
    assert (await store.ask("anything")).hits == ()
    assert await store.search.facets(Query()) == Facets()
    assert await (await store.search.listing(Query())).page(0, 10) == ()


async def test_a_page_is_read_without_counting_relations_where_nobody_waits_for_them(office: Store) -> None:
    office.relations.link(uid(1), uid(2))
    listing = await office.search.listing(Query())
    assert any(hit.relations for hit in await listing.page(0, 10))
    assert not any(hit.relations for hit in await listing.page(0, 10, relations=False))


async def test_memories_of_upstream_are_counted_as_truth_has_them(store: Store) -> None:
    if not UPSTREAM.exists():
        pytest.skip("needs ../shared/data/upstream-dev")
    truth = json.loads((UPSTREAM / "truth.json").read_text("utf-8"))["memories"]
    points: dict[MemoryType, list[Point]] = {kind: [] for kind in MemoryType}
    for line in (UPSTREAM / "qdrant-points.jsonl").read_text("utf-8").split("\n"):
        if line:
            record = json.loads(line)
            points[MemoryType(record["collection"])].append(Point(record["id"], record["payload"]))
    for kind, some in points.items():
        await store.put_points(kind, some)
    facets = counts(await store.search.facets(Query()))
    assert facets["types"] == {kind: truth["logical"][kind]["total"] for kind in MemoryType}
    assert facets["tags"] == truth["tags_all"]
    assert facets["projects"] == {name: count for name, count in truth["projects"].items() if name != "(none)"}
    listing = await store.search.listing(Query())
    hits = await listing.page(0, 1000)
    assert len({hit.memory.id for hit in hits}) == listing.total == 448
    assert sum(hit.memory.headless for hit in hits) == 3


def counts(facets: Facets) -> dict[str, dict[str, int]]:
    return {group.name: {one.value: one.count for one in getattr(facets, group.name)} for group in fields(facets)}


async def test_another_model_is_measured_once_and_only_for_what_is_judged_by_meaning(office: Store) -> None:
    embedder = MeasuredEmbedder()
    service = office.service(cast(Embedder, embedder))
    await service.search(Query("token", "token", mode=SearchMode.KEYWORD))
    assert embedder.measured == 0
    for text in ("when does the token expire?", "asdfqwer zxcv"):
        assert (await service.search(Query(text, text))).answered is (text[0] == "w")
    assert embedder.measured == 1


async def test_another_model_is_measured_before_the_first_search_where_a_list_is_shown(office: Store) -> None:
    embedder, records = MeasuredEmbedder(), office.records
    filters, reader = FilterBuilder(office.vectors, records, ROME), HitReader(office.vectors, records, ROME)
    ranking = Ranking(office.vectors, cast(Embedder, embedder), None, records, filters, reader)
    await ranking.warm_up(after=0)
    assert embedder.measured == 1
    await ranking.rank(Query("token", "token"))
    assert embedder.measured == 1


async def test_a_search_goes_on_by_words_where_another_model_cannot_be_measured(office: Store) -> None:
    class Away(PlainEmbedder):
        async def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
            raise EmbeddingFailed("the model is away")

    result = await office.service(cast(Embedder, Away())).search(Query("token expires", "token expires"))
    assert numbers([result.hits[0].memory]) == [1]
    assert result.answered


async def test_near_words_count_also_where_another_model_makes_the_vectors(office: Store) -> None:
    plain = cast(Embedder, PlainEmbedder())
    alone = office.service(plain)
    beside = SearchService(office.vectors, plain, office.records, office.settings, lambda: NOW, EMBEDDER)
    question = Query("customers token", "customers token", mode=SearchMode.SEMANTIC)
    before, after = [{hit.memory.id: hit for hit in (await one.search(question)).hits} for one in (alone, beside)]
    assert before.keys() == after.keys()
    assert any(after[one].why.dense != hit.why.dense for one, hit in before.items())


async def test_what_the_first_search_needs_is_loaded_once_although_the_first_list_went_away(office: Store) -> None:
    embedder, records = SlowEmbedder(), office.records
    filters, reader = FilterBuilder(office.vectors, records, ROME), HitReader(office.vectors, records, ROME)
    ranking = Ranking(office.vectors, embedder, embedder, records, filters, reader)
    first = asyncio.create_task(ranking.warm_up(after=0))
    await embedder.asked.wait()
    first.cancel()
    await asyncio.wait([first])
    embedder.may_answer.set()
    for _ in range(3):
        await ranking.warm_up(after=0)
    assert embedder.questions == 2
