"""An embedded store keeps the zone of its stamps: who travels, or changes a setting, moves no date."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.adapters.postgres.embedded import EmbeddedPostgres
from services.model import MemoryDraft
from services.search.query import parse_query
from services.settings import Settings
from services.work.store_zone import keep_zone, kept_zone, with_kept_zone
from services.work.writer_zone import Stamp
from tests.services.edge_here import services_here
from tests.services.made_postgres import Made, MadePostgres

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


async def test_a_store_written_in_utc_has_the_same_dates_in_tokyo(tmp_path: Path, made_postgres: MadePostgres) -> None:
    made_postgres.put(Made.BARE, tmp_path / "postgres")
    server = EmbeddedPostgres(tmp_path / "postgres")
    made = Settings(home=tmp_path, zone="UTC", linger=60)
    try:
        await moved(made)
    finally:
        await server.erase(60)


async def moved(made: Settings) -> None:
    async with services_here(made) as services:
        memory = await services.memories.create(MemoryDraft("written in UTC"))
    for earlier in (False, True):
        if earlier:
            (made.home / "writer-zone").unlink()  # what the history shows is kept instead
        async with services_here(replace(made, zone="Asia/Tokyo")) as services:
            found = await services.search.search(parse_query("since:2h", now=services.clock(), week_begins=0))
            assert [hit.memory.created_at for hit in found.hits] == [memory.created_at], earlier
            assert (services.zones.person, services.zones.line) == ("Asia/Tokyo", "UTC (kept with this store)")
    told = replace(made, zone="Asia/Tokyo", writer_zone="Europe/Rome")
    async with services_here(told) as services:
        assert services.zones.writer == "Europe/Rome"
        assert (await services.memories.get(memory.id)).created_at != memory.created_at


@pytest.mark.parametrize(
    ("offset", "person", "kept"),
    [
        (None, "Asia/Tokyo", "Asia/Tokyo"),
        (0, "Asia/Tokyo", "UTC"),
        (9, "Asia/Tokyo", "Asia/Tokyo"),
        (1, "Asia/Tokyo", None),
    ],
    ids=["no history", "written in UTC", "written at home", "written elsewhere: asked again at the next opening"],
)
def test_an_earlier_store_keeps_what_its_history_shows(
    tmp_path: Path, offset: int | None, person: str, kept: str | None
) -> None:
    settings = Settings(home=tmp_path, zone=person)
    written = [] if offset is None else [Stamp((NOON + timedelta(hours=offset)).replace(tzinfo=None), [NOON])]
    keep_zone(settings, written)
    assert kept_zone(tmp_path) == kept
    keep_zone(replace(settings, zone="Europe/Rome"), [])
    assert with_kept_zone(settings)[0].writer_zone == (kept or "Europe/Rome")


def test_a_file_that_names_no_zone_is_as_none_and_stays(tmp_path: Path) -> None:
    (tmp_path / "writer-zone").write_text("Mars/Base")
    settings = Settings(home=tmp_path, zone="UTC")
    keep_zone(settings, [])
    assert with_kept_zone(settings)[0] == settings
    assert (tmp_path / "writer-zone").read_text() == "Mars/Base"
