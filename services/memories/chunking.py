"""Cuts a text into overlapping chunks that are embedded one by one. Every character lies in at least one chunk."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import islice
from uuid import UUID, uuid5

_NAMESPACE = UUID("a1b2c3d4-e5f6-7890-abcd-ef1234567890")
_BREAKS: tuple[tuple[str, ...], ...] = (
    ("\n\n", "\r\n\r\n", "\u2029"),
    ("\n", "\r", "\u2028"),
    (". ", "! ", "? ", "… ", "。", "！", "？"),
    ("; ", ": ", ", ", "、", "，"),
    (" ", "\t", "\u3000"),
)
"""Where a text may be cut, the best places first; a cut comes after the separator."""
_JOINERS = frozenset("\u200c\u200d\ufe0e\ufe0f\u20e3") | {chr(tone) for tone in range(0x1F3FB, 0x1F400)}
_LONGEST_CLUSTER = 16
"""Characters that are kept together at most; a pile of more accents than that is cut."""


MOST_CHUNKS = 64
"""Chunks of one memory: longer texts have longer chunks."""
MOST_COPIED = 16_000_000
"""Characters that the copies of the whole text in all its chunks may take together."""


def chunk_id(memory_id: str, index: int) -> str:
    """Id of a chunk's point, as MCP Memoria makes it."""
    return str(uuid5(_NAMESPACE, f"{memory_id}__chunk_{index}"))


def is_chunk_id(point_id: str) -> bool:
    """True when the id can be that of a chunk: ids of memories are not made of names (UUID version 5)."""
    return point_id[14:15] == "5"


def chunks(text: str, size: int, overlap: int) -> tuple[str, ...]:
    """The text in pieces of at most `size` characters; neighbours share at most `overlap` (0 ≤ overlap < size).

    A text that fits is one chunk, as it stands. One that would need more chunks than a memory has gets longer ones.
    Takes time linear in the length of the text.
    """
    most = max(1, min(MOST_CHUNKS, MOST_COPIED // (len(text) or 1)))
    spans = list(islice(_spans(text, size, overlap), most + 1))
    if len(spans) > most:
        # Each chunk but the last goes on by more than half its size without what it shares.
        longer = 2 * (-(-len(text) // most) + overlap)
        spans = list(_spans(text, longer, overlap))
    return tuple(text[start:end] for start, end in spans)


def _spans(text: str, size: int, overlap: int) -> Iterator[tuple[int, int]]:
    start = 0
    while len(text) - start > size:
        end = _cut(text, start + max(size // 2, overlap), start + size)
        yield start, end
        start = _resume(text, max(start + 1, end - overlap), end)
    yield start, len(text)


def _cut(text: str, low: int, high: int) -> int:
    """The best place to cut in low < place ≤ high."""
    for separators in _BREAKS:
        best = max(_end_of_last(text, separator, low, high) for separator in separators)
        if best > low:
            return best
    return _between_clusters(text, high, low)


def _end_of_last(text: str, separator: str, low: int, high: int) -> int:
    place = text.rfind(separator, low, high)
    return place + len(separator) if place >= 0 else -1


def _resume(text: str, low: int, end: int) -> int:
    """Where the next chunk begins, low ≤ place ≤ end: behind the first blank, so that it begins with a whole word."""
    if low >= end:
        return end
    if low == 0 or text[low - 1].isspace():
        return low
    for place in range(low, end):
        if text[place].isspace():
            return place + 1
    while low < end and _inseparable(text, low):
        low += 1
    return low


def _between_clusters(text: str, high: int, low: int) -> int:
    """The last place at or before `high` that splits no character that is seen as one."""
    for place in range(high, max(low, high - _LONGEST_CLUSTER), -1):
        if not _inseparable(text, place):
            return place
    return high


def _inseparable(text: str, place: int) -> bool:
    """True when the characters before and after the place are drawn as one."""
    before, after = text[place - 1], text[place]
    return (
        after in _JOINERS
        or before == "\u200d"
        or unicodedata.category(after)[0] == "M"
        or ("\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff")
        or ("\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= after <= "\U0001f1ff")
        or (before == "\r" and after == "\n")
    )
