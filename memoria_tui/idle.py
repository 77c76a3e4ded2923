"""When a person was away from the program: no key for some time, or the machine slept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.ports import Clock

TICK = 10.0
"""Seconds between two ticks; one that comes much later tells that the machine slept."""


@dataclass(frozen=True, slots=True)
class Away:
    """From the last sign of a person to the next one."""

    start: datetime
    end: datetime
    slept: bool = False
    """Whether the machine slept, so that it begins when that did."""


class IdleWatch:
    """Is told of ticks and of keys; tells of each time without a key that lasted at least `least`."""

    def __init__(self, least: timedelta, clock: Clock) -> None:
        self._least = least
        self._clock = clock
        self._key_at = self._tick_at = clock()
        self._slept_at: datetime | None = None
        """When the machine fell asleep, since the last key."""

    def tick(self) -> None:
        now = self._clock()
        if now - self._tick_at >= self._least and self._slept_at is None:
            self._slept_at = self._tick_at
        self._tick_at = now

    def key(self) -> Away | None:
        """The time without a key that this one ends, where it was long.

        A sleep is taken from when it began, unless nobody was there long before.
        """
        self.tick()
        now, before, slept = self._clock(), self._key_at, self._slept_at
        self._key_at, self._slept_at = now, None
        if slept is not None and slept - before < self._least:
            return Away(slept, now, slept=True)
        return Away(before, now) if now - before >= self._least else None
