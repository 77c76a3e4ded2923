"""The log as CSV for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime, tzinfo

from services.work.model import DayPart
from services.work.report_export import exact, formula_safe, hours

_HEAD = (
    "day", "start", "end", "seconds", "hours", "paused_seconds", "status", "category", "client", "project",
    "description", "issue", "pull_request", "branch", "notes", "id",
)  # fmt: skip


def log_csv(parts: Iterable[DayPart], zone: tzinfo, now: datetime) -> str:
    """One line a session and day, times in `zone`, seconds exact; no text can be taken for a formula.

    So the lines of a day add up to its report.
    """
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(_HEAD)
    table.writerows(_row(part, zone, now) for part in parts)
    return written.getvalue()


def _row(part: DayPart, zone: tzinfo, now: datetime) -> tuple[object, ...]:
    session, seconds = part.session, part.seconds_at(now)
    paused = ((part.end or now) - part.start).total_seconds() - seconds
    texts = (session.client, session.project, session.description)
    return (
        part.day.isoformat(),
        part.start.astimezone(zone).isoformat(timespec="seconds"),
        part.end.astimezone(zone).isoformat(timespec="seconds") if part.end else "",
        exact(seconds),
        hours(seconds),
        exact(max(0.0, paused)),
        session.status.value,
        session.category.value,
        *(formula_safe(text or "") for text in texts),
        session.issue_number or "",
        session.pr_number or "",
        formula_safe(session.branch or ""),
        formula_safe("\n".join(session.notes)),
        session.id,
    )
