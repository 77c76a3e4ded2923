"""What the contracts of the imports in pyproject.toml cannot say of themselves."""

from __future__ import annotations

import re
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]


def test_every_module_of_the_services_has_its_layer() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    named = {module for layer in layers for module in re.split(r" [|:] ", layer)}
    modules = [*(ROOT / "services").glob("*"), *(ROOT / "services" / "work").glob("*.py")]
    names = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in modules
        if path.stem != "__init__" and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    assert names - {"services.work"} == named


def test_only_the_command_line_opens_the_services() -> None:
    """Screens and services get them from there."""
    calling = {
        path.relative_to(ROOT).parts[:2]
        for folder in ("memoria_tui", "services")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"import open_services|\.open_services\(|services\.container\"", path.read_text())
    }
    assert calling == {("memoria_tui", "cli")}


def test_how_the_process_collects_garbage_is_set_by_what_starts_it_alone() -> None:
    files = [file for folder in ("memoria_tui", "services") for file in (ROOT / folder).rglob("*.py")]
    tuning = re.compile(r"\bgc\.(?:freeze|disable|set_threshold)\b")
    found = {str(file.relative_to(ROOT)) for file in files if tuning.search(file.read_text())}
    assert found == {
        *("memoria_tui/garbage_collection.py", "memoria_tui/cli/open_app.py", "memoria_tui/command_server/server.py"),
        "services/adapters/daemon/process.py",
    }


def test_a_day_is_taken_of_an_instant_by_the_functions_that_say_which_day_is_meant() -> None:
    """`this_day` of reports and `day_of` for days of work, `calendar_day` for others."""
    files = [file for folder in ("memoria_tui", "services") for file in (ROOT / folder).rglob("*.py")]
    raw = re.compile(r"(?:astimezone\(.*\)|clock\(\)|\bnow)\.date\(\)|date\.today\(\)")
    found = {str(file.relative_to(ROOT)) for file in files if raw.search(file.read_text())}
    assert found == {"services/times.py"}


def test_no_files_import_each_other_in_a_circle() -> None:
    """Not even later, in a function."""
    found = grimp.build_graph("memoria_tui", "services", exclude_type_checking_imports=True, cache_dir=None)
    TopologicalSorter({one: found.find_modules_directly_imported_by(one) for one in found.modules}).prepare()
