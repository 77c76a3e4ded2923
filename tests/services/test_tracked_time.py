"""Time that other programs tracked becomes sessions, twice changes nothing, and sessions go the other way."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.container import Services
from services.errors import UnreadableFile
from services.model import Pause, SessionCategory, SessionChanges, SessionDraft, SessionStatus, WorkSession
from services.ports import NewChange
from services.records import Transaction
from services.settings import Settings
from services.transfer.import_outcome import Side
from services.transfer.import_run import ImportRun
from services.transfer.reader_parts.imported_records import BadRecord, Record, RecordNote, SessionRecord
from services.transfer.reader_parts.source import Source
from services.transfer.time_writers import TimeFormat
from services.work.report_values import SessionFilter
from tests.services.edge_here import services_here

BERLIN = ZoneInfo("Europe/Berlin")
TOGGL = """User,Email,Client,Project,Task,Description,Billable,Start date,Start time,End date,End time,Duration,Tags
Ada,ada@example.org,acme,api,,fix login,Yes,2026-11-20,09:00:00,2026-11-20,10:30:00,01:30:00,"auth, web"
Ada,ada@example.org,acme,api,Review,look at it,No,2026-11-20,23:30:00,2026-11-21,00:15:00,00:45:00,
Ada,ada@example.org,,,,broken,No,20th,23:30:00,2026-11-21,00:15:00,00:45:00,
"""


def read(path: Path, text: str) -> list[Record]:
    path.write_text(text, "utf-8")
    return list(Source(path).records())


def sessions(records: list[Record]) -> list[SessionRecord]:
    return [one for one in records if isinstance(one, SessionRecord)]


def local(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    """A time of 2026 that tells no zone."""
    return datetime(2026, month, day, hour, minute)  # noqa: DTZ001


def told(records: list[Record]) -> list[str]:
    return [f"{one.where}: {one.reason}" for one in records if isinstance(one, (BadRecord, RecordNote))]


def test_a_text_that_no_session_takes_is_told_and_left_out(tmp_path: Path) -> None:
    records = read(tmp_path / "a.csv", TOGGL.replace("fix login", "x" * 10_001))
    assert len(sessions(records)) == 1
    assert "a text of 10,001 characters; a session takes 10,000" in " ".join(told(records))


def test_toggl_gives_sessions_with_client_project_and_tags_and_tells_what_it_cannot_read(tmp_path: Path) -> None:
    found = read(tmp_path / "a.csv", TOGGL)
    first, second = sessions(found)
    assert (first.description, first.client, first.project) == ("fix login", "acme", "api")
    assert (first.tags, first.billable) == (("auth", "web"), True)
    assert (first.start, first.end) == (local(11, 20, 9), local(11, 20, 10, 30))
    assert (second.end, second.billable, second.notes) == (local(11, 21, 0, 15), False, ("Task: Review",))
    assert told(found) == ["row 4: '20th 23:30:00' is not a tracked time"]


@pytest.mark.parametrize(
    ("dates", "day", "doubtful"),
    [(("11/20/2026", "11/02/2026"), 2, False), (("20/11/2026", "02/11/2026"), 2, False), (("02/11/2026",), 2, True)],
)
def test_clockify_dates_are_read_as_the_whole_table_tells(
    tmp_path: Path, dates: tuple[str, ...], day: int, doubtful: bool
) -> None:
    head = "Project,Client,Description,Tags,Billable,Start Date,Start Time,End Date,End Time,Duration (h)\n"
    rows = [f"api,acme,plan,,Yes,{one},01:00:00 PM,{one},02:30:00 PM,01:30:00\n" for one in dates]
    found = read(tmp_path / "c.csv", head + "".join(rows))
    assert sessions(found)[-1].start == local(11, day, 13)
    assert bool(told(found)) is doubtful


def test_timewarrior_is_read_as_export_and_as_its_files_alike(tmp_path: Path) -> None:
    entry = {"id": 2, "start": "20261120T080000Z", "end": "20261120T093000Z", "tags": ["auth", "client:acme"]}
    running = {"id": 1, "start": "20261120T100000Z", "tags": ["auth"]}
    exported = read(tmp_path / "t.json", json.dumps([{**entry, "annotation": "fix login"}, running]))
    line = 'inc 20261120T080000Z - 20261120T093000Z # auth "client:acme" # "fix login"\ninc 20261120T100000Z # auth\n'
    database = read(tmp_path / "2026-11.data", line)
    (one,), (other,) = sessions(exported), sessions(database)
    assert (one.id, one.description, one.client, one.tags) == (other.id, "fix login", "acme", ("auth",))
    assert (one.start, other.end) == (datetime(2026, 11, 20, 8, tzinfo=UTC), datetime(2026, 11, 20, 9, 30, tzinfo=UTC))
    assert told(exported) == ["record 2: it is still running"]
    assert told(database) == ["line 2: it is still running"]


def test_timewarrior_quotes_with_quotation_marks_alone(tmp_path: Path) -> None:
    line = 'inc 20261120T080000Z - 20261120T093000Z # don\'t "two words" # "it\'s \\"done\\""\n'
    (one,) = sessions(read(tmp_path / "2026-11.data", line))
    assert (one.tags, one.description) == (("don't", "two words"), 'it\'s "done"')


def test_a_table_with_line_ends_of_old_macs_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        read(tmp_path / "a.csv", "Start date,Start time\rDuration,Description\r")


def test_a_calendar_that_says_things_twice_or_wrongly_costs_no_other_event(tmp_path: Path) -> None:
    event = (
        "BEGIN:VEVENT\nUID:{0}\nDTSTART:20261120T090000Z\nDURATION:PT1H\nSUMMARY:{0}\nSUMMARY:again\n{1}END:VEVENT\n"
    )
    again = "RECURRENCE-ID:20261120T090000Z\n"
    events = event.format("one", again * 2) + event.format("two", "RECURRENCE-ID:soon\n") + event.format("three", again)
    found = read(tmp_path / "a.ics", f"BEGIN:VCALENDAR\n{events}END:VCALENDAR\n".replace("\n", "\r\n"))
    assert [one.description for one in sessions(found)] == ["two", "three"]
    assert [one.split(":")[0] for one in told(found)] == ["event 1"]


def test_watson_is_read_as_frames_and_as_its_log_alike(tmp_path: Path) -> None:
    key = "a1b2c3d4e5f64abc8def001122334455"
    frames = read(tmp_path / "frames", json.dumps([[1763625600, 1763631000, "api", key, ["auth"], 1763631000]]))
    log = {"id": key, "start": "2025-11-20T09:00:00+01:00", "stop": "2025-11-20T10:30:00+01:00", "project": "api"}
    (one,), (other,) = sessions(frames), sessions(read(tmp_path / "log.json", json.dumps([{**log, "tags": ["auth"]}])))
    assert (one.id, one.project, one.tags, one.start) == (other.id, "api", ("auth",), other.start)


def test_klog_gives_ranges_lengths_and_breaks(tmp_path: Path) -> None:
    text = """2026-11-20 (8h!)
