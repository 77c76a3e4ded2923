"""Reads JSON of any origin, a document or lines, record by record: what is before a defect is not lost with it.

The records go through the standard library's decoder, which keeps lone surrogates and is as fast as `json.load`; no
number, nesting or length costs more than it is worth.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from services.transfer.reader_parts.imported_records import BadRecord

MOST_BYTES = 1 << 26
"""Of one line or record: a text of the greatest length that a memory may have fits, whatever is escaped in it."""
TOO_LONG = f"longer than {MOST_BYTES >> 20} MiB"
TOO_DEEP = "nested too deeply"
_MOST_LEVELS = 100
_MOST_DIGITS = 40


def _integer(digits: str) -> int | str:
    """Longer numbers than any store can hold stay text; reading them would take time quadratic in their length."""
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


DECODER = json.JSONDecoder(parse_int=_integer)
"""The standard library's, which keeps lone surrogates; of a key that comes twice the last counts."""


def too_deep(value: object, levels: int = _MOST_LEVELS) -> bool:
    """True when the value is nested deeper than anything sensible."""
    if not isinstance(value, (dict, list)):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(too_deep(one, levels - 1) for one in inner if isinstance(one, (dict, list)))


_PIECE = 1 << 20
"""Bytes read at once."""
_SPACE = re.compile(r"[ \t\n\r]*")
_AFTER_VALUE = frozenset(" \t\n\r,]}")
_NEAR_END = 32
"""A syntax error this close to the end of what was read may only mean that the rest is still to come."""


class BrokenJson(ValueError):
    """The document stops being JSON; the message says where."""


class JsonStream:
    """A cursor over a document."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self._scan = DECODER.raw_decode
        self._text = ""
        self._at = 0
        self._line = 1
        self._ended = False

    def members(self) -> Iterator[str]:
        """Keys of the object at the cursor, one by one; the caller consumes each value before it asks for the next."""
        self._expect("{")
        if self._peek() == "}":
            self._expect("}")
            return
        while True:
            key = self.value()
            if not isinstance(key, str):
                raise BrokenJson(f"a key must be a string, {self.place}")
            self._expect(":")
            yield key
            if self._expect(",}") == "}":
                return

    def items(self) -> Iterator[object]:
        """Elements of the array at the cursor, one by one."""
        for _ in self.elements():
            yield self.value()

    def elements(self) -> Iterator[None]:
        """Stops at each element of the array at the cursor; the caller consumes it before it asks for the next."""
        self._expect("[")
        if self._peek() == "]":
            self._expect("]")
            return
        while True:
            yield
            if self._expect(",]") == "]":
                return

    def value(self) -> object:
        """The whole value at the cursor."""
        self._peek()
        while True:
            try:
                value, end = self._scan(self._text, self._at)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated string") or error.pos >= len(self._text) - _NEAR_END
                if not cut or not self._more():
                    raise BrokenJson(self._problem(error)) from error
            except RecursionError as error:
                raise BrokenJson(f"{TOO_DEEP}, {self.place}") from error
            else:
                # The digits that were read may be the beginning of a longer number.
                ended = isinstance(value, (dict, list, str)) or self._text[end : end + 1] in _AFTER_VALUE
                if ended or not self._more():
                    self._advance(end)
                    return value

    def peek(self) -> str:
        """The next character that is not blank; "" at the end."""
        return self._peek(required=False)

    def require_end(self) -> None:
        """Raises BrokenJson where more follows the document, as where two files were joined."""
        if self.peek():
            raise BrokenJson(f"the document has ended, and more follows: import it as a file of its own, {self.place}")

    @property
    def place(self) -> str:
        """Where the cursor stands."""
        return f"line {self._line}"

    def _problem(self, error: json.JSONDecodeError) -> str:
        if error.msg.startswith("Unterminated string") or error.pos >= len(self._text.rstrip()):
            return f"the file ends in the middle of a record that begins on {self.place}"
        line = self._line + self._text.count("\n", self._at, error.pos)
        return f"{error.msg[0].lower()}{error.msg[1:]}, line {line}"

    def _peek(self, *, required: bool = True) -> str:
        while True:
            match = _SPACE.match(self._text, self._at)
            self._advance(match.end() if match else self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                if required:
                    raise BrokenJson(f"the file ends too early, after {self.place}")
                return ""

    def _expect(self, characters: str) -> str:
        found = self._peek()
        if found not in characters:
            raise BrokenJson(f"expected {' or '.join(characters)}, found {found!r}, {self.place}")
        self._advance(self._at + 1)
        return found

    def _advance(self, end: int) -> None:
        self._line += self._text.count("\n", self._at, end)
        self._at = end

    def _more(self) -> bool:
        """Reads on, at least as much again as waits to be decoded, so that a long record costs linear time."""
        if self._ended:
            return False
        waiting = self._text[self._at :]
        if len(waiting) > MOST_BYTES:
            raise BrokenJson(f"a record is {TOO_LONG}, {self.place}")
        piece = self._stream.read(max(_PIECE, len(waiting)))
        self._ended = not piece
        try:
            text = self._decode.decode(piece, final=self._ended)
        except UnicodeDecodeError as error:
            raise BrokenJson(f"not UTF-8 after {self.place}") from error
        self._text, self._at = waiting + text, 0
        return not self._ended or bool(text)


def json_lines(stream: BinaryIO) -> Iterator[tuple[str, dict[str, object]] | BadRecord]:
    """The place and the object of each line that is not blank; a line that is no object is reported instead."""
    for number, line in enumerate(_lines(stream), 1):
        where = f"line {number}"
        if line is None:
            yield BadRecord(where, f"it is {TOO_LONG}")
            continue
        text = line.strip(b" \t\r\n").removeprefix(b"\xef\xbb\xbf")
        if not text:
            continue
        try:
            value = DECODER.decode(text.decode("utf-8"))
        except UnicodeDecodeError as error:
            yield BadRecord(where, f"not UTF-8 at byte {error.start + 1} of the line")
        except json.JSONDecodeError as error:
            if line.endswith(b"\n") or error.msg == "Extra data":
                yield BadRecord(where, f"no JSON: {error.msg[0].lower()}{error.msg[1:]} at character {error.colno}")
            else:
                yield BadRecord(where, "the file ends in the middle of this line", damaged=True)
        except RecursionError:
            yield BadRecord(where, f"no JSON that can be read: {TOO_DEEP}")
        else:
            if not isinstance(value, dict):
                yield BadRecord(where, "a JSON object is expected on each line")
            elif too_deep(value):
                yield BadRecord(where, TOO_DEEP)
            else:
                yield where, value


def _lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Each line; None for one that is too long, of which only a piece is held at any time."""
    while line := stream.readline(MOST_BYTES + 1):
        if len(line) <= MOST_BYTES:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(MOST_BYTES)
        yield None
