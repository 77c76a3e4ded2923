"""What the pauses of a session take from it, added up when they are written, for reports."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0014"
down_revision = "0013"
ADDS = ("column memoria_tui_paused of public.work_sessions",)


def upgrade() -> None:
    run_scripts("020_paused.sql")
