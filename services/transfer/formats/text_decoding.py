"""The text of bytes: UTF-8, UTF-16, or Windows-1252 (which holds Latin-1) where that is sure. Pure."""

from __future__ import annotations

import codecs

_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_MOST_ACCENTS = 0.3
"""Of the characters of a text, those that Windows-1252 has beside ASCII."""


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
        return text, "it is no UTF-8; it was read as Windows-1252"


def _western(raw: bytes) -> str | None:
    """The text when every byte above ASCII is a letter or a mark of Windows-1252, and most bytes are ASCII."""
    try:
        text = raw.decode("windows-1252")
    except UnicodeDecodeError:
        return None
    if any(ord(one) < 32 and one not in "\t\n\r\f" for one in text):
        return None
    others = [one for one in text if not one.isascii()]
    plausible = all(one.isalpha() or one in "€„“”‘’–—…•°§«»¿¡ª²³½¼¾±µ·£©®™×÷´¨" or one.isspace() for one in others)
    return text if plausible and len(others) <= _MOST_ACCENTS * len(text) else None
