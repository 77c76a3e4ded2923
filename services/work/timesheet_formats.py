"""What a timesheet can be written as; `services.work.timesheet_files` writes it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from services.model import any_of


class TimesheetFormat(StrEnum):
    """A name, and the suffix of its files."""

    HTML = "html", ".html"
    MARKDOWN = "markdown", ".md"
    CSV = "csv", ".csv"

    suffix: str

    def __new__(cls, name: str, suffix: str) -> TimesheetFormat:
        self = str.__new__(cls, name)
        self._value_, self.suffix = name, suffix
        return self


SUFFIXES = any_of(one.suffix for one in TimesheetFormat)
"""«.html, .md or .csv»."""


def timesheet_format_of(path: Path) -> TimesheetFormat | None:
    """That of the files with the suffix of this one."""
    return next((one for one in TimesheetFormat if one.suffix == path.suffix.lower()), None)
