"""Text and values from outside, in a form that every store can hold: lone surrogates, NUL, numbers that are none."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass

from services.errors import Malformed

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WORD = re.compile(r"[^\W_]{2}|[^\W_\x00-\u2e7f]")
_UNSEEN = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs that are blank: joiner, fillers of Hangul, Braille without dots."""
_JOINED = re.compile("(?<=[^\x00-\x7f])[\u200c\u200d](?=[^\x00-\x7f])")
"""Joiners where scripts and emoji need them."""
_NOT_IN_NAMES = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
MOST_NAME = 200
"""Characters of a tag, project or client that is given now; what files and other programs bring stays."""
_MAX_DEPTH = 60
"""Qdrant reads JSON down to 127 levels; what is nested deeper than this is kept as JSON text."""
_QUOTED = 60
"""Most characters of a value in a message."""


def column_text(text: str) -> str:
    """For a text column of PostgreSQL: NUL and lone surrogates become U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


def storable_text(text: str) -> str:
    """For JSON of both stores: pairs of surrogates become the character they mean, lone ones U+FFFD; NUL stays."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def storable(payload: Mapping[str, object]) -> dict[str, object]:
    """The payload as plain JSON values that both stores accept and give back unchanged."""
    return {storable_text(str(key)): _storable(value, 1) for key, value in payload.items()}


def broken_text(value: object) -> str | None:
    """Where in a value from outside a text has half a character, which no answer can carry; None: nowhere."""
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        place, one = waiting.pop()
        parts: Iterable[tuple[object, object]] = ()
        match one:
            case str() if _SURROGATE.search(one):
                return place
            case Mapping():
                parts = ((key, part) for key, inner in one.items() for part in (key, inner))
            case list() | tuple():
                parts = enumerate(one)
            case _ if is_dataclass(one):
                parts = ((key.name, getattr(one, key.name)) for key in fields(one))
        waiting += ((f"{place}.{storable_text(str(name))}".lstrip("."), part) for name, part in parts)
    return None


def has_word(text: str) -> bool:
    """Whether the text says anything: two letters or digits in a row, or one character of Chinese, Japanese, Korean."""
    return _WORD.search(text) is not None


def is_blank(text: str) -> bool:
    """Whether nothing of the text is seen: it has only spaces, also those without width, and marks of its layout."""
    return all(one.isspace() or one in _UNSEEN or unicodedata.category(one) == "Cf" for one in text)


def unseen(name: str) -> dict[int, str]:
    """By their places, what no name takes: line breaks, controls and what nobody sees, but joiners that are needed."""
    joined = {one.start() for one in _JOINED.finditer(name)}
    return {
        place: one
        for place, one in enumerate(name)
        if place not in joined and (one in _UNSEEN or unicodedata.category(one) in _NOT_IN_NAMES)
    }


def require_name(name: str) -> None:
    """Raises InvalidInput for what is no name: with line breaks, controls or what nobody sees, or as long as a text."""
    if len(name) > MOST_NAME:
        raise Malformed(f"{quoted(name)} has {len(name):,} characters; a name has at most {MOST_NAME:,}")
    if name.isprintable() and name.isascii():
        return
    if wrong := unseen(name):
        codes = ", ".join(dict.fromkeys(f"U+{ord(one):04X}" for one in [*wrong.values()][:3]))
        raise Malformed(
            f"{quoted(name)}: a name takes no line breaks, controls or invisible characters; it has {codes}"
        )


def split_tags(*texts: str) -> tuple[str, ...]:
    """Tags as people type them, with commas between, each once, in order."""
    return tuple(dict.fromkeys(tag for text in texts for part in text.split(",") if (tag := part.strip())))


def shortened(text: str, most: int = _QUOTED) -> str:
    """A text as a line shows it: its beginning, where it has more characters."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def quoted(value: object) -> str:
    """A value that somebody gave as a message shows it: one short piece, whatever it is."""
    match value:
        case str():
            shown = repr(shortened(value))
            return shown if len(shown) <= 2 * _QUOTED else repr(f"{value[: _QUOTED // 4]}…")  # mostly escapes
        case int() | float() | None:
            return shortened(repr(value))
    return f"a {type(value).__name__}"


def _storable(value: object, depth: int) -> object:
    match value:
        case None | bool():
            return value
        case str():
            return storable_text(value)
        case int():
            return value if -(2**63) <= value < 2**64 else str(value)
        case float():
            return value if math.isfinite(value) else None
        case Mapping() if depth < _MAX_DEPTH:
            return {storable_text(str(key)): _storable(inner, depth + 1) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset() if depth < _MAX_DEPTH:
            return [_storable(inner, depth + 1) for inner in value]
        case Mapping() | list() | tuple():
            return storable_text(json.dumps(value, default=str))
        case _:
            return storable_text(str(value))
