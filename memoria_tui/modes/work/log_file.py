"""The log as a file: all that it shows or would show on further pages, as CSV or for another time tracker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from services.errors import InvalidInput
from services.files import write_file
from services.model import SessionStatus, any_of
from services.transfer.time_writers import time_format_of, time_formats
from services.work.report_files import log_csv
from services.work.report_values import DayPart
from services.work.worked_time import parts_of

if TYPE_CHECKING:
    from memoria_tui.modes.work.state import LogQuestion
    from services.work.reports import ReportService

_PAGE = 1_000
_CSV = ".csv"
SUFFIXES = any_of([_CSV, *(f"{suffix} ({one})" for suffix, one in time_formats().items() if suffix != _CSV)])
"""«.csv, .ics (icalendar) or .klg (klog)»."""


async def write_log(
    reports: ReportService, asked: LogQuestion, file: Path, zone: tzinfo, now: datetime
) -> tuple[int, str]:
    """How many sessions were written, as CSV, or stopped ones in the format that the name ends with; what is lost.

    Raises StorageFull, InvalidInput, which is also what is there already: it is not written over.
    """
    format_ = None if file.suffix.lower() == _CSV else time_format_of(file)
    if format_ is not None:
        stopped = [one for one in await reports.sessions(asked.where) if one.status is SessionStatus.COMPLETED]
        made = await asyncio.to_thread(lambda: format_.writer.written(stopped, zone))
        await asyncio.to_thread(_write, file, lambda: made.text)
        return made.sessions, made.lost
    after = None
    parts = list[DayPart]()
    while True:
        page = await reports.log(asked.where, asked.order, descending=asked.descending, after=after, limit=_PAGE)
        parts += page.parts or [
            part for one in page.sessions for part in parts_of(one, now, zone, asked.where.first, asked.where.last)
        ]
        if (after := page.next) is None:
            break
    await asyncio.to_thread(_write, file, lambda: log_csv(parts, zone, now))
    return len({part.session.id for part in parts}), ""


def _write(file: Path, text: Callable[[], str]) -> None:
    try:
        write_file(file, text(), replace=False)
    except FileExistsError as error:
        raise InvalidInput(f"{file} exists already; choose another name") from error
