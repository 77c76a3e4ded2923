"""Tables of tracked time, as Toggl and Clockify export them: their rows by column, and dates as they write them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta

from services.errors import UnreadableFile
from services.transfer.reader_parts.opened_source import Opened
from services.work.report_files import formula_read

_MOST_ROWS_LINE = 1_000_000
_FIGURES = re.compile(r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([ap]m)?", re.ASCII | re.IGNORECASE)
_LENGTH = re.compile(r"(\d{1,6}):(\d{2})(?::(\d{2}))?", re.ASCII)


def header_of(opened: Opened) -> frozenset[str]:
    """The names of the columns; none where the first line is no CSV."""
    line = opened.head.split(b"\n", 1)[0].decode("utf-8-sig", "replace")
    try:
        return frozenset(next(csv.reader([line], delimiter=_separator(line)), ()))
    except csv.Error:
        return frozenset()


def table_rows(opened: Opened) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each row with its place, cells by column. Raises UnreadableFile."""
    line = opened.head.split(b"\n", 1)[0].decode("utf-8-sig", "replace")
    stream = opened.stream()
    texts = (raw.decode("utf-8-sig", "replace") for raw in iter(lambda: stream.readline(_MOST_ROWS_LINE), b""))
    try:
        for number, row in enumerate(csv.DictReader(texts, delimiter=_separator(line)), 2):
            cells = {key: formula_read((value or "").strip()) for key, value in row.items() if isinstance(key, str)}
            yield f"row {number}", cells
    except csv.Error as error:
        raise UnreadableFile(f"{opened.name}: no readable CSV: {error}") from error


def _separator(line: str) -> str:
    return max(",;\t", key=line.count)


class DateOrder:
    """Whether the day or the month comes first in a column of dates: as those tell of which only one can be."""

    def __init__(self, texts: Iterable[str]) -> None:
        found = {(found[1], found[2]) for text in texts if (found := _FIGURES.fullmatch(text))}
        pairs = {(int(one), int(two)) for one, two in found if len(one) < 3}
        self.month_first = any(two > 12 for _, two in pairs) and not any(one > 12 for one, _ in pairs)
        self.is_doubtful = any(one != two for one, two in pairs) and not any(max(pair) > 12 for pair in pairs)
        """Where nothing tells, the day is first."""

    def day(self, text: str) -> date | None:
        """`2026-11-20`, `20/11/2026` or `11/20/2026`, None for what is none."""
        if (found := _FIGURES.fullmatch(text)) is None:
            return None
        one, two, three = (int(part) for part in found.groups())
        year, month, day = (one, two, three) if len(found[1]) == 4 else (three, two, one)
        if len(found[1]) != 4 and self.month_first:
            month, day = day, month
        try:
            return date(year, month, day) if year > 31 else None
        except ValueError:
            return None


def clock_time(text: str) -> time | None:
    """`9:30`, `09:30:00 AM`, None for what is none."""
    if (found := _CLOCK.fullmatch(text)) is None:
        return None
    hour, half = int(found[1]), (found[4] or "").lower()
    try:
        return time(hour % 12 + 12 * (half == "pm") if half else hour, int(found[2]), int(found[3] or 0))
    except ValueError:
        return None


def length(text: str) -> timedelta | None:
    """`1:30:00`, None for what is none."""
    if (found := _LENGTH.fullmatch(text)) is None:
        return None
    return timedelta(hours=int(found[1]), minutes=int(found[2]), seconds=int(found[3] or 0))


def moment(day: date | None, clock: time | None) -> datetime | None:
    """A local time, without a zone."""
    return None if day is None or clock is None else datetime.combine(day, clock)
