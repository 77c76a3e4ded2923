"""Many programs on one store: they search and change the same few memories for a while.

`python -m tests.integration.searching_and_writing SECONDS NAME,NAME… …` with the addresses of the stores in the
environment, a process for each argument, with a name for each program in it: write0, write1, search2 and so on. Each
program has services and connections of its own. Each process prints, for each of its programs, how often it did what,
how often it was refused by a Conflict or the like, and the longest that it waited.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from services.container import Services, open_services
from services.errors import Conflict, NotFound
from services.model import MemoryDraft, Query
from services.settings import load_settings
from tests.integration.forks import in_forks
from tests.integration.several import CHANGES, IDS, LONG, REFUSED, act
from tests.services.memory_world import WatchedEmbedder

WRITERS = 4
Does = Callable[[Services, random.Random], Awaitable[str]]


async def search(services: Services, dice: random.Random) -> str:
    match dice.choice(("search", "search", "list", "get", "graph")):
        case "search":
            text = dice.choice(("a long memory", "short", "sentence number", f"tag {dice.randrange(9)}"))
            await services.search.search(Query(raw=text, text=text))
            return "search"
        case "list":
            await (await services.search.listing(Query(tags=(f"tag {dice.randrange(9)}",)))).page(0, 50)
            return "list"
        case "get":
            with contextlib.suppress(NotFound):
                await services.memories.get(dice.choice(IDS))
            return "get"
        case _:
            with contextlib.suppress(NotFound):
                await services.graph.neighborhood(dice.choice(IDS))
            return "graph"


async def write(services: Services, dice: random.Random) -> str:
    return await act(services, dice, CHANGES)


async def program(name: str, seconds: float) -> dict[str, object]:
    """One program, from its opening to its end."""
    does: Does = write if name.startswith("write") else search
    seed = int(name.removeprefix("write").removeprefix("search"))
    dice = random.Random(seed)
    settings = replace(load_settings(os.environ), actor=f"program {seed}")
    done: Counter[str] = Counter()
    longest = 0.0
    async with open_services(settings, embedder=WatchedEmbedder()) as services:
        for memory_id in IDS[seed::WRITERS] if does is write else ():
            with contextlib.suppress(Conflict):  # another program has begun its acts and made it
                await services.memories.create(MemoryDraft(LONG, id=memory_id))
        for _ in range(5):
            await search(services, dice)  # opens the stores, and loads what it needs
        end = time.monotonic() + seconds
        while (begin := time.monotonic()) < end:
            try:
                done[await does(services, dice)] += 1
            except REFUSED as error:
                done[f"refused: {type(error).__name__}"] += 1
            longest = max(longest, time.monotonic() - begin)
    return {"name": name, "done": done, "longest": round(longest, 2)}


async def main(seconds: float, names: Sequence[str]) -> None:
    print(json.dumps(await asyncio.gather(*(program(name, seconds) for name in names))))


if __name__ == "__main__":
    seconds, *processes = sys.argv[1:]
    sys.exit(max(map(abs, in_forks(*(partial(main, float(seconds), names.split(",")) for names in processes)))))
