"""The timer, against a real PostgreSQL: every act, its rules, its undo, and two programs acting at once."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from services.adapters.postgres.database import CheckedDatabase, Database
from services.errors import Ambiguous, Conflict, InvalidInput, NotFound
from services.model import (
    SESSION_DETAILS,
    Action,
    Entity,
    Flaw,
    Pause,
    ReportBy,
    SessionCategory,
    SessionChanges,
    SessionDetail,
    SessionDraft,
    SessionStatus,
    WorkSession,
)
from services.records import Records, columns
from services.records.columns import exact_json
from services.times import Period
from services.work.report_values import SessionFilter, WarningKind
from services.work.rules import MOST_DESCRIPTION, describe_overlaps
from services.work.work_service import WorkService
from tests.services.worktables import NOON, Bench, bench


@pytest.fixture
async def here(postgres_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(postgres_url, tmp_path) as opened:
        yield opened


async def test_elapsed_time_stands_still_while_paused(here: Bench) -> None:
    await here.work.start(SessionDraft("write the report"))
    here.clock.go(minutes=30)
    await here.work.pause(reason="lunch")
    here.clock.go(hours=2)
    (paused,) = (await here.work.status()).sessions
    assert paused.elapsed_seconds(here.clock()) == 1800
    await here.work.resume()
    here.clock.go(seconds=59)
    stopped = await here.work.stop(note="done")
    assert (stopped.status, stopped.elapsed_seconds(here.clock())) == (SessionStatus.COMPLETED, 1859)
    assert stopped.pauses == (Pause(NOON + timedelta(minutes=30), NOON + timedelta(minutes=150), "lunch"),)
    assert stopped.notes == ("done",)


async def test_a_pause_that_lies_ahead_since_the_clock_was_set_back_can_be_ended(here: Bench) -> None:
    session = await here.work.start(SessionDraft("work"))
    here.clock.go(hours=3)
    await here.work.pause()
    here.clock.go(hours=-2)
    resumed = await here.work.resume()
    assert (resumed.status, resumed.pauses) == (SessionStatus.ACTIVE, ())
    assert (await here.work.session(session.id)).elapsed_seconds(here.clock()) == 3600


async def test_the_seconds_that_were_told_of_each_session_add_up_to_those_of_the_report(here: Bench) -> None:
    told = 0
    for _ in range(4):
        here.clock.go(seconds=0.7)
        await here.work.start(SessionDraft("fix login"))
        here.clock.go(seconds=10.4)
        await here.work.pause()
        here.clock.go(seconds=0.9)
        await here.work.resume()
        here.clock.go(seconds=5.8)
        told += int((await here.work.stop()).elapsed_seconds(here.clock()))
    day = NOON.date()
    assert (await here.reports.report(Period(day, day), ReportBy.CLIENT)).total_seconds == told


async def test_pauses_are_written_as_upstream_reads_them(here: Bench) -> None:
    session = await here.work.start(SessionDraft("work"))
    for _ in range(3):
        here.clock.go(minutes=1)
        await here.work.pause(reason="ping")
        here.clock.go(seconds=119)
        await here.work.resume()
    await here.work.stop()
    (row,) = await here.sql("SELECT * FROM work_sessions")
    assert row.pauses[0] == {
        "start": "2026-11-20T13:01:00",
        "end": "2026-11-20T13:02:59",
        "reason": "ping",
        "start_at": "2026-11-20T13:01:00+01:00",
        "end_at": "2026-11-20T13:02:59+01:00",
    }
    assert row.total_pause_minutes == 3, "upstream drops the seconds of each pause"
    assert row.duration_minutes == 8 - 3
    assert (await here.work.session(session.id)).elapsed_seconds(here.clock()) == 180


async def test_clients_and_projects_are_made_on_the_fly(here: Bench) -> None:
    first = await here.work.start(SessionDraft("fix", client="Acme", project="api", issue_number=7, branch="fix/7"))
    second = await here.work.start(SessionDraft("review", SessionCategory.REVIEW, client="Acme", project="api"))
    assert (first.client, first.project, first.issue_number, first.branch) == ("Acme", "api", 7, "fix/7")
    assert (first.client_id, first.project_id) == (second.client_id, second.project_id)
    changes = await here.records.groups.changes((await here.records.groups.last_undoable("tester")) or "")
    assert [change.entity for change in changes] == [Entity.SESSION]


async def test_work_can_start_earlier_but_not_ahead(here: Bench) -> None:
    session = await here.work.start(SessionDraft("early", start=NOON - timedelta(minutes=15)))
    assert session.elapsed_seconds(here.clock()) == 900
    with pytest.raises(InvalidInput):
        await here.work.start(SessionDraft("late", start=NOON + timedelta(minutes=1)))
    with pytest.raises(InvalidInput):
        await here.work.start(SessionDraft("   "))


async def test_with_several_running_one_has_to_be_named(here: Bench) -> None:
    with pytest.raises(NotFound):
        await here.work.stop()
    first = await here.work.start(SessionDraft("one"))
    await here.work.start(SessionDraft("two"))
    with pytest.raises(Ambiguous):
        await here.work.pause()
    await here.work.pause(first.id[:8])
    assert (await here.work.resume()).id == first.id, "only one is paused"
    with pytest.raises(Ambiguous, match="name one by its id"):
        await here.work.stop()
    await here.work.pause(first.id)
    assert (await here.work.stop()).description == "two", "only one runs"


async def test_no_more_run_at_once_than_the_setting_allows(here: Bench) -> None:
    results = await asyncio.gather(
        *(here.work.start(SessionDraft(f"work {n}")) for n in range(5)), return_exceptions=True
    )
    assert sum(isinstance(result, Conflict) for result in results) == 2
    assert len((await here.work.status()).sessions) == 3


async def test_acts_that_do_not_fit_the_state_are_refused(here: Bench) -> None:
    session = await here.work.start(SessionDraft("work"))
    with pytest.raises(NotFound):
        await here.work.resume()
    with pytest.raises(Conflict):
        await here.work.resume(session.id)
    await here.work.pause()
    with pytest.raises(Conflict):
        await here.work.pause(session.id)
    with pytest.raises(InvalidInput):
        await here.work.stop(at=NOON - timedelta(minutes=1))
    await here.work.stop()
    with pytest.raises(Conflict):
        await here.work.stop(session.id)


async def test_a_stop_in_the_past_ends_and_drops_pauses(here: Bench) -> None:
    await here.work.start(SessionDraft("work"))
    for _ in range(2):
        here.clock.go(minutes=10)
        await here.work.pause()
        here.clock.go(minutes=10)
        await here.work.resume()
    stopped = await here.work.stop(at=NOON + timedelta(minutes=15))
    assert stopped.pauses == (Pause(NOON + timedelta(minutes=10), NOON + timedelta(minutes=15)),)
    assert stopped.elapsed_seconds(here.clock()) == 600


async def test_a_stopped_session_can_run_on(here: Bench) -> None:
    session = await here.work.start(SessionDraft("work"))
    here.clock.go(hours=1)
    await here.work.stop()
    here.clock.go(minutes=20)
    again = await here.work.reopen(session.id)
    assert (again.status, again.end, again.elapsed_seconds(here.clock())) == (SessionStatus.ACTIVE, None, 3600)
    here.clock.go(minutes=1)
    assert (await here.work.stop()).elapsed_seconds(here.clock()) == 3660


async def test_edits_are_checked(here: Bench) -> None:
    session = await here.work.start(SessionDraft("work", client="Acme"))
    here.clock.go(hours=2)
    session = await here.work.stop()
    assert session.end is not None
    hour = timedelta(hours=1)
    for wrong in (
        SessionChanges(end=NOON),
        SessionChanges(end=here.clock() + hour),
        SessionChanges(start=session.end),
        SessionChanges(pauses=(Pause(NOON - hour, NOON),)),
        SessionChanges(pauses=(Pause(NOON + hour, NOON),)),
        SessionChanges(pauses=(Pause(NOON, NOON + hour), Pause(NOON + hour / 2, NOON + hour))),
        SessionChanges(pauses=(Pause(NOON, None),)),
        SessionChanges(description=" "),
        SessionChanges(issue_number=-1),
    ):
        with pytest.raises(InvalidInput):
            await here.work.edit(session, wrong)
    edited = await here.work.edit(
        session,
        SessionChanges(
            description="better", client="", project="own", end=NOON + hour, pauses=(Pause(NOON, NOON + hour / 4),)
        ),
    )
    assert (edited.description, edited.client, edited.project) == ("better", None, "own")
    assert edited.elapsed_seconds(here.clock()) == 2700


async def test_an_edit_does_not_overwrite_what_others_changed(here: Bench) -> None:
    base = await here.work.start(SessionDraft("work"))
    await here.sql("UPDATE work_sessions SET description = 'theirs', branch = 'main' RETURNING id")
    edited = await here.work.edit(base, SessionChanges(issue_number=3))
    assert (edited.description, edited.branch, edited.issue_number) == ("theirs", "main", 3)
    with pytest.raises(Conflict):
        await here.work.edit(base, SessionChanges(description="mine"))
    here.clock.go(hours=1)
    first, second, third = (Pause(NOON + timedelta(minutes=n), NOON + timedelta(minutes=n + 5)) for n in (0, 10, 20))
    await here.work.edit(edited, SessionChanges(pauses=(second,)))
    added = await here.work.edit(edited, SessionChanges(add_pauses=(third, first)))
    assert added.pauses == (first, second, third), "they go to those that another program added"
    left = await here.work.edit(edited, SessionChanges(remove_pauses=(first, third)))
    assert left.pauses == (second,)
    with pytest.raises(Conflict, match="another program changed the pauses"):
        await here.work.edit(added, SessionChanges(remove_pauses=(first,)))
    with pytest.raises(InvalidInput, match="two pauses overlap"):
        await here.work.edit(base, SessionChanges(add_pauses=(second,)))


async def test_warnings(here: Bench) -> None:
    await here.work.start(SessionDraft("long", client="Acme", project="api", start=NOON - timedelta(hours=9)))
    done = await here.work.start(SessionDraft("done", start=NOON - timedelta(hours=3)))
    await here.work.stop(done.id)
    await here.work.start(SessionDraft("again", client="Acme", project="api"))
    told = [warning.message for warning in (await here.work.status()).warnings]
    assert "2 timers are running: this time is counted twice" in told
    await here.work.start(SessionDraft("third"))
    await here.sql("INSERT INTO work_sessions (description, start_time) VALUES ('fourth', now()) RETURNING id")
    here.clock.go(minutes=1)
    kinds = {warning.kind for warning in (await here.work.status()).warnings}
    assert kinds == {
        WarningKind.FORGOTTEN,
        WarningKind.OVERLAP,
        WarningKind.SAME_PROJECT,
        WarningKind.PARALLEL_LIMIT,
    }


async def test_only_work_at_the_same_time_is_an_overlap(here: Bench) -> None:
    """Pause one, do another, resume the first: nothing is counted twice."""
    first = await here.work.start(SessionDraft("first"))
    here.clock.go(minutes=10)
    await here.work.pause(first.id)
    other = await here.work.start(SessionDraft("other"))
    here.clock.go(minutes=30)
    await here.work.stop(other.id)
    await here.work.resume(first.id)
    here.clock.go(minutes=5)
    assert (await here.work.status()).warnings == ()
    late = await here.work.start(SessionDraft("late", start=here.clock() - timedelta(minutes=12)))
    await here.work.stop(late.id)
    (warning,) = (await here.work.status()).warnings
    assert (warning.kind, warning.message) == (WarningKind.OVERLAP, '"first" overlaps "late" by 0:05:00')


async def test_stopped_sessions_that_were_worked_on_at_once_are_found_with_how_long(here: Bench) -> None:
    start = NOON - timedelta(days=3)

    async def added(name: str, begins: float, ends: float, **about: object) -> WorkSession:
        span = {"start": start + timedelta(minutes=begins), "end": start + timedelta(minutes=ends)}
        return (await here.work.add(SessionDraft(name, **span, **about)))[0]  # type: ignore[arg-type]

    paused = await added("paused", 0, 90)
    pause = Pause(start + timedelta(minutes=30), start + timedelta(minutes=60))
    await here.work.edit(paused, SessionChanges(pauses=(pause,)))
    inside, late = await added("inside", 30, 60), await added("late", 80, 120, client="acme")
    long, apart = await added("long", -3000, 5), await added("apart", 120.5, 122)
    await here.work.start(SessionDraft("running", start=start))
    only = await here.reports.sessions(SessionFilter(clients=("acme",)))
    assert {id_: describe_overlaps(found) for id_, found in (await here.reports.overlaps(only)).items()} == {
        late.id: 'overlaps "paused" by 0:10:00'
    }
    everything = await here.reports.overlaps(await here.reports.sessions(SessionFilter()))
    assert {id_: describe_overlaps(found) for id_, found in everything.items()} == {
        paused.id: 'overlaps "late" by 0:10:00 and 1 more',
        late.id: 'overlaps "paused" by 0:10:00',
        long.id: 'overlaps "paused" by 0:05:00',
    }
    assert not {inside.id, apart.id} & everything.keys()


async def test_a_session_is_cut_back_to_the_last_sign_of_life(here: Bench) -> None:
    here.clock.at = datetime.now(UTC) + timedelta(hours=9)
    session = await here.work.start(SessionDraft("fell asleep", start=here.clock() - timedelta(hours=10)))
    cut = await here.work.stop(session.id, at=await here.work.last_activity(session.id))
    assert cut.end is not None
    assert timedelta(hours=1) <= cut.end - cut.start < timedelta(hours=1, minutes=5)


async def test_only_acts_of_the_session_itself_are_signs_of_life(here: Bench) -> None:
    """Merges, moves, edits and undos write the row too."""
    here.clock.at = datetime.now(UTC)
    two_hours, hour = here.clock() - timedelta(hours=2), here.clock() - timedelta(hours=1)
    await here.clients.create_client("acme")
    await here.clients.create_client("Birch")
    (row,) = await here.sql(
        "INSERT INTO work_sessions (description, start_time, updated_at, client_id) VALUES ('theirs', :start, :noted, "
        "(SELECT id FROM clients WHERE name = 'acme')) RETURNING id::text AS id",
        start=two_hours,
        noted=hour,
    )
    assert await here.work.last_activity(row.id) == hour
    await here.clients.merge(Entity.CLIENT, "acme", "Birch")
    assert await here.work.last_activity(row.id) == two_hours
    session = await here.work.session(row.id)
    await here.work.edit(session, SessionChanges(description="ours"))
    assert await here.work.last_activity(row.id) == two_hours
    before = datetime.now(UTC)
    await here.work.note("still here", row.id)
    noted = await here.work.last_activity(row.id)
    assert before - timedelta(seconds=1) <= noted or noted == here.clock()


async def test_a_memory_written_from_a_session_is_a_sign_of_life_whatever_others_hold(here: Bench) -> None:
    now = here.clock.at = datetime.now(UTC)
    session = await here.work.start(SessionDraft("long", start=now - timedelta(hours=3)))
    for text, of in (
        ("NUL \x00 and half \ud800", ""),
        (f'"session_id": "{session.id}"', ""),
        ("from it", session.id),
    ):
        written = exact_json({"payload": {"content": text, "session_id": of}})
        await here.sql(
            "INSERT INTO memoria_tui.audit_log (change_group, position, entity, entity_id, action, actor, program, "
            "changed_at, after) VALUES (gen_random_uuid(), 0, 'memory', gen_random_uuid(), 'created', 'agent', 'test', "
            "CAST(:at AS timestamptz), CAST(:after AS json)) RETURNING id",
            at=now + timedelta(minutes=10 if of else 20),
            after=written,
        )
    here.clock.at = now + timedelta(hours=1)
    assert await here.work.last_activity(session.id) == now + timedelta(minutes=10)


async def test_known_clients_and_projects_are_taken_whatever_their_case(here: Bench) -> None:
    first = await here.work.start(SessionDraft("one", client="acme", project="Portal"))
    second = await here.work.start(SessionDraft("two", client="ACME", project="portal"))
    assert (second.client, second.project) == (first.client, first.project) == ("acme", "Portal")
    edited = await here.work.edit(second, SessionChanges(client="Acme ", project="PORTAL"))
    assert (edited.client_id, edited.project_id) == (first.client_id, first.project_id)


async def test_a_session_keeps_no_project_of_a_client_that_it_left(here: Bench) -> None:
    session = await here.work.start(SessionDraft("one", client="acme", project="portal"))
    moved = await here.work.edit(session, SessionChanges(client="Birch"))
    assert (moved.client, moved.project) == ("Birch", "portal")
    assert moved.project_id != session.project_id
    left = await here.work.edit(moved, SessionChanges(client=""))
    assert (left.client, left.project) == (None, None)
    own = await here.work.edit(left, SessionChanges(project="portal"))
    assert (await here.work.edit(own, SessionChanges(client="acme"))).project == "portal"


async def test_the_limit_holds_for_sessions_that_are_resumed_at_the_same_time(
    postgres_url: str, tmp_path: Path
) -> None:
    async with bench(postgres_url, tmp_path, work_max_parallel_sessions=2) as here:
        done = []
        for number in range(4):
            session = await here.work.start(SessionDraft(f"work {number}"))
            done.append(await here.work.stop(session.id))
        here.clock.go(hours=1)
        answers = await asyncio.gather(*(here.work.reopen(one.id) for one in done), return_exceptions=True)
        assert [type(answer) for answer in answers].count(Conflict) == 2
        assert len((await here.work.status()).sessions) == 2


async def test_a_stop_can_keep_a_memory(here: Bench) -> None:
    await here.work.start(SessionDraft("fix login", project="api", issue_number=7))
    here.clock.go(minutes=90)
    stopped = await here.work.stop(note="tokens lived 10 s", remember=True)
    (draft,) = here.memories.drafts
    assert stopped.memory_id == draft.id
    assert draft.content.startswith("fix login\n\nWorked 1:30:00")
    assert "- tokens lived 10 s" in draft.content
    assert (draft.project, draft.metadata) == ("api", {"session_id": stopped.id})


async def test_settings_of_all_programs_are_honoured(here: Bench) -> None:
    await here.work.set_preference("default_client", "Acme")
    await here.work.set_preference("default_project", "api")
    assert (await here.work.set_preference("work_day_hours", 7.5)).work_day_hours == 7.5
    session = await here.work.start(SessionDraft("work"))
    assert (session.client, session.project) == ("Acme", "api")
    without = await here.work.start(SessionDraft("own", client="", project=""))
    assert (without.client, without.project) == (None, None)
    for key, value, told in (
        ("default_client", 7, "default_client is 7; it must be the name of a client"),
        ("work_day_hours", 99.0, "work_day_hours is 99.0; it must be hours, more than 0 and at most 24"),
        ("work_week_hours", -1, "work_week_hours is -1; it must be hours, from 0 to 168"),
        ("auto_session_memory", "x" * 99, f"auto_session_memory is '{'x' * 59}…'; it must be true or false"),
        ("colour", "red", "no setting is called 'colour'; known are default_client"),
    ):
        with pytest.raises(InvalidInput, match=f"^{re.escape(told)}"):
            await here.work.set_preference(key, value)


async def test_every_act_can_be_undone(here: Bench) -> None:
    started = await here.work.start(SessionDraft("work", client="Acme", project="api"))
    here.clock.go(minutes=5)
    states = [started]
    states.append(await here.work.pause())
    here.clock.go(minutes=5)
    states.append(await here.work.resume())
    states.append(await here.work.note("a thought"))
    states.append(await here.work.stop(note="done"))
    states.append(await here.work.edit(states[-1], SessionChanges(description="other", client="Beta")))
    await here.work.delete(started.id)
    for state in reversed(states):
        await here.take_back()
        assert await here.work.session(started.id) == state
    await here.take_back()
    assert await here.sql("SELECT id FROM work_sessions UNION SELECT id FROM clients WHERE name = 'Acme'") == []
    history = await here.records.history.changes_of(Entity.SESSION, started.id)
    assert [history[-1].action, history[0].action] == [Action.CREATED, Action.DELETED]


async def test_taking_back_a_stop_keeps_what_was_noted_since(here: Bench) -> None:
    session = await here.work.start(SessionDraft("work"))
    here.clock.go(minutes=1)
    await here.work.stop(note="done")
    await here.sql("UPDATE work_sessions SET notes = array_append(notes, 'theirs') RETURNING id")
    await here.take_back()
    again = await here.work.session(session.id)
    assert (again.status, again.notes) == (SessionStatus.ACTIVE, ("theirs",))


async def test_taking_back_refuses_to_overwrite_a_later_change(here: Bench) -> None:
    await here.work.start(SessionDraft("work"))
    here.clock.go(minutes=1)
    stopped = await here.work.stop()
    await here.sql("UPDATE work_sessions SET end_time = end_time + interval '1 hour' RETURNING id")
    assert await here.take_back() == ['session "work": end time']
    assert (await here.work.session(stopped.id)).end == NOON + timedelta(minutes=61)


async def test_programs_acting_at_once_lose_no_note_and_no_pause(here: Bench, postgres_url: str) -> None:
    """Two of ours and one like upstream, which appends its notes by a statement of its own."""
    session = await here.work.start(SessionDraft("work"))
    other_database = Database(postgres_url)
    other = WorkService(Records(CheckedDatabase(other_database), here.settings, here.clock), here.settings, here.clock)

    async def noting(work: WorkService, who: str) -> None:
        for number in range(8):
            await work.note(f"{who} {number}", session.id)

    async def pausing(work: WorkService) -> int:
        done = 0
        for _ in range(8):
            for act in (work.pause, work.resume):
                try:
                    await act(session.id)
                    done += act == work.pause
                except Conflict:
                    pass
        return done

    async def upstream() -> None:
        async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
            for number in range(8):
                await connection.execute(
                    "UPDATE work_sessions SET notes = array_append(notes, %s) WHERE id = %s",
                    (f"upstream {number}", session.id),
                )

    _, _, mine, theirs, _ = await asyncio.gather(
        noting(here.work, "one"), noting(other, "two"), pausing(here.work), pausing(other), upstream()
    )
    await other_database.close()
    after = await here.work.session(session.id)
    assert sorted(after.notes) == sorted(f"{who} {n}" for who in ("one", "two", "upstream") for n in range(8))
    assert len(after.pauses) == mine + theirs


async def test_our_act_waits_for_upstreams_transaction_and_adds_to_it(here: Bench, postgres_url: str) -> None:
    """Upstream reads, thinks and writes the pauses whole; what we do meanwhile comes after, on top of it."""
    session = await here.work.start(SessionDraft("work"))
    here.clock.go(minutes=10)
    async with await psycopg.AsyncConnection.connect(postgres_url) as connection:
        theirs = json.dumps([{"start": "2026-11-20T13:02:00", "end": "2026-11-20T13:04:00", "reason": "theirs"}])
        await connection.execute(
            "UPDATE work_sessions SET pauses = %s, notes = array_append(notes, 'theirs') WHERE id = %s",
            (theirs, session.id),
        )
        pausing = asyncio.create_task(here.work.pause(session.id, reason="mine"))
        noting = asyncio.create_task(here.work.note("mine", session.id))
        await asyncio.sleep(0.05)
        assert not pausing.done()
        await connection.commit()
    await pausing
    await noting
    after = await here.work.session(session.id)
    assert [pause.reason for pause in after.pauses] == ["theirs", "mine"]
    assert after.notes == ("theirs", "mine")


async def test_the_reason_of_a_pause_is_given_afterwards_also_when_it_is_over(here: Bench) -> None:
    session = await here.work.start(SessionDraft("work"))
    for _ in range(2):
        here.clock.go(minutes=10)
        session = await here.work.pause(session.id)
        here.clock.go(minutes=10)
        session = await here.work.resume(session.id)
    explained = await here.work.explain_pause(session.id, session.pauses[0].start, "lunch")
    assert explained.pauses == (replace(session.pauses[0], reason="lunch"), session.pauses[1])
    with pytest.raises(Conflict, match="gone"):
        await here.work.explain_pause(session.id, session.start, "tea")


async def stored(here: Bench, pauses: object, status: str = "paused") -> str:
    """A session from 13:00 Rome on, with pauses as some program left them."""
    (row,) = await here.sql(
        "INSERT INTO work_sessions (description, start_time, status, pauses) VALUES ('theirs', :start, "
        "CAST(:status AS session_status), CAST(:pauses AS jsonb)) RETURNING id::text AS id",
        start=NOON,
        status=status,
        pauses=json.dumps(pauses),
    )
    return str(row.id)


async def test_pauses_with_a_zone_are_read_and_repaired(here: Bench) -> None:
    here.clock.go(hours=1)
    id_ = await stored(here, [{"start": "2026-11-20T12:30:00+00:00", "end": None, "reason": "aware", "by": "agent"}])
    assert (await here.work.session(id_)).elapsed_seconds(here.clock()) == 1800
    await here.work.resume(id_)
    (row,) = await here.sql("SELECT pauses FROM work_sessions")
    (pause,) = row.pauses
    assert (pause["start"], pause["end"]) == ("2026-11-20T13:30:00", "2026-11-20T14:00:00")
    assert (pause["reason"], pause["by"]) == ("aware", "agent")


async def test_pauses_from_another_zone_come_out_right_and_are_ended_by_their_own_clock(here: Bench) -> None:
    here.clock.go(hours=1)
    id_ = await stored(here, [{"start": "2026-11-20T07:30:00", "end": None, "reason": "in New York"}])
    assert (await here.work.status()).warnings == ()
    assert (await here.work.stop(id_)).elapsed_seconds(here.clock()) == 1800
    (row,) = await here.sql("SELECT pauses, total_pause_minutes FROM work_sessions")
    assert row.pauses == [
        {
            "start": "2026-11-20T07:30:00",
            "end": "2026-11-20T08:00:00",
            "end_at": "2026-11-20T08:00:00-05:00",
            "reason": "in New York",
        }
    ]
    assert row.total_pause_minutes == 30
    assert (await here.reports.log()).sessions[0].elapsed_seconds(here.clock()) == 1800


async def test_closed_pauses_of_others_stay_as_they_were_written(here: Bench) -> None:
    """Agents in Docker write in UTC; neither a pause, a stop nor an edit of ours rewrites their stamps."""
    here.clock.go(hours=3)
    theirs = {"start": "2026-11-20T12:10:00.5", "end": "2026-11-20T12:20:00", "reason": None, "by": "agent"}
    id_ = await stored(here, [theirs], "active")
    await here.work.pause(id_)
    here.clock.go(minutes=5)
    await here.work.resume(id_)
    stopped = await here.work.stop(id_)
    (row,) = await here.sql("SELECT pauses FROM work_sessions")
    assert row.pauses[0] == theirs
    shorter = replace(stopped.pauses[1], end=stopped.pauses[1].start + timedelta(minutes=2), reason="tea")
    await here.work.edit(stopped, SessionChanges(pauses=(stopped.pauses[0], shorter)))
    (row,) = await here.sql("SELECT pauses FROM work_sessions")
    assert row.pauses[0] == theirs
    assert (row.pauses[1]["end"], row.pauses[1]["reason"]) == ("2026-11-20T16:02:00", "tea")


async def test_pauses_that_cannot_be_read_are_flagged_and_kept(here: Bench) -> None:
    here.clock.go(hours=1)
    broken = [{"start": "yesterday", "end": None}, 7, {"start": "2026-11-20T13:10:00", "end": "2026-11-20T13:20:00"}]
    id_ = await stored(here, broken, "active")
    assert Flaw.PAUSE_UNREADABLE in (await here.reports.log()).flaws[id_]
    await here.work.pause(id_)
    (row,) = await here.sql("SELECT pauses FROM work_sessions")
    assert row.pauses[:2] == broken[:2]
    assert (await here.work.stop(id_)).elapsed_seconds(here.clock()) == 3000


async def test_hostile_text_is_kept_as_it_is_as_far_as_the_database_can(here: Bench) -> None:
    text = "[bold]x[/bold] \x1b[31mred\x00 \ud800 \u202e' ; -- {braces}"
    name = "[bold]x[/bold]' ; -- {braces}"
    session = await here.work.start(SessionDraft(text, client=name, project=name, branch=text))
    assert session.description == text.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    await here.work.note(text)
    assert (await here.reports.log(where=None)).sessions[0].client == session.client == name


@pytest.mark.parametrize("detail", SESSION_DETAILS, ids=lambda one: one.field)
def test_a_detail_is_a_field_of_all_values_of_a_session_and_a_column(detail: SessionDetail) -> None:
    values = [{one.name for one in fields(kind)} for kind in (WorkSession, SessionDraft, SessionChanges)]
    assert all(detail.field in names for names in values)
    assert detail.column in columns.SESSION_SET


async def test_a_switch_pauses_what_runs_and_starts_another_as_one_act(here: Bench) -> None:
    login = await here.work.start(SessionDraft("fix login", client="acme"))
    here.clock.go(minutes=30)
    review, paused = await here.work.switch(SessionDraft("review"))
    assert [one.id for one in paused] == [login.id]
    now = {one.id: one for one in (await here.work.status()).sessions}
    assert now[login.id].pauses == (Pause(NOON + timedelta(minutes=30)),)
    assert (now[review.id].status, now[review.id].start) == (SessionStatus.ACTIVE, NOON + timedelta(minutes=30))
    acts = await here.sql(
        "SELECT change_group, count(*) AS rows FROM memoria_tui.audit_log GROUP BY 1 ORDER BY max(id)"
    )
    assert [act.rows for act in acts] == [2, 2]  # the client with its session, the pause with its start
    full = WorkService(here.records, replace(here.settings, work_max_parallel_sessions=2), here.clock)
    with pytest.raises(Conflict, match="limit reached"):
        await full.switch(SessionDraft("a third"))
    assert (await here.work.session(review.id)).status is SessionStatus.ACTIVE


async def test_continued_work_is_a_new_session_of_the_same_and_what_is_paused_is_resumed(here: Bench) -> None:
    draft = SessionDraft("fix login", SessionCategory.REVIEW, "acme", "api", 7, 8, "fix/login")
    first = await here.work.start(draft)
    here.clock.go(minutes=10)
    await here.work.stop()
    here.clock.go(minutes=10)
    again = await here.work.continue_work()
    assert again.id != first.id
    assert again.start == here.clock()
    kept = ("description", "category", "client", "project", "issue_number", "pr_number", "branch")
    assert [getattr(again, name) for name in kept] == [getattr(first, name) for name in kept]
    with pytest.raises(Conflict, match="is running already"):
        await here.work.continue_work(first.id)
    await here.work.pause()
    here.clock.go(minutes=10)
    assert (await here.work.continue_work(first.id)).id == again.id
    assert len((await here.reports.log()).sessions) == 2


async def test_work_without_a_client_is_continued_without_one(here: Bench) -> None:
    await here.work.start(SessionDraft("walk the dog", client=""))
    await here.work.stop()
    await here.work.set_preference("default_client", "acme")
    assert (await here.work.continue_work()).client is None


async def test_the_last_sessions_need_no_id(here: Bench) -> None:
    with pytest.raises(NotFound):
        await here.work.session("last")
    for what in ("one", "two", "three"):
        await here.work.start(SessionDraft(what))
        here.clock.go(minutes=10)
        if what != "three":
            await here.work.stop()
    assert [(await here.work.session(id_)).description for id_ in ("last", "last-1", "last-2")] == [
        "three",
        "two",
        "one",
    ]
    assert (await here.work.reopen("last")).description == "two", "the last one that is stopped"


async def test_a_warning_fits_into_a_line_however_long_the_descriptions_are(here: Bench) -> None:
    await here.work.add(SessionDraft("b" * 300, start=NOON - timedelta(hours=1), end=NOON))
    await here.work.start(SessionDraft("a\n" * 300, start=NOON - timedelta(hours=1)))
    (warning,) = (await here.work.status()).warnings
    assert warning.message == f'"{"a " * 11}a…" overlaps "{"b" * 23}…" by 1:00:00'


async def test_no_text_of_a_session_is_longer_than_a_line_takes(here: Bench) -> None:
    session, long = await here.work.start(SessionDraft("login")), "x" * (MOST_DESCRIPTION + 1)
    for act in (
        here.work.start(SessionDraft(long)),
        here.work.note(long),
        here.work.stop(note=long),
        here.work.edit(session, SessionChanges(description=long)),
        here.work.edit(session, SessionChanges(notes=(long,))),
    ):
        with pytest.raises(
            InvalidInput, match="has 10,001 characters; a session takes 10,000: keep the text as a memory"
        ):
            await act
    assert (await here.work.status()).sessions == (session,)


async def test_a_session_is_split_at_a_time_and_merged_again_each_as_one_act(here: Bench) -> None:
    day = NOON - timedelta(hours=4)
    session, _ = await here.work.add(
        SessionDraft("login", client="acme", tags=("auth",), start=day, end=day + timedelta(hours=3))
    )
    lunch = Pause(day + timedelta(minutes=50), day + timedelta(minutes=70), "tea")
    session = await here.work.edit(session, SessionChanges(pauses=(lunch,), notes=("x",)))
    first, second = await here.work.split(session.id, day + timedelta(hours=1))
    assert (first.end, first.pauses, first.notes) == (second.start, (replace(lunch, end=first.end),), ("x",))
    assert (second.end, second.pauses, second.notes) == (session.end, (replace(lunch, start=second.start),), ())
    assert (second.client, second.tags, second.status) == ("acme", ("auth",), SessionStatus.COMPLETED)
    worked = sum(one.elapsed_seconds(here.clock()) for one in (first, second))
    assert worked == session.elapsed_seconds(here.clock())
    rows = await here.records.history.changes_of(Entity.SESSION, second.id)
    assert {one.summary for one in rows} == {'split off "login"'}
    assert (await here.records.history.changes_of(Entity.SESSION, first.id))[0].summary == 'split "login"'
    later = await here.work.edit(second, SessionChanges(start=second.start + timedelta(minutes=30), pauses=()))
    merged = await here.work.merge(later.id, first.id)
    assert (merged.id, merged.start, merged.end) == (session.id, session.start, session.end)
    assert merged.elapsed_seconds(here.clock()) == worked - 20 * 60  # a part of what was cut off was a pause
    assert [one.id for one in (await here.reports.log()).sessions] == [session.id]
    for _ in range(3):
        await here.take_back()
    assert (await here.work.session(session.id)) == session
    with pytest.raises(InvalidInput, match=r"not inside \".*\" \(2026-\d\d-\d\d \d\d:\d\d – .*\)"):
        await here.work.split(session.id, day)
    other, _ = await here.work.add(SessionDraft("review", start=day, end=day + timedelta(hours=1)))
    with pytest.raises(Conflict, match="at once"):
        await here.work.merge(session.id, other.id)


async def test_sessions_that_are_not_billed_alike_are_not_merged(here: Bench) -> None:
    first = SessionDraft("login", client="acme", start=NOON - timedelta(hours=3), end=NOON - timedelta(hours=2))
    made, _ = await here.work.add(first)
    later = replace(first, start=NOON - timedelta(hours=1), end=NOON)
    billed, _ = await here.work.add(later)
    await here.records.sessions.bill([billed.id], "2026-11", billed=True)
    others = {"billed months": billed}
    for differs, draft in {
        "client": replace(later, client="globex"),
        "project": replace(later, project="shop"),
        "billable": replace(later, billable=False),
    }.items():
        others[differs], _ = await here.work.add(draft)
    for differs, other in others.items():
        with pytest.raises(Conflict, match=f"differ in {differs}"):
            await here.work.merge(made.id, other.id, billed_too=True)


async def left_paused(here: Bench, hours: int, **about: object) -> WorkSession:
    """Work from three hours ago on, with a pause after half an hour that another program left open."""
    begun = NOON - timedelta(hours=3)
    draft = SessionDraft("login", start=begun, end=begun + timedelta(hours=hours), **about)  # type: ignore[arg-type]
    made, _ = await here.work.add(draft)
    pause = json.dumps([{"start": (begun + timedelta(minutes=30)).isoformat()}])
    await here.database.write("UPDATE work_sessions SET pauses = CAST(:pause AS jsonb)", {"pause": pause})
    return await here.work.session(made.id)


async def test_a_pause_that_was_left_open_takes_nothing_of_the_session_merged_after_it(here: Bench) -> None:
    first = await left_paused(here, 1, tags=("a", "b"))
    second, _ = await here.work.add(SessionDraft("login", start=NOON - timedelta(hours=2), end=NOON, tags=("b", "c")))
    assert first.elapsed_seconds(here.clock()) == 1800
    merged = await here.work.merge(first.id, second.id)
    assert (merged.elapsed_seconds(here.clock()), merged.tags) == (1800 + 7200, ("a", "b", "c"))


async def test_a_pause_that_was_left_open_goes_on_in_the_second_part_of_a_split(here: Bench) -> None:
    whole_one = await left_paused(here, 2)
    parts = await here.work.split(whole_one.id, NOON - timedelta(hours=2))
    assert [part.elapsed_seconds(here.clock()) for part in parts] == [1800, 0]


async def test_a_session_that_another_program_changes_meanwhile_is_not_split(here: Bench) -> None:
    session, _ = await here.work.add(SessionDraft("login", start=NOON - timedelta(hours=2), end=NOON))
    looked = here.records.sessions.one

    async def meddle(session_id: str) -> object:
        seen = await looked(session_id)
        await here.database.write("UPDATE work_sessions SET memoria_tui_billable = false", {})
        return seen

    here.records.sessions.one = meddle  # type: ignore[assignment,method-assign]
    with pytest.raises(Conflict, match="another program"):
        await here.work.split(session.id, NOON - timedelta(hours=1))
    assert [one.billable for one in (await here.reports.log()).sessions] == [False]


async def test_a_time_away_becomes_a_pause_of_all_that_ran_in_one_act(here: Bench) -> None:
    one = await here.work.start(SessionDraft("one"))
    here.clock.go(minutes=10)
    two = await here.work.start(SessionDraft("two"))
    await here.work.pause(two.id)
    here.clock.go(minutes=5)
    await here.work.resume(two.id)
    now = here.clock.go(minutes=45)
    changed = await here.work.take_out([one.id, two.id], NOON, NOON + timedelta(minutes=30), "away")
    assert {each.description: each.elapsed_seconds(now) / 60 for each in changed} == {"one": 30, "two": 30}
    assert [pause.reason for pause in (await here.work.session(two.id)).pauses] == [None, "away"]
    assert await here.take_back() == []
    assert (await here.work.session(one.id)).pauses == ()
    assert len((await here.work.session(two.id)).pauses) == 1
