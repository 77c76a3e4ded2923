"""Who may do what: holders of tokens, on the services themselves and over HTTP, and how they do not get round it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import pytest_asyncio
from pydantic import TypeAdapter

from memoria_tui.agents.listen_address import Listening
from memoria_tui.agents.tool import Agent, Context, Tool
from memoria_tui.agents.tool_calls import Door
from memoria_tui.agents.tools import TOOLS
from memoria_tui.agents.tools.search import Order
from services.acting import Actor, Scope, acting_as
from services.errors import Conflict, Forbidden, InvalidInput, MemoriaError, NotFound, NothingToUndo
from services.model import Entity, MemoryChanges, MemoryDraft, MemoryType, Query, RelationType, SearchMode, SessionDraft
from services.permitted_stores import PermittedStore
from services.points import Scroll
from services.ports import NewRelation
from services.ports.vectors import WordStore
from services.search.query import parse_query
from tests.agents.test_http import HEADERS, called
from tests.agents.world import World, answered, served

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEPT = Actor("agent:kept", Scope.WRITE, frozenset({"pier"}))
READER = Actor("agent:reader", Scope.READ)
WRITER = Actor("agent:writer", Scope.WRITE)
SECRET = "zanzibar"
"""A word of what is not theirs."""
TOOL = {tool.name.removeprefix("memoria_"): tool for tool in reversed(TOOLS)}


@dataclass(frozen=True, slots=True)
class Held:
    """Memories of two projects, joined by relations."""

    world: World
    near: str
    far: str
    """Of the project «pier», as `near`; the path between the two leads over `other`."""
    other: str
    long: str
    """Of the project «dock», the second in several chunks."""
    over: str
    """The relation from `near` to `other`."""

    async def use(self, actor: Actor, tool: str, **arguments: object) -> str:
        """What a tool answers to somebody, as JSON."""
        agent = Agent(self.world.services, actor.name, Context(kept=False))
        with acting_as(actor):
            answer = await TOOL[tool].act(agent, **arguments)
        return json.dumps(TypeAdapter(type(answer)).dump_python(answer, mode="json"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def held(world: World) -> Held:
    memories, graph = world.services.memories, world.services.graph

    async def made(text: str, project: str | None) -> str:
        return (await memories.create(MemoryDraft(text, MemoryType.SEMANTIC, project=project, tags=(text[:4],)))).id

    near = await made("near the pier a boat is moored", "pier")
    far = await made("far out at the pier a boat is anchored", "pier")
    other = await made(f"dock of {SECRET} where a boat is repaired", "dock")
    long = await made(f"long tale of {SECRET} and its boat. " * 60, "dock")
    await made(f"none owns the boat of {SECRET}", None)
    over = await graph.link(near, other, RelationType.CAUSES)
    await graph.link(other, far, RelationType.CAUSES)
    await world.services.work.start(SessionDraft(f"sail to {SECRET}", client=SECRET, project=SECRET))
    return Held(world, near, far, other, long, over.id)


READING: list[tuple[str, Callable[[Held], dict[str, object]]]] = [
    ("recall", lambda held: {"query": f"boat {SECRET}", "min_score": 0.0, "limit": 50, "hybrid": True}),
    ("recall", lambda held: {"query": SECRET, "text_match": SECRET, "min_score": 0.0}),
    ("search", lambda held: {"limit": 50}),
    ("search", lambda held: {"query": SECRET}),
    ("search", lambda held: {"query": SECRET, "sort_by": Order.DATE}),
    ("search", lambda held: {"project": "dock"}),
    ("search", lambda held: {"tags": ["dock"]}),
    ("why", lambda held: {"memory_id": held.near, "query": f"boat {SECRET}"}),
    ("get", lambda held: {"memory_id": held.near}),
    ("get", lambda held: {"memory_id": held.other}),
    ("get", lambda held: {"memory_id": held.other[:8]}),
    ("get", lambda held: {"memory_id": held.long}),
    ("related", lambda held: {"memory_id": held.near, "depth": 5}),
    ("related", lambda held: {"memory_id": held.other}),
    ("path", lambda held: {"from_id": held.near, "to_id": held.far}),
    ("path", lambda held: {"from_id": held.near, "to_id": held.other}),
    ("suggest_links", lambda held: {"memory_id": held.near, "limit": 20}),
    ("suggest_links", lambda held: {"memory_id": held.other}),
    ("tags", lambda held: {}),
    ("tags", lambda held: {"of": "project"}),
    ("history", lambda held: {}),
    ("history", lambda held: {"memory_id": held.near}),
    ("history", lambda held: {"memory_id": held.other}),
    ("stats", lambda held: {}),
    ("work_status", lambda held: {}),
    ("work_report", lambda held: {"period": "all"}),
    ("consolidate", lambda held: {"similarity_threshold": 0.1}),
    ("observe", lambda held: {"similarity_threshold": 0.1, "min_cluster_size": 2}),
    ("undo", lambda held: {}),
]


@pytest.mark.parametrize(("tool", "arguments"), READING, ids=lambda one: one if isinstance(one, str) else "")
async def test_who_is_kept_to_a_project_reads_nothing_of_others(
    held: Held, tool: str, arguments: Callable[[Held], dict[str, object]]
) -> None:
    try:
        said = await held.use(KEPT, tool, **arguments(held))
    except (NotFound, Forbidden, NothingToUndo) as error:
        said = re.sub(f"{held.other}|{held.long}|{held.other[:8]}", "", str(error))  # as it was asked for
    for foreign in (SECRET, held.other, held.long, '"dock"'):
        assert foreign not in said
    assert '"relations": 2' not in said


async def test_they_find_their_own(held: Held) -> None:
    found = await held.use(KEPT, "recall", query="boat", min_score=0.0, limit=50)
    assert held.near in found
    assert held.far in found
    assert held.near in await held.use(KEPT, "get", memory_id=held.near[:10])
    assert '"semantic": 2' in (stats := await held.use(KEPT, "stats"))
    assert '"points": 0' in stats
    assert '"pier"' in await held.use(KEPT, "tags", of="project")
    assert held.other in await held.use(WRITER, "related", memory_id=held.near)


def attempts(held: Held) -> list[tuple[Callable[[], Awaitable[object]], type[MemoriaError]]]:
    """Ways in which somebody who is kept to a project might write beyond it."""
    services = held.world.services
    memories, graph = services.memories, services.graph

    async def seen() -> Any:
        return await memories.get(held.near)

    async def moved() -> object:
        return await memories.update(await seen(), MemoryChanges(project="dock"))

    async def without() -> object:
        return await memories.update(await seen(), MemoryChanges(project=""))

    return [
        (lambda: memories.create(MemoryDraft("in another", project="dock")), Forbidden),
        (lambda: memories.create(MemoryDraft("in none")), Forbidden),
        (lambda: memories.create(MemoryDraft("over it", id=held.other, project="pier")), NotFound),
        (moved, Forbidden),
        (without, Forbidden),
        (lambda: memories.edit_many([held.other], add_tags=["mine"]), NotFound),
        (lambda: memories.edit_many([held.near, held.other], project="pier"), NotFound),
        (lambda: memories.delete([held.other]), NotFound),
        (lambda: memories.purge([held.near]), Forbidden),
        (lambda: memories.restore([held.other]), MemoriaError),
        (lambda: memories.trash(), Forbidden),
        (lambda: memories.relations(held.other), NotFound),
        (lambda: graph.link(held.near, held.other, RelationType.FIXES), NotFound),
        (lambda: graph.link_many([NewRelation(held.near, held.other, RelationType.FIXES, 1.0)]), NotFound),
        (lambda: graph.between(held.near, held.other), NotFound),
        (lambda: graph.unlink([held.over]), NotFound),
        (lambda: graph.overview(), Forbidden),
        (lambda: services.clients.clients(), Forbidden),
        (lambda: services.work.start(SessionDraft("x")), Forbidden),
        (lambda: services.vectors.delete_points(MemoryType.SEMANTIC, [held.near]), Forbidden),
        (lambda: services.vectors.set_payload(MemoryType.SEMANTIC, [held.other], {"project": "pier"}), Forbidden),
        (lambda: services.tokens.create("mine", Scope.ADMIN), Forbidden),
        (lambda: services.tokens.all(), Forbidden),
    ]


async def test_who_is_kept_to_a_project_writes_nothing_of_others(held: Held) -> None:
    services = held.world.services
    before = (await services.memories.acts.page(1)).acts
    for number, (attempt, error) in enumerate(attempts(held)):
        with acting_as(KEPT), pytest.raises(error) as raised:
            await attempt()
        assert SECRET not in str(raised.value), number
        assert SECRET not in str(getattr(raised.value, "current", "")), number
    assert (await services.memories.acts.page(1)).acts == before
    assert (await services.memories.get(held.near)).project == "pier"
    assert (await services.memories.get(held.other)).tags == ("dock",)
    assert len(await services.graph.between(held.near, held.other)) == 1


async def test_they_undo_their_own_acts_and_nothing_else(held: Held) -> None:
    services = held.world.services
    group = (await services.memories.history(held.near))[0].group
    with acting_as(KEPT):
        made = await services.memories.create(MemoryDraft("own", project="pier"))
        related = await services.graph.link(made.id, held.near, RelationType.FOLLOWS)
        assert [act.actor for act in (await services.memories.acts.page(2)).acts] == [KEPT.name, KEPT.name]
        for attempt in (services.memories.undo(group), services.memories.undo_preview(group)):
            with pytest.raises(NothingToUndo):
                await attempt
        assert "linked" in (await services.memories.undo()).line
        assert await services.graph.between(made.id, held.near) == []
    assert related.source_id == made.id
    await services.memories.edit_many([made.id], project="dock")
    with acting_as(KEPT), pytest.raises(NotFound):
        await services.memories.undo()  # what they made is another's by now
    assert (await services.memories.get(made.id)).project == "dock"
    with acting_as(WRITER), pytest.raises(Forbidden, match="anna's"):
        await services.memories.undo(group)


async def test_hidden_memories_change_no_rank_no_path_and_no_selection_of_who_is_kept_to_a_project(held: Held) -> None:
    services = held.world.services

    async def made(text: str, project: str = "pier") -> str:
        return (await services.memories.create(MemoryDraft(text, MemoryType.SEMANTIC, project=project))).id

    async def related(query: str) -> list[str]:
        with acting_as(KEPT):
            return sorted(
                set(await services.search.ids(parse_query(query, now=services.clock(), week_begins=0))) & set(chain)
            )

    first, middle, last = chain = [await made(f"the lighthouse keeper writes page {one}") for one in "abc"]
    hidden = await made(f"hidden {SECRET}", "dock")
    await services.graph.link(first, hidden, RelationType.CAUSES)
    await services.graph.link(hidden, last, RelationType.SUPERSEDES)
    with acting_as(KEPT):
        found = await services.search.search(Query(text="lighthouse keeper", mode=SearchMode.HYBRID))
        assert {hit.memory.id for hit in found.hits} >= set(chain)
        assert [hit for hit in found.hits if hit.memory.id in chain and (hit.relations or hit.superseded)] == []
        assert [hit.why.graph for hit in found.hits if hit.memory.id in chain] == [None, None, None]
        with pytest.raises(NotFound):
            await services.graph.path(first, last)
    assert await related("has:relations") == []
    assert await related("is:orphan") == sorted(chain)
    assert await related("is:superseded") == []
    for source, target in ((first, middle), (middle, last)):
        await services.graph.link(source, target, RelationType.FOLLOWS)
    await services.graph.link(middle, first, RelationType.SUPERSEDES)
    with acting_as(KEPT):
        assert [step.id for step in await services.graph.path(first, last)] == chain
        assert {node.id for node in (await services.graph.neighborhood(first, 3)).nodes} == set(chain)
        ranked = await services.search.search(Query(text="lighthouse keeper", mode=SearchMode.HYBRID))
        standing = {hit.memory.id: (hit.relations, hit.superseded) for hit in ranked.hits}
        assert [standing[one] for one in chain] == [(2, True), (3, False), (1, False)]
        assert all(hit.why.graph for hit in ranked.hits if hit.memory.id in chain)
    assert await related("has:relations") == sorted(chain)
    assert await related("is:superseded") == [first]
    assert len(await services.graph.path(first, last)) == 3
    await services.memories.delete([*chain, hidden])


async def test_who_is_called_as_they_are_tells_and_loses_them_nothing(held: Held) -> None:
    services = held.world.services
    with acting_as(Actor(KEPT.name)):  # a program of this machine may give itself any name
        named = await services.memories.create(MemoryDraft(f"a namesake of {SECRET}", project="dock"))
        session = await services.work.start(SessionDraft(f"hidden {SECRET}"))
    group = (await services.memories.history(named.id))[0].group
    assert SECRET not in await held.use(KEPT, "history", limit=100)
    with acting_as(KEPT):
        for act in (group, None):
            with pytest.raises((NothingToUndo, NotFound)) as raised:
                await services.memories.undo(act)
            assert SECRET not in str(raised.value)
    assert session.id in {one.id for one in (await services.work.status()).sessions}
    await services.work.stop(session.id)


async def test_an_undo_tells_them_of_no_relation_to_what_they_do_not_see(held: Held) -> None:
    services = held.world.services
    with acting_as(KEPT):
        made = await services.memories.create(MemoryDraft("a rope", project="pier"))
    await services.graph.link(made.id, held.other, RelationType.SUPPORTS)
    with acting_as(KEPT):
        await services.graph.link(made.id, held.near, RelationType.SUPPORTS)
        await services.memories.delete([made.id])
        assert (await services.memories.acts.page(1)).acts[0].summary == 'deleted "a rope" and 1 relation'
        assert (undone := await services.memories.undo()).line == 'Undone: deleted "a rope" and 1 relation'
        assert len(undone.entity_ids) == 2
    assert len(await services.memories.relations(made.id)) == 2
    await services.memories.delete([made.id])


async def test_they_hear_what_anybody_does_in_their_project_of_each_act_that_part_page_by_page(held: Held) -> None:
    memories = held.world.services.memories
    drafts = [MemoryDraft(f"of the pier, {one}", project="pier") for one in range(3)]
    mine = [await memories.create(one) for one in drafts]
    theirs = [await memories.create(MemoryDraft(f"{SECRET} {one}", project="dock")) for one in range(3)]
    related = await held.world.services.graph.link(mine[0].id, mine[1].id, RelationType.SUPPORTS)
    await held.world.services.graph.link(mine[0].id, theirs[1].id, RelationType.SUPPORTS)
    await memories.edit_many([mine[0].id, mine[1].id, theirs[0].id], add_tags=["pier"])
    moved = await memories.update(await memories.get(mine[2].id), MemoryChanges(project="dock"))
    with acting_as(KEPT):
        first = await memories.acts.page(2)
        assert [dict(act.counts) for act in first.acts] == [{Entity.MEMORY: 2}, {Entity.RELATION: 1}]
        assert related.type.label in first.acts[1].summary
        second = await memories.acts.page(3, first.more)
        assert [act.titles for act in second.acts] == [(one.title,) for one in mine[::-1]]
        assert {act.actor for act in second.acts} == {"anna"}
        page, pages = second, 0
        while page.more is not None:
            page, pages = await memories.acts.page(50, page.more), pages + 1
        assert pages
        assert SECRET not in await held.use(KEPT, "history", limit=100)
    await memories.delete([*(one.id for one in mine), *(one.id for one in theirs), moved.id])


async def test_a_relation_of_theirs_does_not_tell_what_became_of_its_ends(held: Held) -> None:
    services = held.world.services
    with acting_as(KEPT):
        made = await services.memories.create(MemoryDraft("a plank", project="pier"))
        await services.graph.link(held.near, made.id, RelationType.SUPPORTS)
    base = await services.memories.get(made.id)
    await services.memories.update(base, MemoryChanges(f"a plank of {SECRET}", project="dock"))
    said = await held.use(KEPT, "history", limit=100)
    assert "supports" in said
    assert SECRET not in said


async def test_who_is_kept_to_a_project_forgets_what_is_old_there(held: Held) -> None:
    services = held.world.services
    old = (services.clock() - timedelta(400)).replace(tzinfo=None).isoformat()
    with acting_as(KEPT):
        made = await services.memories.create(
            MemoryDraft("trifle", MemoryType.SEMANTIC, importance=0.1, project="pier")
        )
    dates = dict.fromkeys(("created_at", "updated_at", "accessed_at"), old)
    await services.vectors.set_payload(MemoryType.SEMANTIC, [made.id], dates)
    await services.graph.link(held.other, made.id, RelationType.SUPPORTS)  # of which they are told nothing
    assert made.id in await held.use(KEPT, "consolidate", similarity_threshold=1.0, forget_days=365)
    await services.graph.link(held.near, made.id, RelationType.SUPPORTS)
    assert made.id not in await held.use(KEPT, "consolidate", similarity_threshold=1.0, forget_days=365)
    await services.memories.delete([made.id])


async def test_who_may_only_read_changes_nothing(held: Held, tmp_path: Path) -> None:
    services = held.world.services
    before = (await services.memories.acts.page(1)).acts
    given: dict[str, dict[str, object]] = {
        "store": {"content": "x"},
        "update": {"memory_id": held.near, "memory_type": MemoryType.SEMANTIC, "content": "y"},
        "delete": {"memory_ids": [held.near]},
        "consolidate": {"similarity_threshold": 0.1, "dry_run": False},
        "export": {"output_path": str(tmp_path / "out.json")},
        "import": {"input_path": str(tmp_path)},
        "observe": {"dry_run": False, "similarity_threshold": 0.1, "min_cluster_size": 2},
        "link": {"source_id": held.near, "target_id": held.far, "relation_type": RelationType.FIXES},
        "unlink": {"source_id": held.near, "target_id": held.other},
        "work_start": {"description": "x"},
        "work_stop": {"notes": "x"},
        "work_pause": {},
        "work_resume": {},
        "work_note": {"note": "x"},
        "undo": {"act_id": before[0].group},
    }
    assert given.keys() == {name for name, tool in TOOL.items() if tool.writes} - {"set_context"}
    for tool, arguments in given.items():
        with pytest.raises(MemoriaError) as raised:
            await held.use(READER, tool, **arguments)
        assert isinstance(raised.value, Forbidden | Conflict) or tool == "work_resume", tool
    with pytest.raises(Forbidden):
        await held.use(READER, "undo")  # of which there is nothing
    assert (await services.memories.acts.page(1)).acts == before
    assert SECRET in await held.use(READER, "get", memory_id=held.other)


async def test_files_of_the_machine_and_what_is_gone_for_good_need_an_admin(held: Held, tmp_path: Path) -> None:
    for actor in (WRITER, KEPT):
        for tool, arguments in (("export", {"output_path": str(tmp_path / "a")}), ("import", {"input_path": "/etc"})):
            with pytest.raises(Forbidden, match="on the machine of the server"):
                await held.use(actor, tool, **arguments)
        with acting_as(actor), pytest.raises(Forbidden, match="erase"):
            await held.world.services.memories.purge([held.near])
    assert not (tmp_path / "a").exists()


async def test_what_was_read_for_one_is_not_shown_to_another(held: Held) -> None:
    services = held.world.services

    async def seen(actor: Actor | None) -> int:
        if actor is None:
            return (await services.search.search(Query(limit=50))).total
        with acting_as(actor):
            return (await services.search.search(Query(limit=50))).total

    everything = await seen(None)
    counts = await asyncio.gather(*(seen(actor) for actor in (KEPT, None, WRITER) * 5))
    assert set(counts[::3]) == {2}
    assert set(counts[1::3]) == set(counts[2::3]) == {everything}
    with acting_as(KEPT):
        assert len(await services.vectors.scroll(Scroll(MemoryType.SEMANTIC, 50))) == 2
        assert await services.search.complete("tag", "") == ("far", "near")


async def test_words_that_a_store_reads_itself_weigh_the_same_for_all_and_are_shown_to_who_sees_all() -> None:
    class Words:
        async def weights(self, text: str) -> dict[str, float]:
            return {text: 1.0}

        async def completions(self, text: str) -> tuple[str, ...]:
            return (SECRET,)

    store: Any = PermittedStore(cast("Any", Words()))
    assert isinstance(store, WordStore)
    assert not isinstance(PermittedStore(cast("Any", object())), WordStore)
    for actor, seen in ((WRITER, (SECRET,)), (READER, (SECRET,)), (KEPT, ())):
        with acting_as(actor):
            assert await store.weights("boat") == {"boat": 1.0}
            assert await store.completions("z") == seen


async def test_a_token_is_kept_as_a_hash_and_can_be_revoked_and_expires(world: World) -> None:
    tokens = world.services.tokens
    made, text = await tokens.create("ci", Scope.READ, ["pier"])
    assert await tokens.actor(text) == Actor("agent:token/ci", Scope.READ, frozenset({"pier"}))
    assert await tokens.actor(text + "x") is None
    assert await tokens.actor("\ud800") is None
    rows = await world.services.records.history._database.fetch("SELECT * FROM memoria_tui.access_tokens")
    assert text not in str(rows)
    assert made in await tokens.all()
    for wrong in ("", "two words", "x" * 61, "-x"):
        with pytest.raises(InvalidInput):
            await tokens.create(wrong, Scope.READ)
    with pytest.raises(InvalidInput):
        await tokens.create("chief", Scope.ADMIN, ["pier"])
    now = world.services.clock()
    with pytest.raises(InvalidInput, match="would have expired"):
        await tokens.create("late", Scope.READ, expires=now)
    _, short = await tokens.create("short", Scope.WRITE, expires=now + timedelta(hours=1))
    assert await tokens.actor(short)
    async with world.services.records.transaction() as transaction:  # an hour passes
        await transaction.connection.fetch(
            "UPDATE memoria_tui.access_tokens SET expires_at = now() WHERE name = 'short'"
        )
    assert await tokens.actor(short) is None
    await tokens.revoke("ci")
    assert await tokens.actor(text) is None
    with pytest.raises(Conflict, match="there is or was"):
        await tokens.create("ci", Scope.READ)
    with pytest.raises(NotFound):
        await tokens.revoke("nobody")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def closed(world: World) -> AsyncIterator[str]:
    """The address of a server that wants tokens."""
    async with served(Door(world.opened), Listening(port=0, tokens=True)) as url:
        yield url


async def test_the_server_lets_holders_of_tokens_in_and_names_them(held: Held, closed: str) -> None:
    tokens = held.world.services.tokens
    _, text = await tokens.create("boatswain", Scope.WRITE, ["pier"])
    async with httpx.AsyncClient(timeout=60, headers=HEADERS) as client:

        async def call(given: str, tool: str, **arguments: object) -> httpx.Response:
            headers = {"authorization": given} if given else {}
            return await client.post(f"{closed}/mcp", json=called(tool, **arguments), headers=headers)

        for given in ("", "Bearer", "Bearer wrong", f"Basic {text}", f"Bearer {text}x"):
            refused = await call(given, "memoria_stats")
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
            assert "memoria-tui token create" in refused.json()["detail"]
        assert (await client.get(f"{closed}/health/live")).status_code == 200
        stored = (await call(f"Bearer {text}", "memoria_store", content="Told by a token.")).json()["result"]
        memory = await held.world.services.memories.get(stored["structuredContent"]["id"])
        assert memory.project == "pier"
        (change,) = await held.world.services.memories.history(memory.id)
        assert change.actor == "agent:token/boatswain"
        found = await call(f"Bearer {text}", "memoria_recall", query=SECRET, min_score=0)
        assert "structuredContent" in found.text
        assert SECRET not in found.text
        body = {"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "memoria://project/dock"}}
        answer = await client.post(f"{closed}/mcp", json=body, headers={"authorization": f"Bearer {text}"})
        assert SECRET not in answer.text
        await tokens.revoke("boatswain")
        assert (await call(f"Bearer {text}", "memoria_stats")).status_code == 401


async def test_who_holds_no_token_is_never_called_as_its_holder(world: World) -> None:
    _, text = await world.services.tokens.create("pilot", Scope.WRITE)
    holder = await world.services.tokens.actor(text)
    assert holder is not None
    for name in ("pilot", "token/pilot", " token/pilot", "token/token/pilot", "token/", "token/ pilot"):
        async with world.client(name) as client:
            stored = answered(await client.call_tool("memoria_store", {"content": f"By one called {name}."}))
        (change,) = await world.services.memories.history(stored["id"])
        assert change.actor.startswith("agent:")
        assert not change.actor.startswith("agent:token/")
        with acting_as(holder), pytest.raises(Forbidden):
            await world.services.memories.undo(change.group)


async def test_nobody_but_the_person_undoes_what_others_did(held: Held) -> None:
    memory = await held.world.services.memories.create(MemoryDraft("By the person."))
    (change,) = await held.world.services.memories.history(memory.id)
    for scope in (Scope.WRITE, Scope.ADMIN):
        with pytest.raises(Forbidden, match="anna's, not yours: a person can undo it"):
            await held.use(Actor("agent:other", scope), "undo", act_id=change.group)
        with acting_as(Actor("agent:other", scope)), pytest.raises(Forbidden):
            await held.world.services.memories.undo(change.group)
    await held.world.services.memories.undo(change.group)


@pytest.mark.parametrize(
    ("where", "is_open"),
    [
        (Listening(), True),
        (Listening("localhost"), True),
        (Listening("::1"), True),
        (Listening("0.0.0.0"), False),
        (Listening("192.0.2.7"), False),
        (Listening("example.org"), False),
        (Listening(tokens=True), False),
        (Listening(names=("memories.example.org",)), False),
    ],
)
async def test_who_can_be_reached_by_others_wants_tokens(where: Listening, is_open: bool) -> None:
    assert where.open is is_open


async def test_a_server_behind_a_proxy_is_reached_by_its_name_alone(world: World) -> None:
    _, text = await world.services.tokens.create("proxied", Scope.READ)
    where = Listening(port=0, names=("memories.example.org",))
    async with served(Door(world.opened), where) as url, httpx.AsyncClient(timeout=60) as client:
        for name, status in (("memories.example.org", 200), ("localhost", 200), ("evil.example", 421)):
            headers = {**HEADERS, "host": name, "authorization": f"Bearer {text}"}
            answer = await client.post(f"{url}/mcp", json=called("memoria_stats"), headers=headers)
            assert answer.status_code == status


async def test_an_agent_of_this_machine_without_a_token_gets_at_no_files(world: World, tmp_path: Path) -> None:
    async with served(Door(world.opened)) as url, httpx.AsyncClient(timeout=60, headers=HEADERS) as client:
        answer = await client.post(f"{url}/mcp", json=called("memoria_export", output_path=str(tmp_path / "x")))
    assert "on the machine of the server" in answer.text


async def test_every_tool_is_tried() -> None:
    """A new tool is to be added to those above."""
    tried = {name for name, _ in READING} | {"fetch", "set_context", "reflect"}
    assert {name for name, tool in TOOL.items() if not tool.writes} <= tried
    assert all(isinstance(tool, Tool) for tool in TOOL.values())
