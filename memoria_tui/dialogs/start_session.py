"""The form that starts work."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from memoria_tui.dialogs.field_problems import all_problems, at_field
from memoria_tui.dialogs.form import Field, FormDialog, Values
from memoria_tui.dialogs.session_fields import Saved, moment_of, new_draft, new_fields
from memoria_tui.text import work_text
from memoria_tui.user_files.drafts import Draft, DraftKind
from services.model import SessionDraft
from services.ports import Clock
from services.times import duration, person_zone
from services.work.rules import check_past

if TYPE_CHECKING:
    from services.container import Services


def start_session(
    services: Services, clock: Clock, about: SessionDraft, draft: Draft | None = None, *, switch: bool = False
) -> FormDialog[Saved]:
    """Asks what is begun and starts it, with `switch` in place of what runs; `about` is filled in.

    An earlier start is shown with its day while it is typed. `draft` was typed before the program ended.
    """
    starting = _Starting(services, clock, switch=switch)
    rows = (
        *new_fields(services, "what you are going to do", about),
        (Field("start", "Start", placeholder="now; or -15m, 9:30, yesterday 17:00"),),
    )
    return FormDialog(
        "Pause what runs and start" if switch else "Start work",
        rows,
        starting.save,
        verb="switch" if switch else "start",
        writes="switch work" if switch else "start work",
        facts=starting.facts,
        draft=draft or Draft(DraftKind.SWITCH_WORK if switch else DraftKind.START_WORK),
    )


class _Starting:
    """What the form says and does."""

    def __init__(self, services: Services, clock: Clock, *, switch: bool) -> None:
        self._services = services
        self._switch = switch
        self._clock = clock
        self._zone = person_zone(services.settings)

    def facts(self, values: Values) -> Content:
        """«Starts Thu 19 Nov 22:00, 2:10:00 ago»; nothing for a start now. Raises FieldProblem."""
        if (start := self._start(values)) is None:
            return Content()
        ago = duration((self._clock() - start).total_seconds())
        return Content(f"Starts {work_text.day_and_time(start, self._zone)}, {ago} ago")

    async def save(self, values: Values) -> Saved:
        """Starts the session. Raises FieldProblems and what the service raises."""
        with all_problems() as fields:
            draft = fields.read(lambda: new_draft(values), SessionDraft(""))
            draft = replace(draft, start=fields.read(lambda: self._start(values), None))
        new = await self._services.work.new_names(draft)
        with at_field("description"):
            if not self._switch:
                return Saved(await self._services.work.start(draft), new)
            started, paused = await self._services.work.switch(draft)
            return Saved(started, new, tuple(f'"{one.description}" is paused' for one in paused))

    def _start(self, values: Values) -> datetime | None:
        now = self._clock()
        start = moment_of(values, "start", now, self._zone) if values["start"] else None
        if start is not None:
            with at_field("start"):
                check_past(start, now)
        return start
