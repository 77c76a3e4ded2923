"""Work sessions, clients and projects as PostgreSQL keeps them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from services.errors import InvalidInput
from services.model import Entity, Pause, SessionCategory, SessionStatus
from services.records import Records
from services.records.exported_rows import Row
from tests.services.servers import query

ROME = ZoneInfo("Europe/Rome")


def session(**columns: object) -> dict[str, object]:
    return {
        "id": str(uuid4()),
        "description": "Fix the grid",
        "category": "coding",
        "start_time": "2026-07-15T10:00:00+00:00",
        "status": "active",
        **columns,
    }


async def upsert(records: Records, *sessions: Row) -> int:
    async with records.transaction() as transaction:
        written = await transaction.rows.upsert_sessions(sessions)
        return sum(one.entity is Entity.SESSION and one.before is None for one in written)


async def all_rows(records: Records) -> list[Row]:
    return [row async for batch in records.rows.sessions(batch=2) for row in batch]


async def test_an_open_session_is_read_with_names_and_pauses_in_the_writers_zone(records: Records) -> None:
    row = session(
        status="paused",
        client="Acme",
        project="Website",
        issue_number=7,
        branch="grid",
        notes=["one", "two"],
        pauses=[
            {"start": "2026-07-15T12:30:00", "end": "2026-07-15T12:45:00.5", "reason": "coffee ☕"},
            {"start": "2026-07-15T11:00:00+00:00", "end": None, "reason": None},
            {"start": "broken"},
            "no pause",
        ],
    )
    await upsert(records, row, session(status="completed", end_time="2026-07-15T11:00:00Z"))
    (found,) = (await records.pulse(datetime.now(UTC))).sessions
    assert (found.id, found.client, found.project, found.notes) == (row["id"], "Acme", "Website", ("one", "two"))
    assert (found.category, found.status) == (SessionCategory.CODING, SessionStatus.PAUSED)
    assert found.pauses == (
        Pause(
            datetime(2026, 7, 15, 10, 30, tzinfo=UTC),
            datetime(2026, 7, 15, 10, 45, 0, 500_000, tzinfo=UTC),
            "coffee ☕",
        ),
        Pause(datetime(2026, 7, 15, 11, 0, tzinfo=UTC)),
    )
    now = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)
    assert found.elapsed_seconds(now) == 7200 - 900.5 - 3600


async def test_whole_rows_go_out_and_come_in_the_same(records: Records, postgres_url: str) -> None:
    rows = [
        session(
            client="Acme",
            project="Website",
            status="completed",
            end_time="2026-07-15T12:30:00+00:00",
            pauses=[{"start": "2026-07-15T10:30:00", "end": "2026-07-15T11:00:00", "reason": None}],
            total_pause_minutes=30,
            notes=["done"],
            created_at="2026-07-15T10:00:00+00:00",
            updated_at="2026-07-16T10:00:00+00:00",
        ),
        session(project="Without client", pr_number=3, memory_id=str(uuid4())),
        session(description="NUL \x00"),
    ]
    assert await upsert(records, *rows) == 3
    exported = await all_rows(records)
    assert [row["duration_minutes"] for row in exported if row["status"] == "completed"] == [120]
    assert {row["description"] for row in exported} == {"Fix the grid", "NUL �"}
    query(postgres_url, "TRUNCATE work_sessions, projects, clients")
    assert await upsert(records, *exported) == 3
    assert await all_rows(records) == exported
    assert await upsert(records, *exported) == 0
    assert await all_rows(records) == exported


async def test_an_existing_session_is_overwritten_whole(records: Records) -> None:
    row = session(client="Acme", branch="old")
    await upsert(records, row)
    assert await upsert(records, {**row, "client": "Other", "branch": None}) == 0
    (found,) = (await records.pulse(datetime.now(UTC))).sessions
    assert (found.client, found.branch) == ("Other", None)


async def test_names_win_over_ids_and_a_taken_id_is_not_given_twice(records: Records, postgres_url: str) -> None:
    await upsert(records, session(client="Acme", project="Site"))
    ((acme,),) = query(postgres_url, "SELECT id FROM clients")
    ((site,),) = query(postgres_url, "SELECT id FROM projects")
    await upsert(
        records,
        session(client="New", client_id=str(acme), project="Site", project_id=str(site)),
        session(client="Acme", client_id=str(uuid4()), project="Site", project_id=str(uuid4())),
        session(client_id=str(uuid4()), project="Site"),
        session(project="Site"),
    )
    assert query(postgres_url, "SELECT name, count(*) FROM clients GROUP BY name ORDER BY name") == [
        ("Acme", 1),
        ("New", 1),
    ]
    assert query(
        postgres_url,
        "SELECT c.name, count(DISTINCT p.id), count(*) FROM projects p LEFT JOIN clients c ON c.id = client_id "
        "JOIN work_sessions s ON s.project_id = p.id GROUP BY 1 ORDER BY 1",
    ) == [("Acme", 1, 2), ("New", 1, 1), (None, 1, 2)]


async def test_a_value_that_does_not_fit_is_refused_and_nothing_written(records: Records) -> None:
    for wrong in ({"category": "sleeping"}, {"start_time": "yesterday-ish"}, {"id": "x"}, {"issue_number": "seven"}):
        with pytest.raises(InvalidInput):
            await upsert(records, session(), session(**wrong))
    assert await all_rows(records) == []


async def test_two_projects_of_one_name_without_client_do_not_double_sessions(
    records: Records, postgres_url: str
) -> None:
    query(
        postgres_url,
        "INSERT INTO projects (name, created_at) VALUES ('Site', now() - interval '1 day'), ('Site', now())",
    )
    await upsert(records, session(project="Site"), session(project="Site"))
    assert len((await records.pulse(datetime.now(UTC))).sessions) == 2
    assert query(postgres_url, "SELECT count(DISTINCT project_id) FROM work_sessions") == [(1,)]


async def test_user_settings_are_read_as_json(records: Records, postgres_url: str) -> None:
    query(postgres_url, """INSERT INTO user_settings VALUES ('work_day_hours', '7.5'), ('timezone', '"Europe/Rome"')""")
    assert await records.user_settings.all() == {"work_day_hours": 7.5, "timezone": "Europe/Rome"}


async def test_status_counts_what_is_there(records: Records) -> None:
    await upsert(records, session(start_time=datetime.now(UTC) - timedelta(hours=1)))
    status = await records.status()
    assert (status.ok, status.problems) == (True, ())
    assert status.counts == {"relations": 0, "sessions": 1, "changes": 0, "pending": 0}
    assert status.version.startswith("18.")
    assert status.latency_ms is not None