Planning day #acme

    9:00 - 10:30 fix login #auth #client=acme
        in two steps #web
        done
    1h15m review #project="the api"
    -15m coffee
    <23:30 - 0:30 late
    22:00 - 0:30> night
    14:00 - ?
    nonsense
    99999999h
    9999999999999999m

0001-01-01
    <23:00 - 8:00
"""
    found = read(tmp_path / "work.klg", text)
    login, review, late, night = sessions(found)
    assert (login.description, login.client, login.tags) == (
        "fix login in two steps done",
        "acme",
        ("acme", "auth", "web"),
    )
    assert (review.start, review.end) == (local(11, 20, 10, 30), local(11, 20, 11, 45))
    assert (review.project, review.pauses[0].reason) == ("the api", "coffee")
    assert (late.start, night.end) == (local(11, 19, 23, 30), local(11, 21, 0, 30))
    assert [one.split(":")[0] for one in told(found)] == [f"line {number}" for number in (7, 8, 11, 12, 13, 14, 17)]


def test_a_calendar_gives_its_events_and_tells_what_is_no_work(tmp_path: Path) -> None:
    text = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:test
BEGIN:VEVENT
UID:one
DTSTART;TZID=Europe/Berlin:20261120T090000
DURATION:PT1H30M
SUMMARY:fix login
CATEGORIES:auth,client:acme
END:VEVENT
BEGIN:VEVENT
UID:two
DTSTART;VALUE=DATE:20261120
SUMMARY:holiday
END:VEVENT
BEGIN:VEVENT
UID:three
DTSTART:20261120T090000Z
DTEND:20261120T093000Z
RRULE:FREQ=DAILY
SUMMARY:stand-up
END:VEVENT
END:VCALENDAR
"""
    found = read(tmp_path / "work.ics", text.replace("\n", "\r\n"))
    (one,) = sessions(found)
    assert (one.description, one.client, one.tags) == ("fix login", "acme", ("auth",))
    assert (one.start, one.end - one.start) == (datetime(2026, 11, 20, 9, tzinfo=BERLIN), timedelta(hours=1.5))
    assert told(found) == [
        "event 2: it lasts all of 2026-11-20: such an event is no work",
        "event 3: it is repeated: export the calendar with its single events",
    ]
    cut = read(tmp_path / "cut.ics", text[: text.index("DTEND")].replace("\n", "\r\n"))
    assert (len(sessions(cut)), told(cut)[-1]) == (1, "event 3: the file ends before the calendar does")
    for broken in (
        text.replace("END:VEVENT", "", 1),
        text.replace("BEGIN:VEVENT", "BEGIN:VTIMEZONE\nEND:VTIMEZONE", 1),
    ):
        with pytest.raises(UnreadableFile):
            read(tmp_path / "broken.ics", broken.replace("\n", "\r\n"))


