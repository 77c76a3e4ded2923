"""What the shell completes: whatever is one of those that there are. Whatever goes wrong, it offers nothing.

What is offered comes from memories, which anybody may have written, and shells evaluate some of it: a value
with more than letters, digits, spaces and `-_.,@+/:` is not offered, and of a title only these and commas are shown.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from memoria_tui.command_server.client import COMPLETING

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services

Offered = list[tuple[str, str]]
Values = Callable[["Services", str], Awaitable[Iterable[tuple[str, str]]]]
"""Takes what was typed of a value, too; what does not begin so need not be left out."""
Complete = Callable[[typer.Context, str], Offered]
"""Takes what was typed of a value; gives those that begin so, with what is said of them."""

_PATIENCE = 3.0
"""Seconds that a person waits for it at most: the stores may have to be started."""
_MOST = 50
_MOST_READ = 1000
_WIDEST = 60
_OFFERED = re.compile(r"[\w/][\w .,@+/:-]*")
_IN_QUOTES = re.compile(rf'(?P<operator>-?[a-z-]+:)"(?P<value>{_OFFERED.pattern})"')
_NOT_SHOWN = re.compile(r"[^\w ,.@+/-]+")


class _InAnyCase(str):
    """A value that is offered for what was typed in other case or quotes, too: typer asks it whether it begins so."""

    __slots__ = ()

    def startswith(self, *_: Any) -> bool:
        return True


def _completes(values: Values) -> Complete:
    def complete(ctx: typer.Context, incomplete: str) -> Offered:
        with suppress(Exception):
            terminal = _terminal(ctx)
            settings = terminal.settings
            if not (settings.database_url or settings.home.exists()):
                return []  # pressing tab makes no store
            found = asyncio.run(_read(terminal, lambda services: values(services, incomplete)))
            quotes = not _in_bash_quotes(terminal)
            return _offered(found, incomplete, partial(_escaped, terminal), quotes=quotes)
        return []

    return complete


def _terminal(context: typer.Context) -> Terminal:
    """With the stores that the command line names; its own options were not taken from the process's arguments."""
    from memoria_tui.cli.terminal import terminal_of

    terminal, given = terminal_of(context), context.find_root().params
    home, demo = given.get("home"), given.get("demo")
    variables = ({"MEMORIA_HOME": home} if home else {}) | ({"MEMORIA_DEMO": "true"} if demo else {})
    return terminal.with_variables(variables) if variables else terminal


def _is_bash(terminal: Terminal) -> bool:
    return terminal.environment.get(COMPLETING, "").endswith("bash")


def _in_bash_quotes(terminal: Terminal) -> bool:
    """Whether a quote is open, in which bash puts what is offered into the line as it is."""
    word = terminal.environment.get("COMP_WORDS", "").rpartition("\n")[2]
    return _is_bash(terminal) and word.startswith(("'", '"'))


def _escaped(terminal: Terminal, value: str) -> str:
    """A value as the shell takes it: fish and zsh write what it needs around it, but zsh drops quotes of its own."""
    shell = terminal.environment.get(COMPLETING, "").rpartition("_")[2]
    drops = '"' in value if shell == "zsh" else shell == "bash" and not _in_bash_quotes(terminal)
    return re.sub('([ "])', r"\\\1", value) if drops else value


async def _read(
    terminal: Terminal, values: Callable[[Services], Awaitable[Iterable[tuple[str, str]]]]
) -> Iterable[tuple[str, str]]:
    from services.container import open_services

    async with asyncio.timeout(_PATIENCE), (terminal.open_services or open_services)(terminal.settings) as services:
        return await values(services)


def _offered(
    found: Iterable[tuple[str, str]], begun: str, escaped: Callable[[str], str], *, quotes: bool = False
) -> Offered:
    """Each value once, with all that is said of it; `quotes`: also names that an operator needs quotes for."""
    start, fitting = begun.casefold().replace('"', ""), dict[str, list[str]]()
    for value, about in found:
        fits = _OFFERED.fullmatch(value) or (quotes and _IN_QUOTES.fullmatch(value))
        if fits and value.casefold().replace('"', "").startswith(start):
            fitting.setdefault(value, []).append(about)
    return [
        (
            _InAnyCase(escaped(value)),
            " ".join(_NOT_SHOWN.sub(" ", ", ".join(filter(None, about))).split())[:_WIDEST],
        )
        for value, about in list(fitting.items())[:_MOST]
    ]


_SHORT = 8
"""Characters of an id that mean one thing, as long as nobody has very many."""


def _short(found: Iterable[tuple[str, str]], begun: str) -> Iterable[tuple[str, str]]:
    """Ids as they are offered: complete where more was typed than a beginning."""
    return ((id_ if len(begun) > _SHORT else id_[:_SHORT], about) for id_, about in found)


async def _ids(services: Services, begun: str) -> Iterable[tuple[str, str]]:
    from services.model import Query

    asked = Query(id_prefixes=(begun.lower(),) if begun else ())
    hits = await (await services.search.listing(asked)).page(0, _MOST)
    return _short(((hit.memory.id, hit.memory.title) for hit in hits), begun)


async def _trashed_ids(services: Services, begun: str) -> Iterable[tuple[str, str]]:
    trashed = await services.memories.trash(_MOST_READ)
    return _short(((one.memory.id, one.memory.title) for one in trashed), begun)


async def _ids_here_or_in_trash(services: Services, begun: str) -> Iterable[tuple[str, str]]:
    return [*await _ids(services, begun), *await _trashed_ids(services, begun)]


