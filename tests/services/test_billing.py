"""What is billed: rates, rounding, budgets, timesheets, and sessions that were billed."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from services.errors import Billed, Conflict, InvalidInput, NotFound
from services.model import Entity, SessionCategory, SessionChanges, SessionDraft, WorkSession
from services.times import Period
from services.work import timesheet_files
from services.work.billing_values import (
    TERMS,
    Budget,
    Rate,
    Rounding,
    Terms,
    Timesheet,
    changed_terms,
    read_budget,
    read_rate,
    read_rounding,
    terms_of,
)
from services.work.report_values import SessionFilter, WarningKind
from tests.services.worktables import Bench, bench

TODAY = date(2026, 11, 20)
NOVEMBER = date(2026, 11, 1)


@pytest.fixture
async def here(postgres_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(postgres_url, tmp_path) as opened:
        yield opened


async def added(here: Bench, what: str, start: str, hours: float, **about: object) -> WorkSession:
    """Work for acme in the zone of Rome."""
    begun = datetime.fromisoformat(f"2026-{start}+01:00").astimezone(UTC)
    draft = SessionDraft(what, start=begun, end=begun + timedelta(hours=hours), **{"client": "acme", **about})  # type: ignore[arg-type]
    return (await here.work.add(draft))[0]


async def agreed(here: Bench, *rates: str, rounding: str = "", budget: str = "", project: str | None = None) -> None:
    terms = changed_terms(Terms(), {"rates": "\n".join(rates), "rounding": rounding, "budget": budget}, TODAY)
    kind, name = (Entity.PROJECT, project) if project else (Entity.CLIENT, "acme")
    await here.billing.set_terms(kind, name, terms)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("95 EUR", Rate(Decimal(95), "EUR")),
        ("120,50 eur meeting", Rate(Decimal("120.50"), "EUR", SessionCategory.MEETING)),
        ("0.125 EUR", Rate(Decimal("0.125"), "EUR")),
        ("80USD from 2027-02", Rate(Decimal(80), "USD", None, date(2027, 2, 1))),
        ("1.5 CHF review from 2026", Rate(Decimal("1.5"), "CHF", SessionCategory.REVIEW, date(2026, 1, 1))),
    ],
)
def test_a_rate_is_read_as_it_is_written(text: str, rate: Rate) -> None:
    assert read_rate(text, TODAY) == rate
    assert read_rate(str(rate), TODAY) == rate


def test_rounding_and_budgets_are_read_as_they_are_written() -> None:
    for text in ("15 up day", "6 nearest session", "10 up session"):
        assert str(read_rounding(text)) == text
    assert read_rounding("6 min") == Rounding(6)
    assert read_rounding("none") is None
    assert read_budget("40 h a month", TODAY) == Budget(Decimal(40), monthly=True)
    assert str(read_budget("120.5 from 2026-10", TODAY)) == "120.5 from 2026-10-01"


@pytest.mark.parametrize(
    "text", ["EUR 95", "95", "-5 EUR", "95 EURO", "95 EUR sleeping", "95 EUR from then", "12,000 JPY", "1.200 EUR"]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_rate(text, TODAY)


def test_terms_that_another_program_wrote_are_read_as_far_as_they_can_be() -> None:
    said = {"rates": ["95 EUR", "much", 3, "95 EUR from last-week"], "rounding": 7, "budget": "9 from last-week"}
    assert terms_of({"billing": said}) == Terms((Rate(Decimal(95), "EUR"),))
    assert terms_of({"billing": {"rates": ["1.250 EUR"]}}) == Terms((Rate(Decimal("1.25"), "EUR"),)), "as it was kept"
    assert terms_of({"billing": "95 EUR"}) == terms_of({}) == Terms()


AGREED = Terms((Rate(Decimal(95), "EUR"), Rate(Decimal(60), "CHF")), Rounding(15), Budget(Decimal(40), monthly=True))
"""With a value in each field."""


@pytest.mark.parametrize("name", [field.name for field in fields(Terms)])
def test_every_field_of_the_terms_is_stored_shown_and_kept_when_another_one_is_changed(name: str) -> None:
    alone = replace(Terms(), **{name: getattr(AGREED, name)})
    assert getattr(AGREED, name) != getattr(Terms(), name), "a new field has a value in AGREED"
    assert terms_of({"billing": alone.json()}) == alone
    assert alone.texts()[name] in AGREED.texts().values()
    assert alone.description
    assert changed_terms(Terms(), {name: AGREED.texts()[name]}, TODAY) == alone
    for other in {field.name for field in fields(Terms)} - {name}:
        assert getattr(changed_terms(AGREED, {other: ""}, TODAY), name) == getattr(AGREED, name)


@pytest.mark.parametrize(
    ("rounding", "seconds", "billed"),
    [
        ("6 up", 1, 360),
        ("6 up", 360, 360),
        ("6 up", 0, 0),
        ("15 nearest", 449.999999, 0),
        ("15 nearest", 450, 900),
        ("10 nearest", 3899, 3600),
        ("10 up", 3600.000001, 4200),
    ],
)
def test_time_is_rounded_to_whole_steps(rounding: str, seconds: float, billed: int) -> None:
    agreed = read_rounding(rounding)
    assert agreed is not None
    assert agreed.of(timedelta(seconds=seconds)) == timedelta(seconds=billed)


def test_a_price_is_exact_and_rounded_half_up_to_the_smallest_unit() -> None:
    assert Rate(Decimal("33.33"), "EUR").price(timedelta(minutes=10)) == Decimal("5.56")  # 5.555
    assert Rate(Decimal("0.1"), "EUR").price(timedelta(hours=3)) == Decimal("0.30")
    assert Rate(Decimal(100), "JPY").price(timedelta(minutes=20)) == Decimal(33)
    assert Rate(Decimal(1), "TND").price(timedelta(seconds=5)) == Decimal("0.001")


def test_the_newest_rate_that_holds_counts_and_one_for_the_kind_of_work_goes_first() -> None:
    rates = ("90 EUR", "95 EUR from 2026-10-01", "99 EUR from 2027", "50 EUR meeting")
    terms = changed_terms(Terms(), {"rates": "\n".join(rates)}, TODAY)
    assert [str(terms.rate(day, SessionCategory.CODING).amount) for day in (date(2026, 9, 30), TODAY)] == ["90", "95"]  # type: ignore[union-attr]
    assert terms.rate(TODAY, SessionCategory.MEETING) == Rate(Decimal(50), "EUR", SessionCategory.MEETING)


async def test_a_timesheet_has_the_billable_work_of_a_month_with_its_amounts(here: Bench) -> None:
    await added(here, "late", "10-31T23:30", 1)  # half an hour of it in November
    await added(here, "login", "11-03T09:00", 1.01, project="shop")
    await added(here, "call", "11-03T11:00", 0.5, category=SessionCategory.MEETING)
    await added(here, "proposal", "11-04T09:00", 2, billable=False)
    await added(here, "other", "11-04T12:00", 2, client="globex")
    await here.work.start(SessionDraft("runs", client="acme"))
    await agreed(here, "60 EUR", "90 EUR meeting", rounding="6 up session")
    await agreed(here, "120 EUR", project="shop")
    sheet = await here.billing.timesheet("ACME", TODAY)
    assert [(line.day.day, line.description, str(line.time), line.amount) for line in sheet.lines] == [
        (1, "late", "0:30:00", Decimal("30.00")),
        (3, "login", "1:06:00", Decimal("132.00")),
        (3, "call", "0:30:00", Decimal("45.00")),
    ]
    assert (sheet.amounts(), sheet.unbillable, sheet.open_sessions) == (
        {"EUR": Decimal("207.00")},
        timedelta(hours=2),
        1,
    )
    assert sheet.worked == timedelta(seconds=1800 + 3636 + 1800)
    report = await here.reports.report(
        Period(NOVEMBER, date(2026, 11, 30)), where=SessionFilter(clients=("acme",), billable=True)
    )
    assert report.total_seconds == sheet.worked.total_seconds()
    with pytest.raises(NotFound):
        await here.billing.timesheet("nobody", TODAY)


async def test_rounded_by_day_all_of_a_day_at_one_rate_is_one_line(here: Bench) -> None:
    await added(here, "login", "11-03T09:00", 0.1)
    await added(here, "tests", "11-03T10:00", 0.1)
    await added(here, "login", "11-03T11:00", 0.1)
    await added(here, "call", "11-03T12:00", 0.1, category=SessionCategory.MEETING)
    await added(here, "night", "11-04T23:50", 0.5)
    await agreed(here, "60 EUR", "90 EUR meeting", rounding="15 up day")
    lines = (await here.billing.timesheet("acme", NOVEMBER)).lines
    assert [(line.day.day, line.description, line.time.seconds // 60, line.amount) for line in lines] == [
        (3, "login; tests", 30, Decimal("30.00")),
        (3, "call", 15, Decimal("22.50")),
        (4, "night", 15, Decimal("15.00")),
        (5, "night", 30, Decimal("30.00")),
    ]


async def test_what_was_billed_is_changed_only_knowingly_and_can_be_undone(here: Bench) -> None:
    login = await added(here, "login", "11-03T09:00", 1)
    await added(here, "late", "10-31T23:30", 1)
    sheet = await here.billing.timesheet("acme", NOVEMBER)
    assert await here.billing.mark(sheet, billed=True) == 2
    assert await here.billing.mark(sheet, billed=True) == 0
    assert (await here.billing.timesheet("acme", NOVEMBER)).is_billed
    assert not (await here.billing.timesheet("acme", date(2026, 10, 1))).is_billed
    billed = await here.work.session(login.id)
    assert billed.billed == ("2026-11",)
    longer = SessionChanges(end=login.end and login.end + timedelta(hours=1))
    for act in (
        here.work.edit(billed, longer),
        here.work.delete(login.id),
        here.work.reopen(login.id),
    ):
        with pytest.raises(Billed, match='"login" was billed for 2026-11'):
            await act
    await here.work.edit(billed, SessionChanges(notes=("sent",)))
    await here.work.edit(billed, longer, billed_too=True)
    for _ in range(3):
        await here.take_back()
    assert not (await here.billing.timesheet("acme", NOVEMBER)).is_billed
    assert (await here.work.session(login.id)).billed == ()


async def test_a_timesheet_is_not_marked_when_it_is_another_one_by_now(here: Bench) -> None:
    await added(here, "login", "11-03T09:00", 1)
    sheet = await here.billing.timesheet("acme", NOVEMBER)
    await agreed(here, "60 EUR")
    with pytest.raises(Conflict, match="changed since it was read") as conflict:
        await here.billing.mark(sheet, billed=True)
    now = conflict.value.current
    assert isinstance(now, Timesheet)
    assert (now.is_billed, now.amounts()) == (False, {"EUR": Decimal("60.00")})
    assert await here.billing.mark(now, billed=True) == 1


async def test_what_was_billed_for_a_later_month_stays_when_an_earlier_one_is_undone(here: Bench) -> None:
    late = await added(here, "late", "10-31T23:30", 1)
    for month in ("2026-10", "2026-11"):
        await here.records.sessions.bill([late.id], month, billed=True)
    (october,) = [
        change
        for change in await here.records.history.changes_of(Entity.SESSION, late.id)
        if change.summary == 'billed "late" for 2026-10'
    ]
    async with here.records.transaction() as transaction:
        await transaction.work.undo([october], lambda _: True)
    assert (await here.work.session(late.id)).billed == ("2026-11",)


async def test_terms_of_a_newer_version_and_unreadable_ones_stay_when_a_rate_is_changed(here: Bench) -> None:
    acme = await here.clients.create_client("acme")
    newer = {"billing": {"rates": ["60 EUR"], "vat": "22", "budget": "40 year"}}
    await here.records.clients.change_metadata(Entity.CLIENT, acme.id, lambda _: newer, "billing")
    for rate, budget, stands in (("70 EUR", "", "40 year"), ("80 EUR", "10", "10")):
        await agreed(here, rate, budget=budget)
        said = (await here.clients.client("acme")).metadata["billing"]
        assert said == {"rates": [rate], "vat": "22", "budget": stands}


async def test_terms_are_undone_and_never_overwritten_silently(here: Bench) -> None:
    await here.clients.create_client("acme")
    await agreed(here, "60 EUR", budget="10")
    agreed_then = terms_of((await here.clients.client("acme")).metadata)
    assert agreed_then == Terms((Rate(Decimal(60), "EUR"),), None, Budget(Decimal(10)))
    with pytest.raises(Conflict, match="changed by another program"):
        await here.billing.set_terms(Entity.CLIENT, "acme", Terms(), Terms())
    await here.take_back()
    assert terms_of((await here.clients.client("acme")).metadata) == Terms()


async def test_a_budget_that_is_nearly_used_is_warned_of_while_one_works_on_it(here: Bench) -> None:
    await added(here, "before", "10-03T09:00", 8)
    await added(here, "login", "11-03T09:00", 8.5)
    await added(here, "free", "11-04T09:00", 8, billable=False)
    running = await here.work.start(SessionDraft("more", client="acme", project="shop"))
    await agreed(here, budget="10 month")
    await agreed(here, budget="100", project="shop")
    assert await here.billing.warnings([running]) == ()
    here.clock.go(minutes=30)
    (warning,) = await here.billing.warnings([running])
    assert (warning.kind, warning.session_ids) == (WarningKind.BUDGET, (running.id,))
    assert warning.message == "budget of acme: 9.00 of 10 hours used this month, 1.00 left"
    for open_too, left in ((True, {"acme": 1.0, "shop": 99.5}), (False, {"acme": 1.5, "shop": 100.0})):
        uses = await here.billing.budgets(open_too=open_too)
        assert {use.name: use.left / 3600 for use in uses} == left


async def test_sessions_are_found_by_tag_and_by_whether_they_are_billable(here: Bench) -> None:
    await added(here, "login", "11-03T09:00", 1, tags=("auth", "ui"))
    await added(here, "proposal", "11-03T11:00", 1, tags=("auth",), billable=False)

    async def found(**where: object) -> set[str]:
        page = await here.reports.log(SessionFilter(**where))  # type: ignore[arg-type]
        return {one.description for one in page.sessions}

    assert await found(tags=("auth",)) == {"login", "proposal"}
    assert await found(tags=("auth", "ui")) == await found(billable=True) == {"login"}
    assert await found(billable=False) == {"proposal"}
    assert (await here.reports.total(SessionFilter(tags=("ui",))))[1] == 3600


async def test_a_database_that_was_not_upgraded_has_no_tags_and_all_is_billable(
    here: Bench, postgres_url: str, tmp_path: Path
) -> None:
    await added(here, "login", "11-03T09:00", 1)
    await here.database.write(
        "ALTER TABLE work_sessions DROP COLUMN memoria_tui_tags, DROP COLUMN memoria_tui_billable"
    )
    await here.database.write("UPDATE memoria_tui.alembic_version SET version_num = '0010'")
    async with bench(postgres_url, tmp_path) as older:
        for where, number in (
            (SessionFilter(tags=("x",)), 0),
            (SessionFilter(billable=True), 1),
            (SessionFilter(billable=False), 0),
        ):
            assert len((await older.reports.log(where)).sessions) == number
            assert (await older.reports.total(where))[0] == number


async def test_a_timesheet_tells_what_little_is_left_of_its_month_and_the_hour_of_its_days(
    postgres_url: str, tmp_path: Path
) -> None:
    async with bench(postgres_url, tmp_path, day_begins=4) as here:
        await added(here, "long", "10-03T09:00", 9.5, project="shop")
        await added(here, "short", "11-03T09:00", 1)
        typed = {"rates": "60 EUR", "rounding": "15 up", "budget": "10 month"}
        told = {timesheet_files.facts(await here.billing.timesheet("acme", date(2026, 10, 1)))}
        for term in TERMS:
            await here.billing.set_terms(
                Entity.CLIENT, "acme", changed_terms(Terms(), {term.name: typed[term.name]}, TODAY)
            )
            told.add(timesheet_files.facts(await here.billing.timesheet("acme", date(2026, 10, 1))))
        assert len(told) == len(TERMS) + 1, "each that is agreed is told"
        await agreed(here, budget="10 month")
        october = await here.billing.timesheet("acme", date(2026, 10, 1))
        assert timesheet_files.facts(october).endswith("budget of acme: 9.50 of 10 hours used in 2026-10, 0.50 left")
        assert "budget" not in timesheet_files.as_html(october)
        assert (await here.billing.timesheet("acme", NOVEMBER)).budgets == ()
        await agreed(here, budget="9 month from 2026-11")
        assert (await here.billing.timesheet("acme", date(2026, 10, 1))).budgets == ()
        for text in (timesheet_files.as_html(october), timesheet_files.as_markdown(october)):
            assert "Days of the zone Europe/Rome, each from 4:00 to 4:00." in text
        here.clock.at = datetime(2026, 12, 1, 2, tzinfo=UTC)
        assert await here.reports.this_day() == date(2026, 11, 30), "whose work goes on"


async def test_files_for_the_client_hold_the_lines_and_nothing_that_acts(here: Bench) -> None:
    await added(here, "=1+1 <script>|", "11-03T09:00", 1.5, project="shop")
    await added(here, "call", "11-04T09:00", 1, category=SessionCategory.MEETING)
    await agreed(here, "60 EUR", "50 USD meeting", rounding="15 up")
    sheet = await here.billing.timesheet("acme", NOVEMBER)
    html, markdown = timesheet_files.as_html(sheet), timesheet_files.as_markdown(sheet)
    rows = list(csv.DictReader(io.StringIO(timesheet_files.as_csv(sheet))))
    assert "<script>" not in html
    assert "=1+1 &lt;script&gt;|" in html
    assert html.count("<tr>") == 1 + 2 + 2
    assert "| 2026-11-03 | =1+1 \\<script\\>\\| | shop | 1:30 | 1.50 | 60 EUR | 90.00 EUR |" in markdown
    assert "| **Total** |  |  | 2:30 | 2.50 |  | 90.00 EUR |" in markdown
    assert "Time is rounded up to 15 minutes a session." in markdown
    assert (rows[0]["description"], rows[0]["amount"], rows[0]["currency"]) == ("'=1+1 <script>|", "90.00", "EUR")
    assert timesheet_files.facts(sheet) == (
        "worked 2:30, to bill 2:30, 90.00 EUR, 50.00 USD · rounded up to 15 minutes a session"
    )
