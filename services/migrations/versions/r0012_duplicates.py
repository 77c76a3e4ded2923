"""Near-identical memories that a scan found."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_scripts("018_duplicates.sql")
