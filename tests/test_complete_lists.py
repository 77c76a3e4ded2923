"""What is listed in two places is complete in both."""

from __future__ import annotations

from dataclasses import fields

from memoria_tui.cli.json_output import store_json
from memoria_tui.cli.timesheet import TimesheetFormat
from services.model import StoreKind, StoreStatus
from services.work.timesheet_files import FORMATS, SUFFIXES

TOLD_ELSEWHERE = {"kind", "problems"}
"""Of a store's state: what `doctor` has as its key, and in one list of all stores."""
OF_THE_APP = {"silent", "failing_since", "answered_at"}
"""Of a store's state: what only a program knows that asks again and again."""


def test_doctor_tells_all_that_is_known_of_a_store() -> None:
    told = store_json(StoreStatus(StoreKind.QDRANT, ok=True, label="embedded")).keys()
    assert told == {field.name for field in fields(StoreStatus)} - TOLD_ELSEWHERE - OF_THE_APP


def test_every_format_of_a_timesheet_can_be_asked_for_and_has_an_ending() -> None:
    assert set(TimesheetFormat) == FORMATS.keys() == set(SUFFIXES.values())
