"""The shared tables, graph functions, work views and the history."""

from __future__ import annotations

from services.migrations import run_scripts

revision = "0001"
down_revision = None
ADDS = ("indexes idx_memoria_tui_* on public.work_sessions", "functions memoria_tui.neighborhood, path_step")
"""What it adds beside tables and views, as a person is told who is asked for an upgrade."""
REPLACES = (
    "functions public.get_neighbors, find_path, refresh_work_views, refresh_all_statistics: corrected",
    "view public.client_statistics: counts each minute once",
    "unique indexes of the views monthly_work_summary, daily_work_totals: refreshed while they are read",
    "trigger function public.trigger_refresh_work_views: as before, save for this program's own sessions",
)
"""What it puts in the place of what is there, with the same names and signatures."""


def upgrade() -> None:
    run_scripts(
        "001_tables.sql",
        "002_graph.sql",
        "003_work_views.sql",
        "004_memoria_tui.sql",
        "005_work.sql",
        "006_neighborhood.sql",
    )
