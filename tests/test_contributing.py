"""CONTRIBUTING.md leads a reader to files that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_file_that_the_map_names_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"`((?:memoria_tui|services|tests|sql|docker|\.ci)/[\w./]*)`", text))
    assert len(named) > 30
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_a_name_without_a_folder_is_in_the_folder_of_the_one_before_it() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    missing, folder = list[str](), ""
    for way in re.findall(r"^## The way of .*?(?=^## )", text, re.MULTILINE | re.DOTALL):
        for name in re.findall(r"`([\w/]+\.py)`", way):
            folder = name.rpartition("/")[0] or folder
            file = ROOT / folder / Path(name).name
            missing += [] if file.exists() else [str(file.relative_to(ROOT))]
    assert folder
    assert missing == []


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
