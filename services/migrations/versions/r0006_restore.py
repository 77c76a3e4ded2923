"""Lets every program on the stores see a restore that was begun and not finished."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_scripts("012_restore.sql")
