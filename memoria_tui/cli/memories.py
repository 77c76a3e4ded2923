"""Commands about memories."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from memoria_tui.cli.terminal import Terminal, memory_json, relation_json
from services.errors import Ambiguous, InvalidInput, NotFound
from services.model import Hit, Memory, MemoryChanges, MemoryDraft, RelatedMemory, SearchMode
from services.model.history import MANY

if TYPE_CHECKING:
    from services.container import Services


def search(terminal: Terminal, text: str, mode: SearchMode, limit: int, *, as_json: bool) -> int:
    from services.search.query import parse_query
    from services.times import first_weekday, person_zone

    async def act(services: Services) -> int:
        now = services.clock().astimezone(person_zone(services.settings))
        query = replace(
            parse_query(text, now=now, mode=mode, week_begins=first_weekday(services.settings)), limit=limit
        )
        result = await services.search.search(query)
        hits = result.hits[:limit]
        if as_json:
            terminal.print_json(
                {
                    "query": text,
                    "mode": str(mode),
                    "hits": [_hit_json(hit) for hit in hits],
                    "took_ms": round(result.took_ms, 2),
                }
            )
            return 0
        for hit in hits:
            _print_hit(terminal, hit, ranked=query.ranked)
        for notice in result.notices:
            terminal.complain(notice)
        if not hits:
            terminal.complain("nothing found")
        return 0

    return terminal.run(act)


def show(terminal: Terminal, memory_id: str, *, as_json: bool) -> int:
    async def act(services: Services) -> int:
        memory = await services.memories.get(memory_id)
        related = await services.memories.relations(memory.id)
        if as_json:
            terminal.print_json(memory_json(memory) | {"relations": [_relation_json(one) for one in related]})
        else:
            _print_memory(terminal, memory, related)
        return 0

    return terminal.run(act)


def add(terminal: Terminal, text: str | None, draft: MemoryDraft, *, as_json: bool) -> int:
    content = terminal.read_text() if text == "-" else text if text is not None else _edited(terminal, "")
    if not content.strip():
        raise InvalidInput("the text is empty; nothing was written")

    async def act(services: Services) -> int:
        return _printed(terminal, await services.memories.create(replace(draft, content=content)), as_json=as_json)

    return terminal.run(act)


@dataclass(frozen=True, slots=True)
class Retag:
    """Tags to add to a memory's and to remove from them."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.add or self.remove)

    def of(self, memory: Memory) -> tuple[str, ...]:
        return tuple(dict.fromkeys(tag for tag in (*memory.tags, *self.add) if tag and tag not in self.remove))


def edit(terminal: Terminal, memory_id: str, changes: MemoryChanges, retag: Retag, *, as_json: bool) -> int:
    if changes.content == "-":
        changes = replace(changes, content=terminal.read_text())

    async def read(services: Services) -> Memory:
        return await services.memories.get(memory_id)

    async def act(services: Services) -> int:
        base = opened or await read(services)
        wanted = replace(changes, tags=retag.of(base)) if retag else changes
        memory = await services.memories.update(base, wanted)
        if as_json:
            terminal.print_json(memory_json(memory))
        elif memory.updated_at == base.updated_at:
            terminal.print(f"{memory.id}  nothing to change")
        else:
            newest, *_ = await services.memories.history(memory.id)
            terminal.print_text(_line(f"{memory.id}  {newest.summary}"))
        return 0

    opened = None
    if changes == MemoryChanges() and not retag:
        # The stores are closed while the editor runs: another program may need them meanwhile.
        opened = terminal.run(read)
        changes = MemoryChanges(content=_edited(terminal, opened.content))
        if changes.content == opened.content:
            raise InvalidInput("the text is as it was; nothing was changed")
    return terminal.run(act)


def delete(terminal: Terminal, ids: Sequence[str], *, yes: bool, as_json: bool) -> int:
    async def act(services: Services) -> int:
        found = [(await services.memories.get(one)).id for one in ids]
        asks = len(found) > MANY and terminal.converses and not yes
        if asks and not await terminal.agrees(f"Put {len(found):,} memories into the trash?"):
            terminal.complain("nothing was deleted")
            return 1
        count = await services.memories.delete(found)
        if as_json:
            terminal.print_json({"deleted": count, "ids": found})
        else:
            terminal.print(f"{count} in the trash · undo with: memoria-tui undo")
        return 0

    return terminal.run(act)


