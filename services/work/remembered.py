"""The episodic memory of a finished piece of work."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from services.model import MemoryDraft, MemoryType, WorkSession


def draft_of(session: WorkSession, now: datetime, zone: tzinfo) -> MemoryDraft:
    """What was done, how long it took and what was noted, as Markdown; the day is that of `zone`."""
    worked = timedelta(seconds=int(session.elapsed_seconds(now)))
    lines = [session.description, "", f"Worked {worked} on {session.start.astimezone(zone):%Y-%m-%d}."]
    lines += [f"Client: {session.client}."] if session.client else []
    lines += [f"Project: {session.project}."] if session.project else []
    lines += [f"Issue #{session.issue_number}."] if session.issue_number else []
    lines += [f"Pull request #{session.pr_number}."] if session.pr_number else []
    lines += [f"Branch {session.branch}."] if session.branch else []
    if session.notes:
        lines += ["", *(f"- {note}" for note in session.notes)]
    return MemoryDraft(
        content="\n".join(lines),
        type=MemoryType.EPISODIC,
        tags=("work", session.category.value),
        project=session.project,
        metadata={"session_id": session.id},
    )
