"""What was imported from where."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_scripts("016_sources.sql")
