"""The form that stops work."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from memoria_tui.dialogs.field_problems import FieldProblem, at_field
from memoria_tui.dialogs.form import Field, FormDialog, Values
from memoria_tui.text import work_text
from memoria_tui.user_files.drafts import Draft, DraftKind
from memoria_tui.write_queue import on_what_is_seen
from services.model import WorkSession
from services.ports import Clock
from services.times import duration, parse_past, person_zone
from services.work.rules import check_end, stopped, too_long

if TYPE_CHECKING:
    from services.container import Services

_AS_SET, _KEEP, _NONE = "as set", "keep one", "none"
_REMEMBER = {_AS_SET: None, _KEEP: True, _NONE: False}
"""Choice → what the service is told; None: as the settings say."""


def stop_session(
    services: Services, clock: Clock, session: WorkSession, *, end: str = "", draft: Draft | None = None
) -> FormDialog[WorkSession]:
    """Asks when it ended (`end` is proposed), for a note, and whether to keep a memory of it; then stops it.

    What would be booked is shown while the end is typed; above the warning hours it has to be confirmed.
    `draft` was typed before the program ended.
    """
    rows = (
        (Field("note", "Note", placeholder="what was done, what is left"),),
        (
            Field("end", "End", end, "now; or -15m, 17:30"),
            Field("memory", "Memory", _AS_SET, choices=tuple(_REMEMBER)),
        ),
    )
    form = _Stopping(services, clock, session)
    what = f"stop {work_text.named(session)}"
    draft = draft or Draft(DraftKind.STOP_WORK, session.id, what)
    return FormDialog(
        "Stop work", rows, form.stop, verb="stop", writes=what, facts=form.facts, ticks=not end, draft=draft
    )


class _Stopping:
    """What the form shows and does with the end that is typed."""

    def __init__(self, services: Services, clock: Clock, session: WorkSession) -> None:
        self._services = services
        self._clock = clock
        self._session = session
        self._zone = person_zone(services.settings)
        self._confirmed: set[str] = set()

    def _end(self, values: Values) -> datetime:
        with at_field("end"):
            now = self._clock()
            at = parse_past(values["end"], now, self._zone, (self._session.start, max(self._session.start, now)))
            check_end(self._session, at, now)
            return at

    def _until(self, at: datetime) -> str:
        return f"until {work_text.day_and_time(at, self._zone)}"

    def facts(self, values: Values) -> Content:
        """«1:23:45  until Fri 20 Nov 17:30  fix login»; the name alone where the end is none."""
        name = work_text.name(self._session)
        try:
            at = self._end(values)
        except FieldProblem:
            return Content(name)
        worked = duration(stopped(self._session, at, None).elapsed_seconds(at))
        until = f"  {self._until(at)}" if values["end"] else ""
        return Content.assemble((worked, "bold $accent"), until, f"  {name}")

    async def stop(self, values: Values) -> WorkSession:
        """Raises FieldProblem, also for an end that is to be confirmed."""
        at, settings = self._end(values), self._services.settings
        ended = stopped(self._session, at, None)
        if values["end"] not in self._confirmed and too_long(ended, at, settings.work_session_warning_hours):
            self._confirmed.add(values["end"])
            worked = duration(ended.elapsed_seconds(at))
            raise FieldProblem("end", f"{worked} {self._until(at)}? enter again to book it")
        stop = partial(
            self._services.work.stop,
            self._session.id,
            at=at if values["end"] else None,
            note=values["note"] or None,
            remember=_REMEMBER[values["memory"]],
        )
        with at_field("end"):
            return await on_what_is_seen(work_text.named(self._session), stop)
