"""What a record of a source makes of a memory that is here already. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.memories.editing import changed_keys, value_under, with_values
from services.memories.payload import (
    LOOKED_AT_KEYS,
    State,
    read_memory,
    same_but_for_looks,
    with_defaults,
    write_payload,
)
from services.times import WriterZone, read_stamp

_STAMPS = ("created_at", "updated_at", "accessed_at")


KEPT_AS_HERE = "kept as it is here"
"""How a remark ends of a memory that was changed on both sides, as long as nobody took one."""


class Side(StrEnum):
    """Which side stands where both changed the same."""

    THEIRS = "theirs"
    """As the source says."""
    MINE = "mine"
    """As it is here."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of the memory."""

    state: State | None = None
    """What it should be; None: it stays as it is."""
    conflicts: tuple[str, ...] = ()
    """Keys that were changed both here and in the source since it was imported."""
    said: State | None = None
    """What the source says now, where the memory is otherwise and that is to be compared the next time."""


STAYS = Outcome()


def outcome(
    given: State,
    current: State,
    last: State | None,
    *,
    whole: bool,
    zone: WriterZone,
    take: Side | None,
    import_undone: bool,
) -> Outcome:
    """`given` is what the source says, `last` what it said at the latest import, None when there was none.

    An unchanged source changes nothing, whatever its dates. What was changed here stays; what was changed in the source
    is taken, as long as that are other keys, or a person said which side to `take`. With `whole`, a key that the source
    lacks is to be removed; with `import_undone`, all that is otherwise here was changed here.
    """
    complete = whole and "updated_at" in given.payload
    wanted = given if complete else State(given.type, {**current.payload, **given.payload})
    if last is None:
        stays = same_but_for_looks(wanted, current, "", zone) or _newer(current, given, zone)
        return STAYS if stays else Outcome(wanted)
    theirs = _written(
        _completed(given, last) if complete else State(given.type, {**last.payload, **given.payload}), zone
    )
    former = _written(last, zone)
    if same_but_for_looks(theirs, former, "", zone):
        return STAYS
    if same_but_for_looks(wanted, current, "", zone):
        return Outcome(said=theirs)
    if not import_undone and same_but_for_looks(former, current, "", zone):
        return Outcome(said=theirs) if _newer(current, given, zone) else Outcome(wanted)
    return _merged(former, theirs, current, zone, take, import_undone=import_undone)


def compared(payload: Mapping[str, object], keys: Sequence[str]) -> str:
    """What a person compares of two sides: a line for each of the keys, and the text last where it is one of them."""
    lines = [f"{key}: {_line(payload.get(key))}" for key in keys if key != "content"]
    return "\n".join([*lines, str(payload.get("content", ""))] if "content" in keys else lines)


def _line(value: object) -> str:
    return ", ".join(map(_line, value)) if isinstance(value, list) else "" if value is None else str(value)


def _merged(
    former: State, theirs: State, current: State, zone: WriterZone, take: Side | None, *, import_undone: bool
) -> Outcome:
    """What was changed on both sides, in one state; agents' looks are no change."""
    ours = _written(current, zone)
    keys = [key for key in changed_keys(former.payload, theirs.payload) if key not in _STAMPS]
    mine = set(changed_keys(former.payload, ours.payload))
    both = [key for key in keys if (import_undone or key in mine) and _differ(ours, theirs, key)]
    if take is None and (clashes := tuple(key for key in both if key not in LOOKED_AT_KEYS)):
        return Outcome(conflicts=clashes)
    taken = keys if take is Side.THEIRS else [key for key in keys if key not in both]
    wanted = with_values(current.payload, taken, theirs.payload)
    return Outcome(State(current.type if former.type is theirs.type else theirs.type, wanted), said=theirs)


def _completed(given: State, last: State) -> State:
    """The source's state with what every memory has, so that only keys which were taken out of it are missing."""
    stamps = {key: last.payload[key] for key in _STAMPS if key in last.payload}
    return with_defaults(State(given.type, {**stamps, **given.payload}))


def _written(state: State, zone: WriterZone) -> State:
    """The state in the form in which memories are written."""
    return State(state.type, write_payload(read_memory("", state, zone), zone)).storable()


def _differ(one: State, other: State, key: str) -> bool:
    return value_under(one.payload, key) != value_under(other.payload, key)


def _newer(current: State, given: State, zone: WriterZone) -> bool:
    here, there = (read_stamp(one.payload.get("updated_at"), zone) for one in (current, given))
    return bool(here and there and here > there)
