"""Moving memories to another model: what comes out, while others write, stopped and gone on with, and refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from services.adapters.edge.edge_folder import EdgeFolder
from services.adapters.ollama import OllamaEmbedder
from services.errors import Conflict, MemoriaError, StorageFull, StoreUnavailable
from services.memories import stored_memories
from services.memories.chunking import chunk_id, chunks
from services.memories.memory_service import MemoryService
from services.memories.stored_memories import Stored, all_stored, read_stored
from services.memories.write_barrier import WriteBarrier
from services.model import MemoryChanges, MemoryDraft, MemoryType, Progress
from services.points import Point, Vector
from services.ports import Draft, Embedder, Room, SwitchableStore, VectorStore
from services.records import Records
from services.reembedding.digests import digests
from services.reembedding.reembed_values import Target, missing_settings, target_of
from services.reembedding.reembedding_service import ReembeddingService
from services.settings import Settings
from tests.qdrant_server import Qdrant
from tests.services.edge_here import edge_here
from tests.services.memory_world import DIMENSIONS, TickingClock, WatchedEmbedder, quick_folder, vector_of
from tests.services.stores import ident, opened_store, point

pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact"),
]
S, E = MemoryType.SEMANTIC, MemoryType.EPISODIC
LONG = "".join(f"Sentence number {number} of a long memory. " for number in range(9))
UPSTREAM = Path(__file__).parents[3] / "shared" / "data" / "upstream-dev"


class NextEmbedder(WatchedEmbedder):
    """The model to move to; can do something in the middle of its work, such as what an agent would."""

    model = "next"
    dimensions = 2 * DIMENSIONS

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[Sequence[str]], Awaitable[object]] | None = None

    async def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        vectors = await super().embed_documents(texts)
        if self.meanwhile is not None:
            await self.meanwhile(texts)
        return [[*vector, *vector] for vector in vectors]


@dataclass(slots=True)
class Move:
    """A store, the services on it, and the embedder that it is to be moved to."""

    vectors: SwitchableStore
    service: MemoryService
    reembedding: ReembeddingService
    embedder: WatchedEmbedder
    target: NextEmbedder

    async def run(self, progress: Callable[[Progress], None] = lambda _: None) -> int:
        """Memories that this run embedded."""
        return (await self.reembedding.reembed(Target(), progress=progress)).embedded

    async def whole(self) -> dict[tuple[MemoryType, str], Stored]:
        """All memories; each must have all its points, and vectors of the new model, laid out as ours are."""
        found: dict[tuple[MemoryType, str], Stored] = {}
        for type_ in MemoryType:
            async for page in all_stored(self.vectors, type_):
                found |= {(type_, one.id): one for one in page}
        for (type_, memory_id), stored in found.items():
            points = await self.vectors.retrieve(type_, [one.id for one in stored.points], vectors=True)
            texts = chunks(stored.state.content, 60, 10)
            contents = [one.payload.get("content", "") for one in points]
            assert [one if isinstance(one, str) else "" for one in contents] == list(texts)
            assert [one.id for one in points] == (
                [memory_id] if len(texts) == 1 else [chunk_id(memory_id, index) for index in range(len(texts))]
            )
            for one, text in zip(points, texts, strict=True):
                assert list(one.vector or ()) == pytest.approx(
                    [number / 2**0.5 for number in vector_of(text) * 2], abs=1e-5
                )
        assert sum(len(one.points) for one in found.values()) == sum(
            [await self.vectors.count(type_) for type_ in MemoryType]
        )
        return found


async def contents(vectors: VectorStore) -> dict[tuple[MemoryType, str], dict[str, object]]:
    """What each memory is, apart from how it is stored."""
    found: dict[tuple[MemoryType, str], dict[str, object]] = {}
    for type_ in MemoryType:
        async for page in all_stored(vectors, type_):
            found |= {(type_, one.id): dict(one.state.payload) for one in page}
    return found


@contextlib.asynccontextmanager
async def moving(vectors: SwitchableStore, records: Records, folder: Path, chunk_size: int = 60) -> AsyncIterator[Move]:
    settings = Settings(home=folder, chunk_size=chunk_size, chunk_overlap=10, actor="tester", zone="Europe/Rome")
    embedder, target = WatchedEmbedder(), NextEmbedder()
    service = MemoryService(vectors, embedder, records, settings, TickingClock())

    @contextlib.asynccontextmanager
    async def opened(_: Target) -> AsyncIterator[Embedder]:
        yield target

    yield Move(vectors, service, ReembeddingService(vectors, opened, settings, service.barrier), embedder, target)
    await vectors.close()


@pytest.fixture(params=["edge", "server"])
async def move(request: pytest.FixtureRequest, records: Records) -> AsyncIterator[Move]:
    with quick_folder() as name:
        async with (
            opened_store(request.param, Path(name, "qdrant")) as vectors,
            moving(vectors, records, Path(name)) as made,
        ):
            await vectors.ensure(DIMENSIONS, "watched")
            yield made


async def test_a_store_that_lacks_a_collection_moves_all_the_same(records: Records) -> None:
    with quick_folder() as name:
        folder = Path(name, "qdrant")
        before = edge_here(folder, EdgeFolder)
        await before.ensure(DIMENSIONS, "watched")
        await before.upsert(S, [point(1, "plain", vector_of("plain"))])
        await before.close()
        shutil.rmtree(folder / MemoryType.PROCEDURAL)
        async with moving(edge_here(folder, EdgeFolder), records, Path(name)) as move:
            assert await move.run() == 1
            assert set(await move.vectors.info()) == set(MemoryType)


def chunk(number: int, index: int, count: int, text: str, whole: str, vector: bool = True) -> Point:
    """A chunk as upstream cuts it."""
    payload = {"content": text, "full_content": whole, "is_chunk": True, "parent_id": ident(number), "ticket": 7}
    payload |= {"chunk_index": index, "chunk_count": count, "updated_at": "2026-01-02T03:04:05"}
    return Point(chunk_id(ident(number), index), payload, vector_of(text) if vector else None)


async def test_every_kind_of_memory_arrives_whole_and_otherwise_unchanged(move: Move) -> None:
    nested = {"metadata": {"ticket": 1}, "id": "x", "unknown": [1, {"a": None}]}
    legacy = Point(ident(2), {"content": "from before chunking", "tags": ["old"]}, vector_of("from before chunking"))
    await move.vectors.upsert(S, [point(1, "plain", vector_of("plain"), **nested), legacy])
    await move.vectors.upsert(
        S, [chunk(3, index, 4, LONG[index * 100 : index * 100 + 110], LONG) for index in (0, 1, 2, 3)]
    )
    await move.vectors.upsert(S, [chunk(4, index, 4, f"part {index}", LONG) for index in (2, 3)])  # headless
    await move.vectors.upsert(E, [Point(ident(5), {"content": "pending", "importance": 0.5})])
    await move.vectors.upsert(E, [Point(ident(6), {"content": {"no": "text"}}), Point(ident(7), {"content": ""})])
    # Memories under the ids of chunks that the new cut makes: one that keeps its id, one that is cut itself.
    in_the_way = [Point(chunk_id(ident(3), 5), {"content": "short"}), Point(chunk_id(ident(3), 4), {"content": LONG})]
    await move.vectors.upsert(S, in_the_way)
    before = await contents(move.vectors)
    assert (await move.reembedding.state()).memories == len(before) == 9
    told: list[Progress] = []
    assert await move.run(told.append) == 9
    assert told[-1].done == told[-1].total
    await move.vectors.ensure(2 * DIMENSIONS, "next")
    crowded = (await read_stored(move.vectors, [ident(3)]))[ident(3)]
    assert [one.state.content for one in crowded] == [LONG]
    assert not crowded[0].pending
    await move.vectors.delete_points(S, [one.id for one in crowded[0].points])  # its ids are not the usual ones
    after = await move.whole()
    assert {key: dict(one.state.payload) for key, one in after.items()} | {(S, ident(3)): before[S, ident(3)]} == before
    state = await move.reembedding.state()
    assert (state.model, state.dimensions, state.memories, state.draft) == ("next", 16, 8, None)
    assert state.former is not None
    assert await move.reembedding.drop_old() == 13
    assert (await move.reembedding.state()).former is None
    assert await move.run() == 0


async def test_what_is_written_meanwhile_is_in_the_result(move: Move) -> None:
    ids = [ident(number) for number in range(1, 9)]
    for number, one in enumerate(ids[:6]):
        await move.service.create(MemoryDraft(f"memory {number}", S, id=one, metadata={"ticket": number}))
    base = await move.service.get(ids[0])
    prepare, adopt = move.vectors.prepare_adoption, move.vectors.adopt_draft

    async def while_it_is_filled(texts: Sequence[str]) -> None:
        if "memory 0" in texts:
            await move.service.update(base, MemoryChanges(content=LONG))
            await move.service.delete([ids[1]])
            await move.service.update(await move.service.get(ids[2]), MemoryChanges(type=E))
            await move.service.create(MemoryDraft("new", E, id=ids[6]))
            await move.service.update(await move.service.get(ids[3]), MemoryChanges(tags=("tagged",)))

    async def before_it_is_compared() -> None:
        await move.service.update(await move.service.get(ids[4]), MemoryChanges(content="changed late"))
        await move.service.create(MemoryDraft("newest", S, id=ids[7]))
        await prepare()

    async def after_the_last_look() -> None:
        if move.vectors.shared:
            payload = {"content": "by an agent", "updated_at": "2026-11-21T10:00:00"}
            await move.vectors.upsert(S, [Point(ids[5], payload, vector_of("by an agent"))])
            await move.vectors.delete_points(S, [ids[7]])
        await adopt()

    move.target.meanwhile = while_it_is_filled
    move.vectors.prepare_adoption = before_it_is_compared  # type: ignore[method-assign]
    move.vectors.adopt_draft = after_the_last_look  # type: ignore[method-assign]
    await move.run()
    found = {one.id: (type_, one.state) for (type_, _), one in (await move.whole()).items()}
    agents = move.vectors.shared
    assert set(found) == {*ids} - {ids[1]} - ({ids[7]} if agents else set())
    assert found[ids[0]][1].content == LONG
    assert found[ids[2]][0] is found[ids[6]][0] is E
    assert found[ids[3]][1].payload["tags"] == ["tagged"]
    assert found[ids[4]][1].content == "changed late"
    assert found[ids[5]][1].content == ("by an agent" if agents else "memory 5")


async def test_saves_wait_while_the_sets_change_places_and_are_pending_under_the_former_model(move: Move) -> None:
    await move.service.create(MemoryDraft("first", S, id=ident(1)))
    adopt, held = move.vectors.adopt_draft, []

    async def adopting() -> None:
        saving = asyncio.create_task(move.service.create(MemoryDraft("in the moment", S, id=ident(2))))
        held.append(saving)
        await asyncio.sleep(0)
        await adopt()
        assert not saving.done()

    move.vectors.adopt_draft = adopting  # type: ignore[method-assign]
    await move.run()
    memory = await held[0]
    assert memory.pending
    assert (await read_stored(move.vectors, [ident(2)]))[ident(2)][0].state.content == "in the moment"
    assert await move.vectors.count(S) == 2
    assert await move.service.pending_count() == 1


async def test_a_stopped_run_goes_on_without_embedding_anything_twice(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_memories, "_PAGE_OF_VECTORS", 10)
    texts = [f"memory {number}" for number in range(70)]
    await move.vectors.upsert(S, [point(number, text, vector_of(text)) for number, text in enumerate(texts)])

    async def stop(batch: Sequence[str]) -> None:
        if texts[-1] in batch:
            raise StoreUnavailable("the embedder is away")

    move.target.meanwhile = stop
    with pytest.raises(StoreUnavailable, match="is away"):
        await move.run()
    state = await move.reembedding.state()
    assert state.draft == Draft("reembed", 16, "next")
    assert 0 < state.done < len(texts)
    assert state.model == "watched"
    kept, move.target.meanwhile = state.done, None
    move.target.embedded.clear()
    assert await move.run() == len(texts) - kept
    assert len(move.target.embedded) == len(texts) - kept + 1  # and the trial
    assert await move.vectors.count(S) == len(texts)


async def test_what_stands_in_the_way_is_told_before_anything_is_written(move: Move) -> None:
    await move.vectors.upsert(S, [point(1, "plain", vector_of("plain"))])
    await move.vectors.open_draft(Draft("restore 1", 4, "other"))
    with pytest.raises(Conflict, match=r"restore 1: other, 4 dimensions.*--cancel"):
        await move.run()
    with pytest.raises(Conflict, match="restore 1"):
        await move.reembedding.cancel()
    await move.vectors.drop_draft()
    move.target.away = True
    with pytest.raises(MemoriaError, match="is away"):
        await move.run()
    move.target.away = False
    room = move.vectors.room

    async def full(dimensions: int) -> Room:
        return Room(needed=5_000_000, free=1_000_000)

    move.vectors.room = full  # type: ignore[method-assign]
    with pytest.raises(StorageFull, match=r"about 5\.0 MB, 1\.0 MB are free"):
        await move.run()
    move.vectors.room = room  # type: ignore[method-assign]
    assert await move.vectors.draft() is None
    assert not await move.reembedding.cancel()
    assert await move.run() == 1


async def test_a_re_embedding_under_way_can_be_thrown_away(move: Move) -> None:
    await move.vectors.upsert(S, [point(1, "plain", vector_of("plain"))])
    await move.vectors.open_draft(Draft("reembed", 16, "next"))
    assert await move.reembedding.cancel()
    assert await move.vectors.draft() is None
    assert await move.vectors.count(S) == 1


@pytest.mark.skipif(not UPSTREAM.exists(), reason="upstream's data is not here")
async def test_upstreams_own_points_become_whole_memories(qdrant: Qdrant, records: Records, tmp_path: Path) -> None:
    store = qdrant.store()
    async with moving(store, records, tmp_path, chunk_size=500) as move:
        await store.ensure(DIMENSIONS, "watched")
        points: defaultdict[str, list[Point]] = defaultdict(list)
        for line in (UPSTREAM / "qdrant-points.jsonl").read_text("utf-8").split("\n")[:-1]:
            one = json.loads(line)
            points[one["collection"]].append(Point(one["id"], one["payload"], [1.0] * DIMENSIONS))
        for collection, some in points.items():
            await store.upsert(MemoryType(collection), some)
        before = await contents(store)
        assert (await move.reembedding.state()).memories == 448
        assert (await move.reembedding.plan(Target())).memories == 448
        await move.run()
        assert len(before) == 448
        assert await contents(store) == before
        for type_ in MemoryType:
            assert set(await digests(store, type_)) == {one for kind, one in before if kind is type_}
            assert b"" not in (await digests(store, type_)).values()


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (httpx.ConnectError("refused"), "cannot be reached; start it with `ollama serve`"),
        ({"models": [{"name": "another:latest"}]}, "run: ollama pull nomic-embed-text"),
    ],
)
async def test_ollama_that_is_away_or_lacks_the_model_is_told_with_what_to_do(
    qdrant: Qdrant, answers: Exception | dict[str, object], reason: str, tmp_path: Path
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if isinstance(answers, Exception):
            raise answers
        return httpx.Response(200, json={"version": "0.6.0", **answers})

    @contextlib.asynccontextmanager
    async def opened(target: Target) -> AsyncIterator[Embedder]:
        embedder = OllamaEmbedder("localhost", target.model, 0, httpx.MockTransport(answer), first_wait=0)
        yield embedder
        await embedder.close()

    store = qdrant.store()
    await store.ensure(DIMENSIONS, "watched")
    service = ReembeddingService(store, opened, Settings(home=tmp_path), WriteBarrier())
    with pytest.raises(StoreUnavailable, match=reason):
        await service.reembed(Target("nomic-embed-text", "localhost"))
    assert await store.draft() is None
    await store.close()


async def test_a_model_tells_its_size_and_what_is_to_be_set_for_it(qdrant: Qdrant, tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"version": "0.6.0", "models": [{"name": "bge-m3:latest"}]})
        texts = json.loads(request.content)["input"]
        return httpx.Response(200, json={"embeddings": [[1.0, 0.5, 0.25] for _ in texts]})

    @contextlib.asynccontextmanager
    async def opened(target: Target) -> AsyncIterator[Embedder]:
        embedder = OllamaEmbedder("localhost", target.model, target.dimensions or 0, httpx.MockTransport(answer))
        yield embedder
        await embedder.close()

    store = qdrant.store()
    await store.ensure(DIMENSIONS, "watched")
    await store.upsert(S, [point(1, "plain", vector_of("plain"))])
    service = ReembeddingService(store, opened, Settings(home=tmp_path), WriteBarrier())
    report = await service.reembed(Target("bge-m3", "http://user:secret@box:1"))
    assert (report.model, report.dimensions, report.embedded) == ("bge-m3", 3, 1)
    assert "secret" not in str(report.settings)
    assert report.settings[1:] == ("MEMORIA_EMBEDDING_MODEL=bge-m3", "MEMORIA_EMBEDDING_DIMENSIONS=3")
    await store.close()


def test_the_target_is_what_was_asked_for_else_what_the_settings_say(tmp_path: Path) -> None:
    bundled, ollama = Settings(home=tmp_path), Settings(home=tmp_path, ollama_host="box", embedding_dimensions=512)
    assert target_of(bundled, None, None, None) == target_of(ollama, "bundled", None, None) == Target()
    assert target_of(ollama, None, None, None) == Target("nomic-embed-text", "box", 512)
    assert target_of(bundled, "bge-m3", None, None) == Target("bge-m3", "http://localhost:11434")
    assert target_of(ollama, "bge-m3", "other", 7) == Target("bge-m3", "other", 7)
    with pytest.raises(MemoriaError, match="leave out --ollama and --dimensions"):
        target_of(bundled, "bundled", "box", None)
    made = Draft("reembed", 512, "nomic-embed-text")
    assert missing_settings(ollama, Target("nomic-embed-text:latest", "box"), made) == ()
    assert missing_settings(ollama, Target(), made) == ("unset MEMORIA_OLLAMA_HOST",)
    assert missing_settings(bundled, Target(), made) == ()
