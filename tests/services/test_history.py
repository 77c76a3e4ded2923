"""The history, and the outbox entries written with it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.errors import InvalidInput
from services.model import Action, Change, Entity, Kind
from services.ports import KeptVectors, NewChange
from services.records import Records
from services.records.columns import exact_json, storable, storable_json
from tests.services.servers import query

HOSTILE = "NUL \x00, lone \ud800 and \udfff, \x1b[31mred\x1b[0m, \u2028, \\u0000, \\\\u0000, \U0001f469‍\U0001f4bb, ‮rtl"


def change(
    entity_id: str, action: Action = Action.UPDATED, content: str = "text", kept: KeptVectors | None = None
) -> NewChange:
    state = {"type": "semantic", "payload": {"content": content}}
    return NewChange(Entity.MEMORY, entity_id, action, before=state, after=state, summary="edited", kept_vectors=kept)


async def append(
    records: Records, group: str, *changes: NewChange, kind: Kind = Kind.EDIT, undoes: str | None = None
) -> list[int]:
    async with records.transaction() as transaction:
        return await transaction.history.append(group, changes, kind=kind, undoes=undoes)


async def test_states_come_back_as_they_were_whatever_text_they_hold(records: Records) -> None:
    state = {"z": HOSTILE, "a": [1, 1.0, 1e300, -0.0, 10**30, True, None, {"": HOSTILE}], HOSTILE: ""}
    memory = str(uuid4())
    await append(records, "g", NewChange(Entity.MEMORY, memory, Action.CREATED, before=None, after=state))
    (stored,) = await records.history.changes_of(Entity.MEMORY, memory)
    assert stored.before is None
    assert stored.after == state
    assert list(stored.after) == list(state)
    assert (stored.actor, stored.program) == ("tester", "memoria-tui")


ODD_TEXT = st.text(st.characters() | st.sampled_from('\x00\ud800\udfff\\"u0'), max_size=20)
ODD_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ODD_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(ODD_JSON)
def test_history_loses_nothing_of_any_json(value: object) -> None:
    assert json.loads(exact_json(value)) == surrogates_paired(value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ODD_TEXT, max_size=5))
def test_postgres_takes_every_text_into_each_kind_of_column(postgres_server: str, texts: list[str]) -> None:
    with psycopg.connect(postgres_server) as connection:
        row = connection.execute(
            "SELECT %s::json, %s::jsonb, %s::text[]",
            (exact_json(texts), storable_json(texts), [storable(text) for text in texts]),
        ).fetchone()
    assert row is not None
    paired = [str(surrogates_paired(text)) for text in texts]
    assert row[0] == paired
    assert row[1] == row[2] == [storable(text) for text in texts]


def surrogates_paired(value: object) -> object:
    """The value with each pair of surrogates as the character it means, as any JSON reader takes it."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        case list():
            return [surrogates_paired(item) for item in value]
        case dict():
            return {surrogates_paired(key): surrogates_paired(item) for key, item in value.items()}
    return value


async def test_what_is_not_a_number_is_refused(records: Records) -> None:
    with pytest.raises(InvalidInput):
        await append(records, "g", change(str(uuid4()), content=float("nan")))  # type: ignore[arg-type]


async def test_numbers_of_appended_rows_come_in_order_and_history_newest_first(records: Records) -> None:
    memory, other = str(uuid4()), str(uuid4())
    ids = await append(records, "g", change(memory), change(other), change(memory))
    assert ids == sorted(ids)
    assert [row.id for row in await records.history.changes_of(Entity.MEMORY, memory)] == [ids[2], ids[0]]
    assert [row.id for row in await records.history.changes_of(Entity.MEMORY, memory, limit=1)] == [ids[2]]
    assert await records.history.changes_of(Entity.RELATION, memory) == []
    assert [row.id for row in await records.groups.changes("g")] == ids
    assert [row.id for row in await records.history.changes([ids[1], 10**9])] == [ids[1]]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE memoria_tui.audit_log SET actor = 'x'",
        "DELETE FROM memoria_tui.audit_log",
        "TRUNCATE memoria_tui.audit_log CASCADE",
    ],
)
async def test_history_refuses_to_be_changed(records: Records, postgres_url: str, statement: str) -> None:
    await append(records, "g", change(str(uuid4())))
    with (
        psycopg.connect(postgres_url) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
    ):
        connection.execute(statement)


