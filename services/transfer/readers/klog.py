"""klog: a text with a day a record, and its entries below it, indented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import BinaryIO

from services.model import Pause
from services.transfer.reader_parts.imported_records import BadRecord, Record, RecordNote, SessionRecord
from services.transfer.reader_parts.opened_source import Opened
from services.transfer.reader_parts.reader import Reader
from services.transfer.reader_parts.time_tables import clock_time, moment
from services.transfer.reader_parts.tracked_time import TrackedTimes, unreadable

_SUFFIXES = frozenset({".klg", ".klog"})
_TEXTS = frozenset({".txt", ""})
_DAY = re.compile(r"(\d{4})[-/](\d{2})[-/](\d{2})(?:\s*\([^)]*\))?\s*", re.ASCII)
_CLOCK = r"<?\d{1,2}:\d{2}(?:am|pm)?>?"
_RANGE = re.compile(rf"(?P<start>{_CLOCK})\s*-\s*(?P<end>{_CLOCK}|\?+)(?:\s+(?P<text>.*))?", re.ASCII)
_LENGTH = re.compile(r"(?P<sign>[-+]?)(?:(?P<hours>\d{1,9})h)?(?:(?P<minutes>\d{1,9})m)?(?:\s+(?P<text>.*))?", re.ASCII)
_TAG = re.compile(r"#([\w-]+)(?:=(?:\"([^\"]*)\"|'([^']*)'|([\w-]+)))?")
_OF_FIELDS = re.compile(r"#(client|project|category|not-billable|began)\b(=(\"[^\"]*\"|'[^']*'|[\w-]+))?")
_TAGS_AT_END = re.compile(r"(?:(?:^|\s+)#[\w-]+(?:=(?:\"[^\"]*\"|'[^']*'|[\w-]+))?)+$")
_BEGINS = re.compile(
    rb"\s*\d{4}[-/]\d{2}[-/]\d{2}(?:[ \t]*\([^)\n]*\))?[ \t]*\r?\n(?:\S[^\n]*\n)*(?:  +|\t)"
    rb"(?:<?\d{1,2}:\d{2}(?:am|pm)?>?[ \t]*-|[-+]?\d+[hm])"
)
BEGAN = "began"
"""The tag with the instant at which work began that this program wrote with its length alone."""
_FIRST = timedelta(hours=9)
"""When work began of which only its length is known, and nothing before it on its day."""
_CONTINUES = re.compile(r" {8}|\t\s")
"""How a line begins that belongs to the entry above it."""
_MOST_LINE = 1_000_000


@dataclass(slots=True)
class _Day:
    day: date
    reached: datetime
    """Where the entry before ended."""
    summary: list[str] = field(default_factory=list)
    entries: list[SessionRecord] = field(default_factory=list)


def _recognises(opened: Opened) -> bool:
    if opened.is_folder or opened.suffix in _SUFFIXES:
        return opened.suffix in _SUFFIXES
    return opened.suffix in _TEXTS and bool(_BEGINS.match(opened.head))


def _records(opened: Opened) -> Iterator[Record]:
    times = TrackedTimes("klog")
    now: _Day | None = None
    for where, line, more in _lines(opened.stream()):
        if line[:1].isspace():
            if now is None:
                yield BadRecord(where, unreadable(line.strip()))
            else:
                yield from _entry(times, now, where, line.strip(), more)
        elif (begun := _day(line)) is not None:
            yield from now.entries if now else ()
            now = begun
        elif now is not None and not now.entries:
            now.summary.append(line)
        else:
            yield BadRecord(where, unreadable(line))
    yield from now.entries if now else ()


def _lines(stream: BinaryIO) -> Iterator[tuple[str, str, list[str]]]:
    """Each line that is not blank with its place, and the lines that continue the summary of an entry."""
    held: tuple[str, str, list[str]] | None = None
    for number, raw in enumerate(iter(lambda: stream.readline(_MOST_LINE), b""), 1):
        line = raw.decode("utf-8-sig", "replace").rstrip()
        if held and held[1][:1].isspace() and _CONTINUES.match(line):
            held[2].append(line.strip())
        elif line.strip():
            yield from (held,) if held else ()
            held = f"line {number}", line, []
    yield from (held,) if held else ()


def _day(line: str) -> _Day | None:
    if (found := _DAY.fullmatch(line)) is None:
        return None
    try:
        day = date(*map(int, found.groups()))
    except ValueError:
        return None
    return _Day(day, datetime.combine(day, datetime.min.time()) + _FIRST)


def _entry(times: TrackedTimes, now: _Day, where: str, line: str, more: list[str]) -> Iterator[BadRecord | RecordNote]:
    """Puts an entry to its day; tells what cannot be read, and what had to be guessed."""
    found = _RANGE.fullmatch(line) or _LENGTH.fullmatch(line)
    if found is None or (found.re is _LENGTH and not (found["hours"] or found["minutes"])):
        yield BadRecord(where, unreadable(line))
        return
    texts = [found["text"] or "", *more]
    text = " ".join(filter(None, map(_without_tags, texts)))
    try:
        if found.re is _RANGE:
            start, end = _moment(now.day, found["start"]), _moment(now.day, found["end"])
        else:
            lasted = timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
            if found["sign"] == "-":
                yield from _break(now, where, lasted, text)
                return
            began = _began(" ".join(texts))
            start = began or now.reached
            end = start + lasted
            if began is None:
                yield RecordNote(where, f"it has no time of day: it is put to {start:%H:%M}")
    except OverflowError:
        start = end = None
    if end is None and not (found.re is _RANGE and "?" in found["end"]):
        yield BadRecord(where, unreadable(line))
        return
    record = times.record(
        where,
        f"{now.day}\0{found['start'] if found.re is _RANGE else found[0]}",
        start,
        end,
        text or " ".join(map(_without_tags, now.summary)),
        tags=[*_tags(" ".join(now.summary)), *_tags(" ".join(texts))],
    )
    if isinstance(record, BadRecord):
        yield record
        return
    now.entries.append(record)
    if record.end.tzinfo is None:
        now.reached = max(now.reached, record.end)


def _break(now: _Day, where: str, lasted: timedelta, reason: str) -> Iterator[BadRecord | RecordNote]:
    """Takes a break off the end of the last entry of the day that is long enough."""
    for place in reversed(range(len(now.entries))):
        one = now.entries[place]
        paused = sum((p.end - p.start for p in one.pauses if p.end), timedelta())
        if one.end - one.start - paused > lasted:
            end = min((p.start for p in one.pauses), default=one.end)
            now.entries[place] = replace(one, pauses=(Pause(end - lasted, end, reason or None), *one.pauses))
            yield RecordNote(where, f"the break has no time of day: it is put to the end of {one.where}")
            return
    yield BadRecord(where, "a break without work before it that is longer")


def _moment(day: date, text: str) -> datetime | None:
    """A time of the day, of the day before (`<23:30`) or of the next one (`0:30>`)."""
    shift = timedelta(text.endswith(">") - text.startswith("<"))
    bare = text.strip("<>")
    if bare == "24:00":
        bare, shift = "0:00", shift + timedelta(1)
    found = moment(day, clock_time(bare))
    return found and found + shift


def _began(text: str) -> datetime | None:
    """The instant in a tag; None without one."""
    for name, one, two, three in _TAG.findall(text):
        if name == BEGAN:
            with suppress(ValueError):
                found = datetime.fromisoformat(one or two or three)
                return found if found.tzinfo else None
    return None


def _tags(text: str) -> list[str]:
    found = ((name, one or two or three) for name, one, two, three in _TAG.findall(text) if name != BEGAN)
    return [f"{name}:{value}" if value else name for name, value in found]


def _without_tags(text: str) -> str:
    """The text without tags at its end, and without those that say what the session is about in other fields."""
    return _TAGS_AT_END.sub("", " ".join(_OF_FIELDS.sub("", text).split()))


READER = Reader(
    "klog",
    "a file of klog (`.klg`, or a text that is one)",
    "work sessions with their summary, `#tags` (`#client=acme`, `#project=api` as what they name); breaks as pauses; "
    "known again by the day and start",
    "what is still running, planned hours; times of what has a length alone are put one after another (reported)",
    _recognises,
    _records,
)
