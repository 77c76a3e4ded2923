"""Reports as files: what a spreadsheet and a Markdown reader get."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date

import pytest

from services.model import ReportBy
from services.times import Period
from services.work.report_files import as_csv, as_markdown, formula_safe
from services.work.report_values import Report, ReportCell, ReportGroup, ReportUnit


def report(name: str | None = "acme", unit: ReportUnit = ReportUnit.MONTH, by: ReportBy = ReportBy.CLIENT) -> Report:
    first, second = date(2026, 10, 1), date(2026, 11, 1)
    return Report(
        period=Period(first, date(2026, 11, 30)),
        zone="Europe/Rome",
        by=by,
        unit=unit,
        groups=(ReportGroup(name, 5400.25, 3, 2), ReportGroup(None, 60.0, 1, 1)),
        cells=(
            ReportCell(first, name, 3600.0, 2, 1),
            ReportCell(second, name, 1800.25, 1, 1),
            ReportCell(second, None, 60.0, 1, 1),
        ),
        total_seconds=5460.25,
        sessions=4,
        days=2,
    )


def test_csv_has_a_row_for_each_group_in_each_unit() -> None:
    assert as_csv(report()).splitlines() == [
        "month,client,hours,seconds,sessions,days",
        "2026-10,acme,1.00,3600.000000,2,1",
        "2026-11,acme,0.50,1800.250000,1,1",
        "2026-11,no client,0.02,60.000000,1,1",
    ]


@pytest.mark.parametrize(
    ("unit", "first"), [(ReportUnit.DAY, "2026-10-01"), (ReportUnit.WEEK, "2026-10-01"), (ReportUnit.YEAR, "2026")]
)
def test_units_of_time_are_written_as_they_are_read(unit: ReportUnit, first: str) -> None:
    assert as_csv(report(unit=unit)).splitlines()[1].startswith(f"{first},acme")


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"])
def test_no_name_becomes_a_formula(name: str) -> None:
    rows = list(csv.reader(io.StringIO(as_csv(report(name)), newline="")))
    assert rows[1][1] == f"'{name}"
    assert len({len(row) for row in rows}) == 1


@pytest.mark.parametrize("name", ["a=b", "acme, inc.", 'the "best"', "Ünïcødé"])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert formula_safe(name) == name
    assert list(csv.reader(io.StringIO(as_csv(report(name)))))[1][1] == name


def test_markdown_has_the_groups_with_their_total_and_the_months_by_group() -> None:
    lines = as_markdown(report()).splitlines()
    assert lines[0] == "# Work by client, 2026-10-01 to 2026-11-30"
    assert "| acme | 1:30:00 | 1.50 | 3 | 2 | 0:45:00 |" in lines
    assert "| **Total** | 1:31:00 | 1.52 | 4 | 2 | 0:45:30 |" in lines
    assert "| Month | acme | no client | Total |" in lines
    assert "| 2026-10 | 1:00:00 |  | 1:00:00 |" in lines
    assert "| 2026-11 | 0:30:00 | 0:01:00 | 0:31:00 |" in lines


def test_markdown_tells_the_hour_at_which_days_begin() -> None:
    assert as_markdown(report()).splitlines()[2] == "Days of the zone Europe/Rome."
    late = as_markdown(replace(report(), day_begins=4)).splitlines()
    assert late[2] == "Days of the zone Europe/Rome, each from 4:00 to 4:00."


def test_markdown_by_day_needs_no_second_table() -> None:
    assert as_markdown(report("2026-10-01", ReportUnit.DAY, ReportBy.DAY)).count("---:") == 5


def test_names_cannot_break_out_of_a_table() -> None:
    hostile = as_markdown(report("a|b\n| <script>`x`[y](z) "))
    assert r"\|b" in hostile
    assert "<script>" not in hostile.replace(r"\<", "")
    assert len({line.count("|") - line.count(r"\|") for line in hostile.splitlines() if line.startswith("| ")}) <= 2