async def test_a_failed_transaction_leaves_nothing(records: Records) -> None:
    memory = str(uuid4())

    async def killed_halfway() -> None:
        async with records.transaction() as transaction:
            await transaction.history.append("g", [change(memory)])
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        await killed_halfway()
    assert await records.history.changes_of(Entity.MEMORY, memory) == []


async def test_of_what_a_person_did_imports_alone_wait_for_a_review(records: Records) -> None:
    waits = {Kind.IMPORT}
    own = {Kind.EDIT, Kind.RESTORE, Kind.REPAIR, Kind.MERGE, Kind.RULE, Kind.UNDO, Kind.REDO, Kind.PURGE, Kind.OUTSIDE}
    assert waits | own == set(Kind), "say of a new kind whether it waits"
    memories = {kind: str(uuid4()) for kind in Kind}
    for kind, memory in memories.items():
        await append(records, kind.value, change(memory), kind=kind)
    assert await records.reviews.unreviewed_ids() == {memories[kind] for kind in waits}


async def test_undo_goes_back_group_by_group_of_one_person(records: Records) -> None:
    memory = str(uuid4())
    await append(records, "first", change(memory), change(memory))
    await append(records, "second", change(memory))
    assert await records.groups.last_undoable("tester") == "second"
    await append(records, "undo", change(memory), kind=Kind.UNDO, undoes="second")
    assert await records.groups.last_undoable("tester") == "first"
    await append(records, "undo of first", change(memory), kind=Kind.UNDO, undoes="first")
    assert await records.groups.last_undoable("tester") is None
    assert await records.groups.last_undoable("somebody else") is None


async def test_redo_goes_forward_group_by_group_until_something_new_is_done(records: Records) -> None:
    memory = str(uuid4())

    async def done(group: str, kind: Kind = Kind.EDIT, undoes: str | None = None) -> tuple[str | None, str | None]:
        await append(records, group, change(memory), kind=kind, undoes=undoes)
        return await records.groups.last_undoable("tester"), await records.groups.last_redoable("tester")

    assert await done("a") == ("a", None)
    assert await done("b") == ("b", None)
    assert await done("undo b", Kind.UNDO, "b") == ("a", "undo b")
    assert await done("undo a", Kind.UNDO, "a") == (None, "undo a")
    assert await done("redo a", Kind.REDO, "undo a") == ("redo a", "undo b")
    assert await done("redo b", Kind.REDO, "undo b") == ("redo b", None)
    assert await done("undo b again", Kind.UNDO, "redo b") == ("redo a", "undo b again")
    assert await done("met", Kind.OUTSIDE) == ("redo a", "undo b again")
    assert await done("c") == ("c", None)
    assert await records.groups.last_redoable("somebody else") is None


async def test_trash_holds_memories_whose_newest_change_is_a_deletion(records: Records) -> None:
    gone, restored, gone_again = (str(uuid4()) for _ in range(3))
    await append(records, "a", *(change(memory, Action.DELETED) for memory in (gone, restored, gone_again)))
    await append(records, "b", change(restored, Action.RESTORED), change(gone_again, Action.RESTORED))
    (last,) = await append(records, "c", change(gone_again, Action.DELETED))
    trash = await records.trash.deletions(10)
    assert [(row.entity_id, row.group) for row in trash] == [(gone_again, "c"), (gone, "a")]
    assert trash[0].id == last
    assert [row.entity_id for row in await records.trash.deletions(10, offset=1)] == [gone]


async def test_kept_vectors_come_back_exactly(records: Records) -> None:
    kept = KeptVectors("nomic-embed-text", ((0.5, -1.25, 3.0), (0.0, 1e-8, 2.0)))
    with_vectors, without = await append(
        records, "g", change(str(uuid4()), kept=kept), change(str(uuid4()), kept=KeptVectors("m", ()))
    )
    found = (await records.history.kept_vectors([with_vectors, without])).get(with_vectors)
    assert found is not None
    assert found.model == "nomic-embed-text"
    assert [list(vector) for vector in found.vectors] == [pytest.approx(vector) for vector in kept.vectors]
    assert list(await records.history.kept_vectors([with_vectors, without])) == [with_vectors]


