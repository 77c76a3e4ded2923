"""A backup or a restore that is killed at any step leaves a store that opens, and a command that goes on."""

from __future__ import annotations

import subprocess

import pytest

from tests.forking import forked
from tests.services.memory_world import quick_folder

ACTS = {"backup": 6, "fresh": 8, "merge": 6, "replace": 14}
"""Each with the stride at which its steps are tried here: a life with its restore takes half a second.

All steps of an act are tried by `python -m tests.integration.killed_backup`.
"""
LEAST = 2
"""Lives of each act that are killed so."""


@pytest.mark.parametrize("acts", [("backup", "fresh"), ("merge", "replace")], ids=" ".join)
def test_nothing_is_lost_and_the_command_goes_on(acts: tuple[str, ...], postgres_url: str) -> None:
    tried = [f"{act}:{ACTS[act]}" for act in acts]
    with quick_folder() as folder:
        command = forked("-m", "tests.integration.killed_backup", folder, postgres_url, *tried)
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    killed = [int(number) for number in ran.stdout.split()]
    assert len(killed) == len(acts)
    assert min(killed) >= LEAST
