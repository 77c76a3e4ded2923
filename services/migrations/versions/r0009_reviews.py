"""What agents and imports wrote and no person has reviewed yet, and who reviewed what."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0009"
down_revision = "0008"
ADDS = ("trigger audit_log_await_review: what agents and imports write waits for a person's review",)


def upgrade() -> None:
    run_scripts("015_reviews.sql")