@pytest.fixture
async def services(tmp_path: Path, postgres_url: str) -> AsyncIterator[Services]:
    settings = Settings(home=tmp_path / "home", database_url=postgres_url, zone="Europe/Berlin")
    async with services_here(settings) as services:
        yield services


async def test_an_import_twice_changes_nothing_and_what_was_changed_or_deleted_here_stays(
    services: Services, tmp_path: Path
) -> None:
    async def run(text: str, side: Side | None = None) -> tuple[int, int, int]:
        (tmp_path / "a.csv").write_text(text, "utf-8")
        report = await services.importing.import_sources([Source(tmp_path / "a.csv")], take=lambda _: side)
        return report.sessions, report.unchanged, len(report.kept)

    good = TOGGL.rsplit("\n", 2)[0] + "\n"
    assert await run(good) == (2, 0, 0)
    assert await run(f"{good}\n") == (0, 2, 0)
    login, look = await services.reports.sessions(SessionFilter())
    assert (login.client, login.project, login.tags, login.start) == (
        "acme",
        "api",
        ("auth", "web"),
        datetime(2026, 11, 20, 8, tzinfo=UTC),
    )
    assert await run(good.replace("fix login", "repair login")) == (1, 1, 0)
    login = await services.work.session(login.id)
    assert login.description == "repair login"
    await services.work.edit(login, SessionChanges(description="mine"))
    await services.work.delete(look.id)
    assert await run(f"{good}\n\n") == (0, 1, 1)
    assert [one.description for one in await services.reports.sessions(SessionFilter())] == ["mine"]
    assert await run(f"{good}\n\n", Side.MINE) == (1, 1, 0)
    assert await run(f"{good}\n") == (0, 2, 0)
    assert (await services.work.session(login.id)).description == "mine"


