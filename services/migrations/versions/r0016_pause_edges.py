"""The start and the end of each pause beside their sum, for reports by hour."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0016"
down_revision = "0015"

ADDS = ("column memoria_tui_pause_edges of public.work_sessions",)


def upgrade() -> None:
    run_scripts("022_pause_edges.sql")
