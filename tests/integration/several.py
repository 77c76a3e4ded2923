"""Several programs on one store: they change a few memories, their relations and work sessions, and undo.

`python -m tests.integration.several ACTS` with the addresses of the stores in the environment, as the program itself
reads them; each is a process that does so many acts. Each prints how many acts were done, and how many were refused by
a Conflict or the like.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import sys
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from services.container import Services, open_services
from services.errors import Conflict, InvalidInput, NotFound, NothingToUndo
from services.model import (
    IfChanged,
    MemoryChanges,
    MemoryDraft,
    MemoryType,
    RelationType,
    SessionCategory,
    SessionChanges,
    SessionDraft,
)
from services.settings import load_settings
from tests.integration.forks import in_forks
from tests.services.memory_world import WatchedEmbedder

MEMORIES = 50
RELATED = 12
"""Memories that are linked."""
PROGRAMS = 3
IDS = [str(uuid.uuid5(uuid.NAMESPACE_URL, f"several {number}")) for number in range(MEMORIES)]
LONG = "".join(f"Sentence number {number} of a long memory. " for number in range(9))
_MEMORY_ACTS = ("create", "edit", "edit", "edit", "tag", "tag", "type", "delete", "restore", "restore")
_RELATION_ACTS = ("link", "link", "link", "unlink", "retype", "reverse", "weigh")
_SESSION_ACTS = ("start", "start", "edit", "pause", "resume", "note", "stop", "stop", "stop", "reopen", "delete")
_UNDO = ("undo", "undo", "redo", "undo another")
CHANGES = (*_MEMORY_ACTS, *_RELATION_ACTS, *_UNDO)
"""Acts on memories and their relations."""
REFUSED = (Conflict, NotFound, NothingToUndo, InvalidInput)
"""What an act may end with when another program was faster: then nothing of it was done."""


async def act(services: Services, dice: random.Random, among: Sequence[str] = ()) -> str:
    """One act, `among` these or all, on some of the memories, relations or sessions."""
    what = dice.choice(among or (*CHANGES, *(f"session {one}" for one in _SESSION_ACTS)))
    if what in _MEMORY_ACTS:
        await _memory_act(services, dice, what)
    elif what in _RELATION_ACTS:
        await _relation_act(services, dice, what)
    elif what in _UNDO:
        await _undo(services, dice, what)
    else:
        await _session_act(services, dice, what.removeprefix("session "))
    return what


async def _memory_act(services: Services, dice: random.Random, what: str) -> None:
    one = dice.choice(IDS)
    some = dice.sample(IDS, dice.choice((2, 3, 20)))
    memories = services.memories
    match what:
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
        case "delete":
            await memories.delete(some[:3])
        case "restore":
            gone = [memory.memory.id for memory in await memories.trash()]
            await memories.restore(dice.sample(gone, min(len(gone), 3)))


async def _relation_act(services: Services, dice: random.Random, what: str) -> None:
    """Many relations between few memories, so that programs meet."""
    one, other = dice.sample(IDS[:RELATED], 2)
    type_ = dice.choice(list(RelationType))
    if what == "link":
        await services.graph.link(one, other, type_)
        return
    there = (await services.graph.neighborhood(one)).edges
    if not there:
        raise NotFound("no relation")
    relation = dice.choice(there)
    match what:
        case "unlink":
            await services.graph.unlink([relation.id], [relation])
        case "retype":
            await services.graph.change(relation, replace(relation, type=type_))
        case "reverse":
            turned = replace(relation, source_id=relation.target_id, target_id=relation.source_id)
            await services.graph.change(relation, turned)
        case "weigh":
            await services.graph.change(relation, replace(relation, weight=dice.randrange(11) / 10))


async def _session_act(services: Services, dice: random.Random, what: str) -> None:
    work, name = services.work, dice.choice(("acme", "globex", "initech", ""))
    if what == "start":
        start = datetime.now(UTC) - timedelta(hours=dice.randrange(1, 9))
        await work.start(SessionDraft(f"work {dice.random()}", client=name, project=name and "api", start=start))
        return
    sessions = (await services.reports.log()).sessions
    if not sessions:
        raise NotFound("no session")
    session = dice.choice(sessions)
    match what:
        case "edit":
            changes = SessionChanges(
                description=f"edited {dice.random()}", category=dice.choice(list(SessionCategory)), client=name
            )
            await work.edit(session, changes)
        case "pause":
            await work.pause(session.id, reason="lunch")
        case "resume":
            await work.resume(session.id)
        case "note":
            await work.note("noted", session.id)
        case "stop":
            await work.stop(session.id, remember=dice.random() < 0.7)
        case "reopen":
            await work.reopen(session.id)
        case "delete":
            await work.delete(session.id)


async def _undo(services: Services, dice: random.Random, what: str) -> None:
    match what:
        case "undo":
            await services.memories.undo()
        case "redo":
            await services.memories.redo()
        case "undo another":
            acts = (await services.memories.acts.page(9)).acts
            force = dice.choice((IfChanged.LEAVE, IfChanged.FORCE))
            preview = await services.memories.undo_preview(dice.choice(acts).group)
            await services.memories.undo(preview.group, force)


async def main(acts: int, seed: int) -> None:
    dice = random.Random(seed)
    settings = replace(load_settings(os.environ), actor=f"program {seed}")
    done: Counter[str] = Counter()
    async with open_services(settings, embedder=WatchedEmbedder()) as services:
        for memory_id in IDS[seed::PROGRAMS]:
            with contextlib.suppress(Conflict):  # another program has begun its acts and made it
                await services.memories.create(MemoryDraft(LONG, id=memory_id))
        for _ in range(acts):
            try:
                done[await act(services, dice)] += 1
            except REFUSED as error:
                done[f"refused: {type(error).__name__}"] += 1
        done["recovered"] += await services.memories.recover()
    print(json.dumps(done))


if __name__ == "__main__":
    sys.exit(max(map(abs, in_forks(*(partial(main, int(sys.argv[1]), seed) for seed in range(PROGRAMS))))))
