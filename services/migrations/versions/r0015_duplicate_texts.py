"""Hashes of texts by which a scan finds copies whose vectors differ."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    run_scripts("021_duplicate_texts.sql")
