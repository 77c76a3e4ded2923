"""Memories of an import that is done again wait for a review again."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0013"
down_revision = "0012"

REPLACES = ("function memoria_tui.await_review: what is done again by an undo of its undo waits for a review again",)


def upgrade() -> None:
    run_scripts("019_redone.sql")
