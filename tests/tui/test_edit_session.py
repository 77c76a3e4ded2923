"""The form of a session: what was typed before the program ended is in it again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import pytest

from memoria_tui.dialogs.edit_session import edit_session, shown_session
from memoria_tui.user_files.drafts import Draft, DraftKind
from services.model import Pause, SessionCategory, SessionStatus, WorkSession

START = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.mark.parametrize("name", ["pause_4", "pause3"], ids=["of this version", "of one that counted from 0"])
def test_a_pause_that_was_typed_has_its_row_also_where_the_session_has_fewer_now(name: str) -> None:
    session = WorkSession("s", "fix", SessionCategory.OTHER, SessionStatus.COMPLETED, START, START + timedelta(hours=2))
    typed = {f"{name}_start": "10:00", f"before {name}_start": "", f"{name}_end": "10:15"}
    draft = Draft(DraftKind.EDIT_SESSION, "s", "change it", typed)
    form = edit_session(Mock(), lambda: START + timedelta(hours=3), session, UTC, draft)
    assert {"pause_4_start", "pause_4_end", "pause_4_reason"} <= {field.name for field in form._fields}
    assert form._begun == {"pause_4_start": "10:00", "before pause_4_start": "", "pause_4_end": "10:15"}


def test_the_ends_of_a_pause_in_the_night_in_which_clocks_go_back_are_told_apart() -> None:
    start = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)
    pause = Pause(start + timedelta(hours=2), start + timedelta(hours=3))
    done = SessionStatus.COMPLETED
    session = WorkSession("s", "fix", SessionCategory.OTHER, done, start, start + timedelta(hours=5), pauses=(pause,))
    shown = shown_session(session, ZoneInfo("Europe/Rome"))
    assert (shown["pause_1_start"], shown["pause_1_end"]) == ("02:30:00+02:00", "02:30:00+01:00")
    assert shown["start"] == "2026-10-25 00:30:00"
