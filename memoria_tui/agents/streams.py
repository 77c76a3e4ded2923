"""What is sent or read part by part: events as they happen, exports and imports of any length."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

import anyio
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import TypeAdapter
from sse_starlette import EventSourceResponse, JSONServerSentEvent, ServerSentEvent
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from memoria_tui.agents.callers import caller
from memoria_tui.agents.http_problems import PROBLEM, busy, problem
from memoria_tui.agents.listen_address import PREFIX
from memoria_tui.agents.rest import documented_tokens
from memoria_tui.agents.tool import Tool
from memoria_tui.agents.tool_calls import Door, error_line
from memoria_tui.agents.tools.history import Event, Events, history
from memoria_tui.agents.tools.transfer import Imported, import_stream
from services.acting import Actor, acting_as
from services.errors import MemoriaError, StorageFull
from services.model import MemoryType, Subject

_MOST_LISTENERS, _MOST_EXPORTS, _MOST_IMPORTS = 100, 4, 2
_MOST_ACTS = 100
"""Acts that are told at once; of more, the history tells."""
_BEAT = 15
"""Seconds without an event after which something is sent, so that proxies keep the connection."""
_SENDING = 30
"""Seconds in which a client has to take, or send, the next part."""
_RECEIVING = 600
"""Seconds in which all of an import has to be there."""
LARGEST_IMPORT = 1 << 30
"""Bytes."""
_ACTS = Tool("events", history, "Follow what is changed", writes=False)
_EVENT = TypeAdapter(Event)
_IMPORT = Tool("import_memories", import_stream, "Import memories")


def router(door: Door, *, tokens: bool) -> APIRouter:
    """The routes whose bodies are streams; `tokens`: whether they are told to want one."""
    made = APIRouter(prefix=PREFIX, dependencies=documented_tokens(tokens))
    routes = _Routes(door)
    problems: dict[int | str, dict[str, Any]] = {"4XX": PROBLEM, "5XX": PROBLEM}
    exported = _streamed("application/x-ndjson")
    exported[200]["content"]["application/json"] = {"schema": {"type": "object"}}
    sent = {"required": True, "content": {"application/octet-stream": {"schema": _BYTES}}}
    made.get("/events", tags=["events"], summary=_ACTS.title, responses=_streamed("text/event-stream") | problems)(
        routes.events
    )
    made.get("/export", tags=["transfer"], summary="Export memories", responses=exported | problems)(routes.export)
    made.post(
        "/import",
        tags=["transfer"],
        summary=_IMPORT.title,
        response_model=Imported,
        responses=problems,
        openapi_extra={"requestBody": sent},
    )(routes.import_)
    return made


class _Routes:
    """What each of them does."""

    def __init__(self, door: Door) -> None:
        self._door, self._listeners = door, Listeners(door)
        self._exports, self._imports = Places(_MOST_EXPORTS), Places(_MOST_IMPORTS)

    async def events(self, request: Request, last_event_id: Annotated[str | None, Header()] = None) -> Response:
        """Server-sent events: each act of anybody as it is committed («act», as the history has it; to a token of a
        project what of it is there), and what else was written («change»). With Last-Event-ID, what was missed since
        that act comes first."""
        actor, _ = caller(request)
        if len(self._listeners) >= _MOST_LISTENERS:
            return busy("too many clients listen")
        ended = anyio.Event()
        stream = self._listeners.stream(actor, request.state.still, last_event_id, ended)
        await anext(stream)  # what forbids it is answered as elsewhere
        return EventSourceResponse(
            stream, ping=_BEAT, send_timeout=_SENDING, shutdown_event=ended, shutdown_grace_period=_SENDING / 2
        )

    async def export(
        self,
        request: Request,
        format: Annotated[Literal["json", "jsonl"], Query(description="jsonl: one memory a line")] = "json",  # noqa: A002
        memory_types: Annotated[list[MemoryType] | None, Query(description="Only these types")] = None,
        include_vectors: bool = False,
    ) -> Response:
        """All memories that you may read, in the form of MCP Memoria, which an import reads; json has relations too."""
        from services.transfer.export_source import Selection
        from services.transfer.writers import memoria_json

        actor, _ = caller(request)
        services = await self._door.services()
        if not self._exports.free:
            return busy("too many exports are being sent")
        writer = (memoria_json.lines if format == "jsonl" else memoria_json.document)(embeddings=include_vectors)
        async with contextlib.AsyncExitStack() as place:
            place.enter_context(self._exports.taken())
            read = services.exporting.pieces(writer, Selection(types=memory_types or ()))
            pieces = await place.enter_async_context(contextlib.aclosing(read))
            with acting_as(actor):
                first = await anext(pieces, b"")
            kind = "application/json" if format == "json" else "application/x-ndjson"
            return _Acting(actor, place.pop_all(), _after(first, pieces), kind)

    async def import_(self, request: Request, dry_run: bool = False) -> Any:
        """Import an export (JSON, or one memory a line), sent as the body, of at most 1 GiB, as one act. What is here
        already stays. With dry_run nothing is written: the answer tells what would be."""
        actor, context = caller(request)
        services = await self._door.services()
        with acting_as(actor):
            services.importing.require_allowed()  # before all of it is taken
        if not self._imports.free:
            return busy("too many imports are under way")
        if int(request.headers.get("content-length", 0)) > LARGEST_IMPORT:
            return _too_large()
        with contextlib.ExitStack() as place:
            place.enter_context(self._imports.taken())
            body = await _received(request, partial(_file, services.settings.home))
            if isinstance(body, Response):
                return body
            place.enter_context(body)
            sent = {"body": body, "place": place.pop_all(), "dry_run": dry_run}
            return await self._door.call(_IMPORT, actor, sent, context)


_BYTES = {"type": "string", "contentMediaType": "application/octet-stream", "minLength": 1}


def _streamed(kind: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": "Sent part by part", "content": {kind: {"schema": {"type": "string"}}}}}


def _too_large() -> Response:
    return problem(413, f"an import has at most {LARGEST_IMPORT:,} bytes; nothing was imported")


def _file(folder: Path) -> BinaryIO:
    """A file without a name, in the folder where there is that. Raises OSError."""
    return tempfile.TemporaryFile(dir=folder if folder.is_dir() else None)


async def _received(request: Request, made: Callable[[], BinaryIO]) -> BinaryIO | Response:
    """What is sent, in a file made for it; an answer where not all of it comes, or too much. Raises StorageFull."""
    try:
        with contextlib.ExitStack() as held:
            body = held.enter_context(made())
            try:
                async with asyncio.timeout(_RECEIVING):
                    if not await _written(request, body):
                        return _too_large()
            except (TimeoutError, ClientDisconnect):
                return problem(
                    408, f"the body was not sent to its end, or {_SENDING} s nothing of it: nothing was imported"
                )
            held.pop_all()
            return body
    except OSError as error:
        said = f"the server cannot keep what is sent: {error.strerror or error}; nothing was imported, free space there"
        raise StorageFull(said) from error


async def _written(request: Request, body: BinaryIO) -> bool:
    """Writes what is sent into a file; False when it is too large. Raises TimeoutError, OSError."""
    size, parts = 0, request.stream()
    while True:
        async with asyncio.timeout(_SENDING):
            part = await anext(parts, None)
        if part is None:
            body.seek(0)
            return True
        size += len(part)
        if size > LARGEST_IMPORT:
            return False
        await asyncio.to_thread(body.write, part)


class Places:
    """So many things at once."""

    def __init__(self, most: int) -> None:
        self.free = most

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        self.free -= 1
        try:
            yield
        finally:
            self.free += 1


class _Acting(StreamingResponse):
    """Read for somebody while it is sent, as long as they take it; `place` is left at its end."""

    def __init__(
        self,
        actor: Actor,
        place: contextlib.AsyncExitStack,
        pieces: AsyncIterator[bytes],
        kind: str,
        sending: float = _SENDING,
    ) -> None:
        """`sending`: seconds in which the client has to take a part."""
        super().__init__(pieces, media_type=kind)
        self._actor, self._place, self._sending = actor, place, sending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            try:
                async with asyncio.timeout(self._sending):
                    await send(message)
            except TimeoutError as error:
                raise ClientDisconnect from error

        with acting_as(self._actor), contextlib.suppress(ClientDisconnect):
            async with self._place:
                await super().__call__(scope, receive, sending)


async def _after(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for one in others:
        yield one


class Listeners:
    """Those who are told of changes. The stores are followed as long as there are any."""

    def __init__(self, door: Door, beat: float = _BEAT) -> None:
        """`beat`: seconds without news after which is looked whether a listener may still listen."""
        self._door, self._beat = door, beat
        self._news: dict[asyncio.Event, set[Subject]] = {}
        self._following: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._news)

    async def stream(
        self,
        actor: Actor,
        still: Callable[[], Awaitable[Actor | None]] | None,
        last: str | None,
        ended: anyio.Event,
    ) -> AsyncGenerator[ServerSentEvent]:
        """What somebody may know, as it is committed; ends when their token is worth nothing any more.

        `still` tells whether it is; None where there is none. `last`: the act that they heard of last; `ended`: when
        the server ends.
        """
        with self._listening() as (arrived, news):
            ids = [one.act_id for one in await self._acts(actor)]
            known = set(ids[ids.index(last) :] if last in ids else () if last else ids)
            lost = last is not None and last not in ids
            if last is not None:
                arrived.set()
            yield ServerSentEvent(comment="listening")
            while True:
                await _either(arrived, ended, seconds=self._beat)
                if ended.is_set():
                    return
                subjects: list[Subject] = []
                try:
                    if still is not None and (await still()) != actor:
                        return
                    if not arrived.is_set():
                        continue
                    arrived.clear()
                    subjects = sorted(news)
                    news.clear()
                    acts = await self._acts(actor)
                except MemoriaError as error:
                    if not subjects and not arrived.is_set():
                        continue  # nothing is to be told yet
                    error_line(error)
                    return  # who listens again names the act that they heard of last
                if lost or (known and known.isdisjoint(one.act_id for one in acts)):
                    lost = False
                    yield JSONServerSentEvent({"detail": "there were more acts: see the history"}, event="missed")
                for one in reversed([one for one in acts if one.act_id not in known]):
                    yield _act(one)
                known = {one.act_id for one in acts}
                if actor.projects is None and subjects:
                    yield JSONServerSentEvent({"subjects": subjects}, event="change")

    async def _acts(self, actor: Actor) -> Sequence[Event]:
        """The last ones, newest first."""
        found = await self._door.call(_ACTS, actor, {"limit": _MOST_ACTS})
        assert isinstance(found, Events)
        return found.events

    @contextlib.contextmanager
    def _listening(self) -> Iterator[tuple[asyncio.Event, set[Subject]]]:
        arrived: asyncio.Event = asyncio.Event()
        news = self._news[arrived] = set()
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self._follow())
        try:
            yield arrived, news
        finally:
            del self._news[arrived]
            if not self._news:
                self._following.cancel()
                self._following = None

    async def _follow(self) -> None:
        services = await self._door.services()
        await services.live.watch(lambda _: None, self._on_change)

    def _on_change(self, subjects: frozenset[Subject]) -> None:
        for arrived, news in self._news.items():
            news |= subjects
            arrived.set()


async def _either(*events: asyncio.Event | anyio.Event, seconds: float) -> None:
    """Waits for one of them, for so long."""
    waits = [asyncio.ensure_future(one.wait()) for one in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()


def _act(one: Event) -> ServerSentEvent:
    return JSONServerSentEvent(_EVENT.dump_python(one, mode="json"), event="act", id=one.act_id)
