"""Tables that Toggl and Clockify import, which have the same columns in other letters."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo

from services.times import duration
from services.transfer.time_writers.writer import WorkedPiece
from services.work.report_files import formula_safe

Column = Callable[[WorkedPiece, tzinfo], str]
KEPT = "description, client, project, tags, billable"
LOST = "kinds of work, reasons of pauses, notes, issues, branches, what was billed"
ABOUT: Mapping[str, Column] = {
    "Description": lambda one, zone: formula_safe(one.description),
    "Client": lambda one, zone: formula_safe(one.session.client or ""),
    "Project": lambda one, zone: formula_safe(one.session.project or ""),
    "Tags": lambda one, zone: formula_safe(", ".join(one.session.tags)),
    "Billable": lambda one, zone: "Yes" if one.session.billable else "No",
}
TIMES: Mapping[str, Column] = {
    "Start date": lambda one, zone: f"{one.start.astimezone(zone):%Y-%m-%d}",
    "Start time": lambda one, zone: f"{one.start.astimezone(zone):%H:%M:%S}",
    "End date": lambda one, zone: f"{one.end.astimezone(zone):%Y-%m-%d}",
    "End time": lambda one, zone: f"{one.end.astimezone(zone):%H:%M:%S}",
    "Duration": lambda one, zone: duration((one.end - one.start).total_seconds()).zfill(8),
}


def table(columns: Mapping[str, Column]) -> Callable[[Sequence[WorkedPiece], tzinfo], str]:
    """Writes a row a piece of work."""

    def text(pieces: Sequence[WorkedPiece], zone: tzinfo) -> str:
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([cell(one, zone) for cell in columns.values()] for one in pieces)
        return file.getvalue()

    return text
