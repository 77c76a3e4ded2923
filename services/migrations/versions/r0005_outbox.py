"""The first of the changes that wait to be applied to a memory's points."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_scripts("011_outbox.sql")
