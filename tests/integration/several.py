"""One of several programs on one store: it creates, edits, tags, links, deletes, restores and undoes a few memories.

`python -m tests.integration.several ACTS SEED` with the addresses of the stores in the environment, as the program
itself reads them. It prints how many acts were done, and how many were refused by a Conflict or the like.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import uuid
from collections import Counter
from dataclasses import replace

from services.container import Services, open_services
from services.errors import Conflict, InvalidInput, NotFound, NothingToUndo
from services.model import MemoryChanges, MemoryDraft, MemoryType, RelationType
from services.settings import load_settings
from tests.services.memory_world import WatchedEmbedder

MEMORIES = 50
PROGRAMS = 3
IDS = [str(uuid.uuid5(uuid.NAMESPACE_URL, f"several {number}")) for number in range(MEMORIES)]
LONG = "".join(f"Sentence number {number} of a long memory. " for number in range(9))
_ACTS = [
    "create",
    "edit",
    "edit",
    "edit",
    "tag",
    "tag",
    "type",
    "link",
    "link",
    "unlink",
    "delete",
    "restore",
    "restore",
    "undo",
]
_REFUSED = (Conflict, NotFound, NothingToUndo, InvalidInput)
"""What an act may end with when another program was faster: then nothing of it was done."""


async def act(services: Services, dice: random.Random) -> str:
    """One act on some of the memories."""
    one, other = dice.sample(IDS, 2)
    some = dice.sample(IDS, dice.choice((2, 3, 20)))
    memories = services.memories
    match what := dice.choice(_ACTS):
        case "create":
            text = dice.choice((LONG, "short")) + str(dice.random())
            await memories.create(MemoryDraft(text, id=one, type=dice.choice(list(MemoryType))))
        case "edit":
            text = dice.choice((LONG, "short")) + str(dice.random())
            await memories.update(await memories.get(one), MemoryChanges(content=text))
        case "tag":
            await memories.edit_many(
                some, add_tags=[f"tag {dice.randrange(9)}"], remove_tags=[f"tag {dice.randrange(9)}"]
            )
        case "type":
            await memories.edit_many(some[:3], type=dice.choice(list(MemoryType)))
        case "link":
            await services.graph.link(one, other, dice.choice(list(RelationType)))
        case "unlink":
            if relations := await services.graph.between(one, other):
                await services.graph.unlink([relation.id for relation in relations])
        case "delete":
            await memories.delete(some[:3])
        case "restore":
            gone = [memory.memory.id for memory in await memories.trash()]
            await memories.restore(dice.sample(gone, min(len(gone), 3)))
        case "undo":
            await memories.undo()
    return what


async def main(acts: int, seed: int) -> None:
    dice = random.Random(seed)
    settings = replace(load_settings(os.environ), actor=f"program {seed}")
    done: Counter[str] = Counter()
    async with open_services(settings, embedder=WatchedEmbedder()) as services:
        for memory_id in IDS[seed::PROGRAMS]:
            await services.memories.create(MemoryDraft(LONG, id=memory_id))
        for _ in range(acts):
            try:
                done[await act(services, dice)] += 1
            except _REFUSED as error:
                done[f"refused: {type(error).__name__}"] += 1
        done["recovered"] += await services.memories.recover()
    print(json.dumps(done))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
