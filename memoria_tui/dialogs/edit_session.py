"""The form with everything that is known of a session, all of it changeable."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from memoria_tui.dialogs.field_problems import FieldProblem, Findings, all_problems, at_field
from memoria_tui.dialogs.form import Field, FormDialog, Outdated, Values
from memoria_tui.dialogs.pause_rows import (
    SPARE,
    PauseReading,
    Rows,
    check_times,
    pause_fields,
    pause_row,
    row_number,
    shown_rows,
)
from memoria_tui.dialogs.session_fields import YES, Saved, about_fields, detail, moment_of, yes_no
from memoria_tui.text import present, work_text
from memoria_tui.user_files.drafts import Draft, DraftKind
from memoria_tui.write_queue import on_what_is_seen
from services.errors import Billed, Conflict, InvalidInput
from services.model import SESSION_DETAILS, Pause, SessionCategory, SessionChanges, WorkSession
from services.ports import Clock
from services.times import duration
from services.work.rules import check_edit, with_times
from services.work.worked_time import flaws

if TYPE_CHECKING:
    from services.container import Services

_KEY_OF = {one.field: one.key for one in SESSION_DETAILS}
"""Where a change is called otherwise than its field of the form."""
_EARLIER_ROW = re.compile(r"\bpause(\d{1,3})_")
"""In drafts of versions that counted from 0."""
_LINE_BREAK = " ⏎ "


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
        *pause_fields(form.pause_rows, shown),
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
        typed = [number for name in (draft.values if draft else ()) if (number := row_number(name)) is not None]
        self.pause_rows = max(len(session.pauses) + SPARE, *typed, 0)
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
            typed = {n for n in range(1, self.pause_rows + 1) if any(values[name] for name in pause_row(n))}
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
            if not any(name in ("start", "end") or row_number(name) for name in fields.found):
                times = SessionChanges(start=changes.start, end=changes.end, pauses=changes.pauses)
                fields.read(lambda: check_times(self._session, times, now, reading.rows.field_of), None)
        return changes


def _facts(session: WorkSession, now: datetime, zone: tzinfo, *, moved: bool) -> Content:
    """Worked and paused time, with the days where it was `moved`, the memory that was kept, and what cannot be true."""
    parts = [
        Content.styled(duration(session.elapsed_seconds(now)), "bold $accent"),
        *([Content(work_text.span(session, zone))] if moved else []),
        Content(f"{duration(session.paused_seconds(now))} paused"),
        Content(session.status.value),
        *([Content("memory kept")] if session.memory_id else []),
        *([Content.styled(f"billed {', '.join(session.billed)}", "$warning")] if session.billed else []),
        *(Content.styled(f"⚠ {flaw.value}", "$warning") for flaw in flaws(session, now)),
    ]
    return Content("  ·  ").join(parts)


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
    return {
        **shown_rows((*session.pauses, *[None] * SPARE) if rows is None else rows, session.start, zone),
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

    @property
    def rows(self) -> PauseReading:
        """The pauses, whose times alone are looked for in the span that is known so far."""
        return PauseReading(self._values, self._now, self._zone, self._span, self._rows, self._shown)

    def _pauses(self) -> tuple[Pause, ...] | None:
        """None where no row was changed. Raises FieldProblems."""
        pauses = self.rows.pauses()
        return None if pauses == self._session.pauses else pauses

    def _notes(self) -> tuple[str, ...]:
        known = {_note_line(note): note for note in self._session.notes}
        lines: Sequence[str] = [line.strip() for line in self._values["notes"].splitlines() if line.strip()]
        return tuple(known.get(line, line.replace(_LINE_BREAK, "\n")) for line in lines)