def restore(terminal: Terminal, ids: Sequence[str], *, as_json: bool) -> int:
    async def act(services: Services) -> int:
        trash = await services.memories.trash_ids()
        count = await services.memories.restore([in_trash(one, trash) for one in ids])
        if as_json:
            terminal.print_json({"restored": count})
        else:
            terminal.print(f"{count} restored")
        return 0

    return terminal.run(act)


def in_trash(prefix: str, trash: Sequence[str]) -> str:
    """The only id in the trash that begins so. Raises NotFound or Ambiguous."""
    found = sorted({one for one in trash if one.startswith(prefix.strip().lower())})
    if len(found) > 1:
        raise Ambiguous(f"{len(found)} memories in the trash begin with {prefix!r}; give more of the id")
    if not found:
        raise NotFound(f"no memory in the trash has an id that begins with {prefix!r}")
    return found[0]


def _edited(terminal: Terminal, text: str) -> str:
    from memoria_tui.config import load_config
    from memoria_tui.editor import edit_text

    editor = load_config(terminal.config_file, terminal.environment).editor
    if editor is None and not terminal.converses:
        raise InvalidInput("no editor is set; set EDITOR, or give the text (- reads it from standard input)")
    edited = asyncio.run(edit_text(editor, text))
    if edited.problem:
        raise InvalidInput(f"{edited.problem}; nothing was changed")
    return edited.text


def _printed(terminal: Terminal, memory: Memory, *, as_json: bool) -> int:
    if as_json:
        terminal.print_json(memory_json(memory))
    else:
        terminal.print(memory.id)
    return 0


def _print_hit(terminal: Terminal, hit: Hit, *, ranked: bool) -> None:
    memory = hit.memory
    score = f"{hit.score:.2f}  " if ranked else ""
    about = " ".join([f"#{tag}" for tag in memory.tags] + ([memory.project] if memory.project else []))
    terminal.print_text(_line(f"{memory.id[:8]}  {score}{memory.type:<10}  {memory.title[:100]}  {about}".rstrip()))


def _print_memory(terminal: Terminal, memory: Memory, related: Sequence[RelatedMemory]) -> None:
    created = terminal.local(memory.created_at) if memory.created_at else "unknown"
    terminal.print_text(_line(f"{memory.type} · {memory.id} · created {created} · importance {memory.importance:g}"))
    if memory.project or memory.tags:
        terminal.print_text(_line(" ".join([memory.project or "", *(f"#{tag}" for tag in memory.tags)]).strip()))
    if memory.headless:
        terminal.print("headless: its first chunk is gone, the text is whole; saving it again repairs it")
    terminal.print()
    terminal.print_text(memory.content)
    if related:
        terminal.print()
    for one in related:
        end = one.relation.target_id if one.outgoing else one.relation.source_id
        title = one.other.title if one.other else "no such memory"
        chunk = "chunk: " if one.of_chunk else ""
        way = "→" if one.outgoing else "←"
        terminal.print_text(_line(f"{way} {one.relation.type:<10} {end[:8]}  {chunk}{title[:100]}"))


def _line(text: str) -> str:
    return " ".join(text.splitlines())


def _hit_json(hit: Hit) -> dict[str, object]:
    memory = hit.memory
    return {
        "id": memory.id,
        "type": str(memory.type),
        "score": round(hit.score, 4),
        "content": memory.content,
        "tags": list(memory.tags),
        "project": memory.project,
        "created_at": memory.created_at.isoformat() if memory.created_at else None,
        "why": {"dense": hit.why.dense, "keyword": hit.why.keyword, "graph": hit.why.graph},
    }


def _relation_json(related: RelatedMemory) -> dict[str, object]:
    return relation_json(related.relation) | {"orphaned": related.other is None, "of_chunk": related.of_chunk}
