"""Re-embeds a store again and again, killed before its first, second, third, … step, and goes on after each kill.

`python -m tests.integration.killed_reembed FOLDER [STRIDE]` prints how many lives were killed; exit status 1 tells of
damage. With a stride of 5, every fifth step is tried.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import cast

from services.adapters.edge.folder_marker import Marker
from services.files import copy_sparsely
from services.memories.payload import State
from services.memories.point_layout import points_of
from services.memories.stored_memories import Stored, all_stored
from services.memories.write_barrier import WriteBarrier
from services.model import MemoryType
from services.points import Point, Vector
from services.ports import Embedder
from services.reembedding.digests import digest, digests
from services.reembedding.reembed_values import Target
from services.reembedding.reembedding_service import ReembeddingService
from services.settings import Settings
from tests.integration.edge_here import EdgeHere, QuickSets
from tests.integration.forks import in_a_fork
from tests.integration.killed import LONG, MOST_STEPS, Steps
from tests.services.memory_world import DIMENSIONS, WatchedEmbedder, vector_of

MEMORIES = 30


class SteppedSets(QuickSets):
    """Each change of the marker, and each deletion of what it no longer names, is a step."""

    def __init__(self, step: Steps, folder: Path) -> None:
        super().__init__(folder)
        self.step = step

    def _write(self, marker: Marker) -> None:
        self.step()
        super()._write(marker)
        self.step()

    def _clear(self) -> None:
        if hasattr(self, "step"):
            self.step()
        super()._clear()


class NextEmbedder(WatchedEmbedder):
    """The model to move to."""

    model = "next"
    dimensions = 2 * DIMENSIONS

    async def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        return [[*vector, *vector] for vector in await super().embed_documents(texts)]


class Life:
    """One life of a program over the store."""

    def __init__(self, folder: Path) -> None:
        self.steps = Steps()
        self.store = EdgeHere(folder / "qdrant", self.steps, partial(SteppedSets, self.steps))
        self.embedder = NextEmbedder()
        settings = Settings(home=folder, chunk_size=60, chunk_overlap=10)
        self.service = ReembeddingService(self.store, self._opened, settings, WriteBarrier())

    @contextlib.asynccontextmanager
    async def _opened(self, _: Target) -> AsyncIterator[Embedder]:
        yield cast("Embedder", self.embedder)

    async def digests(self) -> list[dict[str, bytes]]:
        return [await digests(self.store, type_) for type_ in MemoryType]


def states() -> list[tuple[str, State]]:
    """Thirty memories, every third one long, in all collections."""
    texts = [f"{number}: {LONG if number % 3 == 0 else 'short'}" for number in range(MEMORIES)]
    return [
        (str(uuid.UUID(int=number)), State(list(MemoryType)[number % 3 - 1], {"content": text, "ticket": number}))
        for number, text in enumerate(texts)
    ]


async def prepare(folder: Path) -> None:
    """The memories, in chunks as another program cuts them."""
    life = Life(folder)
    await life.store.ensure(DIMENSIONS, "watched")
    for memory_id, state in states():
        points = points_of(memory_id, state, _cut(state.content))
        vectors = (vector_of(str(one.payload["content"])) for one in points)
        await life.store.upsert(
            state.type, [Point(one.id, one.payload, vector) for one, vector in zip(points, vectors, strict=True)]
        )
    await life.store.close()


def _cut(text: str) -> list[str]:
    return [text[start : start + 50] for start in range(0, len(text), 50)]


async def check(folder: Path) -> None:
    """After the next run all is there, whole and with the new vectors, and nothing is left over."""
    life = Life(folder)
    made = [(state.type, one, digest(Stored(one, state, ()))) for one, state in states()]
    before = [{one: value for kind, one, value in made if kind is type_} for type_ in MemoryType]
    assert await life.digests() == before, "something is lost or changed"
    started = await life.store.draft()
    done = (await life.service.state()).done if started else 0
    finished = await life.store.model() == "next"
    report = await life.service.reembed(Target())
    assert report.embedded == (0 if finished else MEMORIES - done), "a finished batch was embedded again"
    assert await life.store.model() == "next"
    assert await life.digests() == before, "something is lost or changed"
    for type_ in MemoryType:
        async for page in all_stored(life.store, type_):
            for one in page:
                points = await life.store.retrieve(type_, [point.id for point in one.points], vectors=True)
                for point in points:
                    wanted = [number / 2**0.5 for number in vector_of(str(point.payload["content"])) * 2]
                    assert all(abs(a - b) < 1e-5 for a, b in zip(point.vector or (), wanted, strict=True)), (
                        "a wrong vector"
                    )
    await life.service.drop_old()
    left = {path.name for path in (folder / "qdrant").iterdir() if path.is_dir()}
    assert len(left) == 1, f"left over: {sorted(left)}"


def main(folder: Path, stride: int) -> int:
    """Kills the run before every step of the stride; gives 1 when something was damaged."""
    origin = folder / "origin"
    if in_a_fork(lambda: prepare(origin)) != 0:
        return 1
    for killed, step in enumerate(range(1, MOST_STEPS, stride)):
        here = folder / f"step {step}"
        shutil.copytree(origin, here, copy_function=copy_sparsely)

        async def live(step: int = step, here: Path = here) -> None:
            life = Life(here)
            life.steps.kill_before(step)
            await life.service.reembed(Target())
            await life.service.drop_old()

        async def look(here: Path = here) -> None:
            await check(here)

        ended = in_a_fork(live)
        if ended not in (0, -signal.SIGKILL) or (ended and in_a_fork(look) != 0):
            print(f"damaged when killed before step {step} (ended with {ended})", file=sys.stderr)
            return 1
        shutil.rmtree(here)
        if ended == 0:
            print(killed)
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int([*sys.argv, "1"][2])))