async def test_an_undone_import_of_tracked_time_comes_again(services: Services, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TOGGL, "utf-8")
    source = [Source(tmp_path / "a.csv")]
    assert (await services.importing.import_sources(source, dry_run=True)).sessions == 2
    assert (await services.importing.import_sources(source)).sessions == 2
    await services.memories.undo()
    assert await services.reports.sessions(SessionFilter()) == []
    assert (await services.importing.import_sources([Source(tmp_path / "a.csv")])).sessions == 2


async def test_what_a_source_no_longer_says_goes_here_too(services: Services, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    for billable, tags in (("Yes", '"auth, web"'), ("No", ""), ("Yes", "web")):
        text = (
            TOGGL.splitlines()[0] + f"\nAda,,acme,api,,x,{billable},2026-11-20,9:00,2026-11-20,10:00,1:00:00,{tags}\n"
        )
        file.write_text(text, "utf-8")
        assert (await services.importing.import_sources([Source(file)])).sessions == 1
        (one,) = await services.reports.sessions(SessionFilter())
        assert (one.billable, one.tags) == (billable == "Yes", tuple(tags.strip('"').split(", ")) if tags else ())
        file.write_text(f"{text}\n", "utf-8")
        assert (await services.importing.import_sources([Source(file)])).unchanged == 1


async def test_what_others_change_while_it_is_imported_stays_and_is_told(services: Services, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(TOGGL, "utf-8")
    await services.importing.import_sources([Source(file)])
    login, look = await services.reports.sessions(SessionFilter())
    file.write_text(TOGGL.replace("fix login", "repair login").replace("look at it", "look again"), "utf-8")
    write = services.importing._tracked.write

    async def after_others(run: ImportRun, transaction: Transaction) -> Sequence[NewChange]:
        await services.work.edit(login, SessionChanges(end=login.end - timedelta(minutes=30) if login.end else None))
        return await write(run, transaction)

    services.importing._tracked.write = after_others  # type: ignore[method-assign]
    report = await services.importing.import_sources([Source(file)])
    assert (report.sessions, [one.memory_id for one in report.kept]) == (1, [login.id])
    assert [(one.description, one.end) for one in await services.reports.sessions(SessionFilter())] == [
        ("fix login", datetime(2026, 11, 20, 9, tzinfo=UTC)),
        ("look again", look.end),
    ]


@pytest.mark.parametrize("format_", list(TimeFormat))
async def test_what_is_written_for_a_tracker_is_read_back_elsewhere_and_doubles_nothing_here(
    services: Services, tmp_path: Path, second_url: str, format_: TimeFormat
) -> None:
    start = datetime(2026, 10, 25, 22, 10, tzinfo=UTC)
    draft = SessionDraft("=fix, login #12", SessionCategory.MEETING, "Acme Inc", "api", tags=("auth",), billable=False)
    made, _ = await services.work.add(replace(draft, start=start, end=start + timedelta(hours=2)))
    middle = start + timedelta(minutes=30)
    await services.work.edit(made, SessionChanges(pauses=(Pause(middle, middle + timedelta(minutes=10), "tea"),)))
    file = tmp_path / f"work{format_.suffix}"
    file.write_text(format_.writer.written(await services.reports.sessions(SessionFilter()), BERLIN).text, "utf-8")
    assert (await services.importing.import_sources([Source(file)])).sessions == 0
    assert len(await services.reports.sessions(SessionFilter())) == 1
    async with services_here(
        Settings(home=tmp_path / "second", database_url=second_url, zone="Europe/Berlin")
    ) as second:
        report = await second.importing.import_sources([Source(file)])
        assert (report.failed, report.sessions) == ([], 1 if format_ is TimeFormat.ICALENDAR else 2)
        there = await second.reports.sessions(SessionFilter())
    words, tags = ("=fix, login", ("12", "auth")) if format_ is TimeFormat.KLOG else ("=fix, login #12", ("auth",))
    assert {(one.description, one.client, one.project, one.tags) for one in there} == {(words, "Acme Inc", "api", tags)}
    assert not any(one.billable for one in there)
    assert sum(one.elapsed_seconds(start) for one in there) == 6600


async def test_a_calendar_from_here_is_what_is_here_also_with_pauses_of_no_time_and_tells_what_differs_once_it_does(
    services: Services, tmp_path: Path
) -> None:
    start = datetime(2026, 11, 20, 8, tzinfo=UTC)
    made, _ = await services.work.add(SessionDraft("login", start=start, end=start + timedelta(hours=2)))
    tea, late = start + timedelta(minutes=30), start + timedelta(hours=1)
    pauses = (
        Pause(tea, tea),
        Pause(tea + timedelta(minutes=1), late, "tea"),
        Pause(late + timedelta(minutes=30), made.end),
    )
    session = await services.work.edit(made, SessionChanges(pauses=pauses))
    file = tmp_path / "work.ics"
    file.write_text(TimeFormat.ICALENDAR.writer.written([session], BERLIN).text, "utf-8")
    report = await services.importing.import_sources([Source(file)])
    assert (report.unchanged, report.sessions, report.kept) == (1, 0, [])
    await services.work.edit(session, SessionChanges(description="logout", pauses=()))
    (kept,) = (await services.importing.import_sources([Source(file)])).kept
    assert kept.texts is not None
    here, there = (text.splitlines() for text in kept.texts)
    assert here[:2] == ["description: logout", "end: 2026-11-20 11:00:00"]
    assert there[:2] == ["description: login", "end: 2026-11-20 10:30:00"]
    assert (here[2], there[2]) == ("pauses: none", "pauses: 2026-11-20 09:31:00 – 2026-11-20 10:00:00")


@pytest.mark.parametrize("format_", [TimeFormat.TOGGL, TimeFormat.CLOCKIFY])
async def test_how_long_a_row_lasted_tells_which_of_the_repeated_hours_is_meant(
    services: Services, tmp_path: Path, second_url: str, format_: TimeFormat
) -> None:
    night = datetime(2026, 10, 25, tzinfo=UTC)
    spans = [(30, 100), (50, 75), (80, 130), (20, 40)]
    """Minutes after 2:00 of the first time that it is that hour."""
    for begin, end in spans:
        draft = SessionDraft(f"from {begin}", start=night + timedelta(minutes=begin))
        await services.work.add(replace(draft, end=night + timedelta(minutes=end)))
    late = SessionDraft("late", start=night + timedelta(minutes=70), end=night + timedelta(minutes=90))
    await services.work.add(late)
    file = tmp_path / f"work{format_.suffix}"
    file.write_text(format_.writer.written(await services.reports.sessions(SessionFilter()), BERLIN).text, "utf-8")
    assert (await services.importing.import_sources([Source(file)])).sessions == 0
    async with services_here(
        Settings(home=tmp_path / "second", database_url=second_url, zone="Europe/Berlin")
    ) as second:
        report = await second.importing.import_sources([Source(file)])
        there = {one.description: one for one in await second.reports.sessions(SessionFilter())}
        assert (await second.importing.import_sources([Source(file)])).notes == []
    sure = [there[f"from {begin}"] for begin, _ in spans]
    assert [((one.start - night) / timedelta(minutes=1), (one.end or night) - night) for one in sure] == [
        (begin, timedelta(minutes=end)) for begin, end in spans
    ]
    assert there["late"].start == night + timedelta(minutes=10), "nothing in the file tells"
    assert {one.reason.partition(" is ")[0] for one in report.notes} == {'"from 20"', '"late"'}


async def test_an_entry_that_was_moved_in_its_program_is_known_by_its_id_and_told_where_it_has_none(
    services: Services, tmp_path: Path
) -> None:
    async def run(name: str, text: str) -> tuple[int, int, list[str]]:
        (tmp_path / name).write_text(text, "utf-8")
        report = await services.importing.import_sources([Source(tmp_path / name)])
        return report.sessions, len(await services.reports.sessions(SessionFilter())), [n.reason for n in report.notes]

    head, row = "Id,Client,Description,Start date,Start time,End date,End time,Duration\n", "17,acme,{},2026-11-20,{}\n"
    assert await run("a.csv", head + row.format("plan", "09:00:00,2026-11-20,10:00:00,1:00:00")) == (1, 1, [])
    assert await run("a.csv", head + row.format("plan", "08:00:00,2026-11-20,10:00:00,2:00:00")) == (1, 1, [])
    (one,) = await services.reports.sessions(SessionFilter())
    assert one.elapsed_seconds(one.start) == 7200
    entry = {"id": 1, "start": "20261121T080000Z", "end": "20261121T093000Z", "tags": ["auth"]}
    other = {"id": 2, "start": "20261121T100000Z", "end": "20261121T110000Z", "tags": ["auth"]}
    assert await run("t.json", json.dumps([entry, other])) == (2, 3, [])
    sessions, here, told_ = await run("t.json", json.dumps([{**entry, "start": "20261121T083000Z"}, other]))
    assert (sessions, here) == (1, 4)
    assert [one.split(" (")[0] for one in told_] == ['"auth" overlaps one of this name']


@pytest.mark.parametrize(
    ("begins", "minutes", "entry"),
    [
        (datetime(2026, 10, 24, 22, 30, tzinfo=UTC), 300, '5h0m x #began="2026-10-25T00:30+02:00"'),
        (datetime(2026, 3, 28, 23, 30, tzinfo=UTC), 180, '3h0m x #began="2026-03-29T00:30+01:00"'),
        (datetime(2026, 10, 25, 1, 15, tzinfo=UTC), 30, '0h30m x #began="2026-10-25T02:15+01:00"'),
        (datetime(2026, 10, 25, 1, 15, tzinfo=UTC), 120, '2h0m x #began="2026-10-25T02:15+01:00"'),
        (datetime(2026, 10, 25, 2, 15, tzinfo=UTC), 30, "03:15 - 03:45 x"),
    ],
)
def test_klog_has_the_hours_that_were_worked_where_the_clocks_change_and_they_come_back(
    tmp_path: Path, begins: datetime, minutes: int, entry: str
) -> None:
    ends = begins + timedelta(minutes=minutes)
    one = WorkSession("", "x", SessionCategory.OTHER, SessionStatus.COMPLETED, begins, ends)
    text = TimeFormat.KLOG.writer.written([one], BERLIN).text
    assert text.splitlines()[1].strip() == entry
    found = read(tmp_path / "a.klg", text)
    (back,) = sessions(found)
    start, end = (at if at.tzinfo else at.replace(tzinfo=BERLIN) for at in (back.start, back.end))
    assert (start, end, back.tags, back.description, told(found)) == (begins, ends, (), "x", [])


@pytest.mark.parametrize("format_", list(TimeFormat))
def test_what_is_too_short_for_a_format_is_counted_and_told(format_: TimeFormat) -> None:
    start = datetime(2026, 11, 20, 8, tzinfo=UTC)
    short, long = (
        WorkSession(name, name, SessionCategory.OTHER, SessionStatus.COMPLETED, start, start + lasted)
        for name, lasted in (("blink", timedelta(milliseconds=200)), ("hour", timedelta(hours=1)))
    )
    blink = replace(short, end=start + timedelta(seconds=20)) if format_ is TimeFormat.KLOG else short
    made = format_.writer.written([blink, long], BERLIN)
    unit = "minute" if format_ is TimeFormat.KLOG else "second"
    assert (made.sessions, "blink" in made.text) == (1, False)
    assert made.lost == f"1 session without a whole {unit}; {format_.writer.lost}"
    assert format_.writer.written([long], BERLIN).lost == format_.writer.lost
