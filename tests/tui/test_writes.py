"""The queue of writes: order, nothing cancelled, nothing twice, nothing lost at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress

import pytest

from memoria_tui.write_queue import UnderWay, Writes
from services.errors import SchemaMissing, StoreUnavailable


class Slow:
    """A store that writes down what was written, after a moment."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.told: list[str] = []
        self.writes = Writes(changed=lambda: None, unheard=lambda what, error: self.told.append(f"{what}: {error}"))

    async def write(self, what: str) -> str:
        await asyncio.sleep(0.01)
        self.written.append(what)
        return what

    async def fail(self) -> None:
        await asyncio.sleep(0.01)
        raise StoreUnavailable("away")

    def run(
        self, what: str, act: Coroutine[object, object, object] | None = None, once: str = ""
    ) -> asyncio.Task[object]:
        return asyncio.create_task(self.writes.run(what, act or self.write(what), once=[once] if once else []))


async def test_writes_keep_their_order() -> None:
    slow = Slow()
    answers = await asyncio.gather(*(slow.run(str(number)) for number in range(5)))
    assert answers == slow.written == ["0", "1", "2", "3", "4"]


async def test_who_waits_may_be_cancelled_and_the_write_goes_on() -> None:
    slow = Slow()
    tasks = [slow.run("a"), slow.run("b")]
    await asyncio.sleep(0)
    assert slow.writes.waiting == ("a", "b")
    for task in tasks:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await tasks[1]
    assert await slow.writes.finish() == ()
    assert slow.written == ["a", "b"]


async def test_a_failure_that_nobody_waits_for_is_told_and_the_next_write_goes_on() -> None:
    slow = Slow()
    task = slow.run("a", slow.fail())
    slow.run("b")
    await asyncio.sleep(0)
    task.cancel()
    await slow.writes.finish()
    assert (slow.told, slow.written, slow.writes.failures) == (["a: away"], ["b"], 1)


async def test_the_same_is_not_written_twice_at_once_but_again_later() -> None:
    slow = Slow()
    first = slow.run("a", once="x")
    await asyncio.sleep(0)
    with pytest.raises(UnderWay, match="under way already: a"):
        await slow.run("a", once="x")
    await first
    await slow.run("a", once="x")
    assert slow.written == ["a", "a"]


async def test_what_is_not_permitted_is_not_written() -> None:
    slow = Slow()

    async def permit(vectors: bool) -> None:
        raise SchemaMissing("no")

    writes = Writes(changed=lambda: None, unheard=lambda *_: None, permit=permit)
    with pytest.raises(SchemaMissing):
        await writes.run("a", slow.write("a"))
    assert slow.written == []
    assert writes.waiting == ()


async def test_a_bounded_wait_names_what_is_not_written() -> None:
    slow = Slow()
    for what in "abc":
        slow.run(what)
    await asyncio.sleep(0)
    assert await slow.writes.finish(0.001) == ("a", "b", "c")
    assert await slow.writes.finish() == ()


async def test_one_long_run_at_a_time_beside_the_queue() -> None:
    slow = Slow()
    run = asyncio.create_task(slow.writes.run_long("import", asyncio.sleep(5)))
    await asyncio.sleep(0)
    with pytest.raises(UnderWay, match="import is under way"):
        await slow.writes.run_long("backup", slow.write("never"))
    await slow.run("a")
    assert slow.written == ["a"]
    run.cancel()
    with suppress(asyncio.CancelledError):
        await run
    assert slow.writes.long_run is None
