"""What a repair makes of one memory, and how that is told. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import count

from services.integrity.model import DefectKind, Keep
from services.memories.dates import read_date
from services.memories.editing import value_under, with_values
from services.memories.payload import CHUNK_KEYS, State, read_memory
from services.memories.reading import Stored, chunk_index
from services.memories.repairing import Mended
from services.times import WriterZone

NEST = "metadata"
"""The key under which MCP Memoria's update of a text puts what was metadata."""
SAME = ("tags", "project", "importance", "updated_at")
"""Keys that all chunks of a memory share: agents and filters read them from any chunk."""
_NAMED = 6
"""Keys that a line names."""


def mended(stored: Stored, kinds: Collection[DefectKind], keep: Keep, zone: WriterZone) -> Mended | None:
    """How the memory shall be, None when nothing is wrong with it any more; `keep` is for chunks that differ."""
    summaries, state = [], stored.state
    anew = DefectKind.HEADLESS in kinds and is_headless(stored) and stored.whole
    if anew:
        summaries.append("repaired: has its first chunk again")
    if DefectKind.NESTED in kinds and is_nested(state.payload):
        state = State(state.type, flattened(state.payload))
        summaries.append("repaired: metadata at the top level")
    if DefectKind.UNEVEN in kinds and unlike(stored):
        lost = "; ".join(_values(stored, key) for key in unlike(stored)[:_NAMED])
        summaries.append(f"repaired: the same in all chunks, which had {lost}")
        state = State(state.type, with_values(state.payload, SAME, agreed(stored, keep, zone)))
    return Mended(state, ", ".join(summaries), anew) if summaries else None


def is_headless(stored: Stored) -> bool:
    return (chunk_index(stored.points[0]) or 0) > 0


def is_nested(payload: Mapping[str, object]) -> bool:
    return isinstance(payload.get(NEST), Mapping)


def unlike(stored: Stored) -> list[str]:
    """Keys in which a chunk differs from the first."""
    first, *others = (point.payload for point in stored.points)
    return [key for key in SAME if any(other.get(key) != first.get(key) for other in others)]


def agreed(stored: Stored, keep: Keep, zone: WriterZone) -> Mapping[str, object]:
    """The values that all chunks get under the keys that they share."""
    first = stored.points[0].payload
    chosen = dict(first)
    if keep is Keep.NEWEST:
        dates = [read_date(point.payload.get("updated_at"), zone) for point in stored.points]
        known = {date: place for place, date in reversed(list(enumerate(dates))) if date}
        chosen = dict(stored.points[known[max(known)]].payload) if known else chosen
    elif keep is Keep.UNION:
        read = [read_memory(stored.id, State(stored.state.type, point.payload), zone) for point in stored.points]
        tags = list(dict.fromkeys(tag for one in read for tag in one.tags))
        highest = max(range(len(read)), key=lambda place: read[place].importance)
        chosen |= {"tags": tags} if tags else {}
        chosen = with_values(chosen, ["importance"], stored.points[highest].payload)
    return {key: value[0] for key in SAME if (value := value_under(chosen, key))}


def flattened(payload: Mapping[str, object]) -> dict[str, object]:
    """The payload with what lies under `metadata` at the top level.

    A key that has a value there already keeps it: the nested value then goes by the name «metadata_…».
    """
    flat = dict(payload)
    while isinstance(nested := flat.get(NEST), Mapping):
        del flat[NEST]
        for key, value in nested.items():
            if key == NEST and isinstance(value, Mapping):
                flat[NEST] = value  # nested twice: the next round takes it up
            else:
                flat[_place(flat, key, value)] = value
    return flat


def _place(flat: Mapping[str, object], key: str, value: object) -> str:
    """Where a nested value can stand without overwriting anything."""
    if _free(flat, key, value):
        return key
    names = (f"{NEST}_{key}" if number == 1 else f"{NEST}_{key}_{number}" for number in count(1))
    return next(name for name in names if _free(flat, name, value))


def _free(flat: Mapping[str, object], key: str, value: object) -> bool:
    """True when the key has no value, or this one."""
    if key in CHUNK_KEYS or key == NEST:
        return False
    there = flat.get(key)
    return there is None or there == [] or there == "" or there == value


def outcomes(stored: Stored, zone: WriterZone) -> dict[Keep, str]:
    """«tags: auth, old; importance: 0.9» for each choice between what the chunks have; empty where they are alike."""
    keys = [key for key in unlike(stored) if key != "updated_at"] or unlike(stored)
    return {
        keep: "; ".join(f"{key}: {_shown(agreed(stored, keep, zone).get(key))[:60]}" for key in keys)
        for keep in ((Keep.FIRST, Keep.NEWEST, Keep.UNION) if keys else ())
    }


def told(stored: Stored, kind: DefectKind, chunks: int) -> tuple[str, str]:
    """What is wrong and what the repair does; `chunks` is how many its text makes."""
    if kind is DefectKind.HEADLESS:
        return _headless(stored, chunks)
    if kind is DefectKind.UNEVEN:
        return _uneven(stored)
    nested = stored.state.payload.get(NEST)
    if not isinstance(nested, Mapping):
        return "is in order by now", ""
    flat = flattened(stored.state.payload)
    renamed = [key for key in flat if key.startswith(f"{NEST}_") and key not in stored.state.payload]
    repair = "they go to the top level"
    if renamed:
        repair += f"; {_named(renamed)} where that key has another value already"
    return f"{len(nested)} keys lie under `{NEST}`, where no filter finds them: {_named(nested)}", repair


def _headless(stored: Stored, chunks: int) -> tuple[str, str]:
    if not is_headless(stored):
        return "is in order by now", ""
    count_ = stored.points[0].payload.get("chunk_count")
    first = chunk_index(stored.points[0]) or 0
    lost = "the first chunk is" if first == 1 else f"the first {first} chunks are"
    what = f"{lost} missing, {len(stored.points)} of {count_} are there"
    if not stored.whole:
        return f"{what}; no chunk has the whole text", ""
    return what, f"saved again from its whole text, in {chunks} chunk{'' if chunks == 1 else 's'}"


def _uneven(stored: Stored) -> tuple[str, str]:
    if not (keys := unlike(stored)):
        return "is in order by now", ""
    values = "; ".join(_values(stored, key) for key in keys[:_NAMED])
    return (
        f"its {len(stored.points)} chunks differ in {values}",
        "all get the same, of which you choose",
    )


def _values(stored: Stored, key: str) -> str:
    """«tags: auth (chunk 1), old (chunks 2, 3)»."""
    places: dict[str, list[int]] = {}
    for point in stored.points:
        places.setdefault(_shown(point.payload.get(key)), []).append((chunk_index(point) or 0) + 1)
    told_ = [f"{value[:60]} (chunk{'' if len(at) == 1 else 's'} {_ranges(at)})" for value, at in places.items()]
    return f"{key}: {', '.join(told_[:3])}" + (" …" if len(told_) > 3 else "")


def _shown(value: object) -> str:
    return (", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)) or "none"


def _ranges(places: Sequence[int]) -> str:
    return ", ".join(map(str, places)) if len(places) <= 4 else f"{places[0]} and {len(places) - 1} others"


def _named(keys: Collection[str]) -> str:
    more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
    return ", ".join(list(keys)[:_NAMED]) + more
