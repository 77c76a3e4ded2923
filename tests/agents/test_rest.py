"""REST: the same functions by methods and addresses, versions, errors, and what the API says of itself."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from memoria_tui.agents import rest
from memoria_tui.agents.http_problems import STATUS
from memoria_tui.agents.listen_address import PREFIX, Listening
from memoria_tui.agents.tool import Agent
from memoria_tui.agents.tool_calls import Door
from memoria_tui.agents.tools import rest_only
from services import errors
from services.acting import Scope
from services.memories.memory_service import MemoryService
from services.model import LONGEST_QUERY, Memory, MemoryChanges, MemoryDraft
from services.storable_text import MOST_NAME
from tests.agents.test_http import world_that_is_not_there
from tests.agents.world import World, served

STREAMS = {("GET", f"{PREFIX}/events"), ("GET", f"{PREFIX}/export"), ("POST", f"{PREFIX}/import")}
"""What is sent or read part by part, beside the table of routes."""
pytestmark = pytest.mark.asyncio(loop_scope="module")


def swallowed(routes: Sequence[tuple[str, str]]) -> list[str]:
    """Addresses that a request never reaches, for a pattern before them takes it."""
    return [
        f"{method} {path}"
        for place, (method, path) in enumerate(routes)
        for before, pattern in routes[:place]
        if before == method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", pattern), re.sub(r"[{}]", "", path))
    ]


async def test_every_route_is_reached() -> None:
    routes = [(one.method, one.path) for one in rest.ROUTES]
    assert swallowed(routes) == []
    assert swallowed([*routes, ("GET", "/memories/bulk")]) == ["GET /memories/bulk"]


async def made(api: httpx.AsyncClient, content: str, **more: object) -> httpx.Response:
    answer = await api.post("/memories", json={"content": content, **more})
    assert answer.status_code == 201, answer.text
    return answer


async def test_a_memory_is_created_read_changed_deleted_and_undone(world: World, api: httpx.AsyncClient) -> None:
    answer = await made(api, "By REST.", memory_type="semantic", tags=[" a ", "a"], metadata={"key": 1, "old": 2})
    record, where = answer.json(), answer.headers["location"].removeprefix(PREFIX)
    assert (record["content"], record["type"], record["tags"]) == ("By REST.", "semantic", ["a"])
    assert (await api.get(where)).json() == record
    changed = await api.patch(where, json={"importance": 0.9, "project": "pier", "metadata": {"old": None, "new": 3}})
    assert changed.status_code == 200
    metadata = changed.json()["metadata"]
    assert (metadata["key"], metadata["new"], "old" in metadata) == (1, 3, False)
    assert (changed.json()["importance"], changed.json()["project"]) == (0.9, "pier")
    assert (await api.patch(where, json={})).json() == changed.json()
    (newest, _) = await world.services.memories.history(record["id"])
    assert newest.actor == "agent:script"
    assert (await api.delete(where)).json()["deleted"] == 1
    gone = await api.get(where)
    assert (gone.status_code, gone.headers["content-type"]) == (404, "application/problem+json")
    assert gone.json().keys() == {"title", "status", "detail"}
    assert "deleted" in (await api.post("/undo")).json()["what"]
    assert (await api.get(where)).json()["metadata"] == metadata
    events = (await api.get("/history", params={"memory_id": record["id"]})).json()["events"]
    assert [one["who"] for one in events] == ["agent:script"] * 4


async def test_no_update_is_lost(world: World, api: httpx.AsyncClient) -> None:
    first = await made(api, "Version one.")
    where, etag = first.headers["location"].removeprefix(PREFIX), first.headers["etag"]
    assert (await api.get(where, headers={"if-none-match": etag})).status_code == 304
    memory = await world.services.memories.get(first.json()["id"])
    await world.services.memories.update(memory, MemoryChanges(content="Version two, by a person."))
    for answer in (
        await api.patch(where, json={"content": "Version three."}, headers={"if-match": etag}),
        await api.delete(where, headers={"if-match": etag}),
    ):
        assert answer.status_code == 412
        assert "get it again" in answer.json()["detail"]
    now = await api.get(where)
    assert now.json()["content"] == "Version two, by a person."
    assert now.headers["etag"] != etag
    both = f'"other", {now.headers["etag"]}'
    assert (await api.patch(where, json={"content": "Three."}, headers={"if-match": both})).status_code == 200
    assert (await api.patch(where, json={"content": "Four."}, headers={"if-match": "*"})).status_code == 200
    etag = (await api.get(where)).headers["etag"]
    raced = await asyncio.gather(
        *(api.patch(where, json={"content": f"Raced {n}."}, headers={"if-match": etag}) for n in range(5))
    )
    assert sorted(answer.status_code for answer in raced) == [200, 412, 412, 412, 412]


class ChangedBehind:
    """Memories that another program changes right after they were looked at."""

    def __init__(self, memories: MemoryService) -> None:
        self._memories = memories

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memories, name)

    async def get(self, memory_id: str) -> Memory:
        memory = await self._memories.get(memory_id)
        await self._memories.update(memory, MemoryChanges(tags=("meanwhile",)))
        return memory


@pytest.mark.parametrize("write", [rest_only.remove, partial(rest_only.change, importance=0.1)])
async def test_a_version_is_compared_where_it_is_written(world: World, write: Callable[..., Awaitable[object]]) -> None:
    memories = world.services.memories
    memory = await memories.create(MemoryDraft("As it was."))
    version = (await rest_only.read(Agent(world.services, "agent:racer"), memory.id)).version
    agent = Agent(cast("Any", SimpleNamespace(memories=ChangedBehind(memories))), "agent:racer")
    with pytest.raises(rest_only.ChangedSince, match="get it again: nothing was written"):
        await write(agent, memory.id, if_match=f'"{version}"')
    now = await memories.get(memory.id)
    assert (now.tags, now.importance) == (("meanwhile",), memory.importance)


async def test_half_a_character_is_refused_before_anything_is_written(world: World, api: httpx.AsyncClient) -> None:
    before = (await world.services.memories.acts.page(1)).acts
    sessions = (await api.get("/sessions")).json()
    for path, body, place in (
        ("/sessions", r'{"description": "x", "client": "a\ud800"}', "client"),
        ("/sessions", r'{"description": "\udfff"}', "description"),
        ("/memories", r'{"content": "x", "metadata": {"k": [{"\ud800": 1}]}}', "metadata.k.0.\ufffd"),
        ("/memories/bulk", r'{"memories": [{"content": "y", "tags": ["\ud800"]}]}', "memories.0.tags.0"),
        ("/search", r'{"query": "\ud800"}', "query"),
        ("/undo", r'{"act_id": "\ud800"}', "act_id"),
        ("/memories", r'{"content": "x", "\ud800": 1}', "Input"),
        ("/memories", r'{"content": "x", "memory_type": "\ud800"}', "memory_type"),
    ):
        answer = await api.post(path, content=body, headers={"content-type": "application/json"})
        assert (path, answer.status_code) == (path, 422 if place in ("Input", "memory_type") else 400)
        assert place in answer.json()["detail"]
    assert (await world.services.memories.acts.page(1)).acts == before
    assert (await api.get("/sessions")).json() == sessions
    said = await world.refused("memoria_store", content="x", tags=r'["\ud800"]')
    assert "tags.0 has half a character" in said
    deep = json.dumps({"content": "deep", "metadata": {"k": 0}}).replace("0", "[" * 900 + "]" * 900)
    assert (await api.post("/memories", content=deep)).status_code < 500


async def test_many_are_stored_in_one_act_or_none(world: World, api: httpx.AsyncClient) -> None:
    many = [{"content": f"Bulk {number}.", "tags": ["bulk"]} for number in range(150)]
    stored = await api.post("/memories/bulk", json={"memories": many})
    assert stored.status_code == 201
    assert len(stored.json()["ids"]) == 150
    refused = await api.post("/memories/bulk", json={"memories": [{"content": "Good."}, {"content": " "}]})
    assert refused.status_code == 400
    assert (await api.get("/memories", params={"tags": "bulk", "limit": 100})).json()["more"].endswith("offset=100")
    assert (await api.get("/memories", params={"text_match": "Good."})).json()["hits"] == []
    assert "150 memories" in (await api.post("/undo")).json()["what"]
    too_many = await api.post("/memories/bulk", json={"memories": many * 7})
    assert too_many.status_code == 422
    assert "at most 1000" in too_many.json()["detail"]


async def test_searches_tags_relations_and_paths(api: httpx.AsyncClient) -> None:
    a, b, c = [
        (await made(api, f"A lighthouse {name} blinks.", memory_type="semantic", tags=["light"])).json()["id"]
        for name in ("alpha", "beta", "gamma")
    ]
    found = (await api.post("/search", json={"query": "lighthouse beta", "min_score": 0})).json()
    assert b in [hit["id"] for hit in found["hits"]]
    batch = {
        "searches": [{"query": "lighthouse alpha", "hybrid": True}, {"query": "gamma", "limit": 1, "hybrid": True}]
    }
    answers = (await api.post("/search/batch", json=batch)).json()["answers"]
    assert [answer["hits"][0]["id"] for answer in answers] == [a, c]
    assert {"name": "light", "memories": 3} in (await api.get("/tags")).json()["names"]
    for source, target in ((a, b), (b, c)):
        relation = {"source_id": source, "target_id": target, "relation_type": "causes"}
        assert (await api.post("/relations", json=relation)).status_code == 201
    assert (await api.post("/relations", json=relation)).status_code == 409
    near = (await api.get(f"/memories/{a}/neighbours", params={"depth": 2})).json()["neighbours"]
    assert [one["memory"]["id"] for one in near] == [b, c]
    steps = (await api.get("/path", params={"from_id": a, "to_id": c})).json()["steps"]
    assert [step["memory"]["id"] for step in steps] == [a, b, c]
    assert (await api.get(f"/memories/{a}/suggestions")).status_code == 200
    assert (await api.get(f"/memories/{a}/why", params={"query": "lighthouse"})).json()["place"]
    removed = await api.delete("/relations", params={"source_id": a, "target_id": b})
    assert len(removed.json()["removed"]) == 1
    deleted = await api.post("/memories/delete", json={"filter_tags": ["light"]})
    assert deleted.json()["deleted"] == 3
    assert (await api.get("/stats")).json()["stores"]


async def test_sessions_are_started_paused_resumed_noted_stopped_and_reported(api: httpx.AsyncClient) -> None:
    session = (await api.post("/sessions", json={"description": "Sail", "client": "acme"})).json()
    here = f"/sessions/{session['id']}"
    assert (await api.post(f"{here}/pause", json={"reason": "lunch"})).json()["status"] == "paused"
    assert (await api.post(f"{here}/resume")).json()["status"] == "active"
    assert (await api.post(f"{here}/notes", json={"note": "halfway"})).json()["notes"] == ["halfway"]
    assert [one["id"] for one in (await api.get("/sessions")).json()["sessions"]] == [session["id"]]
    assert (await api.post(f"{here}/stop", json={"notes": "done"})).json()["status"] == "completed"
    assert (await api.post(f"{here}/pause")).status_code == 409
    assert (await api.get("/sessions/report", params={"client": "acme"})).json()["sessions"] == 1
    assert (await api.get("/sessions/report", params={"client": "nobody"})).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "/memories", b"{", 422, "body.1 is no JSON: "),
        ("POST", "/memories", b"[]", 422, "body must be an object"),
        ("POST", "/memories", b"\xff", 400, ""),
        ("POST", "/memories", b"{}", 422, "body.content is missing"),
        ("POST", "/memories", b'{"content": 3}', 422, "body.content must be text"),
        ("POST", "/memories", b'{"content": "x", "colour": "red"}', 422, "colour is not known here"),
        ("POST", "/memories", b'{"content": " "}', 400, "text"),
        ("POST", "/memories", b'{"content": "x", "importance": 2}', 422, "importance"),
        ("POST", "/memories/bulk", b'{"memories": [{"content": "x", "tags": ["a\\u001bb"]}]}', 400, "it has U+001B"),
        ("POST", "/memories", b'{"content": "x", "importance": true}', 422, "importance must be a number"),
        ("POST", "/search", b'{"query": "x", "hybrid": 0}', 422, "hybrid must be true or false"),
        ("POST", "/memories/delete", b"null", 422, "body"),
        ("DELETE", "/relations?source_id=&target_id=", None, 404, "'' is no id"),
        ("GET", "/memories?limit=1000000", None, 422, "limit"),
        ("GET", "/memories?colour=red", None, 422, "colour"),
        ("GET", "/stats?colour=red", None, 422, "colour is not known here"),
        ("DELETE", "/memories/nonsense?dry_run=true", None, 422, "dry_run is not known here"),
        ("POST", "/import?dryrun=true", b"{}", 422, "dryrun is not known here"),
        ("GET", "/export?query=x", None, 422, "query is not known here"),
        ("GET", "/memories/nonsense", None, 404, "nonsense"),
        ("PATCH", "/memories/nonsense", b'{"content": "x"}', 404, "nonsense"),
        ("POST", "/undo", b'{"act_id": "none"}', 409, "'none' is no id"),
        ("PUT", "/memories", b"{}", 405, "takes no PUT"),
        ("GET", "/nothing", None, 404, "there is nothing at"),
    ],
)
async def test_what_is_wrong_is_told_as_a_problem(
    api: httpx.AsyncClient, method: str, path: str, body: bytes | None, status: int, said: str
) -> None:
    answer = await api.request(method, path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert said in answer.json()["detail"]


async def test_every_method_of_an_address_is_named_where_another_is_tried(api: httpx.AsyncClient) -> None:
    for path, methods in (
        ("/memories", "GET, POST"),
        ("/memories/x", "GET, PATCH, DELETE"),
        ("/memories/bulk", "POST"),
        ("/undo", "POST"),
    ):
        assert (await api.put(path)).headers["allow"] == methods


async def test_what_a_token_may_not_do_is_forbidden(world: World, api: httpx.AsyncClient) -> None:
    tokens = world.services.tokens
    _, text = await tokens.create("looker", Scope.READ)
    _, kept = await tokens.create("kept", Scope.WRITE, ["pier"])
    secret = (await made(api, "A secret of the dock.", project="dock")).json()["id"]
    reading, near = ({"authorization": f"Bearer {one}"} for one in (text, kept))
    refused = await api.post("/memories", json={"content": "x"}, headers=reading)
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")
    assert (await api.get(f"/memories/{secret}", headers=reading)).status_code == 200
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/neighbours"), ("GET", "/suggestions")):
        answer = await api.request(method, f"/memories/{secret}{path}", json={"content": "y"}, headers=near)
        assert (method, path, answer.status_code) == (method, path, 404)
    assert "secret" not in (await api.post("/search", json={"query": "secret dock", "min_score": 0}, headers=near)).text
    bulk = {"memories": [{"content": "mine"}, {"content": "theirs", "project": "dock"}]}
    assert (await api.post("/memories/bulk", json=bulk, headers=near)).status_code == 403
    assert (await api.get("/sessions", headers=near)).status_code == 403
    assert (await api.post("/memories/bulk", json={"memories": bulk["memories"][:1]}, headers=near)).status_code == 201


async def test_stores_that_are_away_are_told() -> None:
    async with served(Door(world_that_is_not_there)) as url, httpx.AsyncClient() as client:
        answer = await client.get(f"{url}/api/v1/tags")
    assert (answer.status_code, answer.json()["detail"]) == (503, "the store is in use")


def figure(text: str, line: str) -> float:
    """The value of a line of metrics."""
    (found,) = [one for one in text.splitlines() if one.startswith(f"{line} ")]
    return float(found.rpartition(" ")[2])


async def test_requests_and_stores_are_measured(world: World, api: httpx.AsyncClient) -> None:
    root = str(api.base_url).removesuffix("/api/v1/")
    for path in ("/tags", "/memories/nonsense", "/nothing/1", "/nothing/2"):
        await api.get(path)
    await api.request("NONSENSE", "/tags")
    answer = await api.get(f"{root}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    route = f'route="{PREFIX}/memories/{{memory_id}}",status="404"'
    assert figure(answer.text, f'memoria_requests_total{{method="GET",{route}}}') >= 1
    assert figure(answer.text, 'memoria_requests_total{method="GET",route="other",status="404"}') >= 2
    assert figure(answer.text, f'memoria_request_seconds_count{{route="{PREFIX}/tags"}}') >= 1
    assert figure(answer.text, 'memoria_store_up{store="postgres"}') == 1
    await api.post(f"{root}/mcp", content=b"{}")
    told = (await api.get(f"{root}/metrics")).text
    assert 'memoria_requests_total{method="POST",route="/mcp",status="4' in told
    assert figure(told, "memoria_calls_writing") == 0
    assert figure(told, 'memoria_database_connections{state="idle"}') >= 1
    assert figure(answer.text, "memoria_requests_under_way") == 1
    assert figure(answer.text, "memoria_calls_working") == figure(answer.text, "memoria_calls_waiting") == 0
    assert "nonsense" not in answer.text.lower()
    _, kept = await world.services.tokens.create("measurer", Scope.READ, ["pier"])
    refused = await api.get(f"{root}/metrics", headers={"authorization": f"Bearer {kept}"})
    assert refused.status_code == 403


async def test_the_api_tells_of_itself(api: httpx.AsyncClient) -> None:
    root = str(api.base_url).removesuffix("/api/v1/")
    told = (await api.get(f"{root}/openapi.json")).json()
    assert told["openapi"].startswith("3.1")
    there = {(method.upper(), path) for path, methods in told["paths"].items() for method in methods}
    assert there == {(route.method, PREFIX + route.path) for route in rest.ROUTES} | STREAMS
    names = [one["operationId"] for methods in told["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names))
    new = told["components"]["schemas"]["CreateMemoryRequest"]["properties"]
    assert not re.search(new["content"]["pattern"], " \n\x1f")
    assert re.search(new["content"]["pattern"], "x")
    assert new["tags"]["anyOf"][0]["items"]["maxLength"] == MOST_NAME
    deleted = told["components"]["schemas"]["DeleteRequest"]
    assert [one["required"] for one in deleted["anyOf"]] == [["memory_ids"], ["filter_tags"]]
    assert told["components"]["schemas"]["RecallRequest"]["properties"]["query"]["maxLength"] == LONGEST_QUERY


@pytest.mark.parametrize("tokens", [True, False])
async def test_it_tells_whether_tokens_are_wanted(world: World, tokens: bool) -> None:
    async with served(Door(world.opened), Listening(port=0, tokens=tokens)) as url, httpx.AsyncClient() as client:
        headers = {"authorization": f"Bearer {(await world.services.tokens.create(f'told-{tokens}', Scope.READ))[1]}"}
        told = (await client.get(f"{url}/openapi.json", headers=headers)).json()
    assert ("securitySchemes" in told["components"]) == tokens
    assert all(("security" in one) == tokens for methods in told["paths"].values() for one in methods.values())


async def test_the_page_of_the_api_needs_nothing_from_elsewhere(api: httpx.AsyncClient) -> None:
    root = str(api.base_url).removesuffix("/api/v1/")
    page = await api.get(f"{root}/docs")
    rule = page.headers["content-security-policy"]
    assert "default-src 'none'" in rule
    assert "unsafe" not in rule
    assert not re.search(r"<script|https?://|\bon\w+=|style=|src=", page.text)
    style = re.search(r"<style>(.*)</style>", page.text, re.DOTALL)
    assert style is not None
    assert base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode() in rule
    for path, methods in (await api.get(f"{root}/openapi.json")).json()["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in page.text


async def test_every_error_of_the_services_has_a_status() -> None:
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.MemoriaError)]
    untold = [
        kind.__name__
        for kind in kinds
        if kind is not errors.MemoriaError and not any(base in STATUS for base in kind.__mro__)
    ]
    assert untold == []


async def test_the_readme_names_the_routes() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    named = {tuple(one.split(" ")) for one in re.findall(r"`((?:GET|POST|PATCH|DELETE) /[\w/{}]*)`", text)}
    here = {(method, path.removeprefix(PREFIX)) for method, path in STREAMS}
    assert named == {(route.method, re.sub(r"{\w+}", "{id}", route.path)) for route in rest.ROUTES} | here


async def test_secrets_and_what_is_nearly_the_same_are_told_of_what_is_written(
    world: World, api: httpx.AsyncClient
) -> None:
    secret = "The key of the crane is ghp_16C7e42F292c6912E7710c838347Ae178B4a, keep it."
    first = (await api.post("/memories", json={"content": secret})).json()
    assert "a GitHub token" in first["note"]
    twin = (await api.post("/memories", json={"content": secret})).json()
    assert f"nearly the same as {first['id'][:8]}" in twin["note"]
    plain = (await api.post("/memories", json={"content": "Nothing is told of this harmless one."})).json()
    assert plain["note"] == ""
    changed = await api.patch(f"/memories/{plain['id']}", json={"content": secret})
    assert "a GitHub token" in changed.json()["note"]
    many = (await api.post("/memories/bulk", json={"memories": [{"content": secret}, {"content": "none"}]})).json()
    assert [one.split(" has ")[0] for one in many["notes"]] == [many["ids"][0]]
    updated = await world.call("memoria_update", memory_id=twin["id"], memory_type="episodic", content=f"{secret} Now.")
    assert "a GitHub token" in updated["note"]


async def test_no_value_is_lost_unsaid(api: httpx.AsyncClient) -> None:
    json_ = {"content-type": "application/json"}
    for path, wrap in (("/memories", "%s"), ("/memories/bulk", '{"memories": [%s]}')):
        for value in ("1e400", "[{}, -1e400]", "123456789012345678901234567890"):
            body = wrap % f'{{"content": "x", "metadata": {{"a": {value}}}}}'
            answer = await api.post(path, content=body, headers=json_)
            assert (answer.status_code, "give it as text" in answer.text) == (400, True), body
        body = wrap % '{"content": "x", "project": "one", "metadata": {"project": "two"}}'
        answer = await api.post(path, content=body, headers=json_)
        assert (answer.status_code, "give one" in answer.text) == (400, True)
    many = {"memories": [{"content": "Of the yard.", "metadata": {"project": "yard"}}]}
    (id_,) = (await api.post("/memories/bulk", json=many)).json()["ids"]
    assert (await api.get(f"/memories/{id_}")).json()["project"] == "yard"
    assert (await api.patch(f"/memories/{id_}", json={"project": None})).json()["project"] is None
    again = await api.patch(f"/memories/{id_}", json={"metadata": {"project": "quay"}})
    assert (again.json()["project"], again.json()["metadata"]) == ("quay", {})
    assert (await api.patch(f"/memories/{id_}", json={"importance": 0.9})).json()["project"] == "quay"
    deleted = (await api.post("/memories/delete", json={"memory_ids": [id_] * 9})).json()
    assert (deleted["deleted"], deleted["ids"]) == (1, [id_])
    assert "POST /api/v1/undo" in deleted["undo"]


async def test_an_empty_version_writes_nothing(api: httpx.AsyncClient) -> None:
    record = (await api.post("/memories", json={"content": "Versioned."})).json()
    where = f"/memories/{record['id']}"
    for header in ("", ",", '""'):
        for answer in (
            await api.patch(where, json={"content": "lost"}, headers={"if-match": header}),
            await api.delete(where, headers={"if-match": header}),
        ):
            assert (answer.status_code, "If-Match is empty" in answer.text) == (400, True)
    for known in ("*", f'"x", W/"{record["version"]}"'):
        assert (await api.get(where, headers={"if-none-match": known})).status_code == 304


@pytest.mark.parametrize(
    ("kind", "body", "status", "said"),
    [
        ("text/plain", b'{"content": "x"}', 415, "Content-Type: application/json"),
        ("", b'{"content": "x"}', 415, "Content-Type: application/json"),
        ("application/json", b'{"content": "\xff"}', 400, "is not UTF-8 text (byte "),
        ("application/json", b'{"content": ' + b"[" * 100_000, 400, "nested too deeply"),
        ("application/json", b'{"content": "x", "metadata": {"a": ' + b"9" * 5000 + b"}}", 400, "too many digits"),
    ],
)
async def test_a_body_that_is_not_read_is_refused_with_the_reason(
    api: httpx.AsyncClient, kind: str, body: bytes, status: int, said: str
) -> None:
    answer = await api.post("/memories", content=body, headers={"content-type": kind} if kind else {})
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text


async def test_routes_are_named_where_tools_are_for_agents(api: httpx.AsyncClient) -> None:
    answer = await api.post("/memories/delete", json={"filter_tags": ["nobody-has-it"]})
    assert "GET /api/v1/tags lists those in use" in answer.json()["detail"]
    described = (await api.get(str(api.base_url).replace("/api/v1/", "/openapi.json"))).text
    assert "memoria_undo" not in described
    assert "POST /api/v1/undo" in described
    day = await api.get("/memories", params={"date_from": "9999-12-31"})
    assert (day.status_code, "beyond the calendar" in day.text) == (400, True)
