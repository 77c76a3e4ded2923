"""The registry of integrity checks."""

from __future__ import annotations

import importlib
import pkgutil

from typer.testing import CliRunner

from memoria_tui.cli.program import complete
from services.integrity import checks
from services.integrity.check import Check


def test_every_check_that_has_a_file_is_registered_under_a_name_of_its_own() -> None:
    files = [importlib.import_module(f"{checks.__name__}.{one.name}") for one in pkgutil.iter_modules(checks.__path__)]
    found = {value for file in files for value in vars(file).values() if isinstance(value, Check)}
    assert found == set(checks.CHECKS)
    assert len({check.name for check in found}) == len({check.title for check in found}) == len(checks.CHECKS)
    assert all(check.title and check.problem and check.about and check.advice for check in found)


def test_a_choice_between_values_is_asked_with_keys_of_their_own() -> None:
    for check in checks.CHECKS:
        assert bool(check.question) == bool(check.choices)
        assert len({key for key, _ in check.choices.values()}) == len(check.choices)
    assert [check.warning[-1] for check in checks.CHECKS if check.asks_for_all] == ["?"], "one answer serves them all"


def test_the_command_line_names_every_check_that_repairs() -> None:
    app = complete()
    told = CliRunner().invoke(app, ["repair", "--help"], terminal_width=200).output
    assert [one for one in checks.REPAIRABLE if f"{one} (" not in told] == []
    unknown = CliRunner().invoke(app, ["repair", "changed-outside"])
    assert unknown.exit_code == 2
    assert "'changed-outside' is not one of 'all', 'headless'" in unknown.output
