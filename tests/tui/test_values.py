"""What the terminal program works out without a screen: settings, operators in the box, differences."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from textual.content import Content

from memoria_tui.dialogs.line_prompt import share_check
from memoria_tui.dialogs.relation_type import type_of_key
from memoria_tui.keys.key_help import wrong_keys
from memoria_tui.modes.memories.state import active, toggled
from memoria_tui.modes.summary.state import Asked, Figures, sessions_of
from memoria_tui.text import present
from memoria_tui.text.relation_styles import LOOKS
from memoria_tui.text.text_difference import DiffLine, compare, merged
from memoria_tui.user_files.config import TEMPLATE, Config, load_config, remember_theme
from memoria_tui.widgets.facets import KINDS, FacetKind, _lay_out
from memoria_tui.widgets.memory_facts import head, metadata
from memoria_tui.widgets.parts_line import Part, fitting
from services.model import FacetCount, Facets, Hit, Memory, MemoryType, RelationType, ReportBy, SessionCategory
from services.search.facets import OLDER, SPANS, of_hits
from services.search.query import parse_query
from services.work.report_values import Report, ReportGroup, ReportUnit, SessionFilter

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_long_names_that_begin_alike_are_told_apart_by_their_ends() -> None:
    assert present.shortened(["Client 11 / portal", "Client 12 / portal", "a long client / shop", "web"], 14) == [
        "C… 11 / portal",
        "C… 12 / portal",
        "a long…/ shop",
        "web",
    ]
    assert present.shortened(["Client with a name 1", "Client with a name 2"], 10) == ["C…a name 1", "C…a name 2"]
    assert present.shortened(["acme and sons"], 8) == ["acme an…"]
    assert present.shortened(["Alder Clinics/portal", "acme/web"], 18, "/") == ["Alder Clin…/portal", "acme/web"]
    assert present.shortened(["a long client 11/portal", "a long client 12/portal"], 14, "/") == [
        "a…nt 11/portal",
        "a…nt 12/portal",
    ]


def test_of_a_line_of_parts_those_that_matter_least_go_first() -> None:
    parts = [
        Part(Content("year")),
        Part(Content("by client"), 2),
        Part(Content("3 running")),
        Part(Content("9 days"), 1),
    ]
    assert [fitting(parts, cells).plain for cells in (40, 30, 20, 5)] == [
        "year   by client   3 running   9 days",
        "year   by client   3 running",
        "year   3 running",
        "year   3 running",
    ]


def test_the_config_file_sets_theme_editor_and_keys(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        'theme = "memoria-light"\nmode = "work"\neditor = "vi -n"\n'
        '[keymap]\n"app.undo" = "ctrl+z"\n[services]\nhome = "x"'
    )
    config = load_config(file, {"EDITOR": "nano"})
    assert config == Config("memoria-light", "work", "vi -n", {"app.undo": "ctrl+z"}, file=file)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("theme = ", "cannot be read"),
        ("theme = 3", "theme must be"),
        ('keymap = "x"', "keymap must be"),
        ("[keymap]\na = 1", "keymap.a: 1 is no key"),
        (
            '[keymap]\n"app.undo" = "u,ctrl+q"',
            "keymap.app.undo: ctrl+q is the key of app.quit, which leaves the program",
        ),
        ("colour = 1", "'colour' is unknown"),
    ],
)
def test_a_bad_config_is_told_in_one_line_and_the_defaults_hold(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    config = load_config(file, {"VISUAL": "code -w", "EDITOR": "vi"})
    (problem,) = config.problems
    assert told in problem
    assert "\n" not in problem
    assert (config.theme, config.editor, dict(config.keymap)) == ("memoria-dark", "code -w", {})


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load_config(tmp_path / "none.toml", {}) == Config(file=tmp_path / "none.toml")
    assert load_config(None, {"EDITOR": " "}) == Config()


@pytest.mark.parametrize(
    ("raw", "kind", "value", "after"),
    [
        ("", "type", "semantic", "type:semantic"),
        ("some words", "tag", "two words", 'some words tag:"two words"'),
        ('some words tag:"two words"', "tag", "two words", "some words"),
        ('"a phrase"  tag:x', "project", "api", '"a phrase" tag:x project:api'),
        ("since:3d word", "date", "this week", "word since:this-week"),
        ("word since:this-week", "date", "this week", "word"),
        ('tag:"X" word', "tag", "x", "word"),
        ("", "date", "older", "before:this-year"),
        ('since:"Today"', "date", "today", ""),
        ("project:none", "project", "none", 'project:none project:"none"'),
        ('project:none project:"none"', "project", "none", "project:none"),
    ],
)
def test_a_facet_is_switched_in_the_text_of_the_box(raw: str, kind: FacetKind, value: str, after: str) -> None:
    assert toggled(raw, kind, value) == after


def test_what_is_switched_on_is_what_the_query_asks_for() -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    raw = ""
    chosen: set[tuple[FacetKind, str]]
    chosen = {("type", "episodic"), ("tag", "a b"), ("project", "api"), ("project", "none"), ("date", "today")}
    assert {kind for kind, _ in chosen} == set(KINDS)
    for kind, value in sorted(chosen):
        raw = toggled(raw, kind, value)
    assert active(parse_query(raw, now=now, week_begins=0)) == chosen


def test_a_memory_that_has_all_is_counted_in_every_group_and_every_group_is_shown() -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    hit = Hit(Memory("id", MemoryType.SEMANTIC, "", tags=("a",), project="api", created_at=now, importance=0.9))
    counted = of_hits([hit], now, 0)
    assert [one.name for one in fields(Facets) if not getattr(counted, one.name)] == []
    each = Facets(**{one.name: (FacetCount(one.name, 1),) for one in fields(Facets)})
    assert {line.value for line in _lay_out(each, frozenset())} - {None} == {one.name for one in fields(Facets)}


@pytest.mark.parametrize("by", ReportBy)
def test_the_sessions_of_a_group_are_asked_for_by_what_it_was_made_by(by: ReportBy) -> None:
    asked = Asked(date(2026, 11, 1), by=by)
    name = {ReportBy.CATEGORY: SessionCategory.MEETING.value, ReportBy.DAY: "2026-11-05"}.get(by, "acme")
    group = ReportGroup(name, 60.0, 1, 1)
    report = Report(asked.period, "UTC", by, ReportUnit.MONTH, (group,), (), 60.0, 1, 1)
    where = sessions_of(Figures(asked, report, 8.0, date(2026, 11, 20)), 0, 0)
    assert where != SessionFilter(first=asked.period.first, last=asked.period.last)


@pytest.mark.parametrize("name", [*SPANS, OLDER])
def test_every_facet_of_dates_is_switched_on_and_off(name: str) -> None:
    raw = toggled("", "date", name)
    assert active(parse_query(raw, now=datetime(2026, 11, 20, tzinfo=UTC), week_begins=0)) == {("date", name)}
    assert toggled(raw, "date", name) == ""


def test_a_comparison_shows_changes_with_two_lines_around_them() -> None:
    before = "\n".join("abcdefgh")
    assert compare(before, before.replace("e", "E")) == (
        DiffLine("skipped", "2"),
        DiffLine("same", "c"),
        DiffLine("same", "d"),
        DiffLine("removed", "e"),
        DiffLine("added", "E"),
        DiffLine("same", "f"),
        DiffLine("same", "g"),
        DiffLine("skipped", "1"),
    )


def test_a_merge_keeps_common_lines_once_and_both_versions_of_the_rest() -> None:
    assert merged("a\ntheirs\nz", "a\nmine\nz") == "a\n<<<<<<< theirs\ntheirs\n=======\nmine\n>>>>>>> mine\nz"


def test_very_long_texts_are_compared_without_waiting() -> None:
    before = "\n".join(str(number) for number in range(20_000))
    assert len(compare(before, before + "\nx")) == 40_001


@pytest.mark.parametrize("text", ["0", "1", "0.25"])
def test_an_importance_is_a_number_from_0_to_1(text: str) -> None:
    assert share_check("Importance")(text) is None


@pytest.mark.parametrize("text", ["1.1", "-0.1", "nan", "x", ""])
def test_what_is_no_importance_is_refused_in_a_sentence(text: str) -> None:
    assert share_check("Importance")(text)


def test_every_relation_type_has_a_key_of_its_own() -> None:
    keys = [look.key for look in LOOKS.values()]
    assert set(LOOKS) == set(RelationType)
    assert len(set(keys)) == len(keys)
    assert [type_of_key(key) for key in keys] == list(LOOKS)


def test_beside_a_text_every_field_of_its_memory_is_told_but_what_only_looking_changes() -> None:
    bare = Memory("id", MemoryType.SEMANTIC, "", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    full = Memory(
        "other",
        MemoryType.EPISODIC,
        "text",
        datetime(2025, 1, 1, tzinfo=UTC),
        NOW,
        NOW,
        3,
        0.9,
        ("auth",),
        "api",
        {"key": 1},
        2,
        True,
        True,
    )

    def told(memory: Memory) -> str:
        look = lambda link, text: text  # noqa: E731
        return f"{head(memory, NOW, look).plain}\n{metadata(memory, look).plain}"

    untold = {
        one.name for one in fields(Memory) if told(replace(bare, **{one.name: getattr(full, one.name)})) == told(bare)
    }
    assert untold == {"id", "content", "accessed_at", "access_count", "chunk_count"}


def test_a_key_that_is_none_is_refused_and_the_others_hold(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[keymap]\n"memories.new" = "not a key"\n"memories.edit" = "ctrl+o,/"\n"app.undo" = "strg+z"')
    config = load_config(file, {})
    assert dict(config.keymap) == {"memories.edit": "ctrl+o,/"}
    assert ["'not a key' is no key" in config.problems[0], "'strg+z' is no key" in config.problems[1]] == [True, True]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'theme = "memoria-light"\n'),
        ('# mine\ntheme = "nord" # old\n[keymap]\na = "x"\n', '# mine\ntheme = "memoria-light"\n[keymap]\na = "x"\n'),
        ('[keymap]\n"app.undo" = "z"\n', 'theme = "memoria-light"\n[keymap]\n"app.undo" = "z"\n'),
    ],
)  # fmt: skip
def test_a_chosen_theme_is_written_into_the_file_and_nothing_else_changes(
    tmp_path: Path, before: str, after: str
) -> None:
    file = tmp_path / "folder" / "config.toml"
    file.parent.mkdir()
    file.write_text(before)
    remember_theme(file, lambda: "memoria-light")
    assert file.read_text() == after


def test_a_file_to_begin_with_is_one_that_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(TEMPLATE)
    assert load_config(file, {}) == Config(file=file)


def test_a_key_that_takes_anothers_where_both_work_is_told() -> None:
    (told,) = wrong_keys({"memories.new": "e", "graph.link": "r", "help.close": "d"} | {"graph.retry": "F5"})
    assert told.startswith("keymap.memories.new: e is the key of memories.edit (Edit); where both work, ")
    assert told.endswith(" memories.edit has no key")
    assert all(told.endswith("app.undo has no key") for told in wrong_keys({"app.undo": "n"}))
    (told,) = wrong_keys({"app.undo": "U"})
    assert told.endswith("app.redo has only ctrl+y")
    assert wrong_keys({"memories.new": "e", "memories.edit": "F9"}) == []
    assert wrong_keys({"memories.nope": "e"}) == [
        "keymap.memories.nope: no key has that id; memoria-tui config keys lists them"
    ]
