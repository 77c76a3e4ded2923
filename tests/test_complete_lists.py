"""What is listed in two places is complete in both."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from memoria_tui.agents.tools.rest_only import MOST_AT_ONCE
from memoria_tui.cli.backup import backup, daily_alone
from memoria_tui.cli.bulk import delete
from memoria_tui.cli.clients_and_projects import Rounding
from memoria_tui.cli.config import what_holds
from memoria_tui.cli.undo import undo
from memoria_tui.cli.work import add as add_session
from memoria_tui.cli.work import edit as edit_session
from memoria_tui.cli.work import start, switch
from memoria_tui.cli.work_report import export_time, log, report
from memoria_tui.cli.work_status import ICONS
from memoria_tui.dialogs.graph_filter import graph_filter
from memoria_tui.dialogs.work_preferences import shown_preferences
from memoria_tui.modes.inbox.state import _THERE
from memoria_tui.text.present import GLYPHS
from memoria_tui.text.relation_styles import LOOKS
from memoria_tui.text.work_text import CATEGORY_COLOURS, filter_facts
from memoria_tui.user_files.config import TEMPLATE, TOP_LEVEL_NAMES, Config
from memoria_tui.widgets.map_colours import ColourBy
from services.curation.curation_values import Depth, GroupBy, Style
from services.curation.reflection import _TASKS, MEMORIES
from services.curation.text_likeness import Alike
from services.graph.graph_filter import AUTHORS, PARTS, GraphFilter
from services.memories.act_summaries import VERBS
from services.memories.chunking import MOST_CHUNKS
from services.memories.editing import MOST_METADATA, MOST_TAGS, MOST_TEXT
from services.model import (
    SESSION_DETAILS,
    Action,
    Entity,
    Kind,
    MemoryType,
    RelationCreator,
    RelationType,
    SessionCategory,
    SessionStatus,
)
from services.model.history import ASKS_ABOVE
from services.model.memories import SOON, STALE_AFTER
from services.ports import SqlFeatures
from services.records.session_conditions import SessionSelection, conditions
from services.records.session_pages import _SORTED_BY
from services.storable_text import MOST_NAME
from services.work.billing_values import NEAR, ROUNDING_MINUTES
from services.work.preferences import WorkPreferences
from services.work.report_values import LogOrder, SessionFilter
from services.work.rules import MOST_DESCRIPTION
from services.work.timesheet_files import WRITERS
from services.work.timesheet_formats import TimesheetFormat


def test_every_name_of_the_file_of_settings_is_shown_explained_and_in_the_file_to_begin_with() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", Path("README.md").read_text("utf-8"), re.DOTALL)[:1]
    without_marks = re.sub(r"^# (?=.* = )", "", TEMPLATE, flags=re.MULTILINE)
    for read in (what_holds(Config(), {}), tomllib.loads(example), tomllib.loads(without_marks)):
        assert set(read) == set(TOP_LEVEL_NAMES)


README = Path("README.md").read_text("utf-8")
MINUTES = f"{', '.join(map(str, ROUNDING_MINUTES[:-1]))} or {ROUNDING_MINUTES[-1]}"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (f"for {STALE_AFTER.days} days", README),
        (f"within {SOON.days} days", README),
        (f"more than {ASKS_ABOVE} things", README),
        (f"above {ASKS_ABOVE} things", undo.__doc__),
        (f"above {ASKS_ABOVE} of ids", delete.__doc__),
        (f"(one act, at most {MOST_AT_ONCE:,})", README),
        (f"at most {MOST_TEXT:,} characters, {MOST_TAGS:,} tags and {MOST_METADATA:,} characters of metadata", README),
        (f"that is given here at most {MOST_NAME} characters", README),
        (f"cut into at most {MOST_CHUNKS} chunks", README),
        (f"A description or a note of a session has at most {MOST_DESCRIPTION:,} characters", README),
        (f"is warned of from {NEAR:.0%} on", README),
        (f"to {MINUTES} minutes", README),
        (f"{MINUTES}, up or nearest", get_args(Rounding)[1].help),
    ],
)
def test_the_limits_that_texts_name_are_those_that_hold(said: str, text: str) -> None:
    assert said in " ".join(text.split())


def test_every_preference_of_work_is_in_its_form() -> None:
    assert shown_preferences(WorkPreferences()).keys() == set(WorkPreferences.__slots__)


@pytest.mark.parametrize(
    ("table", "members"),
    [
        (VERBS, Kind),
        (CATEGORY_COLOURS, SessionCategory),
        (ICONS, SessionStatus),
        (LOOKS, RelationType),
        (GLYPHS, MemoryType),
        (AUTHORS, RelationCreator),
        (_THERE, GroupBy),
        (_SORTED_BY, LogOrder),
        (_TASKS, Style),
        (MEMORIES, Depth),
        (WRITERS, TimesheetFormat),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_what_is_kept_by_member_is_kept_of_all(table: Mapping[object, object], members: Iterable[object]) -> None:
    assert table.keys() == set(members)


def test_the_history_is_asked_for_kinds_actions_and_entities_that_there_are() -> None:
    compared = re.compile(r"\b(kind|action|entity)\s*(?:=|<>|(?:NOT )?IN)\s*(\([^)]*\)|'[^']*')")
    unknown = {}
    for file in (*Path("services/records").glob("*.py"), *Path("sql").glob("*.sql")):
        kinds: set[str] = {*Alike} if file.name == "duplicates.py" else {*Kind}
        there: dict[str, set[str]] = {"kind": kinds, "action": {*Action}, "entity": {*Entity}}
        for column, asked in compared.findall(file.read_text("utf-8")):
            if strange := set(re.findall(r"'(\w*)'", asked)) - there[column]:
                unknown[file.name, column] = strange
    assert unknown == {}


def test_an_export_and_a_report_of_work_take_the_conditions_of_its_log() -> None:
    log_, export, added = (set(inspect.signature(command).parameters) for command in (log, export_time, report))
    assert log_ - {"state", "limit", "csv"} == export - {"target", "format_", "force"}
    assert log_ - {"state", "limit"} == added - {"by", "running", "markdown"}


def test_every_condition_of_a_filter_of_work_is_told_and_asked_for() -> None:
    given: dict[str, Any] = {
        "first": date(2026, 1, 2),
        "last": date(2026, 1, 2),
        "clients": ("a",),
        "projects": (None,),
        "tags": ("a",),
        "categories": (SessionCategory.MEETING,),
        "statuses": (SessionStatus.PAUSED,),
        "issues": (7,),
        "billable": False,
        "text": "a",
    }
    wheres = {one.name: SessionFilter(**{one.name: given[one.name]}) for one in fields(SessionFilter)}
    assert [name for name, where in wheres.items() if not filter_facts(where)] == []
    of_selections = {"first", "last", "clients", "projects"}
    features = SqlFeatures(bare=False, own_paths=True, kinds=True, reviews=True, billing=True)
    asked = {name: conditions(SessionSelection(where), features)[1] for name, where in wheres.items()}
    assert {name for name, values in asked.items() if not values} == of_selections


def test_the_form_of_the_graphs_filter_has_a_field_a_part_which_its_texts_name() -> None:
    form = graph_filter(lambda: datetime.now(UTC), GraphFilter(), ColourBy.TYPE)
    assert {*PARTS} == set(GraphFilter.__slots__)
    assert {field.name for field in form._fields} == {*PARTS, "colours"} - {"types"}


@pytest.mark.parametrize("command", [start, add_session, switch, edit_session])
def test_work_can_be_begun_and_edited_with_every_detail(command: Callable[..., object]) -> None:
    options = inspect.signature(inspect.unwrap(command)).parameters
    assert [one.json for one in SESSION_DETAILS if one.json not in options and one.json[:-1] not in options] == []


def test_a_daily_backup_takes_no_option_of_a_backup_but_how_it_is_told() -> None:
    assert {"context", *inspect.signature(daily_alone).parameters, "as_json"} == set(
        inspect.signature(backup).parameters
    )
