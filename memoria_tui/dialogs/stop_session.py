"""The form that stops work."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from memoria_tui import present, work_text
from memoria_tui.dialogs.form import Field, FieldProblem, FormDialog, Values
from memoria_tui.dialogs.session_fields import blaming
from memoria_tui.drafts import Draft, DraftKind
from services.errors import InvalidInput
from services.model import WorkSession
from services.ports import Clock
from services.times import parse_past, person_zone
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
    zone = person_zone(services.settings)
    confirmed: set[str] = set()

    def end_of(values: Values) -> datetime:
        try:
            at = parse_past(values["end"], clock(), zone)
            check_end(session, at, clock())
        except InvalidInput as error:
            raise FieldProblem("end", str(error)) from error
        return at

    def facts(values: Values) -> Content:
        try:
            at = end_of(values)
        except FieldProblem:
            return Content.assemble(("—", "$warning"), f"  {work_text.name(session)}")
        worked = present.duration(stopped(session, at, None).elapsed_seconds(at))
        until = f"  until {at.astimezone(zone):%a %d %b %H:%M}" if values["end"] else ""
        return Content.assemble((worked, "bold $accent"), until, f"  {work_text.name(session)}")

    async def stop(values: Values) -> WorkSession:
        at = end_of(values)
        ended = stopped(session, at, None)
        if values["end"] not in confirmed and too_long(ended, at, services.settings.work_session_warning_hours):
            confirmed.add(values["end"])
            worked = present.duration(ended.elapsed_seconds(at))
            raise FieldProblem("end", f"{worked} until {at.astimezone(zone):%a %d %b %H:%M}? enter again to book it")
        act = services.work.stop(
            session.id,
            at=at if values["end"] else None,
            note=values["note"] or None,
            remember=_REMEMBER[values["memory"]],
        )
        return await blaming("end", act)

    rows = (
        (Field("note", "Note", placeholder="what was done, what is left"),),
        (
            Field("end", "End", end, "now; or -15m, 17:30"),
            Field("memory", "Memory", _AS_SET, choices=tuple(_REMEMBER)),
        ),
    )
    what = f"stop {work_text.named(session)}"
    draft = draft or Draft(DraftKind.STOP_WORK, session.id, what)
    return FormDialog("Stop work", rows, stop, verb="stop", writes=what, facts=facts, draft=draft)
