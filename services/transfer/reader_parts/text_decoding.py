"""The text of bytes: UTF-8, UTF-16, or Windows-1252 (which holds Latin-1) where that is sure. Pure."""

from __future__ import annotations

import codecs
import re

_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_JSON_UTF16 = {b"{\0": "utf-16-le", b"[\0": "utf-16-le", b"\0{": "utf-16-be", b"\0[": "utf-16-be"}
"""How JSON begins in UTF-16 without its mark."""
_WESTERN = "windows-1252"
_MOST_ACCENTS = 0.3
"""Of the characters of a text, those that Windows-1252 has beside ASCII."""
_OF_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_MARKS = frozenset("€„“”‚‘’‹›–—…•°§«»¿¡ª¹²³½¼¾±µ·£¥¢©®™×÷´¨†‡‰¶")
"""What texts have beside letters."""
READ_AS_WESTERN = "it is no UTF-8; it was read as Windows-1252"


class NoText(ValueError):
    """The bytes are no text; the message says where."""


def decoded(raw: bytes) -> tuple[str, str]:
    """The text, and what a person must know of its encoding, "" for UTF-8. Raises NoText."""
    if encoding := _UTF16.get(raw[:2]):
        try:
            return raw[2:].decode(encoding), ""
        except UnicodeDecodeError as error:
            raise NoText(f"not UTF-16 text (byte {error.start + 3})") from error
    try:
        return raw.decode("utf-8-sig"), ""
    except UnicodeDecodeError as error:
        text = _western(raw)
        if text is None:
            raise NoText(f"not UTF-8 text (byte {error.start + 1})") from error
        return text, READ_AS_WESTERN


def _western(raw: bytes) -> str | None:
    """The text when every byte above ASCII is a letter or a mark of Windows-1252, and most bytes are ASCII.

    None also where more of them make up characters of UTF-8 than stand alone: that is UTF-8 with a defect.
    """
    try:
        text = raw.decode(_WESTERN)
    except UnicodeDecodeError:
        return None
    if any(ord(one) < 32 and one not in "\t\n\r\f" for one in text):
        return None
    if len(_OF_UTF8.findall(raw)) > len(_NOT_ASCII.findall(_OF_UTF8.sub(b"", raw))):
        return None
    others = [one for one in text if not one.isascii()]
    plausible = all(one.isalpha() or one in _MARKS or one.isspace() for one in others)
    return text if plausible and len(others) <= _MOST_ACCENTS * len(text) else None


class ToUtf8:
    """Makes the pieces of a stream UTF-8: of UTF-16 by its mark, of JSON also without it and in Windows-1252, if sure.

    What is neither stays as it is, for its reader to say where it cannot be read.
    """

    def __init__(self, start: bytes) -> None:
        """`start` is looked at to choose, and still to be given to `piece`."""
        marked = _UTF16.get(start[:2])
        encoding = marked or _JSON_UTF16.get(start[:2])
        is_json = start.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"[")
        self._from = codecs.getincrementaldecoder(encoding)("replace") if encoding else None
        self._mark = 2 if marked else 0
        self._check = codecs.getincrementaldecoder("utf-8")() if is_json else None
        self._only_ascii = True
        self.western = False
        """True once something was read as Windows-1252."""

    def piece(self, raw: bytes, *, last: bool) -> bytes:
        raw, self._mark = raw[self._mark :], 0
        if self._from is not None:
            return self._from.decode(raw, final=last).encode()
        if self._check is None:
            return raw
        waiting = self._check.getstate()[0]
        if not waiting and raw.isascii():
            return raw
        if not self.western:
            try:
                text = self._check.decode(raw, final=last)
            except UnicodeDecodeError:
                raw = waiting + raw
                self.western = self._only_ascii and _western(raw) is not None
            else:
                self._only_ascii &= text.isascii()  # a first byte of a character may still wait for the others
                return text.encode()
        if self.western:
            try:
                return raw.decode(_WESTERN).encode()
            except UnicodeDecodeError:
                pass
        self._check = None
        return raw
