"""Lets a person erase memories for good, their history too."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0004"
down_revision = "0003"
ADDS = ("function memoria_tui.purge_memories: erases memories for good, with their history",)


def upgrade() -> None:
    run_scripts("010_purge.sql")
