"""Alembic's environment: revisions that run the scripts of `sql/`."""

from __future__ import annotations

from pathlib import Path

from alembic import op

HERE = Path(__file__).parent


def sql_folder() -> Path:
    """The folder `sql/`: beside the packages in a checkout, inside `services` in an installed wheel."""
    installed = HERE.parent / "sql"
    return installed if installed.is_dir() else HERE.parents[1] / "sql"


def run_scripts(*names: str) -> None:
    """Runs whole scripts of `sql/` in a revision, or prints them when Alembic only shows what it would do."""
    context = op.get_context()
    for name in names:
        script = (sql_folder() / name).read_text("utf-8")
        if context.as_sql:
            context.impl.static_output(script)
        else:
            op.get_bind().execution_options(no_parameters=True).exec_driver_sql(script)
