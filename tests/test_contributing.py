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
