"""The form with everything that is known of a session, all of it changeable."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from memoria_tui.dialogs.field_problems import FieldProblem, Findings, all_problems, at_field
from memoria_tui.dialogs.form import Field, FormDialog, Outdated, Values
from memoria_tui.dialogs.session_fields import YES, Saved, about_fields, detail, moment_of, yes_no
from memoria_tui.text import present, work_text
from memoria_tui.user_files.drafts import Draft, DraftKind
from memoria_tui.write_queue import on_what_is_seen
from services.errors import Billed, Conflict, InvalidInput
from services.model import SESSION_DETAILS, Pause, SessionCategory, SessionChanges, WorkSession
from services.ports import Clock
from services.work.rules import check_edit, with_times
from services.work.worked_time import flaws

if TYPE_CHECKING:
    from services.container import Services

_KEY_OF = {one.field: one.key for one in SESSION_DETAILS}
"""Where a change is called otherwise than its field of the form."""
_SPARE = 2
"""Empty rows for more pauses."""
_PAUSE = ("start", "end", "reason")
_ROW = re.compile(r"pause_(\d{1,3})_")
_EARLIER_ROW = re.compile(r"\bpause(\d{1,3})_")
"""In drafts of versions that counted from 0."""
Rows = tuple[Pause | None, ...]
"""The pauses of a session by the rows of its form."""
_LINE_BREAK = " ⏎ "
_TIMES = ("end", "pauses", "start")


def edit_session(
    services: Services, clock: Clock, session: WorkSession, zone: tzinfo, draft: Draft | None = None
) -> FormDialog[Saved]:
    """Shows a session and changes what the person changed; `draft` was typed before the program ended."""
    if draft:
        draft = replace(draft, values={_name_now(name): text for name, text in draft.values.items()})
    form = _Editing(services, clock, session, zone, draft)
    shown = form.shown
    rows = (
        *about_fields(
            services,
            description=shown["description"],
            category=session.category,
            client=shown["client"],
            project=shown["project"],
            details=shown,
            billable=session.billable,
        ),
        (
            Field("start", "Start", shown["start"], "2026-11-20 9:30"),
            *([Field("end", "End", shown["end"], "2026-11-20 17:30")] if session.end is not None else []),
        ),
        *(_pause_fields(number, shown) for number in range(1, form.pause_rows + 1)),
        (Field("notes", "Notes", shown["notes"], "a line each", lines=3),),
    )
    what = f"change {work_text.named(session)}"
    draft = draft or Draft(DraftKind.EDIT_SESSION, session.id, what)
    return FormDialog("Work session", rows, form.save, writes=what, facts=form.facts, draft=draft)


def _name_now(name: str) -> str:
    return _EARLIER_ROW.sub(lambda row: f"pause_{int(row[1]) + 1}_", name)


class _Editing:
    """The session that the form changes, as it was read last."""

    def __init__(
        self, services: Services, clock: Clock, session: WorkSession, zone: tzinfo, draft: Draft | None
    ) -> None:
        self._work = services.work
        self._clock = clock
        self._session = session
        self._zone = zone
        self._billed_too = False
        """Whether the person knows that it was billed."""
        typed = [int(row[1]) for name in (draft.values if draft else ()) if (row := _ROW.match(name))]
        self.pause_rows = max(len(session.pauses) + _SPARE, *typed, 0)
        self._rows: Rows = (*session.pauses, *[None] * (self.pause_rows - len(session.pauses)))
        self.shown = shown_session(session, zone, self._rows)

    def facts(self, values: Values) -> Content:
        """What would be booked. Raises FieldProblems."""
        session, now = self._session, self._clock()
        changes = self._changes(values, now)
        return _facts(with_times(session, changes), now, self._zone, moved=bool(changes.start or changes.end))

    async def save(self, values: Values) -> Saved:
        """Raises FieldProblems, and Outdated when another program changed a field that the person changed too."""
        session, now = self._session, self._clock()
        changes = self._changes(values, now)
        if changes == SessionChanges():
            return Saved(session)
        new = await self._work.new_names_of_edit(session, changes)
        try:
            edit = partial(self._work.edit, session, changes, billed_too=self._billed_too)
            return Saved(await on_what_is_seen(work_text.named(session), edit), new)
        except Billed as billed:
            self._billed_too = True
            raise InvalidInput(f"{billed}: ctrl+s again changes it all the same") from billed
        except Conflict as conflict:
            if not isinstance(conflict.current, WorkSession):
                raise
            typed = {n for n in range(1, self.pause_rows + 1) if any(values[name] for name in _pause_row(n))}
            rows = _rows_now(self._rows, conflict.current.pauses, typed)
            if rows is None:
                raise InvalidInput("another program added pauses to it: esc, and open it again") from conflict
            self._session, self._rows = conflict.current, rows
            self.shown = shown_session(conflict.current, self._zone, rows)
            raise Outdated(self.shown) from conflict

    def _changes(self, values: Values, now: datetime) -> SessionChanges:
        """Raises FieldProblems."""
        with all_problems() as fields:
            reading = _Reading(self._session, self._rows, self.shown, values, now, self._zone)
            changes = reading.changes(fields)
            for name in ("description", *_KEY_OF):
                if (value := getattr(changes, name)) is not None:
                    with fields.noting(), at_field(_KEY_OF.get(name, name)):
                        check_edit(self._session, SessionChanges(**{name: value}), now)
            if not any(name in _TIMES or _ROW.match(name) for name in fields.found):
                times = SessionChanges(start=changes.start, end=changes.end, pauses=changes.pauses)
                fields.read(lambda: _check_times(self._session, times, now, reading.row_of), None)
        return changes


def _facts(session: WorkSession, now: datetime, zone: tzinfo, *, moved: bool) -> Content:
    """Worked and paused time, with the days where it was `moved`, the memory that was kept, and what cannot be true."""
    parts = [
        Content.styled(present.duration(session.elapsed_seconds(now)), "bold $accent"),
        *([Content(work_text.span(session, zone))] if moved else []),
        Content(f"{present.duration(session.paused_seconds(now))} paused"),
        Content(session.status.value),
        *([Content("memory kept")] if session.memory_id else []),
        *([Content.styled(f"billed {', '.join(session.billed)}", "$warning")] if session.billed else []),
        *(Content.styled(f"⚠ {flaw.value}", "$warning") for flaw in flaws(session, now)),
    ]
    return Content("  ·  ").join(parts)


def _pause_row(number: int) -> tuple[str, str, str]:
    """The fields of a row, counted from 1: a draft that is offered names them so."""
    start, end, reason = (f"pause_{number}_{name}" for name in _PAUSE)
    return start, end, reason


def _pause_fields(number: int, shown: Mapping[str, str]) -> tuple[Field, ...]:
    """A row of the form for one pause: from, until, why."""
    start, end, reason = _pause_row(number)
    return (
        Field(start, f"Pause {number}", shown[start], "12:00"),
        Field(end, "until", shown[end], "12:45"),
        Field(reason, "reason", shown[reason], "lunch"),
    )


def _rows_now(rows: Rows, pauses: Sequence[Pause], typed: Collection[int]) -> Rows | None:
    """The rows when others changed the pauses: each stays where it was, and new ones go where nothing is typed.

    None where there is no room for them.
    """
    now = {pause.start: pause for pause in pauses}
    placed = [now.pop(row.start, None) if row else None for row in rows]
    free = [n for n, row in enumerate(rows) if row is None and n + 1 not in typed]
    if len(free) < len(now):
        return None
    for n, pause in zip(free, now.values(), strict=False):
        placed[n] = pause
    return tuple(placed)


def shown_session(session: WorkSession, zone: tzinfo, rows: Rows | None = None) -> Mapping[str, str]:
    """The session as text that no terminal takes for a command, by field; with rows of pauses to spare by default."""
    rows = (*session.pauses, *[None] * _SPARE) if rows is None else rows
    shown = [_shown_pause(session, one, zone) for one in rows]
    return {
        **{name: text for n, row in enumerate(shown, 1) for name, text in zip(_pause_row(n), row, strict=True)},
        "description": present.strip_hidden(session.description),
        "category": session.category.value,
        "client": present.strip_hidden(session.client or ""),
        "project": present.strip_hidden(session.project or ""),
        **{one.key: present.strip_hidden(one.text(session)) for one in SESSION_DETAILS},
        "billable": yes_no(session.billable),
        "start": work_text.moment(session.start, zone),
        "end": work_text.moment(session.end, zone) if session.end is not None else "",
        "notes": "\n".join(_note_line(note) for note in session.notes),
    }


def _shown_pause(session: WorkSession, pause: Pause | None, zone: tzinfo) -> tuple[str, str, str]:
    """Start, end and reason; times without their day where that is the one on which the session began."""
    if pause is None:
        return "", "", ""
    day = session.start.astimezone(zone).date()
    start, end = (
        ("" if at is None else (work_text.second if at.astimezone(zone).date() == day else work_text.moment)(at, zone))
        for at in (pause.start, pause.end)
    )
    return start, end, present.line(pause.reason or "")


def _note_line(note: str) -> str:
    return present.escape_control(note).replace("\n", _LINE_BREAK)


class _Reading:
    """What the person changed. Fields that read as before stay as they are, to the microsecond."""

    def __init__(
        self, session: WorkSession, rows: Rows, shown: Mapping[str, str], values: Values, now: datetime, zone: tzinfo
    ) -> None:
        self._session = session
        self._rows = rows
        self._shown = shown
        self._values = values
        self._now = now
        self._zone = zone
        self._span = (session.start, max(session.start, session.end or now))

    def changes(self, fields: Findings) -> SessionChanges:
        """But for what is wrong, which is added to `fields`."""
        start = fields.read(lambda: self._moment("start"), None)
        self._reach(start)
        end = fields.read(lambda: self._moment("end"), None)
        self._reach(end)
        details = [one for one in SESSION_DETAILS if self._changed(one.key)]
        return SessionChanges(
            description=self._text("description"),
            category=SessionCategory(self._values["category"]) if self._changed("category") else None,
            client=self._text("client"),
            project=self._text("project"),
            **{one.field: fields.read(partial(detail, self._values, one), None) for one in details},
            billable=self._values["billable"] == YES if self._changed("billable") else None,
            start=start,
            end=end,
            pauses=fields.read(self._pauses, None),
            notes=self._notes() if self._changed("notes") else None,
        )

    def _changed(self, field: str) -> bool:
        """Not what has no field: the end of a session that another program stopped meanwhile."""
        shown = self._shown[field].strip()
        return self._values.get(field, shown) != shown

    def _text(self, field: str) -> str | None:
        return self._values[field] if self._changed(field) else None

    def _reach(self, moment: datetime | None) -> None:
        """Times alone are looked for up to a new start or end too."""
        if moment is not None:
            self._span = (min(self._span[0], moment), max(self._span[1], moment))

    def _moment(self, field: str) -> datetime | None:
        if not self._changed(field):
            return None
        if not self._values[field]:
            raise FieldProblem(field, "a time is needed; write 9:30 or 2026-11-20 9:30")
        return moment_of(self._values, field, self._now, self._zone, self._span)

    def _pauses(self) -> tuple[Pause, ...] | None:
        """None where no row was changed. Raises FieldProblems."""
        rows = self._pause_rows()
        pauses = tuple(sorted(rows.values(), key=lambda pause: pause.start))
        return None if pauses == self._session.pauses else pauses

    def row_of(self, pause: Pause) -> str:
        """The field in which a pause that was typed begins."""
        rows = self._pause_rows()
        return next((_pause_row(n)[0] for n, one in rows.items() if one == pause), _pause_row(1)[0])

    def _pause_rows(self) -> dict[int, Pause]:
        """The pauses by their rows. Raises FieldProblems."""
        was = dict(enumerate(self._rows, 1))
        rows: dict[int, Pause] = {}
        with all_problems() as fields:
            for n in range(1, 1 + sum(name.endswith("_start") for name in self._values)):
                changed = any(map(self._changed, _pause_row(n)))
                read = fields.read(partial(self._pause, n, was.get(n)), None) if changed else was.get(n)
                if read is not None:
                    rows[n] = read
        return rows

    def _pause(self, number: int, was: Pause | None) -> Pause | None:
        """The pause in a row; None for one that was emptied. What was not typed stays to the microsecond."""
        start, end, reason = _pause_row(number)
        if not any(self._values[name] for name in (start, end, reason)):
            return None
        if not self._values[start]:
            raise FieldProblem(start, "say when the pause began, or empty all of its row")
        with all_problems() as fields:
            begun = self._span[0]
            if was is not None and not self._changed(start):
                begun = was.start
            else:
                begun = fields.read(lambda: self._pause_time(start, self._span), begun)
            after = (begun, max(begun, min(self._span[1], begun + timedelta(days=1))))
            ended = was.end if was and not self._changed(end) else None
            if self._changed(end) and self._values[end]:
                ended = fields.read(lambda: self._pause_time(end, after), None)
        why = was.reason if was and not self._changed(reason) else self._values[reason] or None
        return Pause(begun, ended, why)

    def _pause_time(self, field: str, span: tuple[datetime, datetime]) -> datetime:
        return moment_of(self._values, field, self._now, self._zone, span)

    def _notes(self) -> tuple[str, ...]:
        known = {_note_line(note): note for note in self._session.notes}
        lines: Sequence[str] = [line.strip() for line in self._values["notes"].splitlines() if line.strip()]
        return tuple(known.get(line, line.replace(_LINE_BREAK, "\n")) for line in lines)


def _check_times(session: WorkSession, changes: SessionChanges, now: datetime, place: Callable[[Pause], str]) -> None:
    """The service's checks, said at the field without whose change it would pass. Raises FieldProblem."""
    try:
        check_edit(session, changes, now)
    except InvalidInput as error:
        changed = [name for name in _TIMES if getattr(changes, name) is not None]
        same = SessionChanges()
        odd = [name for name in changed if _passes(session, replace(changes, **{name: getattr(same, name)}), now)]
        field = (odd or changed)[0]
        if field == "pauses":
            field = place(_odd_pause(session, changes, now)) if changes.pauses else _pause_row(1)[0]
        raise FieldProblem(field, re.sub(r"pause \d+", "the pause", str(error))) from error


def _odd_pause(session: WorkSession, changes: SessionChanges, now: datetime) -> Pause:
    """The newest pause without which the others would be right."""
    assert changes.pauses
    for odd in reversed(changes.pauses):
        others = tuple(one for one in changes.pauses if one is not odd)
        if odd not in session.pauses and _passes(session, replace(changes, pauses=others), now):
            return odd
    return changes.pauses[-1]


def _passes(session: WorkSession, changes: SessionChanges, now: datetime) -> bool:
    try:
        check_edit(session, changes, now)
    except InvalidInput:
        return False
    return True
