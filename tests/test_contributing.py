"""CONTRIBUTING.md leads a reader to files that are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_file_that_the_map_names_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"`((?:memoria_tui|services|tests|sql|docker|\.ci)/[\w./]*)`", text))
    assert len(named) > 30
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def _files_of(way: str) -> Iterator[tuple[str, bool]]:
    """The files of a way, and whether in italics; a bare name is in the folder of the file before it."""
    folder = ""
    for italics, name in re.findall(r"(\*?)`([\w/]+\.py)`", way):
        folder = name.rpartition("/")[0] or folder
        yield f"{folder}/{Path(name).name}", bool(italics)


def _ways() -> list[str]:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    return re.findall(r"^## The way of .*?(?=^## )", text, re.MULTILINE | re.DOTALL)


def test_a_name_without_a_folder_is_in_the_folder_of_the_one_before_it() -> None:
    named = [name for way in _ways() for name, _ in _files_of(way)]
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_ways_have_as_many_files_as_they_say() -> None:
    key, save = _ways()[:2]
    passed = [{name for name, italics in _files_of(way) if not italics} for way in (key, save)]
    said = [
        [int(one) for one in re.findall(r"(\d+) (?:files )?in the (?:app|store daemon)", way)] for way in (key, save)
    ]
    assert len(passed[0]) == sum(said[0])
    assert len(passed[1]) == said[1][0]  # the store daemon is only said to be as above


def test_what_is_added_in_a_file_has_its_name_there() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("## How do I add …")[2].partition("\n## ")[0]
    missing = []
    for row in table.splitlines()[4:]:
        where = row.rsplit(" | ", 1)[-1]
        paths = [
            ROOT / name for name in re.findall(r"`((?:memoria_tui|services|tests|sql)/[\w./]*|README\.md)`", where)
        ]
        files = [one for path in paths for one in [path, *path.rglob("*.py"), *path.rglob("*.sql")]]
        text = "".join(file.read_text("utf-8") for file in files if file.is_file())
        names = re.findall(r"`(_?[A-Z]\w+|[a-z]+_\w+|_\w+)`", where) if files else []
        missing += [name for name in names if not re.search(rf"\b{name}\b", text)]
    assert missing == []
