"""Saves and acts that need the store to stand still, of one program and of several."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from services.errors import StoreUnavailable
from services.memories.write_barrier import WriteBarrier
from services.waiting_notice import Waits

_HOLDER = """
import asyncio, sys
from pathlib import Path
from services.memories.write_barrier import WriteBarrier
async def main():
    barrier = WriteBarrier(Path(sys.argv[1]))
    async with getattr(barrier, sys.argv[2])(*sys.argv[3:]):
        print("held", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


_WHAT = {"shared": (), "exclusive": ("replaces all memories",)}


def holder(folder: Path, how: str) -> subprocess.Popen[str]:
    """Another program that saves, or has the store alone."""
    command = [sys.executable, "-c", _HOLDER, str(folder), how, *_WHAT[how]]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


async def entered(barrier: WriteBarrier, how: str) -> None:
    async with getattr(barrier, how)(*_WHAT[how]):
        pass


async def is_waiting(task: asyncio.Task[None]) -> bool:
    done, _ = await asyncio.wait({task}, timeout=0.2)
    return not done


@pytest.mark.parametrize("folder", [None, Path("qdrant")])
async def test_saves_pass_each_other_and_wait_for_who_has_the_store_alone(folder: Path | None, tmp_path: Path) -> None:
    barrier = WriteBarrier(folder and tmp_path / folder)
    async with barrier.shared():
        await entered(barrier, "shared")
        alone = asyncio.create_task(entered(barrier, "exclusive"))
        assert await is_waiting(alone)
    await alone
    async with barrier.exclusive("replaces all memories"):
        saving = asyncio.create_task(entered(barrier, "shared"))
        assert await is_waiting(saving)
    await saving


@pytest.mark.parametrize(("theirs", "ours"), [("shared", "exclusive"), ("exclusive", "shared")])
async def test_another_program_is_waited_for_until_it_lets_go_or_dies(theirs: str, ours: str, tmp_path: Path) -> None:
    with holder(tmp_path, theirs) as other:
        waiting = asyncio.create_task(entered(WriteBarrier(tmp_path), ours))
        assert await is_waiting(waiting)
        other.kill()
        await waiting


async def test_saves_of_two_programs_pass_each_other(tmp_path: Path) -> None:
    with holder(tmp_path, "shared") as other:
        await entered(WriteBarrier(tmp_path), "shared")
        other.kill()


async def test_that_another_program_saves_is_known(tmp_path: Path) -> None:
    barrier = WriteBarrier(tmp_path)
    assert not barrier.others_write()
    async with barrier.shared():
        assert not barrier.others_write(), "it is this one"
    with holder(tmp_path, "shared") as other:
        assert barrier.others_write()
        other.kill()
        other.wait()
    assert not barrier.others_write()


async def test_who_wants_the_store_alone_is_not_starved_by_saves(tmp_path: Path) -> None:
    saves, alone = [WriteBarrier(tmp_path) for _ in range(3)], WriteBarrier(tmp_path)
    done = asyncio.Event()

    async def save(barrier: WriteBarrier) -> None:
        while not done.is_set():
            async with barrier.shared():
                await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(save(barrier)) for barrier in saves]
    await asyncio.sleep(0.05)
    async with asyncio.timeout(60), alone.exclusive("replaces all memories"):
        done.set()
    await asyncio.gather(*tasks)


async def test_a_program_that_never_lets_go_is_told_after_a_while(tmp_path: Path) -> None:
    with holder(tmp_path, "exclusive") as other:
        with pytest.raises(StoreUnavailable, match="another program is replacing all memories"):
            await entered(WriteBarrier(tmp_path, patience=0.1), "shared")
        other.kill()


@pytest.mark.parametrize(("theirs", "ours"), [("shared", "exclusive"), ("exclusive", "shared"), ("exclusive",) * 2])
async def test_a_person_is_told_what_is_waited_for(theirs: str, ours: str, tmp_path: Path) -> None:
    told: list[str] = []
    with holder(tmp_path, theirs) as other:
        line = (
            f"waiting for process {other.pid}, which replaces all memories"
            if theirs == "exclusive"
            else "waiting until other programs have saved what they are saving"
        )
        waiting = asyncio.create_task(entered(WriteBarrier(tmp_path, Waits(told.append, 0.05)), ours))
        async with asyncio.timeout(60):
            while not told:  # noqa: ASYNC110  # that is what is tried
                await asyncio.sleep(0.01)
        assert told == [line]
        assert not waiting.done()
        other.kill()
        await waiting
    assert told == [line, ""]


async def test_who_waits_for_a_moment_only_is_told_nothing(tmp_path: Path) -> None:
    told: list[str] = []
    barrier = WriteBarrier(tmp_path, Waits(told.append, 30))
    async with barrier.exclusive("replaces all memories"):
        saving = asyncio.create_task(entered(barrier, "shared"))
        assert await is_waiting(saving)
    await saving
    assert told == []
