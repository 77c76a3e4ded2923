"""The pauses of a session as rows of a form: from, until, why; and its times checked at the fields that have them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from functools import partial

from memoria_tui.dialogs.field_problems import FieldProblem, all_problems
from memoria_tui.dialogs.form import Field, Values
from memoria_tui.dialogs.session_fields import moment_of
from memoria_tui.text import present, work_text
from services.errors import InvalidInput
from services.model import Pause, SessionChanges, WorkSession
from services.times import calendar_day
from services.work.rules import check_edit

Rows = tuple[Pause | None, ...]
"""The pauses by the rows of a form; None: an empty one."""
Shown = tuple[str, str, str]
"""Start, end and reason as text."""
SPARE = 2
"""Empty rows for more pauses."""
_ROW = re.compile(r"pause_(\d{1,3})_")
_TIMES = ("end", "pauses", "start")


def pause_row(number: int) -> Shown:
    """The names of the fields of a row, counted from 1: a draft that is offered names them so."""
    start, end, reason = (f"pause_{number}_{name}" for name in ("start", "end", "reason"))
    return start, end, reason


def row_number(field: str) -> int | None:
    """Of the row that a field is in; None for any other field."""
    return int(row[1]) if (row := _ROW.match(field)) else None


def pause_fields(count: int, shown: Mapping[str, str] | None = None) -> Iterable[tuple[Field, ...]]:
    """So many rows of a form, a pause each; `shown` is what stands in them."""
    for number in range(1, count + 1):
        start, end, reason = pause_row(number)
        stands = shown or dict.fromkeys((start, end, reason), "")
        yield (
            Field(start, f"Pause {number}", stands[start], "12:00"),
            Field(end, "until", stands[end], "12:45"),
            Field(reason, "reason", stands[reason], "lunch"),
        )


def shown_rows(rows: Rows, began: datetime, zone: tzinfo) -> Mapping[str, str]:
    """What stands in the rows, by field; times without their day where that is the one on which the session began."""
    shown = (_shown(one, began, zone) for one in rows)
    return {name: text for n, row in enumerate(shown, 1) for name, text in zip(pause_row(n), row, strict=True)}


def _shown(pause: Pause | None, began: datetime, zone: tzinfo) -> Shown:
    if pause is None:
        return "", "", ""
    day = calendar_day(began, zone)
    start, end = (
        ("" if at is None else (work_text.second if calendar_day(at, zone) == day else work_text.moment)(at, zone))
        for at in (pause.start, pause.end)
    )
    return start, end, present.line(pause.reason or "")


class PauseReading:
    """What a person typed into the rows. What reads as before stays as it is, to the microsecond."""

    def __init__(
        self,
        values: Values,
        now: datetime,
        zone: tzinfo,
        span: tuple[datetime, datetime],
        rows: Rows = (),
        shown: Mapping[str, str] | None = None,
    ) -> None:
        """`span` is that of the session; `rows` are the pauses that it has, as `shown`."""
        self._values, self._now, self._zone, self._span = values, now, zone, span
        self._was = dict(enumerate(rows, 1))
        self._shown = shown or {}

    def pauses(self) -> tuple[Pause, ...]:
        """In the order of time. Raises FieldProblems."""
        return tuple(sorted(self._by_row().values(), key=lambda pause: pause.start))

    def field_of(self, pause: Pause) -> str:
        """Where a pause that was typed begins."""
        return next((pause_row(n)[0] for n, one in self._by_row().items() if one == pause), pause_row(1)[0])

    def _by_row(self) -> dict[int, Pause]:
        rows: dict[int, Pause] = {}
        with all_problems() as fields:
            for n in sorted({n for name in self._values if (n := row_number(name)) is not None}):
                changed, was = any(map(self._changed, pause_row(n))), self._was.get(n)
                read = fields.read(partial(self._pause, n, was), None) if changed else was
                if read is not None:
                    rows[n] = read
        return rows

    def _changed(self, field: str) -> bool:
        return self._values[field] != self._shown.get(field, "").strip()

    def _pause(self, number: int, was: Pause | None) -> Pause | None:
        """The pause in a row; None for one that was emptied."""
        start, end, reason = pause_row(number)
        if not any(self._values[name] for name in (start, end, reason)):
            return None
        if not self._values[start]:
            raise FieldProblem(start, "say when the pause began, or empty all of its row")
        with all_problems() as fields:
            begun = self._span[0]
            if was is not None and not self._changed(start):
                begun = was.start
            else:
                begun = fields.read(lambda: self._time(start, self._span), begun)
            after = (begun, max(begun, min(self._span[1], begun + timedelta(days=1))))
            ended = was.end if was and not self._changed(end) else None
            if self._changed(end) and self._values[end]:
                ended = fields.read(lambda: self._time(end, after), None)
        why = was.reason if was and not self._changed(reason) else self._values[reason] or None
        return Pause(begun, ended, why)

    def _time(self, field: str, span: tuple[datetime, datetime]) -> datetime:
        return moment_of(self._values, field, self._now, self._zone, span)


def check_times(session: WorkSession, changes: SessionChanges, now: datetime, place: Callable[[Pause], str]) -> None:
    """The service's checks, said at the field without whose change it would pass. Raises FieldProblem.

    `place` gives the field in which a pause begins.
    """
    try:
        check_edit(session, changes, now)
    except InvalidInput as error:
        changed = [name for name in _TIMES if getattr(changes, name) is not None]
        same = SessionChanges()
        odd = [name for name in changed if _passes(session, replace(changes, **{name: getattr(same, name)}), now)]
        field = (odd or changed)[0]
        if field == "pauses":
            field = place(_odd_pause(session, changes, now)) if changes.pauses else pause_row(1)[0]
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
