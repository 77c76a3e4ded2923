"""The kind of each act in the history, and a mark for history that came with an import."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0003"
down_revision = "0002"
ADDS = ("columns kind, imported of memoria_tui.audit_log: what kind of act each change belongs to",)


def upgrade() -> None:
    run_scripts("008_kinds.sql")
