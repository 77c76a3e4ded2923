"""Notes of basic-memory: Markdown whose lists are observations and relations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from itertools import islice

from services.transfer.reader_parts.front_matter import Note, read_note
from services.transfer.reader_parts.notes import Section, read_notes
from services.transfer.reader_parts.opened_source import TEXT_SUFFIXES, Opened
from services.transfer.reader_parts.reader import Reader
from services.transfer.reader_parts.wikilinks import inline_tags, without_code
from services.transfer.readers import markdown

_OBSERVATION = re.compile(r"[ \t]{0,40}[-*][ \t]{1,8}\[(?P<category>[^\[\]()\n]{2,60})\](?!\()[ \t]{1,8}(?P<text>.+)")
_LOOKED_AT = 50
"""Notes of a folder that are looked at."""
_HEAD = 4096
"""Bytes of each."""


def _recognises(opened: Opened) -> bool:
    if not markdown.recognises(opened) or opened.path is None:
        return False
    if not opened.is_folder:
        return _is_one(opened.head)
    for found in islice(opened.files_to_read(TEXT_SUFFIXES), _LOOKED_AT):
        with suppress(OSError), (opened.path / found.name).open("rb") as file:  # which is told when all are read
            if _is_one(file.read(_HEAD)):
                return True
    return False


def _is_one(head: bytes) -> bool:
    front = read_note(head.decode("utf-8", "replace")).front
    return isinstance(front.get("permalink"), str) and "title" in front and "layout" not in front


def observed(_: str, note: Note) -> Iterable[Section]:
    """The note with its observations in its metadata, and their categories and tags among its tags."""
    found = [one for line in without_code(note.body).splitlines() if (one := _observation(line))]
    if not found or "observations" in note.front:
        return (Section(note),)
    categories = [one["category"] for one in found]
    named = note.written.get("tags")
    tags = [*(named if isinstance(named, list) else [named] if named else []), *categories]
    observations = [one | {"tags": own} if (own := inline_tags(one["text"])) else one for one in found]
    front = {**note.front, "observations": observations}
    return (Section(replace(note, front=front, written={**note.written, "tags": tags})),)


def _observation(line: str) -> dict[str, str] | None:
    """The category, text and context of a line that is an observation."""
    if (found := _OBSERVATION.match(line)) is None:
        return None
    text, context = found["text"].strip(), ""
    if text.endswith(")"):
        before, _, last = text[:-1].rpartition(" (")
        text, context = (before.strip(), last) if before and not {"(", ")"} & set(last) else (text, "")
    return {"category": found["category"].strip(), "text": text} | ({"context": context} if context else {})


READER = Reader(
    "basic-memory",
    "notes of basic-memory: a file or a folder",
    "as Markdown; observations (category, text, tags, context) in the metadata, their categories as tags; relations "
    "typed, with their context",
    "as Markdown; schemas count as notes",
    _recognises,
    lambda opened: read_notes(opened, observed),
)
