"""Tags of work sessions, which of them are billable, and what was billed."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0011"
down_revision = "0010"
ADDS = ("columns memoria_tui_tags, memoria_tui_billable, memoria_tui_billed of public.work_sessions",)


def upgrade() -> None:
    run_scripts("017_billing.sql")
