"""Of several things at once none outlives a failure."""

from __future__ import annotations

import asyncio

import pytest

from services.concurrency import together
from services.errors import StoreUnavailable


async def after(turns: int, result: str) -> str:
    for _ in range(turns):
        await asyncio.sleep(0)
    return result


async def test_results_come_in_order() -> None:
    assert await together(after(3, "a"), after(1, "b")) == ("a", "b")
    assert await together(*(after(0, name) for name in list[str]())) == ()


async def test_when_one_fails_the_others_have_ended_and_its_error_comes_through() -> None:
    ended: list[str] = []

    async def asks() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("asking")

    async def fails() -> None:
        await asyncio.sleep(0)
        raise StoreUnavailable("gone")

    with pytest.raises(StoreUnavailable, match="gone"):
        await together(asks(), fails())
    assert ended == ["asking"]
