"""Saved searches in the file of settings: what is written there besides stays as it stands."""

from __future__ import annotations

import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Static

from memoria_tui.dialogs.views import ViewsDialog
from memoria_tui.user_files.config import Config, load_config, remember_theme
from memoria_tui.user_files.views import View, change_views, plain_view, read_views
from services.errors import InvalidInput
from services.model import SearchMode
from tests.integration.test_cli import Ran, Run, run
from tests.tui.conftest import press, running, screen_of, settle, titles, type_text
from tests.tui.fakes import filled

__all__ = ["run"]

FILE = """\
theme = "memoria-light"  # mine

[views]  # what I look at
old = "tag:old"

# about keys
[keymap]
"app.undo" = "ctrl+z"
"""
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


def test_views_are_replaced_where_they_stand_and_all_else_stays(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(FILE)
    views = (*read_views(file), View('a "b"', "two words", SearchMode.KEYWORD))
    assert views[0] == View("old", "tag:old")
    change_views(file, lambda _: views)
    assert read_views(file) == views
    written = '"a \\"b\\"" = {query = "two words", mode = "keyword"}\n'
    assert file.read_text() == FILE.replace('old = "tag:old"\n', f'old = "tag:old"\n{written}')
    change_views(file, lambda _: ())
    assert tomllib.loads(file.read_text()).keys() == {"theme", "keymap"}
    assert "# about keys" in file.read_text()


def test_the_first_view_makes_the_file(tmp_path: Path) -> None:
    file = tmp_path / "new" / "config.toml"
    change_views(file, lambda _: [View("a", "x")])
    assert file.read_text() == '[views]\n"a" = "x"\n'


def test_of_several_that_write_settings_at_once_each_finds_what_the_others_wrote(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"

    def with_one(added: View, known: tuple[View, ...]) -> list[View]:
        return [*known, added]

    def add(writer: int) -> None:
        for view in [View(f"{writer}-{number}", "x") for number in range(10)]:
            change_views(file, partial(with_one, view))
            remember_theme(file, lambda: "memoria-light")

    with ThreadPoolExecutor(4) as writers:
        list(writers.map(add, range(4)))
    assert len(read_views(file)) == 40
    assert load_config(file, {}).theme == "memoria-light"
    assert [one.name for one in tmp_path.iterdir()] == ["config.toml"]


def test_every_field_of_a_view_is_written(tmp_path: Path) -> None:
    full = View("a", "x", SearchMode.KEYWORD)
    plain = plain_view(full)
    assert isinstance(plain, dict)
    assert {"name", *plain} == {one.name for one in fields(View)}
    change_views(tmp_path / "config.toml", lambda _: [full])
    assert read_views(tmp_path / "config.toml") == (full,)


@given(st.dictionaries(WORDS, WORDS, max_size=4))
def test_whatever_is_searched_for_comes_back(
    tmp_path_factory: pytest.TempPathFactory, searches: dict[str, str]
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_text(FILE)
    views = tuple(View(name, query) for name, query in searches.items())
    change_views(file, lambda _: views)
    assert read_views(file) == views
    assert load_config(file, {}).keymap == {"app.undo": "ctrl+z"}


def test_what_cannot_be_replaced_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('views.a = "x"\n')
    with pytest.raises(InvalidInput, match="change them there"):
        change_views(file, lambda _: [View("b", "y")])
    assert file.read_text() == 'views.a = "x"\n'


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("bad = 7", 'views.bad is 7; it must be a search, such as "tag:auth"'),
        ('bad = " "', "views.bad is ' '; it must be a search, such as \"tag:auth\""),
        ('bad = {mode = "keyword"}', 'views.bad.query is missing; it must be a search, such as "tag:auth"'),
        ("bad = {query = [1]}", 'views.bad.query is a list; it must be a search, such as "tag:auth"'),
        ('bad = {query = "x", mode = "loud"}', "views.bad.mode is 'loud'; it must be one of hybrid, semantic, keyword"),
        ('bad = {query = "x", hue = "red"}', "views.bad has 'hue', which no view has; known are query, mode"),
        (
            'bad = "has:all"',
            "views.bad cannot be searched for: has: 'all' cannot be understood; allowed: relations",
        ),
    ],
)
def test_a_view_that_cannot_be_used_is_told_with_what_is_wrong_and_the_others_hold(
    tmp_path: Path, written: str, told: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[views]\ngood = "tag:a"\n{written}\nplain = {{query = "x"}}\n')
    assert [one for one in read_views(file) if one.name != "bad"] == [View("good", "tag:a"), View("plain", "x")]
    assert load_config(file, {}).problems == (f"{file}: {told}",)


def test_what_stands_beside_a_view_stays_and_what_is_no_view_is_not_lost(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[views]\n# every morning\na = "tag:a"  # mine\nb = """\ntag:b"""\n\n# later\n')
    change_views(file, lambda known: [replace(known[0], query="tag:c"), known[1]])
    assert file.read_text() == '[views]\n# every morning\n"a" = "tag:c"\nb = """\ntag:b"""\n\n# later\n'
    file.write_text('[views]\ntypo = 7\na = "tag:a"\n')
    with pytest.raises(InvalidInput, match=r"views\.typo is 7; it must be a search.* repair or delete that first"):
        change_views(file, lambda known: known)
    assert "typo = 7" in file.read_text()


async def test_a_search_is_saved_renamed_opened_by_its_number_and_deleted(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    async with running(filled(), config=Config(file=file)) as pilot:
        screen_of(pilot).search_bar.set_text("token")
        await settle(pilot)
        await press(pilot, "at", "n")
        await type_text(pilot, "auth")
        await press(pilot, "enter")
        assert read_views(file) == (View("auth", "token"),)
        await press(pilot, "e")
        change_views(file, lambda known: [*known, View("of another program", "x")])
        await press(pilot, "escape")
        dialog = cast("ViewsDialog", pilot.app.screen)
        assert [one.name for one in dialog._views] == ["auth", "of another program"]
        await press(pilot, "down", "e")
        change_views(file, lambda known: [View("above", "y"), *known])
        await press(pilot, "escape")
        assert dialog._current == View("of another program", "x")
        change_views(file, lambda known: known[1:])
        await press(pilot, "g", "e", "escape")
        await press(pilot, "e")
        await type_text(pilot, "2")
        await press(pilot, "enter", "escape", "escape")
        assert read_views(file) == (View("2", "token"), View("of another program", "x"))
        assert screen_of(pilot).search_bar.text == ""
        await press(pilot, "at", "1")
        assert screen_of(pilot).search_bar.text == "token"
        assert titles(pilot)[0].startswith("JWT expiry")
        assert screen_of(pilot).memory_list.has_focus
        await press(pilot, "at", "d", "y")
        assert read_views(file) == (View("of another program", "x"),)
        await press(pilot, "escape")
        file.write_text('[views]\nodd = 7\nwrong = "has:all"\nright = "x"\n')
        await press(pilot, "at")
        told = str(pilot.app.screen.query_one("#hint", Static).content).splitlines()
        assert [line.partition(" ")[0] for line in told] == ["views.odd", "views.wrong"]


def test_a_view_is_searched_listed_and_counted_by_its_name_or_number(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    run("add", "Tokens expire", "--tag", "auth")
    run("add", "Tokens and cookies", "--tag", "web")
    assert run("views", "save", "mine", "tag:auth").status == 0
    assert run("views", "save", "words", "cookies", "--mode", "keyword").status == 0
    assert run("views", "save", "wrong", "tag:").status == 2
    assert [one["name"] for one in run("views", "--json").json] == ["mine", "words"]
    assert run("search", "--view", "words", "--json").json["mode"] == "keyword"
    assert run("list", "--view", "1", "--json").json["total"] == 1
    assert run("list", "--view", "mine", "cookies", "--json").json["total"] == 0
    assert run("stats", "--view", "mine").out.startswith("1 memory\n")
    assert run("search").status == 2
    assert run("search", "--view", "other").complaint == "there is no view 'other'; there are 'mine', 'words'"
    assert run("views", "delete", "mine").out == "deleted mine: tag:auth\n"
    (tmp_path / "settings" / "memoria-tui" / "config.toml").write_text('[views]\nwrong = "has:all"\n')
    told = run("views").complaint
    assert "config.toml: views.wrong cannot be searched for: has: 'all' cannot be understood" in told
    assert run("search", "--view", "wrong") == Ran(1, "", f"{told}\n")