async def test_vectors_are_kept_of_the_newest_changes_only(records: Records, postgres_url: str) -> None:
    kept = KeptVectors("m", ((0.5, 2.0),))
    (old,) = await append(records, "old", change(str(uuid4()), kept=kept))
    query(postgres_url, f"ALTER TABLE memoria_tui.audit_log ALTER COLUMN id RESTART WITH {old + 100_000}")
    (new,) = await append(records, "new", change(str(uuid4()), kept=kept))
    assert set(await records.history.kept_vectors([old, new])) == {old, new}
    await append(records, "newer", change(str(uuid4()), kept=kept))
    assert set(await records.history.kept_vectors([old, new])) == {new}


async def test_an_act_of_very_many_changes_is_one_group_in_order(records: Records) -> None:
    changes = [change(str(uuid4())) for _ in range(230)]
    changes[150] = replace(changes[150], kept_vectors=KeptVectors("m", ((0.5, 2.0),)))
    ids = await append(records, "many", *changes)
    found = await records.groups.changes("many")
    assert [(one.id, one.entity_id) for one in found] == list(zip(ids, (one.entity_id for one in changes), strict=True))
    assert list(await records.history.kept_vectors(ids)) == [ids[150]]
    assert await records.groups.last_undoable("tester") == "many"
    await append(records, "undo", *changes, kind=Kind.UNDO, undoes="many")
    assert await records.groups.last_undoable("tester") is None


async def test_an_exported_history_imports_once(records: Records) -> None:
    memory = str(uuid4())
    exported = [
        Change(
            id=7 + number,
            group=group,
            entity=Entity.MEMORY,
            entity_id=memory,
            action=action,
            actor="somebody",
            program="elsewhere",
            at=datetime(2026, 3, number + 1, tzinfo=UTC),
            before=None,
            after={"payload": {"content": HOSTILE}},
            content_hash="0" * 64,
            undoes=None,
            summary="made",
        )
        for number, (group, action) in enumerate([("g", Action.CREATED), ("g", Action.UPDATED), ("h", Action.DELETED)])
    ]
    for expected_new in (3, 0):
        async with records.transaction() as transaction:
            assert await transaction.history.append_imported(exported) == expected_new
    batches = [batch async for batch in records.history.all(batch=2)]
    assert [len(batch) for batch in batches] == [2, 1]
    assert [replace(row, id=0) for batch in batches for row in batch] == [
        replace(row, id=0, imported=True) for row in exported
    ]
    assert await records.groups.last_undoable("somebody") is None


async def test_a_newer_outbox_entry_survives_the_end_of_an_older_one(records: Records) -> None:
    first, second = str(uuid4()), str(uuid4())
    async with records.transaction() as transaction:
        old, other = await transaction.history.append("g", [change(first), change(second)])
        await transaction.outbox.put({first: old, second: other})
    async with records.transaction() as transaction:
        (new,) = await transaction.history.append("h", [change(first)])
        await transaction.outbox.put({first: new})
    assert await records.outbox.count() == 2
    async with records.transaction() as transaction:
        assert await transaction.outbox.remove({first: old, second: other}) == {second}
    assert [(work.memory_id, work.change_id) for work in await records.outbox.entries()] == [(first, new)]
    async with records.transaction() as transaction:
        assert await transaction.outbox.remove({first: new}) == {first}
    assert await records.outbox.entries() == []


async def test_a_failed_attempt_is_counted_and_comes_due_later(records: Records) -> None:
    memory = str(uuid4())
    later = datetime.now(UTC) + timedelta(hours=1)
    async with records.transaction() as transaction:
        (number,) = await transaction.history.append("g", [change(memory)])
        await transaction.outbox.put({memory: number})
    async with records.transaction() as transaction:
        assert await transaction.outbox.postpone({memory: number}, "Ollama \x00 away", [later], written=True) == {
            memory
        }
    (work,) = await records.outbox.entries()
    assert (work.attempts, work.last_error, work.next_attempt) == (1, "Ollama \ufffd away", later)
    assert await records.outbox.entries(due_before=later - timedelta(minutes=1)) == []
    assert await records.outbox.entries(due_before=later + timedelta(minutes=1)) == [work]
