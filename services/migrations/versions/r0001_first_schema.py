"""The shared tables, graph functions, work views and the history."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_scripts(
        "001_tables.sql",
        "002_graph.sql",
        "003_work_views.sql",
        "004_memoria_tui.sql",
        "005_work.sql",
        "006_neighborhood.sql",
    )
