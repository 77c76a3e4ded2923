"""The form that enters work which is finished, with its pauses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from memoria_tui.dialogs.field_problems import FieldProblems, all_problems, at_field
from memoria_tui.dialogs.form import Field, FormDialog, Values
from memoria_tui.dialogs.pause_rows import SPARE, PauseReading, check_times, pause_fields
from memoria_tui.dialogs.session_fields import Saved, moment_of, new_draft, new_fields
from memoria_tui.text import work_text
from memoria_tui.user_files.drafts import Draft, DraftKind
from services.errors import InvalidInput
from services.model import DEFAULT_CATEGORY, SessionChanges, SessionDraft, SessionStatus, WorkSession
from services.ports import Clock
from services.times import duration, parse_length, person_zone
from services.work.report_values import SessionFilter
from services.work.rules import with_times
from services.work.start_end_duration import typed_span

if TYPE_CHECKING:
    from services.container import Services


def add_session(services: Services, clock: Clock, about: SessionDraft, draft: Draft | None = None) -> FormDialog[Saved]:
    """Asks what was worked and when, and enters it; start, end and duration are shown while two of them are typed.

    `about` is filled in; `draft` was typed before the program ended.
    """
    form = _Adding(services, clock)
    zone = person_zone(services.settings)
    start, end = (work_text.moment(one, zone) if one else "" for one in (about.start, about.end))
    rows = (
        *new_fields(services, "what you did", about),
        (
            Field("start", "From", start, placeholder="9:00, yesterday 17:00"),
            Field("end", "To", end, placeholder="10:30, now"),
        ),
        (Field("duration", "Duration", placeholder="1:30, 90m, 1.5h, with one of both"),),
        *pause_fields(SPARE),
    )
    return FormDialog(
        "Add finished work",
        rows,
        form.save,
        verb="add",
        writes="add work",
        facts=form.facts,
        draft=draft or Draft(DraftKind.ADD_WORK),
    )


async def holds_added(services: Services, values: Mapping[str, str], now: datetime) -> bool:
    """Whether the log has what was typed into the form, pauses too; times as `-15m` say nothing of that."""
    zone = person_zone(services.settings)
    try:
        span = typed_span(values, now, zone)
        pauses = PauseReading(defaultdict(str, values), now, zone, span).pauses()
    except (InvalidInput, FieldProblems):
        return False
    page = await services.reports.log(SessionFilter(text=values.get("description", "")))
    return any((one.start, one.end, one.pauses) == (*span, pauses) for one in page.sessions)


class _Adding:
    """What the form says and does."""

    def __init__(self, services: Services, clock: Clock) -> None:
        self._services = services
        self._clock = clock
        self._zone = person_zone(services.settings)

    def _span(self, values: Values) -> tuple[datetime, datetime]:
        """Raises FieldProblems: what is no time or duration by itself, else why they fit together not at all."""
        now = self._clock()
        with all_problems() as fields:
            for field in ("start", "end"):
                if values[field]:
                    fields.read(partial(moment_of, values, field, now, self._zone, (now, now)), now)
            with fields.noting(), at_field("duration"):
                parse_length(values["duration"] or "0m")
            return fields.read(lambda: typed_span(values, now, self._zone, at_field), (now, now))

    def _times(self, values: Values) -> WorkSession:
        """Work of the times and pauses that are typed. Raises FieldProblems."""
        start, end = self._span(values)
        now, completed = self._clock(), SessionStatus.COMPLETED
        session = WorkSession("", values["description"], DEFAULT_CATEGORY, completed, start, end)
        rows = PauseReading(values, now, self._zone, (start, end))
        changes = SessionChanges(pauses=rows.pauses())
        check_times(session, changes, now, rows.field_of)
        return with_times(session, changes)

    def facts(self, values: Values) -> Content:
        """«1:15:00  Thu 19 Nov 09:00 – Thu 19 Nov 10:30  0:15:00 paused». Raises FieldProblems."""
        if not (values["start"] or values["end"] or values["duration"]):
            return Content()
        session, now = self._times(values), self._clock()
        worked, paused = duration(session.elapsed_seconds(now)), session.paused_seconds(now)
        pauses = f"  {duration(paused)} paused" if paused else ""
        return Content.assemble((worked, "bold $accent"), f"  {work_text.span(session, self._zone)}{pauses}")

    async def save(self, values: Values) -> Saved:
        """Enters the work. Raises FieldProblems and what the service raises."""
        with all_problems() as fields:
            draft = fields.read(lambda: new_draft(values), SessionDraft(""))
            times = fields.read(lambda: self._times(values), None)
        assert times is not None
        draft = replace(draft, start=times.start, end=times.end, pauses=times.pauses)
        new = await self._services.work.new_names(draft)
        added, overlaps = await self._services.work.add(draft)
        return Saved(added, new, overlaps)
