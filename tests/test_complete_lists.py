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
from unittest.mock import MagicMock

import pytest

from memoria_tui.agents import http, idle_connections, listen_address, request_limits, streams
from memoria_tui.agents.listen_address import Listening
from memoria_tui.agents.tool import _WORDS
from memoria_tui.agents.tools.memories import store
from memoria_tui.agents.tools.rest_only import MOST_AT_ONCE, NewMemory, Search, create
from memoria_tui.agents.tools.search import recall
from memoria_tui.cli.backup import backup, daily_alone
from memoria_tui.cli.bulk import delete
from memoria_tui.cli.clients_and_projects import Rounding
from memoria_tui.cli.config import what_holds
from memoria_tui.cli.program import program, serve, web
from memoria_tui.cli.undo_and_history import undo
from memoria_tui.cli.work import add as add_session
from memoria_tui.cli.work import edit as edit_session
from memoria_tui.cli.work import start, switch
from memoria_tui.cli.work_report import chosen
from memoria_tui.cli.work_status import ICONS
from memoria_tui.dialogs.duplicates import _SAID
from memoria_tui.dialogs.graph_filter import graph_filter
from memoria_tui.dialogs.work_preferences import work_preferences
from memoria_tui.keys import typing_ahead
from memoria_tui.terminal import driver
from memoria_tui.text.present import GLYPHS
from memoria_tui.text.relation_styles import LOOKS
from memoria_tui.text.work_text import _WAYS_OUT, CATEGORY_COLOURS, filter_facts
from memoria_tui.user_files import program_log, search_history
from memoria_tui.user_files.config import TEMPLATE, TOP_LEVEL_NAMES, Config
from memoria_tui.widgets.map_colours import ColourBy
from services.adapters.postgres.postgres_binaries import MAJOR
from services.adapters.postgres.schema import OLDEST_SERVER
from services.adapters.server import server_store
from services.backup import daily_backups
from services.curation.curation_values import Depth, Style
from services.curation.duplicates import LEAST_UNSEEN
from services.curation.reflection import _TASKS, MEMORIES
from services.curation.text_likeness import Alike
from services.curation.trust import LifetimeOf
from services.graph.graph_filter import AUTHORS, PARTS, GraphFilter
from services.memories.act_summaries import VERBS
from services.memories.chunking import MOST_CHUNKS
from services.memories.editing import MOST_METADATA, MOST_TAGS, MOST_TEXT
from services.migrations import NEWEST
from services.model import (
    LONGEST_QUERY,
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
from services.model.colours import ON_WHITE
from services.model.history import ASKS_ABOVE
from services.model.memories import SOON, STALE_AFTER
from services.ports import SqlFeatures
from services.records import connected_agents
from services.records.session_conditions import SessionSelection, conditions
from services.records.session_pages import _SORTED_BY
from services.search import search_service
from services.settings import WEEKDAYS
from services.storable_text import MOST_NAME
from services.times import SPAN_WORDS
from services.transfer import file_watching, syncing
from services.transfer.importing import MOST_AT_ONCE as MOST_AT_ONCE_OF_AN_IMPORT
from services.transfer.reader_parts import front_matter, source_ids
from services.transfer.reader_parts.type_names import _RELATIONS
from services.transfer.writers import svg_picture
from services.work.billing_values import NEAR, ROUNDING_MINUTES, TERMS
from services.work.preferences import WorkPreferences
from services.work.report_values import LogOrder, SessionFilter, WarningKind
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

WORDS = {0.5: "half a second", 4: "four", 90: "a minute and a half"}
WORDS |= {120: "two minutes", 300: "five minutes", 600: "ten minutes", 3600: "an hour"}


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
        (f"A query has at most {LONGEST_QUERY:,} characters", README),
        (f"a request at most {request_limits.LARGEST // 10**6} MB and {WORDS[http.LONGEST]}", README),
        (f"all together hold at most {request_limits._HELD // 10**6} MB", README),
        (f"by default to {listen_address._RATE:,} where tokens are wanted", README),
        (f"the head of a request has to come within {idle_connections._HEAD:g} seconds", README),
        (f"of {http._MOST_CONNECTIONS:,} of a worker", README),
        (f"after {http._ENDING} seconds at most, but for what is being written", README),
        (f"at most {streams.LARGEST_IMPORT >> 30} GiB in {WORDS[streams._RECEIVING]}", README),
        (f"({WORDS[connected_agents._LAPSED]} after it was killed)", README),
        (f"`--port` ({inspect.signature(web).parameters['port'].default})", README),
        (f"http://{Listening().host}:{Listening().port}/mcp", README),
        (f"(the last {search_history._MOST}, in `searches`", README),
        (f"{WORDS[program_log._KEPT + 1]} files of {program_log._BYTES >> 20} MB", README),
        (f"another key came within {typing_ahead._APART} s", README),
        (f"after {WORDS[typing_ahead._WONDERING]} the header says", README),
        (f"keys pressed within {WORDS[typing_ahead._BURST]} go nowhere", README),
        (f"fewer than {driver._TEXT} characters cannot be told", README),
        (f"share {LEAST_UNSEEN * 100:.0f} % of their words at least", README),
        (f"for the first time {WORDS[daily_backups._FIRST.total_seconds()]} after the first change", README),
        (f"More than {MOST_AT_ONCE_OF_AN_IMPORT:,} memories are written in parts", README),
        (f"One of fewer than {source_ids._LOCAL} characters", README),
        (f"front matter is YAML of at most {front_matter.MOST_FRONT:,} characters", README),
        (f"within {WORDS[syncing._SLOW]} where nothing tells of changes", README),
        (f"in folders of more than {file_watching._MOST_FOLDERS:,} folders", README),
        (f"`like:ID` gives the best {search_service._MOST_ALIKE:,}", README),
        (f"at its right; {svg_picture._MOST} memories at most", README),
        (f"a Qdrant server ({'.'.join(map(str, server_store.OLDEST))} or newer;", README),
        (f"PostgreSQL {OLDEST_SERVER}, Qdrant {'.'.join(map(str, server_store.OLDEST))}", README),
        (f"PostgreSQL {OLDEST_SERVER} to {MAJOR}, direct", README),
    ],
)
def test_the_limits_that_texts_name_are_those_that_hold(said: str, text: str) -> None:
    assert said in " ".join(text.split())


