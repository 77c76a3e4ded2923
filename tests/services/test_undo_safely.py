"""Undo and redo never surprise: what would go is said before, and nothing that was imported is executed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from memoria_tui.modes.memories.editing import to_earlier
from services.container import Services
from services.demo.store import load_demo
from services.errors import Conflict, InvalidInput, NotFound, NothingToUndo
from services.model import (
    Entity,
    IfChanged,
    Kind,
    MemoryChanges,
    MemoryDraft,
    MemoryType,
    RelationType,
    SessionChanges,
    SessionDraft,
    UndoPreview,
    WorkSession,
)
from services.points import Scroll
from services.settings import Settings
from tests.services.edge_here import services_here
from tests.services.servers import query

TABLES = ("clients", "projects", "work_sessions", "memory_relations")


@pytest.fixture
async def services(tmp_path: Path, postgres_url: str) -> AsyncIterator[Services]:
    settings = Settings(home=tmp_path, database_url=postgres_url, actor="tester", zone="Europe/Rome")
    async with services_here(settings) as opened:
        yield opened


def rows(url: str) -> dict[str, list[str]]:
    return {table: sorted(str(row) for row in query(url, f"SELECT * FROM {table}")) for table in TABLES}


def export(path: Path, *lines: object) -> Path:
    head = {"format": "memoria-tui", "version": 1, "exported_at": "2026-11-01T00:00:00+00:00", "model": None}
    head |= {"chunk_size": 500, "chunk_overlap": 50, "part": False}
    path.write_text("".join(f"{json.dumps(line)}\n" for line in (head, *lines, {"end": {}})), "utf-8")
    return path


def history_row(entity: str, entity_id: str, before: object, after: object) -> dict[str, object]:
    return {
        "history": {
            "group": "crafted",
            "entity": entity,
            "entity_id": entity_id,
            "action": "updated",
            "actor": "tester",
            "program": "memoria-tui",
            "at": "2026-11-02T00:00:00+00:00",
            "before": before,
            "after": after,
            "summary": "edited",
        }
    }


HOSTILE = "name = (SELECT string_agg(rolname, ',') FROM pg_roles) FROM (SELECT 1) x --"
SESSION = {"description": "mine", "category": "coding", "start_time": "2026-11-20T10:00:00+00:00", "status": "active"}


@pytest.mark.parametrize("entity", [Entity.CLIENT, Entity.PROJECT, Entity.SESSION])
async def test_imported_history_is_shown_and_never_executed(
    services: Services, tmp_path: Path, postgres_url: str, entity: Entity
) -> None:
    own = str(uuid4())
    lines: dict[Entity, dict[str, object]] = {
        Entity.CLIENT: {"clients": {"id": own, "name": "mine", "metadata": {}}},
        Entity.PROJECT: {"projects": {"id": own, "name": "mine", "metadata": {}}},
        Entity.SESSION: {"work_sessions": {"id": own, **SESSION}},
    }
    state = {**SESSION, "id": own} if entity is Entity.SESSION else {"id": own, "name": "mine"}
    crafted: dict[str, object] = {**state, HOSTILE: "x"}
    after: dict[str, object] = {**state, HOSTILE: "y"}
    if entity is not Entity.SESSION:
        crafted, after = {"row": crafted}, {"row": after}
    await services.importing.import_files(
        [export(tmp_path / "crafted.jsonl", lines[entity], history_row(entity, own, crafted, after))]
    )
    assert {change.imported for change in await services.records.history.changes_of(entity, own)} == {True, False}
    before = rows(postgres_url)
    await services.memories.undo("crafted")
    assert rows(postgres_url) == before, "keys that are no columns are ignored"
    preview = await services.memories.undo_preview()
    assert (preview.act.kind, preview.act.counts) == (Kind.IMPORT, {entity: 1})
    await services.memories.undo()
    assert all(not found for found in rows(postgres_url).values())
    with pytest.raises(NothingToUndo):
        await services.memories.undo()


@pytest.mark.parametrize(
    ("entity", "before", "after"),
    [
        (Entity.CLIENT, {"row": {"name": 7}}, {"row": {"name": "mine"}}),
        (Entity.CLIENT, {"row": {"name": "x"}, "sessions": ["'; DROP"], "into": None}, {"row": {"name": "mine"}}),
        (Entity.PROJECT, {"row": {"client_id": "x'"}}, {"row": {"client_id": None}}),
        (Entity.SESSION, {"start_time": "yesterday"}, SESSION),
        (Entity.SESSION, {"notes": "a note"}, {"notes": []}),
        (Entity.SESSION, {"issue_number": 2**40}, {"issue_number": None}),
        (Entity.SESSION, {"status": "on fire"}, {"status": "active"}),
    ],
)
async def test_a_value_of_a_wrong_type_is_refused_in_one_line(
    services: Services, tmp_path: Path, postgres_url: str, entity: Entity, before: object, after: object
) -> None:
    own = str(uuid4())
    await services.importing.import_files(
        [
            export(
                tmp_path / "crafted.jsonl",
                {"clients": {"id": own, "name": "mine", "metadata": {}}},
                {"projects": {"id": own, "name": "mine", "metadata": {}}},
                {"work_sessions": {"id": own, **SESSION}},
                history_row(entity, own, before, after),
            )
        ]
    )
    stands = rows(postgres_url)
    with pytest.raises(InvalidInput, match=f"the history of {entity} {own[:8]} holds") as refused:
        await services.memories.undo("crafted", IfChanged.FORCE)
    assert "\n" not in str(refused.value)
    assert rows(postgres_url) == stands


async def test_undone_demo_data_leaves_nothing_and_says_what_would_go(services: Services, postgres_url: str) -> None:
    await load_demo(services)
    preview = await services.memories.undo_preview()
    counts = preview.act.counts
    assert counts[Entity.MEMORY] > 300
    assert counts[Entity.SESSION] > 200
    assert preview.act.summary.startswith(f"imported {counts[Entity.MEMORY]} memories, {counts[Entity.RELATION]} rel")
    assert preview.reasons("tester", "memoria-tui")[1:] == ("it was an import",)
    undone = await services.memories.undo(preview.group)
    assert undone.left == ()
    assert all(not found for found in rows(postgres_url).values())
    assert await services.memories.latest_update() is None
    with pytest.raises(NothingToUndo):
        await services.memories.undo_preview()
    assert await services.records.outbox.count() == 0
    again = await services.memories.redo()
    assert again.line == f"Redone: {preview.act.summary}"
    assert len(rows(postgres_url)["work_sessions"]) == counts[Entity.SESSION]
    assert len(rows(postgres_url)["memory_relations"]) == counts[Entity.RELATION]


async def test_a_merge_is_told_as_one_however_often_it_is_undone_and_done_again(services: Services) -> None:
    kept, other = [await services.memories.create(MemoryDraft(text)) for text in ("the same", "the same.")]
    await services.duplicates.merge([(kept, [other])])
    lines = [(await services.memories.undo()).line, (await services.memories.redo()).line]
    lines.append((await services.memories.undo()).line)
    assert lines == [f"{done}: merged 1 memory into 1" for done in ("Undone", "Redone", "Undone")]
    assert [act.summary for act in (await services.memories.acts.page(4)).acts] == ["merged 1 memory into 1"] * 4


async def test_what_others_use_meanwhile_stays_and_is_named(
    services: Services, tmp_path: Path, postgres_url: str
) -> None:
    rows_: list[dict[str, object]] = [{"id": str(uuid4()), "name": name, "metadata": {}} for name in ("Acme", "Beta")]
    await services.importing.import_files([export(tmp_path / "a.jsonl", *({"clients": row} for row in rows_))])
    query(
        postgres_url,
        "INSERT INTO work_sessions (description, client_id, start_time) "
        "SELECT 'theirs', id, now() FROM clients WHERE name = 'Acme'",
    )
    preview = await services.memories.undo_preview()
    assert [one.line for one in preview.kept] == ['client "Acme": is used by other work']
    undone = await services.memories.undo()
    assert undone.line == 'Undone: imported 2 clients · kept: client "Acme": is used by other work'
    assert [one.client.name for one in await services.clients.clients() if one.client] == ["Acme"]


async def test_one_changed_thing_is_left_forced_or_passed_over(services: Services) -> None:
    first = await services.memories.create(MemoryDraft("before"))
    made = [await services.memories.create(MemoryDraft(f"text {number}")) for number in range(3)]
    ids = [memory.id for memory in made]
    await services.memories.edit_many(ids, add_tags=["new"])
    await services.vectors.set_payload(made[0].type, [ids[0]], {"tags": ["theirs"]})
    preview = await services.memories.undo_preview()
    assert [(one.line, one.now and one.now["payload"]["tags"]) for one in preview.changed] == [  # type: ignore[index]
        ('memory "text 0": tags', ["theirs"])
    ]
    with pytest.raises(Conflict, match=r'changed since: memory "text 0": tags; nothing was undone'):
        await services.memories.undo(preview.group)
    skipped = await services.memories.undo_preview(skip=[preview.group])
    assert skipped.act.summary == 'created "text 2"'
    undone = await services.memories.undo(preview.group, IfChanged.LEAVE)
    assert undone.line == 'Undone: tags +new: 3 memories · kept: memory "text 0": tags'
    tags = [(await services.memories.get(one)).tags for one in ids]
    assert tags == [("theirs",), (), ()]
    await services.memories.redo()
    assert (await services.memories.get(ids[1])).tags == ("new",)
    assert first


@pytest.mark.parametrize("of", ["memory", "memory redone", "relation", "relation removed", "session", "client"])
async def test_force_writes_over_what_was_seen_and_over_nothing_that_came_after_it(services: Services, of: str) -> None:
    memories, graph, work, clients = services.memories, services.graph, services.work, services.clients
    one, other = [await memories.create(MemoryDraft(text)) for text in ("one", "other")]

    async def text() -> object:
        return (await memories.get(one.id)).content

    async def weights() -> object:
        return [relation.weight for relation in await graph.between(one.id, other.id)]

    async def running() -> Sequence[WorkSession]:
        return (await work.status()).sessions

    async def sessions() -> object:
        return [session.description for session in await running()]

    async def client_names() -> list[str]:
        return [known.client.name for known in await clients.clients() if known.client]

    async def others_write(value: int) -> None:
        if of.startswith("memory"):
            await services.vectors.set_payload(one.type, [one.id], {"content": f"theirs {value}"})
        elif of.startswith("relation"):
            (relation,) = await graph.between(one.id, other.id)
            await graph.change(relation, replace(relation, weight=value / 10))
        elif of == "session":
            (session,) = await running()
            await work.edit(session, SessionChanges(description=f"theirs {value}"))
        else:
            await clients.rename(Entity.CLIENT, (await client_names())[0], f"theirs {value}")

    looked: Callable[[], Awaitable[object]] = text
    wanted: object
    if of.startswith("memory"):
        wanted = "one"
        await memories.update(one, MemoryChanges(content="two"))
        if of == "memory redone":
            wanted = "two"
            await memories.undo()
    elif of.startswith("relation"):
        looked, wanted = weights, []
        made = await graph.link(one.id, other.id, RelationType.RELATED)
        if of == "relation removed":
            wanted = [1.0]
            await graph.change(made, replace(made, weight=0.9))
    elif of == "session":
        looked, wanted = sessions, []
        await work.start(SessionDraft("drafting"))
    else:
        looked, wanted = client_names, ["Acme"]
        await clients.create_client("Acme")
        await clients.rename(Entity.CLIENT, "Acme", "Beta")

    (act,) = (await memories.acts.page(1)).acts

    async def find() -> UndoPreview:
        return await (memories.redo_preview() if of == "memory redone" else memories.undo_preview(act.group))

    await others_write(1)
    seen = await find()
    await others_write(2)
    there = await looked()
    with pytest.raises(Conflict, match="changed since"):
        await memories.undo(seen.group, IfChanged.FORCE, seen.changed)
    assert await looked() == there
    seen = await find()
    if of.startswith("memory"):
        await services.vectors.set_payload(one.type, [one.id], {"access_count": 7})
    await memories.undo(seen.group, IfChanged.FORCE, seen.changed)
    assert await looked() == wanted


async def test_redo_goes_forward_again_and_undo_back_until_a_new_act(services: Services) -> None:
    memory = await services.memories.create(MemoryDraft("one"))
    await services.memories.update(memory, MemoryChanges(content="two"))
    other = await services.memories.create(MemoryDraft("other"))
    await services.graph.link(memory.id, other.id, RelationType.FIXES, 0.5)

    async def state() -> tuple[str, int]:
        return (await services.memories.get(memory.id)).content, len(await services.memories.relations(memory.id))

    for _ in range(2):
        lines = [(await services.memories.undo()).line for _ in range(3)]
        assert lines[:2] == ['Undone: linked "two" fixes "other"', 'Undone: created "other"']
        assert await state() == ("one", 0)
        lines = [(await services.memories.redo()).line for _ in range(3)]
        assert lines[1:] == ['Redone: created "other"', 'Redone: linked "two" fixes "other"']
        assert await state() == ("two", 1)
        with pytest.raises(NothingToUndo):
            await services.memories.redo()
    await services.memories.undo()
    await services.memories.create(MemoryDraft("new"))
    with pytest.raises(NothingToUndo, match="nothing to redo"):
        await services.memories.redo()


async def test_a_redo_that_came_too_late_says_that_it_was_redone(services: Services) -> None:
    await services.memories.create(MemoryDraft("one"))
    await services.memories.undo()
    late = await services.memories.redo_preview()
    await services.memories.redo()
    with pytest.raises(Conflict, match="was redone by another program; nothing was redone"):
        await services.memories.undo(late.group)


async def test_a_merge_of_clients_goes_back_and_forth_with_its_sessions(services: Services) -> None:
    for client, project in (("A", "api"), ("A", "web"), ("B", "api")):
        await services.work.start(SessionDraft("work", client=client, project=project))

    async def booked() -> list[tuple[str | None, str | None]]:
        return sorted((one.client, one.project) for one in (await services.work.status()).sessions)

    before = await booked()
    await services.clients.merge(Entity.CLIENT, "A", "B")
    merged = await booked()
    assert merged == [("B", "api"), ("B", "api"), ("B", "web")]
    for _ in range(2):
        undone = await services.memories.undo()
        assert undone.summary == 'merged client "A" into "B", 2 sessions'
        assert await booked() == before
        assert (await services.memories.redo()).redo
        assert await booked() == merged


async def test_an_act_is_named_by_the_newest_title_of_what_it_was_about(services: Services) -> None:
    memory, other = [await services.memories.create(MemoryDraft(text)) for text in ("old", "other")]
    await services.graph.link(memory.id, other.id, RelationType.FIXES)
    memory = await services.memories.update(memory, MemoryChanges(content="new"))
    gone = await services.memories.update(other, MemoryChanges(content="gone"))
    await services.memories.delete([gone.id])
    session = await services.work.start(SessionDraft("old work"))
    session = await services.work.note("a note", session.id)
    await services.work.edit(session, SessionChanges(description="new work"))
    summaries = [act.summary for act in (await services.memories.acts.page(20)).acts]
    assert summaries[1:3] == ['noted on "new work"', 'started "new work"']
    assert {'created "new"', 'created "gone"'} < set(summaries)
    assert not [one for one in summaries if '"old' in one or '"other"' in one]


async def test_the_list_says_who_did_what_and_any_act_can_be_undone(services: Services, tmp_path: Path) -> None:
    made = await services.memories.create(MemoryDraft("# Title\n\ntext"))
    await services.memories.update(made, MemoryChanges(importance=0.9))
    other = await services.memories.create(MemoryDraft("other"))
    first = (await services.memories.acts.page(10)).acts[1]
    assert (first.summary, first.actor, first.program) == ('importance 0.5 → 0.9 "Title"', "tester", "memoria-tui")
    preview = await services.memories.undo_preview(await services.memories.acts.find(first.group[:8]))
    await services.memories.undo(preview.group)
    assert (await services.memories.get(made.id)).importance == 0.5
    acts = (await services.memories.acts.page(10)).acts
    assert [(act.kind, act.undone) for act in acts] == [
        (Kind.UNDO, False),
        (Kind.EDIT, False),
        (Kind.EDIT, True),
        (Kind.EDIT, False),
    ]
    with pytest.raises(NothingToUndo, match="undone already"):
        await services.memories.undo_preview(first.group)
    await services.memories.undo((await services.memories.undo_preview(acts[0].group)).group)
    assert (await services.memories.get(made.id)).importance == 0.9
    preview = await services.memories.undo_preview(first.group)
    assert preview.group != first.group, "the redo is what can be undone now"
    change = (await services.memories.acts.changes(first.group))[0]
    assert (change.before or {})["payload"]["importance"] == 0.5  # type: ignore[index]
    elsewhere = Settings(
        home=tmp_path, database_url=services.settings.database_url, actor="tester", program="memoria-tui command line"
    )
    async with services_here(elsewhere, vectors=services.vectors, embedder=services.embedder) as command_line:
        await command_line.memories.delete([other.id])
        preview = await services.memories.undo_preview()
        assert preview.reasons("tester", "memoria-tui") == ("it was done in memoria-tui command line",)
        assert preview.reasons("tester", "memoria-tui command line", preview.act.at) == ()
        with pytest.raises(NotFound):
            await services.memories.get(other.id)


async def test_undo_brings_back_the_date_of_the_last_change(services: Services) -> None:
    memory = await services.memories.create(MemoryDraft("one"))
    await services.memories.update(memory, MemoryChanges(content="two"))
    await services.memories.undo()
    assert (await services.memories.get(memory.id)).updated_at == memory.updated_at


@pytest.mark.usefixtures("small_batches")
async def test_an_act_of_many_batches_is_undone_in_one_transaction(services: Services, postgres_url: str) -> None:
    drafts = [MemoryDraft(f"text {number}") for number in range(45)]
    await services.importing.store_drafts(drafts)
    await services.memories.undo()
    assert query(
        postgres_url, "SELECT count(*), count(DISTINCT xmin::text) FROM memoria_tui.audit_log WHERE kind = 'undo'"
    ) == [(45, 1)]


async def test_a_mark_of_one_chunk_survives_repair_edit_and_undo(services: Services) -> None:
    text = "A sentence of some length that fills its part of a chunk. " * 30
    memory = await services.memories.create(MemoryDraft(text))

    async def marked() -> list[bool]:
        points = await services.vectors.scroll(Scroll(MemoryType.SEMANTIC, 100))
        return [bool(point.payload.get("has_relations")) for point in points if point.payload["parent_id"] == memory.id]

    points = await services.vectors.scroll(Scroll(MemoryType.SEMANTIC, 100))
    points.sort(key=lambda point: str(point.payload["chunk_index"]))
    await services.vectors.set_payload(MemoryType.SEMANTIC, [points[1].id], {"has_relations": True})
    await services.vectors.set_payload(MemoryType.SEMANTIC, [points[1].id], {"tags": ["odd"]})
    survey = await services.integrity.survey()
    assert (await services.integrity.foresee(survey.repairable())).intent == "repair 1 memory"
    (finding,) = await services.integrity.describe(survey.repairable())
    assert "tags: " in finding.what
    assert "odd (chunk 2)" in finding.what
    updated = (await services.memories.get(memory.id)).updated_at
    await services.integrity.repair(survey.repairable())
    assert (await services.memories.get(memory.id)).updated_at == updated, "nothing changed that a person would see"
    assert sum(await marked()) == 1
    await services.memories.update(await services.memories.get(memory.id), MemoryChanges(tags=("t",)))
    await services.memories.undo()
    assert sum(await marked()) == 1
    await services.memories.update(await services.memories.get(memory.id), MemoryChanges(content=text + "And an end."))
    assert all(await marked())


async def test_a_memory_stays_marked_as_related_whatever_brings_an_earlier_text_back(services: Services) -> None:
    """The mark is set by links beside the history: agents look at the relations of those alone that have it."""
    memories = services.memories
    first, other = [await memories.create(MemoryDraft(text)) for text in ("one", "other")]
    await memories.update(first, MemoryChanges(content="two"))
    (edit,) = (await memories.acts.page(1)).acts
    await services.graph.link(first.id, other.id, RelationType.RELATED)

    async def stored() -> tuple[object, object]:
        (point,) = await services.vectors.retrieve(MemoryType.SEMANTIC, [first.id])
        return point.payload["content"], point.payload.get("has_relations")

    assert await stored() == ("two", True)
    await memories.undo((await memories.undo_preview(edit.group)).group)
    assert await stored() == ("one", True)
    await memories.redo()
    assert await stored() == ("two", True)
    now = await memories.get(first.id)
    await memories.update(now, to_earlier(now, first))
    assert await stored() == ("one", True)
    await memories.update(await memories.get(first.id), MemoryChanges(content="three", removed_keys=("has_relations",)))
    assert await stored() == ("three", True)
    await memories.delete([first.id])
    await memories.undo()
    assert await stored() == ("three", True)
    assert to_earlier(now, replace(first, metadata={"access_count": "many"})).metadata == {}
