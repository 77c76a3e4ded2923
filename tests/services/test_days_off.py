"""Days on which the goals ask for no work: absences, and public holidays of a country."""

from __future__ import annotations

from datetime import date

import pytest

from memoria_tui.text.work_text import days_off_line
from services.errors import InvalidInput
from services.times import Period
from services.work.days_off import asked_of_day, days_off, left_of_week, read_absences
from services.work.preferences import checked

CHRISTMAS = Period(date(2026, 12, 21), date(2026, 12, 27))


def test_absences_are_days_and_spans_of_days() -> None:
    assert read_absences("2026-12-24,2026-08-10 .. 2026-08-21,") == "2026-12-24, 2026-08-10..2026-08-21"
    off = days_off(None, "2026-12-18..2026-12-21, 2026-12-24", CHRISTMAS)
    assert off == {date(2026, 12, 21): "absent", date(2026, 12, 24): "absent"}
    assert left_of_week(off) == 3 / 5
    assert days_off_line(off) == ", without Mon 21 Dec (absent), Thu 24 Dec (absent)"


def test_a_day_off_and_a_weekend_ask_for_no_hours() -> None:
    off = {date(2026, 12, 25): "Christmas Day"}
    assert [asked_of_day(date(2026, 12, day), 8, off) for day in (24, 25, 26, 27, 28)] == [8, 0, 0, 0, 8]


@pytest.mark.parametrize("text", ["tomorrow", "2026-02-30", "2026-08-21..2026-08-10", "2026-01-01..2028-01-01"])
def test_what_is_no_absence_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"is not a day|an absence ends"):
        checked("absences", text)


def test_public_holidays_of_a_country_ask_for_no_work_but_a_weekend_never_did() -> None:
    pytest.importorskip("holidays")
    off = days_off("IT", "2026-12-24", CHRISTMAS)
    assert list(off) == [date(2026, 12, 24), date(2026, 12, 25), date(2026, 12, 26)]
    assert left_of_week(off) == 3 / 5, "the 26th is a Saturday"
    assert days_off_line(off) == ", without Thu 24 Dec (absent), Fri 25 Dec (Christmas Day)"
    assert days_off("XX", None, CHRISTMAS) == {}, "what another program wrote is no reason to fail"


def test_a_country_is_two_letters_and_perhaps_a_part() -> None:
    assert checked("holidays", " de-by ") == "DE-BY"
    assert checked("holidays", "") is None
    with pytest.raises(InvalidInput, match="write IT, or DE-BY"):
        checked("holidays", "Italy")


def test_days_off_one_after_another_for_one_reason_are_told_as_a_span() -> None:
    off = {date(2026, 12, day): "absent" for day in range(21, 25)} | {date(2026, 12, 25): "Christmas Day"}
    assert days_off_line(off) == ", without Mon 21 Dec – Thu 24 Dec (absent), Fri 25 Dec (Christmas Day)"
