"""The walk for the Graph screen, quicker."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0017"
down_revision = "0016"

REPLACES = ("function memoria_tui.neighborhood: finds the same in less time",)


def upgrade() -> None:
    run_scripts("006_neighborhood.sql")
