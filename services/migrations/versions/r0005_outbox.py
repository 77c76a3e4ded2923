"""The first of the changes that wait to be applied to a memory's points."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0005"
down_revision = "0004"
ADDS = ("column since of memoria_tui.embedding_schedule: the first change that waits to be applied",)


def upgrade() -> None:
    run_scripts("011_outbox.sql")
