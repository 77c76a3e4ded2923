"""Events, exports and imports over HTTP: nothing is missed, nothing shown to who may not see it, nothing kept."""

from __future__ import annotations

import asyncio
import copy
import errno
import io
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

import anyio
import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message

from memoria_tui.agents import streams
from memoria_tui.agents.http_problems import STATUS
from memoria_tui.agents.listen_address import IMPORT, Listening
from memoria_tui.agents.tool_calls import Door
from services.acting import Actor, Scope
from services.container import Services
from services.errors import StorageFull
from services.model import MemoryChanges, MemoryDraft, MemoryType, RelationType, SessionDraft
from services.transfer.import_run import ImportReport
from services.transfer.importing import ImportService
from tests.agents.test_http import head
from tests.agents.test_rest import figure
from tests.agents.world import World, served

ANYBODY = Actor("agent:script", Scope.WRITE)
pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Heard:
    """What a client hears, as it comes."""

    lines: AsyncIterator[str]

    async def next(self, event: str = "act") -> tuple[str, dict[str, object]]:
        """Id and data of the next event of this kind; others are passed over."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(60):
            async for line in self.lines:
                if line:
                    key, _, value = line.partition(": ")
                    fields[key] = value
                elif fields.get("event") == event:
                    return fields.get("id", ""), json.loads(fields["data"])
                else:
                    fields = {}
        raise EOFError


@asynccontextmanager
async def listening(api: httpx.AsyncClient, **headers: str) -> AsyncIterator[Heard]:
    async with api.stream("GET", "/events", headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Heard(answer.aiter_lines())


async def test_what_anybody_commits_is_told(world: World, api: httpx.AsyncClient) -> None:
    async with listening(api) as heard, listening(api) as other:
        memory = await world.services.memories.create(MemoryDraft("By the person, in the app."))
        for one in (heard, other):
            _, act = await one.next()
            assert (act["who"], act["titles"]) == ("anna", ["By the person, in the app."])
        assert "history" in str((await heard.next("change"))[1]["subjects"])
        await api.delete(f"/memories/{memory.id}")
        last, act = await heard.next()
        assert (act["who"], "deleted" in str(act["what"])) == ("agent:script", True)
    await api.post("/undo")
    await world.services.memories.create(MemoryDraft("Missed by who was away."))
    async with listening(api, **{"last-event-id": last}) as heard:
        assert "deleted" in str((await heard.next())[1]["what"])
        assert (await heard.next())[1]["titles"] == ["Missed by who was away."]
    async with listening(api, **{"last-event-id": "long-forgotten"}) as heard:
        assert "see the history" in str((await heard.next("missed"))[1]["detail"])


async def test_who_is_kept_to_a_project_hears_what_anybody_does_there_until_revoked(
    world: World,
) -> None:
    tokens, memories = world.services.tokens, world.services.memories
    _, text = await tokens.create("listener", Scope.WRITE, ["pier"])
    async with (
        served(Door(world.opened), Listening(port=0, tokens=True)) as url,
        httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=60, headers={"authorization": f"Bearer {text}"}) as client,
        listening(client) as heard,
    ):
        hidden = await memories.create(MemoryDraft("A secret of the dock.", project="dock"))
        seen = await memories.create(MemoryDraft("Anna's, of the pier.", project="pier"))
        _, act = await heard.next()
        assert (act["who"], act["titles"]) == ("anna", ["Anna's, of the pier."])
        await memories.delete([hidden.id, seen.id])
        assert (await heard.next())[1]["what"] == 'deleted "Anna\'s, of the pier."'
        answer = await client.post("/memories", json={"content": "Mine.", "project": "pier"})
        assert answer.status_code == 201
        assert (await heard.next())[1]["titles"] == ["Mine."]
        await tokens.revoke("listener")
        await memories.create(MemoryDraft("Another."))
        with pytest.raises(EOFError):
            await heard.next("any")


async def test_a_stream_without_news_ends_when_its_token_is_revoked(world: World) -> None:
    holder: list[Actor | None] = [ANYBODY]

    async def still() -> Actor | None:
        return holder[0]

    stream = streams.Listeners(Door(world.opened), beat=0.05).stream(ANYBODY, still, None, anyio.Event())
    await anext(stream)
    holder[0] = None
    with pytest.raises(StopAsyncIteration):
        async with asyncio.timeout(60):
            await anext(stream)


async def test_a_client_that_goes_away_leaves_nothing_behind(world: World, api: httpx.AsyncClient) -> None:
    listeners = streams.Listeners(Door(world.opened))
    first = listeners.stream(ANYBODY, None, None, anyio.Event())
    await anext(first)
    assert len(listeners) == 1
    following = listeners._following
    assert following is not None
    await first.aclose()
    assert (len(listeners), listeners._following) == (0, None)
    await asyncio.wait([following])
    assert following.cancelled()
    root = str(api.base_url).removesuffix("/api/v1/")

    async def under_way() -> float:
        return figure((await api.get(f"{root}/metrics")).text, "memoria_requests_under_way")

    async with listening(api):
        assert await under_way() == 2
    async with asyncio.timeout(60):
        while await under_way() > 1:  # noqa: ASYNC110 - the server notices in its turn
            await asyncio.sleep(0.02)


async def test_the_stores_are_followed_again_for_a_new_listener_where_that_ended(world: World) -> None:
    listeners = streams.Listeners(Door(world.opened))
    async with (
        aclosing(listeners.stream(ANYBODY, None, None, anyio.Event())) as first,
        aclosing(listeners.stream(ANYBODY, None, None, anyio.Event())) as second,
    ):
        await anext(first)
        ended = listeners._following
        assert ended is not None
        ended.cancel()
        await asyncio.wait([ended])
        await anext(second)
        assert listeners._following is not None
        assert not listeners._following.done()


async def test_what_is_exported_is_imported_elsewhere_as_one_act(world: World, api: httpx.AsyncClient) -> None:
    memories, graph = world.services.memories, world.services.graph
    texts = [f"To be carried over {number}. " * (80 if number == 2 else 1) for number in range(5)]
    made = [await memories.create(MemoryDraft(one, MemoryType.PROCEDURAL, tags=("carried",))) for one in texts]
    await graph.link(made[0].id, made[1].id, RelationType.CAUSES)
    for form in ("json", "jsonl"):
        answer = await api.get("/export", params={"format": form, "memory_types": "procedural"})
        assert answer.status_code == 200
        assert all(one.id in answer.text for one in made)
        await memories.delete([one.id for one in made])
        before = (await api.get("/history")).json()["events"][0]
        dry = (await api.post("/import", params={"dry_run": True}, content=answer.content)).json()
        assert (dry["memories"], (await api.get("/history")).json()["events"][0]) == (5, before)
        done = await api.post("/import", content=_parts(answer.content))
        assert (done.status_code, done.json()["memories"]) == (200, 5), done.text
        assert {(await memories.get(one.id)).content for one in made} == {one.content for one in made}
        again = await api.post("/import", content=answer.content)
        assert (again.json()["memories"], again.json()["unchanged"]) == (0, 6 if form == "json" else 5)
        assert "5 memories" in (await api.post("/undo")).json()["what"]
        assert (await api.get(f"/memories/{made[0].id}")).status_code == 404
        await memories.restore([one.id for one in made])


async def _parts(whole: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(whole), 100):
        yield whole[start : start + 100]


async def test_an_export_has_what_its_reader_may_see(world: World, api: httpx.AsyncClient) -> None:
    tokens, memories = world.services.tokens, world.services.memories
    await memories.create(MemoryDraft("Of the quay.", project="quay"))
    await memories.create(MemoryDraft("Of the mole.", project="mole"))
    _, kept = await tokens.create("exporter", Scope.READ, ["quay"])
    near = {"authorization": f"Bearer {kept}"}
    told = (await api.get("/export", headers=near)).json()
    assert [one["payload"]["content"] for some in told["collections"].values() for one in some] == ["Of the quay."]
    assert (await api.get("/export", params={"format": "xml"}, headers=near)).status_code == 422
    nothing = await api.get("/export", params={"format": "jsonl", "memory_types": "procedural"}, headers=near)
    assert (nothing.status_code, nothing.content) == (200, b"")
    for given in (b'{"collections": {}}', b"{}"):
        assert (await api.post("/import", content=given, headers=near)).status_code == 403


async def test_an_import_is_refused_before_it_is_sent(world: World, api: httpx.AsyncClient) -> None:
    for name, scope, projects in (("looker", Scope.READ, ()), ("mole-writer", Scope.WRITE, ("mole",))):
        _, text = await world.services.tokens.create(name, scope, projects)
        reader, writer = await asyncio.open_connection("127.0.0.1", api.base_url.port)
        sent = head(streams.LARGEST_IMPORT, expect="100-continue", authorization=f"Bearer {text}")
        writer.write(sent.replace(b"/mcp", IMPORT.encode()))
        assert b" 403 " in await reader.readline()
        writer.close()


class FullDisk(io.BytesIO):
    """A file for which there is no room."""

    def write(self, _: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


async def test_an_import_for_which_the_server_has_no_room_is_told_so() -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"x", "more_body": True}

    file = FullDisk()
    with pytest.raises(StorageFull, match="No space left on device; nothing was imported"):
        await streams._received(Request({"type": "http"}, receive), lambda: file)
    assert file.closed
    assert STATUS[StorageFull] == 507


@dataclass
class HeldImports:
    """Imports that take until they are let go on."""

    going_on: asyncio.Event
    under_way: int = 0

    def require_allowed(self) -> None:
        """Everybody may."""

    async def import_stream(self, name: str, body: BinaryIO, *, dry_run: bool) -> ImportReport:
        self.under_way += 1
        await self.going_on.wait()
        assert body.read() == b"sent"
        self.under_way -= 1
        return ImportReport()


async def test_an_import_keeps_its_place_after_its_client_was_answered(world: World) -> None:
    imports = HeldImports(asyncio.Event())
    services = copy.copy(world.services)
    services.importing = cast("ImportService", imports)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Services]:
        yield services

    async with (
        served(Door(opened, longest=0.05)) as url,
        httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=60) as client,
        asyncio.timeout(60),
    ):
        answers = [(await client.post("/import", content=b"sent")).status_code for _ in range(4)]
        assert (answers, imports.under_way) == ([504, 504, 503, 503], 2)
        imports.going_on.set()
        while (await client.post("/import", content=b"sent")).status_code == 503:
            pass
        while imports.under_way:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)


async def test_an_export_that_nobody_reads_on_leaves_its_place() -> None:
    left: list[str] = []

    async def pieces() -> AsyncGenerator[bytes]:
        try:
            yield b"{"
        finally:
            left.append("pieces")

    async def send(_: Message) -> None:
        await asyncio.Event().wait()

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    place = AsyncExitStack()
    place.callback(left.append, "place")
    read = await place.enter_async_context(aclosing(pieces()))
    first = await anext(read)
    answer = streams._Acting(ANYBODY, place, streams._after(first, read), "application/json", sending=0)
    await answer({"type": "http"}, receive, send)
    assert left == ["pieces", "place"]


async def test_an_import_that_cannot_be_is_told_and_writes_nothing(world: World, api: httpx.AsyncClient) -> None:
    before = (await world.services.memories.acts.page(1)).acts
    for body, status in ((b"", 400), (b"no memories", 400), (b"{" * 1000, 400), (b'{"a": 1}', 400)):
        answer = await api.post("/import", content=body)
        assert (body[:9], answer.status_code) == (body[:9], status), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    reader, writer = await asyncio.open_connection("127.0.0.1", api.base_url.port)
    writer.write(head(streams.LARGEST_IMPORT + 1, expect="100-continue").replace(b"/mcp", IMPORT.encode()))
    assert b" 413 " in await reader.readline()
    writer.close()
    assert (await world.services.memories.acts.page(1)).acts == before


async def test_history_and_work_time_are_imported_by_an_admin_alone(world: World, api: httpx.AsyncClient) -> None:
    """A history that a client sends could tell anything of anybody, and no undo takes it back."""
    services = world.services
    await services.work.start(SessionDraft("Exported"))
    exported = b"".join([line async for line in services.exporting.lines()])
    _, text = await services.tokens.create("chief", Scope.ADMIN)
    before = (await services.memories.acts.page(1)).acts
    refused = await api.post("/import", content=exported)
    assert (refused.status_code, "work time and the history" in refused.text) == (403, True)
    assert (await services.memories.acts.page(1)).acts == before
    allowed = await api.post("/import", content=exported, headers={"authorization": f"Bearer {text}"})
    assert allowed.status_code == 200


async def test_pages_of_a_list_lose_and_repeat_nothing_while_others_write(world: World, api: httpx.AsyncClient) -> None:
    memories = world.services.memories
    instant = world.services.clock().replace(microsecond=0)
    drafts = [MemoryDraft(f"Page {number}.", tags=("paged",), created_at=instant) for number in range(7)]
    drafts += [MemoryDraft(f"Other {number}.", MemoryType.SEMANTIC, tags=("paged",)) for number in range(6)]
    ids = {(await memories.create(one)).id for one in drafts}
    seen: list[str] = []
    asked: dict[str, str | int] = {"tags": "paged", "limit": 3}
    while True:
        page = (await api.get("/memories", params=asked)).json()
        assert len(page["hits"]) <= 3
        seen += [one["id"] for one in page["hits"]]
        if not (following := page.get("next")):
            break
        asked["cursor"] = following
        await memories.create(MemoryDraft("New meanwhile.", tags=("paged",)))
        first = seen.pop(0)
        ids.discard(first)
        await memories.delete([first])
    assert len(seen) == len(set(seen))
    assert set(seen) == ids
    for wrong in ("nonsense", "W10=", "bnVsbA==", urlsafe_b64encode(b"[1e30,null,[0,0]]").decode()):
        assert (await api.get("/memories", params={"cursor": wrong})).status_code == 400
    ranked = (await api.get("/memories", params={"query": "page other", "limit": 2})).json()
    more = (await api.get("/memories", params={"query": "page other", "limit": 2, "cursor": ranked["next"]})).json()
    assert not {one["id"] for one in ranked["hits"]} & {one["id"] for one in more["hits"]}


async def test_pages_of_the_history_go_back_to_its_beginning(world: World, api: httpx.AsyncClient) -> None:
    memories = world.services.memories
    memory = await memories.create(MemoryDraft("Version 0."))
    for number in range(1, 6):
        memory = await memories.update(memory, MemoryChanges(content=f"Version {number}."))
    for asked in ({"memory_id": memory.id}, {}):
        acts: list[str] = []
        before: dict[str, int] = {}
        while len(acts) < 6:
            page = (await api.get("/history", params={**asked, **before, "limit": 4})).json()
            acts += [one["act_id"] for one in page["events"]]
            before = {"before": page["next"]}
            await memories.create(MemoryDraft("Meanwhile."))
        assert len(acts) == len(set(acts))
        wanted = [one.group for one in await memories.history(memory.id)]
        assert [one for one in acts if one in wanted] == wanted
