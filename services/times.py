"""The two zones of the program: the person's, and that of stamps that say none.

The person's zone is for all that is shown, filtered or cut into days. MCP Memoria writes its dates without a zone, in
the local time of the machine on which it runs (in Docker: UTC); `WriterZone` is the type of that zone, so that a
function which reads or writes such stamps cannot be given the person's.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import NewType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.errors import InvalidInput
from services.ports.clock import Clock
from services.settings import Settings

WriterZone = NewType("WriterZone", tzinfo)
"""The zone of zone-less stamps."""


def person_zone(settings: Settings) -> tzinfo:
    """The zone of all that a person sees: that of the settings, else the system's."""
    return zone_of(settings.zone)


def writer_zone(settings: Settings) -> WriterZone:
    """The zone of zone-less stamps: that of the settings, else the person's."""
    return WriterZone(zone_of(settings.writer_zone or settings.zone))


def zone_of(name: str | None) -> tzinfo:
    """The zone of an IANA name, the system's for None. Raises InvalidInput for a name that is none."""
    if name is None:
        from pendulum.tz.local_timezone import get_local_timezone

        return get_local_timezone()
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(f"{name!r} is not a time zone; it must be a name such as Europe/Rome") from error


def zone_name(zone: tzinfo) -> str:
    """The IANA name, or the abbreviation where the system's zone has no name."""
    return str(getattr(zone, "key", "") or zone.tzname(datetime(2000, 1, 1)) or zone)  # noqa: DTZ001


def to_stamp(instant: datetime, zone: WriterZone) -> str:
    """An instant as MCP Memoria writes and can read it: ISO 8601 without a zone."""
    return to_wall_clock(instant, zone).isoformat()


def to_wall_clock(instant: datetime, zone: WriterZone) -> datetime:
    """An instant as zone-less stamps have it."""
    return instant.astimezone(zone).replace(tzinfo=None)


def minute(instant: datetime, zone: tzinfo) -> str:
    """`2026-11-20 09:30`, as a person of that zone reads it."""
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"


def person_clock(settings: Settings) -> Clock:
    """The clock of the machine, in the person's zone."""
    return lambda: datetime.now(person_zone(settings))
