"""What is said where an id, or the beginning of one, names nothing or several things: one wording for all kinds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.errors import Ambiguous, NotFound
from services.storable_text import quoted

_DIGITS = 32
_NAMED = 3
"""Ids that a message names."""


@dataclass(frozen=True, slots=True)
class IdKind:
    """A kind of things that have ids, as messages name it."""

    none: str
    """«no memory»."""
    several: str
    listed: str
    """Which command shows their ids."""
    gone: str = ""
    """Why a complete id may be unknown."""


_LISTED = "`memoria-tui list` shows those of memories"
_IN_TRASH = "`memoria-tui trash list` shows those in the trash"
MEMORY_ID = IdKind("no memory", "several memories", _LISTED, f"it may have been deleted, {_IN_TRASH}")
TRASHED_ID = IdKind("no memory in the trash", "several memories in the trash", _IN_TRASH)
ANY_MEMORY_ID = IdKind(
    "no memory here or in the trash", "several memories here or in the trash", f"{_LISTED}, {_IN_TRASH}"
)
UNREVIEWED_ID = IdKind(
    "no memory that waits for your review",
    "several memories that wait for your review",
    "`memoria-tui inbox` shows those that wait",
)
SESSION_ID = IdKind(
    "no session",
    "several sessions",
    "`memoria-tui work log` shows those of sessions",
    "it may have been deleted, `memoria-tui undo --list` shows by whom",
)
RELATION_ID = IdKind(
    "no relation",
    "several relations",
    "`memoria-tui relations ID` shows those of a memory's relations",
    "it may have been removed",
)
ACT_ID = IdKind("no act", "several acts", "`memoria-tui undo --list` shows those of the last ones")


def is_id_part(given: str) -> bool:
    """Whether it is an id, or one can begin so, with dashes or without."""
    digits = _plain(given)
    return 0 < len(digits) <= _DIGITS and not set(digits) - set("0123456789abcdef")


def is_whole_id(given: str) -> bool:
    """Whether it is a complete id."""
    return is_id_part(given) and len(_plain(given)) == _DIGITS


def unknown_id(kind: IdKind, given: str) -> NotFound:
    """The error where nothing has that id, or one that begins so."""
    if not is_id_part(given):
        return NotFound(f"{quoted(given.strip())} is no id; {kind.listed}")
    if not is_whole_id(given):
        return NotFound(f"{kind.none} has an id that begins with {given.strip()}; {kind.listed}")
    return NotFound(f"{kind.none} has the id {given.strip()}{f'; {kind.gone}' if kind.gone else ''}")


def ambiguous_id(kind: IdKind, given: str, found: Sequence[str]) -> Ambiguous:
    """The error where several ids begin so; `found`: some of them at least."""
    named = ", ".join(found[:_NAMED]) + (", …" if len(found) > _NAMED else "")
    return Ambiguous(f"{kind.several} have ids that begin with {given.strip()}: {named}; give more of it")


def only_id(kind: IdKind, given: str, ids: Iterable[str]) -> str:
    """The one of these ids that is the given one, or the only one that begins so. Raises NotFound or Ambiguous."""
    start = _plain(given)
    found = sorted({one for one in ids if one.replace("-", "").startswith(start)}) if is_id_part(given) else []
    if len(found) > 1:
        raise ambiguous_id(kind, given, found)
    if not found:
        raise unknown_id(kind, given)
    return found[0]


def _plain(given: str) -> str:
    return given.strip().lower().replace("-", "")
