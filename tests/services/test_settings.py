"""Environment and file become settings of the right types, or one line that says what is wrong."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import get_type_hints

import pytest

from services.errors import InvalidInput
from services.files import read_regular
from services.settings import _WITH_PASSWORDS, VARIABLES, Settings, load_settings

TYPES = get_type_hints(Settings)
NAMES = {
    "day_begins": "4",
    "secrets": "mask",
    "log_level": "debug",
    "first_weekday": "Sunday",
    "zone": "Europe/Rome",
    "writer_zone": "UTC",
}
"""Texts for settings that take a few names only."""


def sample(name: str) -> str:
    """A text that the setting takes."""
    return NAMES.get(name) or ("yes" if TYPES[name] is bool else "61")


def test_a_file_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    file = tmp_path / ("long" * 100) / "config.toml"
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_settings({}, file)


def test_a_broken_file_ends_nothing_unless_it_may_name_a_store(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("theme = ")
    read = load_settings({}, file)
    assert read.file_problem
    assert read.file_problem.startswith(f"{file}: cannot be read as TOML: ")
    assert replace(read, file_problem=None) == load_settings({})
    stores = '[services]\ndatabase_url = "postgresql://other/db"'
    for written, told in (
        (f"theme = \n{stores}".encode(), "cannot be read as TOML"),
        (stores.encode("utf-16"), "no text in UTF-8"),
    ):
        file.write_bytes(written)
        with pytest.raises(InvalidInput, match=told):
            load_settings({}, file)


def test_a_file_of_settings_that_leads_nowhere_sets_nothing(tmp_path: Path) -> None:
    (file := tmp_path / "config.toml").symlink_to("/dev/null")
    assert read_regular(file) == b""


@pytest.mark.parametrize(
    ("make", "told"),
    [(os.mkfifo, "is a pipe, a socket or a device"), (os.mkdir, "is a folder")],
    ids=["pipe", "folder"],
)
def test_what_is_no_file_is_told_once_by_its_name_and_not_waited_for(
    tmp_path: Path, make: Callable[[Path], None], told: str
) -> None:
    make(file := tmp_path / "config.toml")
    with pytest.raises(InvalidInput) as raised:
        load_settings({}, file)
    assert str(raised.value) == f"{file} {told}, no file"


@pytest.mark.parametrize("data", [b"\x00\xff\xfe", b"a = " + b"[" * 5000])
def test_what_is_no_text_or_too_deep_is_told_in_one_line(tmp_path: Path, data: bytes) -> None:
    (file := tmp_path / "config.toml").write_bytes(data)
    problem = load_settings({}, file).file_problem
    assert problem
    assert problem.startswith(f"{file}: cannot be read")
    assert "\n" not in problem


def test_every_setting_has_a_variable() -> None:
    assert {one.name for one in fields(Settings)} - set(VARIABLES) == {
        "program", "runtime_dir", "default_home", "file_problem"
    }  # fmt: skip
    assert len(set(VARIABLES.values())) == len(VARIABLES)


@pytest.mark.parametrize("name", VARIABLES)
def test_a_setting_has_the_type_of_its_field_whether_it_is_set_in_the_environment_or_in_the_file(
    name: str, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[services]\n{name} = "{sample(name)}"\n')
    for settings in (load_settings({VARIABLES[name]: sample(name)}), load_settings({}, file)):
        assert isinstance(getattr(settings, name), TYPES[name])
        assert getattr(settings, name) not in (None, getattr(load_settings({}), name))


def test_the_demo_keeps_to_itself_wherever_the_stores_and_their_backups_are_set_to_be() -> None:
    places = [name for name in VARIABLES if "None" in str(TYPES[name]) or TYPES[name] is Path]
    set_ = {VARIABLES[name]: NAMES.get(name) or f"/real/{name}" for name in places}
    real, demo = load_settings(set_), load_settings({**set_, "MEMORIA_DEMO": "yes"})
    kept = {name for name in places if getattr(demo, name) == getattr(real, name)}
    assert kept == {"qdrant_api_key", "log_file", "zone", "writer_zone"}
    made = {name: getattr(demo, name) for name, of in vars(Settings).items() if isinstance(of, property)}
    outside = {name for name, place in made.items() if isinstance(place, Path) and demo.home not in place.parents}
    assert outside == set()
    assert demo.backup_keep == 0


@pytest.mark.parametrize(
    ("variable", "text", "allowed"),
    [
        ("MEMORIA_QDRANT_PORT", "0", "a number from 1 to 65535"),
        ("MEMORIA_QDRANT_PORT", "6333.5", "a number from 1 to 65535"),
        ("MEMORIA_WORK_SESSION_WARNING_HOURS", "nan", "a number from 0 to 10000"),
        ("MEMORIA_QDRANT_ON_DISK", "maybe", "true or false"),
        ("MEMORIA_LOG_LEVEL", "loud", "one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ("MEMORIA_TIMEZONE", "Mars/Base", "a zone such as Europe/Rome"),
        ("MEMORIA_ACTOR", "an\udce9", "text in UTF-8"),
    ],
)
def test_what_cannot_be_taken_is_named_with_what_is_allowed(variable: str, text: str, allowed: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        load_settings({variable: text})
    assert str(refused.value) == f"{variable} is {text!r}; it must be {allowed}"


def test_a_setting_that_may_have_a_password_is_not_shown() -> None:
    assert {name for name in VARIABLES if re.search("host|url|key|token|password", name)} == set(_WITH_PASSWORDS)
    with pytest.raises(InvalidInput, match=r"^MEMORIA_DATABASE_URL must be text in UTF-8$"):
        load_settings({"MEMORIA_DATABASE_URL": "postgresql://me:hush\udce9@h/d"})


@pytest.mark.parametrize(
    ("table", "variables", "told"),
    [
        ("day_begins = 13", {}, "{file}: services.day_begins is 13; it must be a number from 0 to 12"),
        (
            "day_begins = 3",
            {"MEMORIA_DAY_BEGINS": "99"},
            "MEMORIA_DAY_BEGINS is '99'; it must be a number from 0 to 12",
        ),
        (
            "chunk_size = 400\nchunk_overlap = 90",
            {"MEMORIA_CHUNK_SIZE": "90"},
            "{file}: services.chunk_overlap (90) must be smaller than MEMORIA_CHUNK_SIZE (90)",
        ),
        ("chunk_sise = 400", {}, "{file}: [services] has no setting 'chunk_sise'; did you mean chunk_size? known"),
        (
            'home = "/dev/null/x"',
            {},
            "{file}: services.home: /dev/null is a file; it takes a folder, which is made where it lacks",
        ),
        (
            f'log_level = "{"x" * 500}"',
            {},
            "{file}: services.log_level is '" + "x" * 59 + "…'; it must be one of DEBUG, ",
        ),
    ],
)
def test_what_cannot_be_is_told_with_the_place_where_it_was_set(
    tmp_path: Path, table: str, variables: dict[str, str], told: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"[services]\n{table}\n")
    with pytest.raises(InvalidInput) as refused:
        load_settings(variables, file)
    assert str(refused.value).startswith(told.format(file=file))


def test_a_home_that_is_a_file_or_below_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InvalidInput, match=f"MEMORIA_HOME: {tmp_path}/file is a file"):
            load_settings({"MEMORIA_HOME": str(home)})
    assert load_settings({"MEMORIA_HOME": str(tmp_path / "new" / "one")}).home == tmp_path / "new" / "one"


def test_a_home_of_a_name_that_cannot_be_is_refused_in_one_line() -> None:
    with pytest.raises(InvalidInput, match=r"^MEMORIA_HOME: /tmp/x+…: File name too long; choose another folder$"):
        load_settings({"MEMORIA_HOME": f"/tmp/{'x' * 300}"})
