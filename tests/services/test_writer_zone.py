"""In which zone others write is told by their pauses, and believed only where it is clear."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.model import SessionDraft
from services.settings import Settings
from services.work.writer_zone import Stamp, with_writer_zone
from tests.services.edge_here import services_here

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROME = Settings(home=Path("/nowhere"), zone="Europe/Rome")
_PAUSED = """
INSERT INTO work_sessions (description, start_time, status, pauses)
VALUES ('theirs', now() - interval '2 hours', 'paused', jsonb_build_array(jsonb_build_object(
    'start', to_char(now() AT TIME ZONE %(zone)s, 'YYYY-MM-DD"T"HH24:MI:SS.US'), 'end', NULL, 'reason', NULL)))
"""


def stamps(zone: str, count: int, *, hours: int = 0) -> list[Stamp]:
    """Pauses of one hour each, closed in the moment in which their row was written."""
    moments = [NOON + timedelta(days=20 * number, hours=hours) for number in range(count)]
    return [
        Stamp(moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None), [moment + timedelta(seconds=0.2)])
        for moment in moments
    ]


@pytest.mark.parametrize(
    ("found", "writer"),
    [
        ([], "Europe/Rome"),
        (stamps("UTC", 3), "UTC"),
        (stamps("UTC", 1), "Europe/Rome"),
        (stamps("Europe/Rome", 12), "Europe/Rome"),
        (stamps("Asia/Tokyo", 12), "Europe/Rome"),
        (stamps("UTC", 5) + stamps("Europe/Rome", 4), "Europe/Rome"),
        (stamps("UTC", 8) + stamps("Europe/Rome", 2), "UTC"),
        ([Stamp(NOON.replace(tzinfo=None), [NOON + timedelta(minutes=7)])] * 9, "Europe/Rome"),
    ],
)
def test_only_clear_evidence_moves_the_zone_of_stamps(found: list[Stamp], writer: str) -> None:
    settings, zones = with_writer_zone(ROME, found)
    assert (zones.person, zones.writer, settings.writer_zone or "Europe/Rome") == ("Europe/Rome", writer, writer)


def test_what_is_set_is_not_asked_of_the_data() -> None:
    told = Settings(home=Path("/nowhere"), zone="Europe/Rome", writer_zone="Asia/Tokyo")
    assert with_writer_zone(told, stamps("UTC", 9))[1].line == "Asia/Tokyo (set by MEMORIA_WRITER_TIMEZONE)"


@given(st.lists(st.tuples(st.datetimes(), st.datetimes(timezones=st.just(UTC))), max_size=5))
def test_any_stamps_can_be_judged(found: list[tuple[datetime, datetime]]) -> None:
    settings, _ = with_writer_zone(ROME, [Stamp(wall_clock, [instant]) for wall_clock, instant in found])
    assert settings.writer_zone in (None, "UTC", "Europe/Rome")


async def test_agents_in_docker_are_found_out_when_the_services_open(postgres_url: str, tmp_path: Path) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as upstream:
        for _ in range(2):
            upstream.execute(_PAUSED, {"zone": "UTC"})
    settings = Settings(home=tmp_path, database_url=postgres_url, zone="Asia/Tokyo")
    async with services_here(settings) as services:
        assert services.settings.writer_zone == services.zones.writer == "UTC"
        assert services.zones.line == "UTC (2 of 2 pauses show it)"
        worked = [one.elapsed_seconds(services.clock()) for one in (await services.work.status()).sessions]
        assert worked == [pytest.approx(7200, abs=5)] * 2
    with psycopg.connect(postgres_url, autocommit=True) as upstream:
        upstream.execute("TRUNCATE work_sessions")
    async with services_here(settings) as services:
        await services.work.start(SessionDraft("ours"))
        await services.work.pause()
        assert services.zones.writer == "Asia/Tokyo"
    async with services_here(settings) as services:
        assert services.zones.writer == "Asia/Tokyo"
        assert services.zones.reason.startswith("yours")


async def test_a_database_that_is_away_leaves_the_zone_to_the_settings(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url="postgresql://nobody@127.0.0.1:1/none", zone="Europe/Rome")
    async with services_here(settings) as services:
        assert services.zones.writer == "Europe/Rome"
