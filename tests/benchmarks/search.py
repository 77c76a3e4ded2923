"""Searching and listing many memories, embedded: times, for how long the event loop is held, memory of the process.

The baseline is the plainest search there is: every text in this process's memory, looked through for the words.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from statistics import median
from typing import TypeVar

from services.model import Query, SearchMode
from services.search.service import SearchService
from tests.benchmarks.figures import Figure, LoopWatch, memory_mb, percentile
from tests.benchmarks.seeded import memories, questions, relations
from tests.benchmarks.stores import empty_stores

BASELINE = "scan of all texts in memory"
PAGE = 60
T = TypeVar("T")
HOLD_MS = 50


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--memories", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=100)


async def run(args: Namespace) -> list[Figure]:
    drafts = list(memories(args.memories))
    asked = questions(args.questions)
    scan = median([scan([draft.content for draft in drafts], question) for question in asked[:10]])
    async with empty_stores() as stores:
        await stores.write(drafts)
        await stores.relate(relations([str(draft.id) for draft in drafts], args.memories))
        del drafts
        search = stores.search()
        listed = await _lists(search)
        searched = await _searches(search, asked, scan)
    return [*searched, *listed, _at_most("memory, vectors included", memory_mb(), "MB", 600)]


async def _searches(search: SearchService, asked: Sequence[str], scan: float) -> list[Figure]:
    figures = [Figure(BASELINE, scan, "ms")]
    async with LoopWatch() as watch:
        for mode in SearchMode:
            times = [(await _timed(search.search(Query(text, text, mode=mode))))[0] for text in asked]
            for share, goal in ((0.5, 30), (0.95, 80)):
                figure = _at_most(f"{mode} search p{share * 100:.0f}", percentile(times, share), "ms", goal)
                figures.append(replace(figure, baseline=BASELINE, ratio=figure.value / scan))
    return [*figures, _at_most("event loop held while searching", watch.longest_ms, "ms", HOLD_MS)]


async def _lists(search: SearchService) -> list[Figure]:
    async with LoopWatch() as watch:
        opened, listing = await _timed(search.listing(Query()))
        first, _ = await _timed(listing.page(0, PAGE))
        ordered, _ = await _timed(listing.page(listing.total - PAGE, PAGE))
        places = [listing.total * share // 20 for share in range(20)]
        pages = [(await _timed(listing.page(place, PAGE)))[0] for place in places]
        counted, _ = await _timed(search.facets(Query()))
    return [
        _at_most("list opens, first page read", opened + first, "ms", 200),
        Figure("whole order read in the background", ordered, "ms"),
        _at_most("page anywhere p95", percentile(pages, 0.95), "ms", 50),
        Figure("facets over everything", counted, "ms"),
        _at_most("event loop held while listing", watch.longest_ms, "ms", HOLD_MS),
    ]


async def _timed(answer: Awaitable[T]) -> tuple[float, T]:
    start = time.perf_counter()
    value = await answer
    return (time.perf_counter() - start) * 1000, value


def _at_most(what: str, value: float, unit: str, goal: float) -> Figure:
    return Figure(what, value, unit, goal=f"≤ {goal} {unit}", ok=value <= goal)


def scan(texts: Sequence[str], question: str) -> float:
    """Milliseconds to count the words of a question in every text and take the 100 best."""
    start = time.perf_counter()
    words = question.casefold().split()
    scores = [sum(word in text for word in words) for text in map(str.casefold, texts)]
    sorted(range(len(scores)), key=scores.__getitem__, reverse=True)[:100]
    return (time.perf_counter() - start) * 1000
