"""Forms find all that is wrong before they say any of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from memoria_tui.dialogs.add_session import add_session
from memoria_tui.dialogs.billing_terms import billing_terms
from memoria_tui.dialogs.field_problems import FieldProblems
from memoria_tui.dialogs.form import FormDialog
from memoria_tui.dialogs.graph_filter import graph_filter
from memoria_tui.dialogs.new_token import new_token
from memoria_tui.dialogs.session_filter import session_filter
from memoria_tui.dialogs.start_session import start_session
from memoria_tui.dialogs.work_preferences import work_preferences
from memoria_tui.widgets.map_colours import ColourBy
from services.errors import Conflict, NotFound
from services.graph.graph_filter import GraphFilter
from services.model import SessionDraft
from services.settings import Settings
from services.work.preferences import WorkPreferences
from services.work.report_values import Client, SessionFilter

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


def now() -> datetime:
    return NOW


def services() -> Mock:
    fake = Mock(settings=Settings(home=Path(), zone="UTC"))
    fake.reports.zone = AsyncMock(return_value=UTC)
    fake.reports.this_day = AsyncMock(return_value=NOW.date())
    fake.clients.client = fake.clients.project = AsyncMock(side_effect=NotFound("there is none"))
    fake.work.preferences = AsyncMock(return_value=WorkPreferences())
    fake.tokens.create = AsyncMock(side_effect=Conflict("that name is taken", None))
    return fake


_ABOUT = SessionDraft("")
_FORMS: dict[str, tuple[Callable[[], FormDialog[Any]], dict[str, str]]] = {
    "start": (
        lambda: start_session(services(), now, _ABOUT),
        {"description": "", "issue": "x1", "pull_request": "9999999999", "start": "soon"},
    ),
    "add": (
        lambda: add_session(services(), now, _ABOUT),
        {"description": "", "start": "soon", "end": "later", "duration": "long"},
    ),
    "add that ends before it begins": (
        lambda: add_session(services(), now, SessionDraft("", start=NOW)),
        {"description": "", "end": "yesterday 9:00"},
    ),
    "filter": (
        lambda: session_filter(services(), SessionFilter()),
        {"first": "soon", "last": "later", "client": "Nobody", "project": "none such"},
    ),
    "settings": (
        lambda: work_preferences(services(), WorkPreferences()),
        {"work_day_hours": "all", "work_week_hours": "999", "absences": "soon"},
    ),
    "rates": (
        lambda: billing_terms(services(), Client("c", "Acme")),
        {"rates": "much", "rounding": "up", "budget": "none left"},
    ),
    "graph": (lambda: graph_filter(now, 0, GraphFilter(), ColourBy.TYPE), {"least_weight": "heavy", "since": "soon"}),
    "token": (
        lambda: new_token(services(), now),
        {"name": "no name", "scope": "admin", "projects": "api", "expires": "soon"},
    ),
    "token of a name that is taken": (lambda: new_token(services(), now), {"name": "deploy"}),
}


@pytest.mark.parametrize("form", _FORMS)
async def test_all_that_is_wrong_in_a_form_is_found_at_once(form: str) -> None:
    make, typed = _FORMS[form]
    dialog = make()
    values = {field.name: field.value for field in dialog._fields} | typed
    with pytest.raises(FieldProblems) as wrong:
        await dialog._save(values)
    assert wrong.value.problems.keys() == typed.keys() - {"scope"}
