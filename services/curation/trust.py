"""The life of a memory: confirmed, pinned, outdated from a day on, by hand or by a rule of its tag or type.

The values are under the keys of `services.model.trust_keys`. Each act has its undo.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, assert_never

from services.acting import actor_of
from services.errors import InvalidInput
from services.memories.memory_service import MemoryService
from services.memories.stored_memories import all_stored
from services.model import Kind, Memory, MemoryChanges, MemoryType
from services.model.trust_keys import CONFIDENCE, EXPIRES_AT, PINNED, VERIFIED_AT, VERIFIED_BY
from services.ports import Clock, VectorStore
from services.records import Records
from services.settings import Settings
from services.storable_text import quoted
from services.times import writer_zone

_LAST = datetime(9999, 12, 31, tzinfo=UTC)
"""No memory lives longer: the last day that has a date everywhere."""
_RULES = "memory_lifetimes"
"""Key of the settings that all programs share."""


class LifetimeOf(StrEnum):
    """What a rule chooses its memories by."""

    TAG = "tag"
    TYPE = "type"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Memories of a tag or type are outdated so many days after they were last confirmed or changed."""

    field: LifetimeOf
    value: str
    days: int

    def is_for(self, memory: Memory) -> bool:
        match self.field:
            case LifetimeOf.TAG:
                return self.value in memory.tags
            case LifetimeOf.TYPE:
                return memory.type.value == self.value
        assert_never(self.field)


class TrustService:
    """Raises StoreUnavailable."""

    def __init__(
        self, vectors: VectorStore, records: Records, memories: MemoryService, settings: Settings, clock: Clock
    ) -> None:
        self._vectors = vectors
        self._records = records
        self._memories = memories
        self._settings, self._zone = settings, writer_zone(settings)
        self._clock = clock

    async def verify(self, ids: Sequence[str]) -> int:
        """Says in one act that memories are true still; one that expires lives as long again as it was to."""
        now = self._clock()
        keys = {VERIFIED_AT: _stamp(now), VERIFIED_BY: actor_of(self._settings)}

        def confirmed(memory: Memory) -> MemoryChanges:
            began = memory.last_verified or memory.updated_at or memory.created_at
            if memory.expires_at is None or began is None or memory.expires_at <= began:
                return MemoryChanges(metadata=keys, removed_keys=(EXPIRES_AT,) if memory.expired(now) else ())
            left = min(memory.expires_at - began, _LAST - now)
            return MemoryChanges(metadata={**keys, EXPIRES_AT: _stamp(now + left)})

        return await self._memories.edit_each(ids, confirmed)

    async def expire(self, ids: Sequence[str], at: datetime | None) -> int:
        """Lets memories be outdated from an instant on, or never, in one act; gives how many changed."""
        if at is None:
            return await self._memories.edit_each(ids, lambda _: MemoryChanges(removed_keys=(EXPIRES_AT,)))
        return await self._memories.edit_many(ids, metadata={EXPIRES_AT: _stamp(at)})

    async def pin(self, ids: Sequence[str], *, pinned: bool) -> int:
        """What is pinned is never stale, and no rule lets it expire."""
        if pinned:
            return await self._memories.edit_many(ids, metadata={PINNED: True})
        return await self._memories.edit_each(ids, lambda _: MemoryChanges(removed_keys=(PINNED,)))

    async def set_confidence(self, ids: Sequence[str], confidence: float) -> int:
        """Raises InvalidInput when it is not from 0 to 1."""
        if not 0 <= confidence <= 1:
            raise InvalidInput(f"confidence is {confidence!r}; it must be a number from 0 to 1")
        return await self._memories.edit_many(ids, metadata={CONFIDENCE: confidence})

    # rules

    async def rules(self, rule: Lifetime | None = None) -> tuple[Lifetime, ...]:
        """In the order in which they were made; of several that a memory meets, the shortest counts.

        `rule`: as they would be with that one set.
        """
        rows = [one for one in await self._rows() if _is_known(one)]
        known = tuple(Lifetime(LifetimeOf(one["field"]), str(one["value"]), int(one["days"])) for one in rows)
        if rule is None:
            return known
        others = (one for one in known if (one.field, one.value) != (rule.field, rule.value))
        return (*others, *[rule] * bool(rule.days))

    async def _rows(self) -> list[dict[str, Any]]:
        stored = (await self._records.user_settings.all()).get(_RULES)
        return [one for one in stored if isinstance(one, dict)] if isinstance(stored, list) else []

    async def set_rule(self, rule: Lifetime) -> None:
        """Adds a rule, or changes that of the tag or type; 0 days take it away. Raises InvalidInput for no type."""
        if rule.field is LifetimeOf.TYPE and rule.value not in tuple(MemoryType):
            raise InvalidInput(f"{quoted(rule.value)} is no type; types are {', '.join(MemoryType)}")
        of_newer_versions = [one for one in await self._rows() if not _is_known(one)]
        rules = [asdict(one) for one in await self.rules(rule)]
        await self._records.user_settings.set(_RULES, [*rules, *of_newer_versions])

    async def due(self, rule: Lifetime | None = None) -> dict[str, datetime]:
        """Memories whose time by the rules is over, with since when; not pinned ones, nor those that have a date.

        A date that is still to come would stay when they are changed or confirmed before it. `rule`: as it would be
        with that one set.
        """
        rules, now, found = await self.rules(rule), self._clock(), dict[str, datetime]()
        for type_ in MemoryType if rules else ():
            async for page in all_stored(self._vectors, type_, embeddings=False):
                ends = {one.id: _end(one, rules, now) for one in (stored.memory(self._zone) for stored in page)}
                found |= {id_: end for id_, end in ends.items() if end}
        return found

    async def apply_rules(self) -> int:
        """Lets those expire, in one act that reviews none of them; gives how many."""
        rules, now = await self.rules(), self._clock()

        def outdated(memory: Memory) -> MemoryChanges:
            end = _end(memory, rules, now)
            return MemoryChanges(metadata={EXPIRES_AT: _stamp(end)} if end else {})

        due = list(await self.due())
        return await self._memories.edit_each(due, outdated, kind=Kind.RULE) if due else 0


def _is_known(row: Mapping[str, object]) -> bool:
    return row.get("field") in tuple(LifetimeOf)


def _end(memory: Memory, rules: Sequence[Lifetime], now: datetime) -> datetime | None:
    """When its time by the rules was over; None where it is not yet, and where a person pinned or dated it."""
    days = min((one.days for one in rules if one.is_for(memory)), default=0)
    began = memory.last_verified or memory.updated_at or memory.created_at
    if not days or began is None or memory.pinned or memory.expires_at or now - began < timedelta(days):
        return None
    return began + timedelta(days)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
