"""Which agents work with the memories, and when access tokens were last used."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_scripts("014_agents.sql")
