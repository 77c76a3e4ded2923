"""Alembic's environment: revisions that run the scripts of `sql/`. Imports Alembic only when one runs."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent
_REVISIONS = sorted(path.stem for path in (HERE / "versions").glob("r*.py"))
NEWEST = _REVISIONS[-1][1:5]
"""Name of the last revision; they are numbered."""


def lines_of(what: str, version: str | None) -> tuple[str, ...]:
    """What the revisions after a version (None: all) say as ADDS or REPLACES, one line each."""
    newer = [name for name in _REVISIONS if name[1:5] > (version or "")]
    return tuple(line for name in newer for line in getattr(import_module(f"{__name__}.versions.{name}"), what, ()))


def sql_folder() -> Path:
    """The folder `sql/`: beside the packages in a checkout, inside `services` in an installed wheel."""
    installed = HERE.parent / "sql"
    return installed if installed.is_dir() else HERE.parents[1] / "sql"


def run_scripts(*names: str) -> None:
    """Runs whole scripts of `sql/` in a revision, or prints them when Alembic only shows what it would do."""
    from alembic import op

    context = op.get_context()
    for name in names:
        script = (sql_folder() / name).read_text("utf-8")
        if context.as_sql:
            context.impl.static_output(script)
        else:
            op.get_bind().execution_options(no_parameters=True).exec_driver_sql(script)
