"""The log as CSV for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime, tzinfo

from services.model import WorkSession
from services.work.report_export import formula_safe

_HEAD = (
    "day", "start", "end", "seconds", "hours", "paused_seconds", "status", "category", "client", "project",
    "description", "issue", "pull_request", "branch", "notes", "id",
)  # fmt: skip


def log_csv(sessions: Iterable[WorkSession], zone: tzinfo, now: datetime) -> str:
    """One line a session, times in `zone`; no text can be taken for a formula."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(_HEAD)
    table.writerows(_row(session, zone, now) for session in sessions)
    return written.getvalue()


def _row(session: WorkSession, zone: tzinfo, now: datetime) -> tuple[object, ...]:
    start = session.start.astimezone(zone)
    seconds = session.elapsed_seconds(now)
    texts = (session.client, session.project, session.description)
    return (
        start.date().isoformat(),
        start.isoformat(timespec="seconds"),
        session.end.astimezone(zone).isoformat(timespec="seconds") if session.end else "",
        round(seconds),
        f"{seconds / 3600:.2f}",
        round(session.paused_seconds(now)),
        session.status.value,
        session.category.value,
        *(formula_safe(text or "") for text in texts),
        session.issue_number or "",
        session.pr_number or "",
        formula_safe(session.branch or ""),
        formula_safe("\n".join(session.notes)),
        session.id,
    )
