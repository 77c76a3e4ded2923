"""Reads a JSON document of any length record by record: what stands before a defect is not lost with it.

The records go through the standard library's decoder, which keeps lone surrogates and is as fast as `json.load`.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from services.transfer.formats.jsontext import DECODER, MOST_BYTES, TOO_DEEP, TOO_LONG

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
        self._expect("[")
        if self._peek() == "]":
            self._expect("]")
            return
        while True:
            yield self.value()
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
