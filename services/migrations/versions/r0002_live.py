"""Triggers that tell of changes, for screens that follow what others do."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0002"
down_revision = "0001"
ADDS = ("triggers memoria_tui_live on the shared tables and the history: tell open programs of changes",)


def upgrade() -> None:
    run_scripts("007_live.sql")
