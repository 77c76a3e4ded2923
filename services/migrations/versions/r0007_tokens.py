"""Access tokens, for who uses the server from elsewhere."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_scripts("013_tokens.sql")