async def _waiting_ids(services: Services, begun: str) -> Iterable[tuple[str, str]]:
    waiting = [one for one in await services.inbox.pending(_MOST_READ) if one.memory_id.startswith(begun.lower())]
    items = await services.inbox.items(waiting[:_MOST])
    return _short(((one.pending.memory_id, one.memory.title) for one in items), begun)


def session_ids(*statuses: str) -> Complete:
    """Those of sessions of these states, else of all, the newest first."""

    async def values(services: Services, begun: str) -> Iterable[tuple[str, str]]:
        from services.model import SessionStatus
        from services.work.report_values import SessionFilter

        where = SessionFilter(statuses=tuple(map(SessionStatus, statuses)))
        found = (await services.reports.log(where, limit=_MOST_READ)).sessions
        return _short(((one.id, one.description) for one in found), begun)

    return _completes(values)


async def _acts(services: Services, begun: str) -> Iterable[tuple[str, str]]:
    return _short(((one.group, one.summary) for one in (await services.memories.acts.page(_MOST_READ)).acts), begun)


def _in_use(operator: str) -> Complete:
    async def values(services: Services, _: str) -> Iterable[tuple[str, str]]:
        return [(one.value, f"{one.count} memories") for one in await services.search.in_use(operator)]

    return _completes(values)


async def _several_tags(services: Services, begun: str) -> Iterable[tuple[str, str]]:
    before, comma, _ = begun.rpartition(",")
    named = before.split(",")
    return [
        (f"{before}{comma}{one.value}", f"{one.count} memories")
        for one in await services.search.in_use("tag")
        if one.value not in named
    ]


async def _query_words(services: Services, begun: str) -> Iterable[tuple[str, str]]:
    """Operators, and the values of one."""
    from services.search.query import operators, quoted

    operator, colon, value = begun.partition(":")
    if not colon:
        return [(f"{one.name}:", one.help) for one in operators()]
    if operator in ("id", "like"):
        return [(f"{operator}:{id_}", about) for id_, about in await _ids(services, value)]
    known = await services.search.complete(operator, value.lstrip('"'))
    return [(f"{operator}:{quoted(operator, one)}", "") for one in known]


def queries(ctx: typer.Context, incomplete: str) -> Offered:
    """For bash a colon is a word of its own, and only what follows it is completed."""
    words = ctx.params.get("query") or []
    if not _is_bash(_terminal(ctx)) or isinstance(words, str):
        return _query(ctx, incomplete)
    *_, operator, colon = ["", *words, incomplete] if incomplete == ":" else ["", "", *words]
    if colon != ":":
        return _query(ctx, incomplete)
    found = _query(ctx, f"{operator}:{incomplete.removeprefix(':')}")
    return [(_InAnyCase(value.partition(":")[2]), about) for value, about in found]


async def _clients(services: Services, _: str) -> Iterable[tuple[str, str]]:
    return [(one.client.name, "") for one in await services.clients.clients() if one.client is not None]


async def _work_projects(services: Services, _: str) -> Iterable[tuple[str, str]]:
    return [
        (one.project.name, one.project.client or "")
        for one in await services.clients.projects()
        if one.project is not None
    ]


async def _session_tags(services: Services, _: str) -> Iterable[tuple[str, str]]:
    from services.work.report_values import SessionFilter

    return [
        (tag, "")
        for one in (await services.reports.log(SessionFilter(), limit=_MOST_READ)).sessions
        for tag in one.tags
    ]


async def _tokens(services: Services, _: str) -> Iterable[tuple[str, str]]:
    return [(one.name, one.reach) for one in await services.tokens.all() if one.revoked_at is None]


async def _synced(services: Services, _: str) -> Iterable[tuple[str, str]]:
    return [(str(one.path), one.mode) for one in await services.syncing.sources()]


def _completes_without_store(values: Callable[[Terminal], Iterable[tuple[str, str]]]) -> Complete:
    def complete(ctx: typer.Context, incomplete: str) -> Offered:
        with suppress(Exception):
            terminal = _terminal(ctx)
            return _offered(values(terminal), incomplete, partial(_escaped, terminal))
        return []

    return complete


def _views(terminal: Terminal) -> Iterable[tuple[str, str]]:
    from memoria_tui.user_files.views import read_views

    return [(one.name, one.query) for one in read_views(terminal.config_file)]


def _models(_: Terminal) -> Iterable[tuple[str, str]]:
    from services.reembedding.onnx_models import MODELS

    return [(one.name.rpartition("/")[2], one.languages) for one in MODELS]


def _embedders(terminal: Terminal) -> Iterable[tuple[str, str]]:
    return [("bundled", ""), *((f"onnx:{name}", about) for name, about in _models(terminal))]


def _formats(_: Terminal) -> Iterable[tuple[str, str]]:
    from services.transfer.readers import READERS

    return [(one.name, "") for one in READERS]


def _spans(_: Terminal) -> Iterable[tuple[str, str]]:
    from services.times import SPAN_WORDS

    return [(one, "") for one in SPAN_WORDS]


def _sides(_: Terminal) -> Iterable[tuple[str, str]]:
    from services.transfer.import_outcome import Side

    return [(one, "") for one in Side]


_query, several_tags = _completes(_query_words), _completes(_several_tags)
ids, ids_here_or_in_trash = _completes(_ids), _completes(_ids_here_or_in_trash)
trashed_ids, waiting_ids, acts = _completes(_trashed_ids), _completes(_waiting_ids), _completes(_acts)
tags, projects = _in_use("tag"), _in_use("project")
clients, work_projects, session_tags = _completes(_clients), _completes(_work_projects), _completes(_session_tags)
tokens, synced = _completes(_tokens), _completes(_synced)
views, models, embedders, formats, sides, spans = map(
    _completes_without_store, (_views, _models, _embedders, _formats, _sides, _spans)
)
