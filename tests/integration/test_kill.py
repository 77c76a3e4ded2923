"""A program that is killed at any step of any act leaves a store that the next start repairs."""

from __future__ import annotations

import subprocess

import pytest

from tests.forking import forked
from tests.services.memory_world import quick_folder

ACTS = {
    "few memories": {
        "create": 4,
        "edit": 5,
        "shorten": 5,
        "change keys": 4,
        "change type": 4,
        "edit many": 4,
        "delete": 3,
        "restore": 3,
        "bulk": 6,
        "undo edit": 3,
        "undo deletion": 3,
    },
    "many memories": {"bulk of very many": 7, "delete very many": 5, "undo import": 5},
}
"""Each with the least number of steps at which it can be killed: commits, writes of points, and embedding.

Those of a group follow each other on one store, in forks of one process.
"""


@pytest.mark.parametrize("group", ACTS)
def test_nothing_is_lost_doubled_or_half_done(group: str, postgres_url: str) -> None:
    with quick_folder() as folder:
        steps = steps_survived(list(ACTS[group]), folder, postgres_url)
    for (act, least), survived in zip(ACTS[group].items(), steps, strict=True):
        assert survived >= least, act


def steps_survived(acts: list[str], folder: str, url: str) -> list[int]:
    """Before how many steps each act was killed without damage."""
    command = forked("-m", "tests.integration.killed", folder, url, *acts)
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return [int(line) for line in ran.stdout.split()]
