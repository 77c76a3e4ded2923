"""Writes a text back into a note: what was not changed stays as it is, byte for byte. Pure."""

from __future__ import annotations

import codecs
import re
from difflib import SequenceMatcher

from services.transfer.reader_parts.front_matter import read_note
from services.transfer.reader_parts.notes import content_of
from services.transfer.reader_parts.text_decoding import NoText, decoded

_END = re.compile(r"(?<=\n)|(?<=\r)(?!\n)")
"""Other signs that end a line for Python, as a form feed, stand within lines of notes."""


class CannotWrite(ValueError):
    """The note cannot say this; the message says why."""


def with_text(raw: bytes, name: str, text: str) -> bytes:
    """The bytes of a note, whose file has this name, when its memory has this text. Raises CannotWrite.

    Front matter stays, and so do the lines that the text still has, with their ends; new lines end as the others do.
    """
    mark = codecs.BOM_UTF8 if raw.startswith(codecs.BOM_UTF8) else b""
    try:
        former = raw.removeprefix(mark).decode("utf-8")
        note = read_note(decoded(raw)[0])
    except (UnicodeDecodeError, NoText) as error:
        raise CannotWrite("it is not UTF-8") from error
    content = content_of(note, name)
    if _lines(content) == _lines(text):
        return raw
    if not note.body.strip():
        raise CannotWrite("it has properties alone")
    added = content.removesuffix(note.body)
    body = _merged(note.body, text.removeprefix(added))
    if not body.strip():
        raise CannotWrite("its text would be empty")
    try:
        return mark + (former.removesuffix(note.body) + body).encode("utf-8")
    except UnicodeEncodeError as error:
        raise CannotWrite("its text has half a character") from error


def _merged(former: str, text: str) -> str:
    old, new = _cut(former), _cut(text)
    end = "\r\n" if former.count("\r\n") * 2 > former.count("\n") else "\n"
    bare_old, bare_new = [_bare(line) for line in old], [_bare(line) for line in new]
    merged: list[str] = []
    for what, start, stop, first, last in SequenceMatcher(None, bare_old, bare_new, autojunk=False).get_opcodes():
        if what == "equal":
            merged += old[start:stop]
        else:
            merged += [_bare(line) + end for line in new[first:last]]
    if merged and not former.endswith("\n") and not text.endswith("\n"):
        merged[-1] = _bare(merged[-1])
    # A line that was the last one may have no end of its own.
    return "".join(line if line.endswith(("\n", "\r")) else line + end for line in merged[:-1]) + "".join(merged[-1:])


def _lines(text: str) -> list[str]:
    return [_bare(line) for line in _cut(text.rstrip("\r\n"))]


def _cut(text: str) -> list[str]:
    """The lines with their ends."""
    return [line for line in _END.split(text) if line]


def _bare(line: str) -> str:
    return line.rstrip("\r\n")
