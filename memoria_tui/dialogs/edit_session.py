"""The form with everything that is known of a session, all of it changeable."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from textual.content import Content

from memoria_tui import present, work_text
from memoria_tui.dialogs.form import Field, FieldProblem, FormDialog, Outdated, Values
from memoria_tui.dialogs.session_fields import YES, Saved, about_fields, detail, moment_of, yes_no
from memoria_tui.drafts import Draft, DraftKind
from services.errors import Billed, Conflict, InvalidInput
from services.model import SESSION_DETAILS, Pause, SessionCategory, SessionChanges, WorkSession
from services.ports import Clock
from services.work.rules import check_edit, with_times
from services.work.timesheet import flaws

if TYPE_CHECKING:
    from services.container import Services

_KEY_OF = {one.field: one.key for one in SESSION_DETAILS}
"""Where a change is called otherwise than its field of the form."""
_SPAN = re.compile(r"\d:\d\d\s*(–|-\s*\d)")
"""From one time to another, as in no reason."""
_LINE_BREAK = " ⏎ "


def edit_session(
    services: Services, clock: Clock, session: WorkSession, zone: tzinfo, draft: Draft | None = None
) -> FormDialog[Saved]:
    """Shows a session and changes what the person changed; `draft` was typed before the program ended."""
    form = _Editing(services, clock, session, zone)
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
        (Field("pauses", "Pauses", shown["pauses"], "12:00 – 12:45  lunch; a line each", lines=3),),
        (Field("notes", "Notes", shown["notes"], "a line each", lines=3),),
    )
    what = f"change {work_text.named(session)}"
    draft = draft or Draft(DraftKind.EDIT_SESSION, session.id, what)
    return FormDialog("Work session", rows, form.save, writes=what, facts=form.facts, draft=draft)


class _Editing:
    """The session that the form changes, as it was read last."""

    def __init__(self, services: Services, clock: Clock, session: WorkSession, zone: tzinfo) -> None:
        self._work = services.work
        self._clock = clock
        self._session = session
        self._zone = zone
        self._billed_too = False
        """Whether the person knows that it was billed."""
        self.shown = shown_session(session, zone)

    def facts(self, values: Values) -> Content:
        """What would be booked."""
        session, now = self._session, self._clock()
        try:
            changes = self._changes(values, now)
            check_edit(session, changes, now)
        except (FieldProblem, InvalidInput):
            return Content.styled("—", "$warning")
        return _facts(with_times(session, changes), now, self._zone, moved=bool(changes.start or changes.end))

    async def save(self, values: Values) -> Saved:
        """Raises FieldProblem, and Outdated when another program changed a field that the person changed too."""
        session, now = self._session, self._clock()
        changes = self._changes(values, now)
        if changes == SessionChanges():
            return Saved(session)
        _check(session, changes, now)
        new = await self._work.new_names_of_edit(session, changes)
        try:
            return Saved(await self._work.edit(session, changes, billed_too=self._billed_too), new)
        except Billed as billed:
            self._billed_too = True
            raise InvalidInput(f"{billed}: ctrl+s again changes it all the same") from billed
        except Conflict as conflict:
            if not isinstance(conflict.current, WorkSession):
                raise
            self._session, self.shown = conflict.current, shown_session(conflict.current, self._zone)
            raise Outdated(self.shown) from conflict

    def _changes(self, values: Values, now: datetime) -> SessionChanges:
        return _Reading(self._session, self.shown, values, now, self._zone).changes()


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


def shown_session(session: WorkSession, zone: tzinfo) -> Mapping[str, str]:
    """The session as text that no terminal takes for a command, by field."""
    return {
        "description": present.harmless(session.description),
        "category": session.category.value,
        "client": present.harmless(session.client or ""),
        "project": present.harmless(session.project or ""),
        **{one.key: present.harmless(one.text(session)) for one in SESSION_DETAILS},
        "billable": yes_no(session.billable),
        "start": work_text.moment(session.start, zone),
        "end": work_text.moment(session.end, zone) if session.end is not None else "",
        "pauses": "\n".join(_pause_line(pause, zone) for pause in session.pauses),
        "notes": "\n".join(_note_line(note) for note in session.notes),
    }


def _pause_line(pause: Pause, zone: tzinfo) -> str:
    """«2026-11-20 12:00:00 – 12:45:10  lunch», the second day only when it is another one; no end while it lasts."""
    start = pause.start.astimezone(zone)
    end = ""
    if pause.end is not None:
        local = pause.end.astimezone(zone)
        end = f"{local:%H:%M:%S}" if local.date() == start.date() else f"{local:%Y-%m-%d %H:%M:%S}"
    return f"{start:%Y-%m-%d %H:%M:%S} – {end}  {present.line(pause.reason or '')}".rstrip()


def _note_line(note: str) -> str:
    return present.safe(note).replace("\n", _LINE_BREAK)


class _Reading:
    """What the person changed. Fields that read as before stay as they are, to the microsecond."""

    def __init__(
        self, session: WorkSession, shown: Mapping[str, str], values: Values, now: datetime, zone: tzinfo
    ) -> None:
        self._session = session
        self._shown = shown
        self._values = values
        self._now = now
        self._zone = zone
        self._span = (session.start, max(session.start, session.end or now))

    def changes(self) -> SessionChanges:
        """Raises FieldProblem."""
        start = self._moment("start")
        self._reach(start)
        end = self._moment("end")
        self._reach(end)
        return SessionChanges(
            description=self._text("description"),
            category=SessionCategory(self._values["category"]) if self._changed("category") else None,
            client=self._text("client"),
            project=self._text("project"),
            **{one.field: detail(self._values, one) for one in SESSION_DETAILS if self._changed(one.key)},
            billable=self._values["billable"] == YES if self._changed("billable") else None,
            start=start,
            end=end,
            pauses=self._pauses() if self._changed("pauses") else None,
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

    def _pauses(self) -> tuple[Pause, ...]:
        known = {_pause_line(pause, self._zone): pause for pause in self._session.pauses}
        lines = [line.strip() for line in self._values["pauses"].splitlines() if line.strip()]
        read = [known[line] if line in known else self._pause(line) for line in lines]
        return tuple(sorted(read, key=lambda pause: pause.start))

    def _pause(self, line: str) -> Pause:
        found = re.fullmatch(
            r"(?P<start>.+?)\s*(?:–|\s-\s|(?<=\d)-(?=\d\d?:))\s*(?P<end>[-\d: ]*)(?P<reason>\D.*)?", line
        )
        if found is None:
            raise FieldProblem("pauses", f"{line!r} is no pause; write 12:00 – 12:45  lunch")
        if _SPAN.search(found["reason"] or ""):
            raise FieldProblem("pauses", f"{line!r} is more than one pause; write a line for each")
        start = self._pause_time(found["start"], self._span)
        after = (start, max(start, min(self._span[1], start + timedelta(days=1))))
        end = self._pause_time(found["end"], after) if found["end"].strip() else None
        return Pause(start, end, (found["reason"] or "").strip() or None)

    def _pause_time(self, text: str, span: tuple[datetime, datetime]) -> datetime:
        return moment_of({"pauses": text.strip()}, "pauses", self._now, self._zone, span)

    def _notes(self) -> tuple[str, ...]:
        known = {_note_line(note): note for note in self._session.notes}
        lines: Sequence[str] = [line.strip() for line in self._values["notes"].splitlines() if line.strip()]
        return tuple(known.get(line, line.replace(_LINE_BREAK, "\n")) for line in lines)


def _check(session: WorkSession, changes: SessionChanges, now: datetime) -> None:
    """The service's checks, each said at the field without whose change it would pass. Raises FieldProblem."""
    try:
        check_edit(session, changes, now)
    except InvalidInput as error:
        for name in ("description", *_KEY_OF, "end", "pauses", "start"):
            if getattr(changes, name) is not None and _passes(session, replace(changes, **{name: None}), now):
                raise FieldProblem(_KEY_OF.get(name, name), str(error)) from error
        raise


def _passes(session: WorkSession, changes: SessionChanges, now: datetime) -> bool:
    try:
        check_edit(session, changes, now)
    except InvalidInput:
        return False
    return True
