"""The form that stops work."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from textual.content import Content

from memoria_tui import present, work_text
from memoria_tui.screens.modals.form import Field, FormDialog, Values
from memoria_tui.screens.modals.session_fields import blaming, is_clock_alone, moment_of
from services.model import WorkSession
from services.ports import Clock

if TYPE_CHECKING:
    from services.container import Services

_AS_SET, _KEEP, _NONE = "as set", "keep one", "none"
_REMEMBER = {_AS_SET: None, _KEEP: True, _NONE: False}
"""Choice → what the service is told; None: as the settings say."""


def stop_session(services: Services, clock: Clock, session: WorkSession, *, end: str = "") -> FormDialog[WorkSession]:
    """Asks when it ended (`end` is proposed), for a note, and whether to keep a memory of it; then stops it."""

    async def stop(values: Values) -> WorkSession:
        zone = await services.reports.zone()
        at = _end(values, session, clock(), zone) if values["end"] else None
        act = services.work.stop(session.id, at=at, note=values["note"] or None, remember=_REMEMBER[values["memory"]])
        return await blaming("end", act)

    rows = (
        (Field("note", "Note", placeholder="what was done, what is left"),),
        (
            Field("end", "End", end, "now; or -15m, 17:30"),
            Field("memory", "Memory", _AS_SET, choices=tuple(_REMEMBER)),
        ),
    )
    worked = present.duration(session.elapsed_seconds(clock()))
    facts = Content.assemble((worked, "bold $accent"), f"  {work_text.name(session)}")
    what = f"stop {work_text.named(session)}"
    return FormDialog("Stop work", rows, stop, verb="stop", writes=what, facts=facts)


def _end(values: Values, session: WorkSession, now: datetime, zone: tzinfo) -> datetime:
    """What was typed; a time alone that lies ahead is meant on the day on which the session began."""
    end = moment_of(values, "end", now, zone)
    if end > now and is_clock_alone(values["end"]):
        return moment_of(values, "end", now, zone, session.start.astimezone(zone).date())
    return end
