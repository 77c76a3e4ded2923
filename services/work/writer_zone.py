"""In which zone other programs write their stamps, told by pauses that instants stand beside.

MCP Memoria writes a pause by its own clock, without a zone, in the same moment in which the database stamps the row.
The difference of the two is the offset of its zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from services.settings import Settings
from services.times import person_zone, writer_zone, zone_name, zone_of

_QUARTER = timedelta(minutes=15)
_NEAR = timedelta(seconds=3)
"""Longest time between the clock of who wrote a stamp and that of the database, for the two to tell of one moment."""
_FEWEST = 2
_CLEAR = 0.8
"""Fewest offsets, and the share of them with which a zone has to agree, before it is believed."""
_DOCKER = "UTC"
"""The zone of MCP Memoria's container; beside the person's the only one that is considered."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A stamp without a zone, and the instants one of which is perhaps that of its writing."""

    wall_clock: datetime
    """Without a zone."""
    instants: Sequence[datetime]


@dataclass(frozen=True, slots=True)
class Zones:
    """The two zones by name, and how that of the stamps is known."""

    person: str
    writer: str
    reason: str
    """`set`, `yours`, or `3 of 3 pauses show it`."""

    @property
    def line(self) -> str:
        """For a person: `UTC (3 of 3 pauses show it)`."""
        return f"{self.writer} ({self.reason})"


def with_writer_zone(settings: Settings, stamps: Sequence[Stamp]) -> tuple[Settings, Zones]:
    """The settings with the zone in which the stamps were written, where that is not set and they tell of another.

    Only the person's zone and UTC are considered; anything less than clear leaves the person's.
    """
    person = zone_name(person_zone(settings))
    if settings.writer_zone is not None:
        return settings, Zones(person, zone_name(writer_zone(settings)), "set by MEMORIA_WRITER_TIMEZONE")
    if (shown := shown_zone(settings, stamps)) is not None:
        name, reason = shown
        return replace(settings, writer_zone=name), Zones(person, zone_name(zone_of(name)), reason)
    return settings, Zones(person, person, "yours; set MEMORIA_WRITER_TIMEZONE where other programs write in another")


def shown_zone(
    settings: Settings, stamps: Sequence[Stamp], *, fewest: int = _FEWEST, near: timedelta = _NEAR
) -> tuple[str | None, str] | None:
    """The person's zone (None: the system's) or UTC, whichever the stamps show, and how many do; None: unclear."""
    offsets = [found for stamp in stamps if (found := _offset(stamp, near)) is not None]
    for name in (settings.zone, _DOCKER):
        agreeing = sum(_agrees(zone_of(name), *one) for one in offsets)
        if len(offsets) >= fewest and agreeing >= _CLEAR * len(offsets):
            return name, f"{agreeing} of {len(offsets)} pauses show it"
    return None


def _offset(stamp: Stamp, near: timedelta) -> tuple[datetime, timedelta] | None:
    """The instant of writing and the writer's offset then, in quarters of an hour; None where none fits."""
    for instant in stamp.instants:
        difference = stamp.wall_clock - instant.astimezone(UTC).replace(tzinfo=None)
        rounded = round(difference / _QUARTER) * _QUARTER
        if abs(difference - rounded) <= near:
            return instant, rounded
    return None


def _agrees(zone: tzinfo, instant: datetime, offset: timedelta) -> bool:
    return instant.astimezone(zone).utcoffset() == offset
