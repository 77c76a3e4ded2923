"""The commands that search, read and write memories."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.json_output import found_json, memory_json, provenance_json, related_json
from memoria_tui.cli.queries import QueryCommand, read_query, unused_name
from memoria_tui.cli.terminal import interrupted_by, terminal_of
from memoria_tui.cli.views import ByView, viewed
from memoria_tui.cli.with_services import CONFIDENCE, MOST_SHOWN, Id, Json, checked, shown_of, with_services
from services.concurrency import together
from services.errors import InvalidInput
from services.model import (
    DEFAULT_IMPORTANCE,
    NO_GOOD_MATCH,
    MemoryChanges,
    MemoryDraft,
    MemoryType,
    RelationType,
    SearchMode,
    SortKey,
    trust_keys,
)
from services.storable_text import is_blank, shortened, split_tags

if TYPE_CHECKING:
    from datetime import datetime

    from memoria_tui.cli.terminal import Terminal
    from memoria_tui.user_files.drafts import Draft
    from services.container import Services
    from services.curation.provenance import Provenance
    from services.model import Hit, Memory, Query, RelatedMemory

commands = typer.Typer()

Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", "-t", metavar="TAG,…", help="Tags; may be repeated.", autocompletion=completing.several_tags),
]
Project = Annotated[
    str | None,
    typer.Option("--project", "-p", metavar="NAME", help="The project.", autocompletion=completing.projects),
]
_IMPORTANCE = typer.Option("--importance", "-i", min=0.0, max=1.0, help="From 0 to 1.")


def _asks_for_something(query: Sequence[str] | None, view: str | None) -> None:
    if not query and view is None:
        raise typer.BadParameter("say what to search for, or give --view", param_hint="QUERY")


@commands.command(cls=QueryCommand)
@checked(_asks_for_something)
@with_services
async def search(
    services: Services,
    terminal: Terminal,
    query: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUERY",
            help="Words and operators, such as type:semantic tag:auth.",
            autocompletion=completing.queries,
        ),
    ] = None,
    view: ByView = None,
    mode: Annotated[SearchMode | None, typer.Option(help="How to search; hybrid.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=MOST_SHOWN, help="Most hits to print.")] = 20,
    as_json: Json = False,
) -> None:
    """Find memories by meaning and by words."""
    text, how = viewed(terminal, view, " ".join(query or ()), mode)
    await _print_found(services, terminal, read_query(services, terminal, text, how), limit, as_json=as_json)


@commands.command("list", cls=QueryCommand)
@with_services
async def list_memories(
    services: Services,
    terminal: Terminal,
    query: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[QUERY]",
            help="Operators, and words that must occur; else all.",
            autocompletion=completing.queries,
        ),
    ] = None,
    view: ByView = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=MOST_SHOWN, help="Most memories to print.")] = 20,
    as_json: Json = False,
) -> None:
    """Print memories, newest first unless the query says sort:updated, sort:importance or sort:uses, or like:ID."""
    parsed = read_query(services, terminal, viewed(terminal, view, " ".join(query or ()))[0], SearchMode.HYBRID)
    sort = SortKey.CREATED if parsed.sort is SortKey.RELEVANCE and not parsed.like else parsed.sort
    await _print_found(services, terminal, replace(parsed, sort=sort), limit, as_json=as_json)


async def _print_found(services: Services, terminal: Terminal, parsed: Query, limit: int, *, as_json: bool) -> None:
    result = await services.search.search(replace(parsed, limit=max(limit, parsed.limit)), limit)
    hits = result.hits
    for notice in result.notices:
        terminal.error(notice)
    if as_json:
        terminal.print_json(found_json(result))
        return
    if not result.answered:
        terminal.error(f"{NO_GOOD_MATCH}; nearest:")
    for hit in hits:
        _print_hit(terminal, hit, ranked=parsed.ranked)
    if len(hits) < result.total:
        terminal.error(shown_of(len(hits), result.total))
    if not hits:
        emptied = await services.memories.outside.emptied()
        terminal.error(emptied or f"no results{await unused_name(services, parsed)}")


@commands.command()
@with_services
async def show(
    services: Services,
    terminal: Terminal,
    memory_id: Id,
    raw: Annotated[bool, typer.Option("--raw", help="Only the text, with control characters as they are.")] = False,
    as_json: Json = False,
) -> None:
    """Print one memory with its relations."""
    from services.curation.provenance import provenance

    memory = await services.memories.get(memory_id)
    if raw and not as_json:
        terminal.write(memory.content + "\n")
        return
    related, changes, review = await together(
        services.memories.relations(memory.id),
        services.memories.history(memory.id),
        services.inbox.review_of(memory.id),
    )
    known = provenance(memory, changes, review)
    if as_json:
        relations = [related_json(one) for one in related]
        terminal.print_json(memory_json(memory) | {"provenance": provenance_json(known), "relations": relations})
    else:
        _print_memory(terminal, memory, known, related, services.clock())


@commands.command()
def add(
    context: typer.Context,
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT|-]", help="The text; - reads it from standard input.")
    ] = None,
    kind: Annotated[MemoryType, typer.Option("--type", help="The type.")] = MemoryType.SEMANTIC,
    tag: Tags = None,
    project: Project = None,
    importance: Annotated[float, _IMPORTANCE] = DEFAULT_IMPORTANCE,
    as_json: Json = False,
) -> int:
    """Write a new memory; without a text in your editor."""
    terminal = terminal_of(context)
    draft = MemoryDraft("", kind, tags=split_tags(*tag or ()), project=project, importance=importance)
    if text is None:
        terminal.require_own_process()
        with _from_editor(terminal, "", _offered(draft)) as written:
            return _add(terminal, replace(draft, content=written), as_json=as_json)
    return _add(terminal, replace(draft, content=terminal.typed(text)), as_json=as_json)


def _add(terminal: Terminal, draft: MemoryDraft, *, as_json: bool) -> int:
    if is_blank(draft.content):
        raise InvalidInput("the text is empty; nothing was written")

    async def create(services: Services) -> tuple[Memory, str]:
        async with services.duplicate_scan.looking(draft.content) as looked:
            memory = await services.memories.create(draft)
            return memory, await services.duplicate_scan.hint(memory, looked)

    memory, hint = terminal.run(create)
    terminal.print_result(memory_json(memory), memory.id, as_json=as_json)
    for told in filter(None, (_masked(draft.content, memory), hint)):
        terminal.error(told)
    return 0


def _masked(given: str | None, memory: Memory) -> str:
    """«the text was altered: masked a password»; "" where it is as it was given."""
    from services.secret_texts import told_of_masking

    told = told_of_masking(given or "", memory.content)
    return f"the text was altered: {told}" if told else ""


def _offered(draft: MemoryDraft) -> Draft:
    from memoria_tui.user_files.drafts import Draft, DraftKind

    values = {"type": draft.type.value, "importance": f"{draft.importance:g}", "tags": ", ".join(draft.tags)}
    return Draft(DraftKind.NEW_MEMORY, title="a new memory", values={**values, "project": draft.project or ""})


@commands.command()
def edit(
    context: typer.Context,
    memory_id: Id,
    text: Annotated[
        str | None, typer.Option(metavar="TEXT|-", help="The new text; - reads it from standard input.")
    ] = None,
    add_tag: Annotated[
        list[str] | None,
        typer.Option(
            "--add-tag",
            "-t",
            metavar="TAG,…",
            help="Add these tags; may be repeated.",
            autocompletion=completing.several_tags,
        ),
    ] = None,
    remove_tag: Annotated[
        list[str] | None,
        typer.Option(
            "--remove-tag",
            metavar="TAG,…",
            help="Remove these tags; may be repeated.",
            autocompletion=completing.several_tags,
        ),
    ] = None,
    tags: Annotated[
        str | None,
        typer.Option(
            "--tags",
            metavar="TAG,…",
            help="These tags in the place of all others; '' for none.",
            autocompletion=completing.several_tags,
        ),
    ] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", hidden=True, autocompletion=completing.tags)] = None,
    project: Annotated[
        str | None,
        typer.Option(
            "--project", "-p", metavar="NAME", help="The project; '' removes it.", autocompletion=completing.projects
        ),
    ] = None,
    importance: Annotated[float | None, _IMPORTANCE] = None,
    confidence: Annotated[float | None, CONFIDENCE] = None,
    kind: Annotated[MemoryType | None, typer.Option("--type", help="The type.")] = None,
    as_json: Json = False,
) -> int:
    """Change a memory and say what changed; without options its text in your editor."""
    if tag:
        raise typer.BadParameter("choose --add-tag to add one, --tags to replace all", param_hint="--tag")
    if tags is not None and (add_tag or remove_tag):
        raise typer.BadParameter("it replaces all tags; leave out --add-tag and --remove-tag", param_hint="--tags")
    terminal = terminal_of(context)
    named = None if tags is None else split_tags(tags)
    content = None if text is None else terminal.typed(text)
    metadata = {} if confidence is None else {trust_keys.CONFIDENCE: confidence}
    retagged = {"add_tags": split_tags(*add_tag or ()), "remove_tags": split_tags(*remove_tag or ())}
    for option, given in (("--add-tag", add_tag), ("--remove-tag", remove_tag)):
        if given and not split_tags(*given):
            raise typer.BadParameter("no tag is named; say which", param_hint=option)
    changes = MemoryChanges(content, named, importance, project, kind, metadata, **retagged)
    return _edit(terminal, memory_id, changes, as_json=as_json)


def _edit(terminal: Terminal, memory_id: str, changes: MemoryChanges, *, as_json: bool) -> int:
    from memoria_tui.text.present import title
    from memoria_tui.user_files.drafts import Draft, DraftKind

    async def read(services: Services) -> Memory:
        return await services.memories.get(memory_id)

    async def act(services: Services) -> int:
        base = opened or await read(services)
        memory = await services.memories.update(base, changes)
        if as_json:
            terminal.print_json(memory_json(memory))
        elif memory.updated_at == base.updated_at:
            terminal.print(f"{memory.id}  nothing to change")
        else:
            newest, *_ = await services.memories.history(memory.id)
            terminal.print_text_line(f"{memory.id}  {newest.summary}")
        if told := _masked(changes.content, memory):
            terminal.error(told)
        if absent := [tag for tag in changes.remove_tags if tag not in base.tags]:
            terminal.error(f"it had no tag {', '.join(absent)}")
        return 0

    opened = None
    if changes != MemoryChanges():
        return terminal.run(act)
    terminal.require_own_process()
    # The stores are closed while the editor runs, which may take hours.
    opened = terminal.run(read)
    offered = Draft(DraftKind.EDIT_MEMORY, opened.id, title(opened), {"before": opened.content})
    with _from_editor(terminal, opened.content, offered) as written:
        if written == opened.content:
            raise InvalidInput("the text is as it was; nothing was changed")
        changes = MemoryChanges(content=written)
        return terminal.run(act)


@contextmanager
def _from_editor(terminal: Terminal, text: str, draft: Draft) -> Iterator[str]:
    """What the person's editor saved, for the body to store; what is not stored is offered when the program starts.

    `draft` is what is offered, without the text.
    """
    from memoria_tui.terminal.external_editor import EditorFile, editor_command
    from memoria_tui.user_files.config import load_config
    from memoria_tui.user_files.drafts import DraftKind

    config = load_config(terminal.config_file, terminal.environment)
    for problem in config.problems:
        if problem.startswith(f"{config.file}: editor "):
            terminal.error(problem)
    editor = config.editor
    if editor is None and not terminal.is_interactive and (found := editor_command(None)):
        given = "--text" if draft.kind is DraftKind.EDIT_MEMORY else "the text"
        raise InvalidInput(
            f"there is no terminal for the editor, {found}; give {given} (- reads it from standard input), "
            "or set EDITOR to one that needs none"
        )
    with EditorFile(text) as file, interrupted_by(signal.SIGTERM, signal.SIGHUP):
        try:
            edited = asyncio.run(file.edit(editor))
            if edited.problem:
                raise InvalidInput(f"{edited.problem}; nothing was changed")
            yield edited.text
        except BaseException:
            if file.saved.strip() and file.saved != text:
                _leave(terminal, replace(draft, values={**draft.values, "text": file.saved}))
            raise


def _leave(terminal: Terminal, draft: Draft) -> None:
    from memoria_tui.user_files.drafts import Drafts

    drafts = Drafts(terminal.settings.home / "drafts", lambda: [draft])
    drafts.keep()
    drafts.release()
    terminal.error("what you wrote is kept: memoria-tui offers it when it starts next")


def _print_hit(terminal: Terminal, hit: Hit, *, ranked: bool) -> None:
    memory = hit.memory
    score = f"{hit.score:.2f}  " if ranked else ""
    about = " ".join([f"#{tag}" for tag in memory.tags] + ([memory.project] if memory.project else []))
    terminal.print_text_line(
        f"{memory.id[:8]}  {score}{memory.type:<10}  {shortened(memory.title, 100)}  {about}".rstrip()
    )


def _print_memory(
    terminal: Terminal, memory: Memory, known: Provenance, related: Sequence[RelatedMemory], now: datetime
) -> None:
    created = terminal.local_time(memory.created_at) if memory.created_at else "unknown"
    head = [str(memory.type), memory.id, f"created {created}", f"importance {memory.importance:g}"]
    head += ["pinned"] if memory.pinned else []
    if (end := memory.expires_at) is not None:
        head.append(f"{'expired' if end <= now else 'expires'} {terminal.local_time(end)}")
    newer = [one.relation.source_id[:8] for one in related if _is_newer(one)]
    head += [f"superseded by {', '.join(newer)}"] if newer else []
    terminal.print_text_line(" · ".join(head))
    if memory.project or memory.tags:
        terminal.print_text_line(" ".join([memory.project or "", *(f"#{tag}" for tag in memory.tags)]).strip())
    written = [f"written by {known.written.name}"] if known.written else []
    if parts := [*written, *known.parts(terminal.local_time)]:
        terminal.print_text_line(" · ".join(parts))
    if memory.headless:
        terminal.print("headless: its first chunk is gone, the text is complete; saving it again repairs it")
    terminal.print()
    terminal.print_text(memory.content)
    if related:
        terminal.print()
    for one in related:
        other = one.relation.target_id if one.outgoing else one.relation.source_id
        title = one.other.title if one.other else "no such memory"
        chunk = "chunk: " if one.of_chunk else ""
        arrow = "→" if one.outgoing else "←"
        what = "superseded by" if _is_newer(one) else one.relation.type
        terminal.print_text_line(f"{arrow} {what:<10} {other[:8]}  {chunk}{shortened(title, 100)}")


def _is_newer(related: RelatedMemory) -> bool:
    """Whether the other memory took the place of the one whose relation it is."""
    return related.relation.type is RelationType.SUPERSEDES and not related.outgoing
