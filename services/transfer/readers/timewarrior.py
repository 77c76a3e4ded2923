"""Timewarrior: what `timew export` prints, and the files of its database."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from services.storable_text import quoted
from services.transfer.reader_parts.imported_records import BadRecord, Record
from services.transfer.reader_parts.json_items import json_items
from services.transfer.reader_parts.opened_source import Opened
from services.transfer.reader_parts.reader import Reader
from services.transfer.reader_parts.tracked_time import TrackedTimes, unreadable, utc_stamp

_STAMP = re.compile(r"\d{8}T\d{6}Z")
_LINE = re.compile(r"inc (?P<start>\d{8}T\d{6}Z)(?: - (?P<end>\d{8}T\d{6}Z))?(?: # ?(?P<rest>.*))?")
_MOST_LINE = 1_000_000


def _recognises(opened: Opened) -> bool:
    if re.match(rb"inc \d{8}T\d{6}Z", opened.head):
        return True
    first = opened.shape.items.get("") if opened.shape.form in ("list", "lines") else None
    return first is not None and "id" in first and bool(_STAMP.fullmatch(str(first.get("start"))))


def _records(opened: Opened) -> Iterator[Record]:
    times = TrackedTimes("timewarrior")
    if opened.head.lstrip()[:1] in (b"[", b"{"):
        for item in json_items(opened, lambda *_: True):
            yield item if isinstance(item, BadRecord) else _of_export(times, item.where, item.value)
        return
    stream = opened.stream()
    for number, raw in enumerate(iter(lambda: stream.readline(_MOST_LINE), b""), 1):
        if line := raw.decode("utf-8", "replace").strip():
            yield _of_line(times, f"line {number}", line)


def _of_export(times: TrackedTimes, where: str, value: Mapping[str, object]) -> Record:
    start, tags, words = value.get("start"), value.get("tags"), value.get("annotation")
    if utc_stamp(start) is None:
        return BadRecord(where, unreadable(start))
    end = utc_stamp(value.get("end"))
    named = [str(tag) for tag in tags] if isinstance(tags, list) else []
    return times.record(where, str(start), utc_stamp(start), end, str(words or ""), tags=named)


def _of_line(times: TrackedTimes, where: str, line: str) -> Record:
    """`inc 20261120T090000Z - 20261120T103000Z # acme "two words" # "an annotation"`."""
    if (found := _LINE.fullmatch(line)) is None:
        return BadRecord(where, unreadable(line))
    try:
        words = _words(found["rest"] or "")
    except ValueError:
        return BadRecord(where, f"{quoted(found['rest'])} are no tags")
    cut = words.index("#") if "#" in words else len(words)
    start, end = utc_stamp(found["start"]), utc_stamp(found["end"])
    return times.record(where, found["start"], start, end, " ".join(words[cut + 1 :]), tags=words[:cut])


def _words(text: str) -> list[str]:
    """Those between blanks; only `"` quotes, an apostrophe is one. Raises ValueError where a quote has no end."""
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.quotes, lexer.commenters = True, '"', ""
    return list(lexer)


READER = Reader(
    "timewarrior",
    "what `timew export` prints, or a file of Timewarrior's database (`2026-11.data`)",
    "work sessions with their tags; the annotation, else the tags, as description; `client:`, `project:` and "
    "`category:` of a tag name what they say; known again by the start, for its ids are places in the list",
    "what is still running (reported)",
    _recognises,
    _records,
)
