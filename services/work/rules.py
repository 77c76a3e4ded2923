"""What may be done to a session and what is odd about it. Pure: every function judges values, none writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

from services.errors import Billed, Conflict, InvalidInput, Malformed
from services.model import SESSION_DETAILS, Pause, SessionChanges, SessionDraft, SessionStatus, WorkSession
from services.records.columns import BILLABLE, TAGS
from services.records.stored_sessions import SessionChange, StoredSession
from services.work.report_values import WarningKind, WorkWarning
from services.work.worked_time import flaws, spans_of

_AHEAD = timedelta(seconds=5)
"""How far clocks of two machines may differ before a time counts as ahead."""
NOTICEABLE = timedelta(minutes=1)
"""Work at once that is worth a warning."""
_SHORT = 24
"""Characters of a description in a warning."""
_LARGEST_NUMBER = 2**31 - 1
_COLUMN_OF: Mapping[str, str] = {
    "start": "start_time",
    "end": "end_time",
    "billable": BILLABLE,
    **{one.field: one.column for one in SESSION_DETAILS},
}


def require(session: WorkSession, status: SessionStatus, act: str) -> None:
    """Raises Conflict unless the session is in that state."""
    if session.status is not status:
        raise Conflict(f"cannot {act} {named(session)}: it is {session.status}", session)


def require_open(session: WorkSession) -> None:
    if session.status is SessionStatus.COMPLETED:
        raise Conflict(f"{named(session)} is completed already", session)


def require_idle(session: WorkSession) -> None:
    if session.status is SessionStatus.ACTIVE:
        raise Conflict(f"{named(session)} is running already", session)


MOST_DESCRIPTION = 10_000
"""Characters of a description, or of a note: as many as are pasted into a line."""


def check_description(text: str) -> None:
    """Raises InvalidInput."""
    if not text.strip():
        raise Malformed("a session needs a description")
    check_length("description", text)


def check_length(what: str, text: str) -> None:
    """Raises InvalidInput."""
    if len(text) > MOST_DESCRIPTION:
        number = f"{len(text):,} characters; a session takes {MOST_DESCRIPTION:,}"
        raise InvalidInput(f"the {what} has {number}: keep the text as a memory")


def again(session: WorkSession) -> SessionDraft:
    """What would begin the same work once more, from now on."""
    return SessionDraft(
        session.description,
        session.category,
        session.client or "",
        session.project or "",
        session.issue_number,
        session.pr_number,
        session.branch,
        session.tags,
        session.billable,
    )


def check_past(when: datetime, now: datetime) -> None:
    if when > now + _AHEAD:
        raise InvalidInput("that time is in the future")


def check_span(start: datetime, end: datetime | None, now: datetime) -> None:
    """Raises InvalidInput for a start or end that cannot be; an end of None is to come."""
    check_past(start, now)
    if end is not None and end <= start:
        raise Malformed("the end must be after the start")
    if end is not None:
        check_past(end, now)


def check_numbers(of: SessionDraft | SessionChanges) -> None:
    for number in (detail.of(of) for detail in SESSION_DETAILS):
        if isinstance(number, int) and not 0 <= number <= _LARGEST_NUMBER:
            raise InvalidInput(f"{number} is not a number of an issue or pull request")


def check_moment(session: WorkSession, when: datetime, now: datetime) -> None:
    """Whether a pause can begin or end then: after the start and after the last pause's begin and end, not ahead.

    Times that lie ahead, as a clock leaves that was set back, keep nobody from going on.
    """
    known = (t for p in session.pauses for t in (p.start, p.end) if t is not None and t <= now + _AHEAD)
    last = max(known, default=session.start)
    if when < max(last, session.start) - _AHEAD:
        raise InvalidInput(f"that time is before the last start or pause of {named(session)}")
    check_past(when, now)


def check_inside(session: WorkSession, when: datetime, zone: tzinfo) -> None:
    if session.end is None or not session.start < when < session.end:
        raise InvalidInput(f"that time is not inside {with_hours(session, (session.start, session.end), zone)}")


def joined(first: WorkSession, second: WorkSession) -> SessionChange:
    """The earlier of two sessions with the later one at its end, and the time between as a pause.

    Raises Conflict where they overlap, or where one would change whom the other is billed to, or whether it is.
    """
    assert first.end is not None
    assert second.end is not None
    if second.id == first.id or second.start < first.end:
        raise Conflict(f"{named(first)} and {named(second)} are worked on at once: they cannot be one", first)
    for what, one, other in (
        ("client", first.client_id, second.client_id),
        ("project", first.project_id, second.project_id),
        ("billable", first.billable, second.billable),
        ("billed months", set(first.billed), set(second.billed)),
    ):
        if one != other:
            raise Conflict(f"{named(first)} and {named(second)} differ in {what}: make it the same first", first)
    between = (Pause(first.end, second.start, None),) if second.start > first.end else ()
    return SessionChange(
        {
            "end_time": second.end,
            "notes": [*first.notes, *second.notes],
            "memory_id": first.memory_id or second.memory_id,
            TAGS: list(dict.fromkeys((*first.tags, *second.tags))) or None,
        },
        pauses=(*pauses_until(first, first.end), *between, *pauses_until(second, second.end)),
    )


def without(session: WorkSession, start: datetime, end: datetime, reason: str, now: datetime) -> tuple[Pause, ...]:
    """The pauses of a session with what was worked from `start` to `end` taken out of it; those that it has stay."""
    spans = [(max(span.start, start), min(span.end, end)) for span in spans_of(session, now)]
    away = (Pause(first, last, reason) for first, last in spans if first < last)
    return tuple(sorted((*session.pauses, *away), key=lambda pause: pause.start))


def check_end(session: WorkSession, end: datetime, now: datetime) -> None:
    if end < session.start:
        raise InvalidInput(f"that time is before {named(session)} began")
    check_past(end, now)


def check_unchanged(base: WorkSession, current: WorkSession, changes: SessionChanges) -> None:
    """Raises Conflict when a field that is to be replaced is no longer what the person saw, or a pause to be removed is
    gone."""
    for name in changes.__slots__:
        if name == "add_pauses":
            continue
        if name == "remove_pauses":
            outdated = not {*changes.remove_pauses} <= {*current.pauses}
        else:
            outdated = getattr(changes, name) is not None and getattr(base, name) != getattr(current, name)
        if outdated:
            what = name.removeprefix("remove_")
            raise Conflict(f"another program changed the {what} of {named(current)}", current)


def check_billed(session: WorkSession, *, billed_too: bool) -> None:
    """Raises Billed for a session that was billed, unless that is known."""
    if session.billed and not billed_too:
        raise Billed(f"{named(session)} was billed for {', '.join(session.billed)}", session)


def check_edit(session: WorkSession, changes: SessionChanges, now: datetime) -> None:
    """Raises InvalidInput for times that cannot be, if the edit is about times; other edits may leave old faults."""
    if changes.description not in (None, session.description):
        check_description(changes.description or "")
    for note in changes.notes or ():
        if note not in session.notes:
            check_length("note", note)
    check_numbers(changes)
    pauses = _pauses_after(session, changes)
    if changes.start is None and changes.end is None and pauses is None:
        return
    start, end = changes.start or session.start, changes.end or session.end
    if changes.end is not None and session.status is not SessionStatus.COMPLETED:
        raise InvalidInput("a running session has no end yet: stop it")
    check_span(start, end, now)
    check_pauses(session.pauses if pauses is None else pauses, start, end or now)
    if any(p.end is None for p in pauses or ()) and session.status is not SessionStatus.PAUSED:
        raise InvalidInput("only a paused session can have a pause without an end")


def with_times(session: WorkSession, changes: SessionChanges) -> WorkSession:
    """The session with the times of an edit."""
    pauses = _pauses_after(session, changes)
    return replace(
        session,
        start=changes.start or session.start,
        end=changes.end or session.end,
        pauses=session.pauses if pauses is None else pauses,
    )


def _pauses_after(session: WorkSession, changes: SessionChanges) -> tuple[Pause, ...] | None:
    """The pauses after the edit, None where they stay as they are."""
    if not (changes.add_pauses or changes.remove_pauses):
        return changes.pauses
    before = session.pauses if changes.pauses is None else changes.pauses
    kept = (one for one in before if one not in changes.remove_pauses)
    return tuple(sorted((*kept, *changes.add_pauses), key=lambda one: one.start))


def as_change(session: WorkSession, changes: SessionChanges) -> SessionChange:
    """The edit as columns; "" and 0 become «none»."""
    columns: dict[str, object] = {}
    details = (one.field for one in SESSION_DETAILS)
    for name in ("description", "category", *details, "billable", "start", "end", "notes"):
        value = getattr(changes, name)
        if value is None:
            continue
        if isinstance(value, datetime):
            value = value.astimezone(UTC)
        elif isinstance(value, tuple):
            value = list(value)
        columns[_COLUMN_OF.get(name, name)] = value if value is False or value not in ("", 0) else None
    client, project = (name if name is None else name.strip() for name in (changes.client, changes.project))
    return SessionChange(columns, client=client, project=project, pauses=_pauses_after(session, changes))


def warnings(
    running: Sequence[StoredSession], completed: Sequence[WorkSession], now: datetime, *, limit: int, hours: float
) -> tuple[WorkWarning, ...]:
    """Everything odd about the running sessions; `completed` are those that may overlap them."""
    sessions = [stored.session for stored in running]
    found = [*_forgotten(sessions, now, hours), *_same_project(sessions), *_overlaps(sessions, completed, now)]
    if limit and len(sessions) > limit:
        text = f"Limit exceeded ({len(sessions)} of {limit} running)"
        found.append(WorkWarning(WarningKind.PARALLEL_LIMIT, tuple(s.id for s in sessions), text))
    for stored in running:
        if odd := (*stored.flaws, *flaws(stored.session, now)):
            text = f"{named(stored.session)} {odd[0]}"
            found.append(WorkWarning(WarningKind.FLAWED, (stored.session.id,), text))
    return tuple(found)


def stopped(session: WorkSession, end: datetime, note: str | None) -> WorkSession:
    """The session as it is after it was stopped: pauses end with it, later ones go."""
    notes = (*session.notes, *([note] if note else []))
    return replace(session, status=SessionStatus.COMPLETED, end=end, pauses=pauses_until(session, end), notes=notes)


def pauses_until(session: WorkSession, end: datetime) -> tuple[Pause, ...]:
    """The pauses, open and longer ones ended then, later ones left out."""
    return tuple(replace(p, end=min(p.end or end, end)) for p in session.pauses if p.start <= end)


def too_long(session: WorkSession, now: datetime, hours: float) -> bool:
    """Whether so much was worked at one stretch that the end may be a mistake; 0 hours: never."""
    return bool(hours) and session.elapsed_seconds(now) >= hours * 3600


def _forgotten(sessions: Sequence[WorkSession], now: datetime, hours: float) -> list[WorkWarning]:
    found = []
    for session in sessions if hours else ():
        paused_since = max((p.start for p in session.pauses if p.end is None), default=now)
        worked, paused = session.elapsed_seconds(now) / 3600, (now - paused_since).total_seconds() / 3600
        if max(worked, paused) >= hours:
            state = f"paused for {paused:.1f}" if paused >= hours else f"running for {worked:.1f}"
            text = f"{named(session)} has been {state} hours"
            found.append(WorkWarning(WarningKind.FORGOTTEN, (session.id,), text))
    return found


def _same_project(sessions: Sequence[WorkSession]) -> list[WorkWarning]:
    by_project: dict[str, list[WorkSession]] = {}
    for session in sessions:
        if session.project_id:
            by_project.setdefault(session.project_id, []).append(session)
    return [
        WorkWarning(
            WarningKind.SAME_PROJECT,
            tuple(s.id for s in same),
            f'{len(same)} sessions are open for the project "{same[0].project}"',
        )
        for same in by_project.values()
        if len(same) > 1
    ]


def _overlaps(sessions: Sequence[WorkSession], completed: Sequence[WorkSession], now: datetime) -> list[WorkWarning]:
    """Timers that run at once, and running sessions with work at the same time as a completed one."""
    ticking = [session for session in sessions if session.status is SessionStatus.ACTIVE]
    found = []
    if len(ticking) > 1:
        times = "twice" if len(ticking) == 2 else f"{len(ticking)} times"
        text = f"{len(ticking)} timers are running: this time is counted {times}"
        found.append(WorkWarning(WarningKind.OVERLAP, tuple(s.id for s in ticking), text))
    for session in sessions:
        for other, both in overlaps(session, completed, now):
            text = f"{named(session)} {describe_overlaps([(other, both)])}"
            found.append(WorkWarning(WarningKind.OVERLAP, (session.id, other.id), text))
    return found


def overlaps(session: WorkSession, others: Iterable[WorkSession], now: datetime) -> list[tuple[WorkSession, timedelta]]:
    """Which of the others were worked on at the same time for a minute or more, and for how long."""
    found = ((other, _at_once(session, other, now)) for other in others if other.id != session.id)
    return [(other, timedelta(seconds=int(both))) for other, both in found if both >= NOTICEABLE.total_seconds()]


def describe_overlaps(found: Sequence[tuple[WorkSession, timedelta]]) -> str:
    """«overlaps "review" by 0:12:00 and 2 more»: the longest of what `overlaps` gives; "" for none."""
    if not found:
        return ""
    other, both = max(found, key=lambda one: one[1])
    return f"overlaps {named(other)} by {both}{_others(found)}"


def overlap_mark(found: Sequence[tuple[WorkSession, timedelta]]) -> str:
    """«overlap 0:12:00 with "review" and 2 more», of which the end may be cut off; "" for none."""
    if not found:
        return ""
    other, both = max(found, key=lambda one: one[1])
    return f"overlap {both} with {named(other)}{_others(found)}"


def _others(found: Sequence[tuple[WorkSession, timedelta]]) -> str:
    return f" and {len(found) - 1} more" if len(found) > 1 else ""


def named(session: WorkSession | SessionDraft) -> str:
    """The description, so short that what is said of it fits into a line."""
    text = " ".join(session.description.split())
    return f'"{text}"' if len(text) <= _SHORT else f'"{text[: _SHORT - 1]}…"'


def with_hours(session: WorkSession | SessionDraft, span: tuple[datetime, datetime | None], zone: tzinfo) -> str:
    """«"review" (2026-11-30 14:00 – 16:00)»."""
    start, end = (None if at is None else at.astimezone(zone) for at in span)
    assert start is not None
    ended = "now" if end is None else f"{end:%H:%M}" if end.date() == start.date() else f"{end:%Y-%m-%d %H:%M}"
    return f"{named(session)} ({start:%Y-%m-%d %H:%M} – {ended})"


def _at_once(one: WorkSession, other: WorkSession, now: datetime) -> float:
    """Seconds that were worked on both."""
    return sum(
        max(0.0, (min(a.end, b.end) - max(a.start, b.start)).total_seconds())
        for a in spans_of(one, now)
        for b in spans_of(other, now)
    )


def check_pauses(pauses: Sequence[Pause], start: datetime, end: datetime) -> None:
    """Raises InvalidInput for what cannot be pauses of a session of these times."""
    for number, pause in enumerate(pauses, 1):
        if (pause.end or end) < pause.start:
            raise InvalidInput(f"pause {number} ends before it begins")
        if pause.start < start or (pause.end or end) > end:
            raise InvalidInput(f"pause {number} is outside the session")
    for before, after in pairwise(sorted(pauses, key=lambda p: p.start)):
        if (before.end or end) > after.start:
            raise InvalidInput("two pauses overlap")
