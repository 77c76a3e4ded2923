"""Pauses across zones and changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.model import Pause, SessionCategory, SessionStatus, WorkSession
from services.times import WriterZone
from services.work.pauses import decoded, encoded, minutes, replaced, rewritten
from services.work.worked_time import flaws

BERLIN = WriterZone(ZoneInfo("Europe/Berlin"))
ZONES = [
    WriterZone(ZoneInfo(name))
    for name in (
        *("UTC", "Europe/Berlin", "Europe/London", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"),
        *("Pacific/Apia", "Pacific/Kiritimati", "America/St_Johns"),
    )
]
zones = st.sampled_from(ZONES)
START = datetime(2026, 10, 24, 12, tzinfo=UTC)
END = START + timedelta(days=2)
"""Around the night in which the clocks of Europe repeat an hour."""


@st.composite
def paused(draw: st.DrawFn) -> tuple[Pause, ...]:
    """Pauses in a session from START to END, one after the other, the last one perhaps open."""
    seconds = sorted(draw(st.lists(st.integers(0, 2 * 86_400), max_size=8, unique=True)))
    moments = [START + timedelta(seconds=one) for one in seconds]
    reasons = draw(st.lists(st.none() | st.text(max_size=3), min_size=4, max_size=4))
    closed = [Pause(a, b, reason) for (a, b, reason) in zip(moments[::2], moments[1::2], reasons, strict=False)]
    return (*closed, *(Pause(one) for one in moments[len(closed) * 2 :]))


@given(paused(), zones, zones)
def test_any_reader_gets_the_instants_that_any_writer_wrote(
    pauses: tuple[Pause, ...], writer: WriterZone, reader: WriterZone
) -> None:
    assert decoded(encoded(pauses, writer), reader, START, END) == (pauses, ())


@given(paused(), zones, zones)
def test_what_upstream_reads_of_a_pause_that_we_end_lasts_as_long_as_the_pause(
    pauses: tuple[Pause, ...], writer: WriterZone, reader: WriterZone
) -> None:
    """Upstream opens a pause by its clock, we end it by ours; the texts alone tell how long it was."""
    for pause in pauses:
        opened = [{"start": pause.start.astimezone(writer).replace(tzinfo=None).isoformat(), "end": None}]
        (begun,), _ = decoded(opened, reader, START, END)
        assume(begun.start <= END)  # clocks differ by seconds: what began after the end is left out
        (ended,) = rewritten(opened, reader, START, END, until=END)
        assert isinstance(ended, dict)
        offsets = {begun.start.astimezone(reader).utcoffset(), END.astimezone(reader).utcoffset()}
        if len(offsets) == 1:
            told = datetime.fromisoformat(str(ended["end"])) - datetime.fromisoformat(str(ended["start"]))
            assert told == END - begun.start
        assert ended["start"] == opened[0]["start"]
        assert decoded([ended], reader, START, END)[0] == (Pause(begun.start, END),)


@given(paused(), zones, zones)
def test_entries_that_do_not_change_stay_as_they_are(
    pauses: tuple[Pause, ...], writer: WriterZone, reader: WriterZone
) -> None:
    stored = encoded(pauses, writer)
    closed = [entry for entry in stored if entry["end"] is not None]
    assert rewritten(stored, reader, START, END, until=END)[: len(closed)] == closed
    assert replaced(stored, reader, START, END, pauses) == stored


@given(paused())
def test_where_upstream_dropped_the_instants_the_texts_tell(pauses: tuple[Pause, ...]) -> None:
    texts = [{key: entry[key] for key in ("start", "end", "reason")} for entry in encoded(pauses, ZONES[0])]
    assert decoded(texts, ZONES[0], START, END) == (pauses, ())


def test_a_pause_over_the_repeated_hour_lasts_an_hour() -> None:
    summer, winter = (timezone(timedelta(hours=hours)) for hours in (2, 1))
    pause = Pause(datetime(2026, 10, 25, 2, 30, tzinfo=summer), datetime(2026, 10, 25, 2, 30, tzinfo=winter))
    stored = encoded([pause], BERLIN)
    assert stored[0]["start"] == stored[0]["end"] == "2026-10-25T02:30:00"
    (read,), _ = decoded(stored, BERLIN, START, END)
    assert (read.end or END) - read.start == timedelta(hours=1)
    assert minutes([read]) == 60


def test_pauses_written_in_berlin_are_right_in_london() -> None:
    """Half past three to half past four of a day from nine to five: read an hour later it would end after the day."""
    start, end = (datetime(2026, 11, 20, hour, tzinfo=ZoneInfo("Europe/Berlin")) for hour in (9, 17))
    pauses = (Pause(end - timedelta(minutes=90), end - timedelta(minutes=30)),)
    read, found = decoded(encoded(pauses, BERLIN), WriterZone(ZoneInfo("Europe/London")), start, end)
    assert (read, found) == (pauses, ())
    session = WorkSession("1", "work", SessionCategory.CODING, SessionStatus.COMPLETED, start, end, pauses=read)
    assert flaws(session, end) == ()


@pytest.mark.parametrize(
    "instant", ["2026-10-25T04:30:00+01:00", "2026-10-25T02:30:00", "yesterday", 7, "2026-10-25T02:30:00+99:00"]
)
def test_an_instant_that_is_not_the_texts_does_not_count(instant: object) -> None:
    entry = {"start": "2026-10-24T14:00:00", "end": "2026-10-24T15:00:00", "start_at": instant, "end_at": instant}
    assert decoded([entry], BERLIN, START, END)[0] == (Pause(START, START + timedelta(hours=1)),)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 7 * 3600), zones)
def test_clocks_that_differ_by_a_minute_are_not_another_zone(
    early: int, late: int, length: int, zone: WriterZone
) -> None:
    """Another program stamps a pause by its own clock: it may end a moment after the session, or begin before it."""
    for pause in (
        Pause(START - timedelta(seconds=early), START + timedelta(seconds=length)),
        Pause(END - timedelta(seconds=length), END + timedelta(seconds=late)),
    ):
        texts = [{key: value for key, value in encoded([pause], zone)[0].items() if not key.endswith("_at")}]
        read, found = decoded(texts, zone, START, END)
        assert (read, found) == ((pause,), ())
        session = WorkSession("1", "work", SessionCategory.CODING, SessionStatus.COMPLETED, START, END, pauses=read)
        assert flaws(session, END) == ()


def test_another_zone_is_found_though_clocks_differ() -> None:
    """Written in Berlin and read in London, the pause ends 30 seconds after the session."""
    end = START + timedelta(hours=8)
    texts = [{"start": "2026-10-24T21:30:30", "end": "2026-10-24T22:00:30", "reason": None}]
    (read,), _ = decoded(texts, WriterZone(ZoneInfo("Europe/London")), START, end)
    assert read.end == end + timedelta(seconds=30)
