"""Toggl and Clockify: their detailed reports as CSV, which have the same columns in other letters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.transfer.reader_parts.imported_records import BadRecord, Record, RecordNote
from services.transfer.reader_parts.opened_source import Opened
from services.transfer.reader_parts.reader import Reader
from services.transfer.reader_parts.time_tables import DateOrder, clock_time, header_of, length, moment, table_rows
from services.transfer.reader_parts.tracked_time import TrackedTimes, unreadable

_SUFFIXES = frozenset({".csv", ".tsv", ""})
_IDS = frozenset({"id", "entry id", "time entry id"})
"""Columns in which a table may have the program's own ids, in any case of letters."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """How a program calls the columns of its own."""

    program: str
    begins: str
    """Day and time."""
    begins_at: str
    ends: str
    ends_at: str
    """Also with Stop for End."""
    duration: str

    def recognises(self, opened: Opened) -> bool:
        if opened.suffix not in _SUFFIXES or opened.is_folder:
            return False
        return {self.begins, self.begins_at, self.duration} <= header_of(opened)

    def records(self, opened: Opened) -> Iterator[Record]:
        rows, times = list(table_rows(opened)), TrackedTimes(self.program)
        dates = DateOrder(row.get(self.begins, "") for _, row in rows)
        if dates.is_doubtful:
            yield RecordNote("the table", "its dates can be read in two ways; the first number is taken for the day")
        for where, row in rows:
            yield self._record(times, dates, where, row)

    def _record(self, times: TrackedTimes, dates: DateOrder, where: str, row: Mapping[str, str]) -> Record:
        start = moment(dates.day(row.get(self.begins, "")), clock_time(row.get(self.begins_at, "")))
        day, at = (row.get(one) or row.get(one.replace("End", "Stop"), "") for one in (self.ends, self.ends_at))
        end = moment(dates.day(day), clock_time(at))
        if start is None:
            return BadRecord(where, unreadable(f"{row.get(self.begins, '')} {row.get(self.begins_at, '')}".strip()))
        lasted = length(row.get(self.duration, ""))
        if end is None and lasted is not None:
            end = start + lasted
        who, task = row.get("Email") or row.get("User", ""), row.get("Task", "")
        return times.record(
            where,
            f"{who}\0{start.isoformat()}",
            start,
            end,
            row.get("Description", "") or task,
            client=row.get("Client", ""),
            project=row.get("Project", ""),
            tags=row.get("Tags", "").split(","),
            own_id=next((cell for name, cell in row.items() if name.lower() in _IDS and cell), ""),
            billable=row.get("Billable", "").lower() not in ("no", "false"),
            notes=[f"Task: {task}"] if task and row.get("Description") else (),
            lasted=lasted,
        )


_TOGGL = _Columns("toggl", "Start date", "Start time", "End date", "End time", "Duration")
_CLOCKIFY = _Columns("clockify", "Start Date", "Start Time", "End Date", "End Time", "Duration (h)")
_KEPT = (
    "work sessions with client, project, description, tags, billable; the task as a note; known again by a column "
    "`id`, else by user and start"
)
TOGGL = Reader(
    "toggl",
    "the detailed report of Toggl Track as CSV",
    _KEPT,
    "user, rates and amounts",
    _TOGGL.recognises,
    _TOGGL.records,
)
CLOCKIFY = Reader(
    "clockify",
    "the detailed report of Clockify as CSV",
    _KEPT,
    "user, group, rates and amounts",
    _CLOCKIFY.recognises,
    _CLOCKIFY.records,
)