def test_every_preference_of_work_is_in_its_form() -> None:
    form = work_preferences(MagicMock(), WorkPreferences())
    assert [one.name for one in form._fields] == [one.name for one in fields(WorkPreferences)]


@pytest.mark.parametrize(
    ("table", "members"),
    [
        (VERBS, Kind),
        (CATEGORY_COLOURS, SessionCategory),
        (ICONS, SessionStatus),
        (_WAYS_OUT, WarningKind),
        (_SAID, Alike),
        (LOOKS, RelationType),
        (ON_WHITE, [*MemoryType, *RelationType]),
        (_RELATIONS, [one for one in RelationType if one is not RelationType.RELATED]),
        (GLYPHS, MemoryType),
        (AUTHORS, RelationCreator),
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


def test_the_commands_of_the_log_have_an_option_a_condition() -> None:
    options = inspect.signature(chosen).parameters
    lacking = [one.name for one in fields(SessionFilter) if not any(one.name.startswith(name[:-1]) for name in options)]
    assert lacking == ["statuses", "billable"], "the log has --status itself, and only a form asks for what is billed"


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
    features = SqlFeatures(own_paths=True, revision=NEWEST)
    asked = {name: conditions(SessionSelection(where), features)[1] for name, where in wheres.items()}
    assert {name for name, values in asked.items() if not values} == of_selections


def test_the_form_of_the_graphs_filter_has_a_field_a_part_which_its_texts_name() -> None:
    form = graph_filter(lambda: datetime.now(UTC), 0, GraphFilter(), ColourBy.TYPE)
    assert {*PARTS} == set(GraphFilter.__slots__)
    assert {field.name for field in form._fields} == {*PARTS, "colours"} - {"types"}


@pytest.mark.parametrize("command", [start, add_session, switch, edit_session])
def test_work_can_be_begun_and_edited_with_every_detail(command: Callable[..., object]) -> None:
    options = inspect.signature(command).parameters
    assert [one.json for one in SESSION_DETAILS if one.json not in options and one.json[:-1] not in options] == []


@pytest.mark.parametrize(
    ("command", "members"),
    [
        ("lifetimes", LifetimeOf),
        ("work clients terms", [one.name for one in TERMS]),
        ("work projects terms", [one.name for one in TERMS]),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_command_has_an_option_a_member(command: str, members: Iterable[str]) -> None:
    found: Any = program()
    for word in command.split():
        found = found.commands[word]
    options = {option for one in found.params for option in one.opts}
    assert [one for one in members if options.isdisjoint((f"--{one}", f"--{one[:-1]}"))] == []


def test_agents_may_name_days_by_all_words_of_spans() -> None:
    assert [word for word in (*SPAN_WORDS, *WEEKDAYS) if not re.fullmatch(_WORDS["pattern"], word)] == []


def test_rest_asks_for_memories_as_the_tools_do() -> None:
    def asked(function: Callable[..., object]) -> dict[str, object]:
        return {one.name: one.default for one in inspect.signature(function).parameters.values() if one.name != "agent"}

    assert asked(Search) == asked(recall)
    assert asked(create) == asked(store)
    assert asked(NewMemory) == asked(store) | {"tags": ()}


def test_the_server_for_agents_listens_where_nothing_else_is_given_as_its_options_say() -> None:
    given = inspect.signature(serve).parameters
    assert all(getattr(Listening(), name) == given[name].default for name in ("host", "port", "tokens"))


def test_a_daily_backup_takes_no_option_of_a_backup_but_how_it_is_told() -> None:
    assert {"context", *inspect.signature(daily_alone).parameters, "as_json"} == set(
        inspect.signature(backup).parameters
    )
