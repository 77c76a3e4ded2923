"""The zone of the zone-less stamps of an embedded store: that in which it was made, wherever its person goes.

It stands in a file of the home, for it is needed before any store is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from services.errors import InvalidInput, StorageFull
from services.files import make_private, write_file
from services.settings import Settings
from services.times import person_zone, zone_name, zone_of
from services.work.writer_zone import Stamp, Zones, shown_zone

_FILE = "writer-zone"
_REASON = "kept with this store"
_NEAR = timedelta(minutes=1)
"""Longest time from a memory's stamp to its row in the history: the model that makes its vector may have to start."""


def kept_zone(home: Path) -> str | None:
    """The IANA name that a home keeps; None where it keeps none that can be read."""
    try:
        name = (home / _FILE).read_text("utf-8").strip()
        zone_of(name)
    except (OSError, UnicodeDecodeError, InvalidInput):
        return None
    return name


def with_kept_zone(settings: Settings) -> tuple[Settings, Zones]:
    """The settings with the zone that the home keeps, else as they are; a zone that is set wins."""
    person = zone_name(person_zone(settings))
    if settings.writer_zone is not None or (kept := kept_zone(settings.home)) is None:
        return settings, Zones(person, zone_name(zone_of(settings.writer_zone or settings.zone)), "yours")
    return replace(settings, writer_zone=kept), Zones(person, kept, _REASON)


def keep_zone(settings: Settings, stamps: Sequence[Stamp]) -> None:
    """Keeps the zone in which the stamps were written, the person's where there are none.

    Nothing is kept where they tell of neither the person's nor UTC, where the zone has no name, or where a file cannot
    be written: the next opening tries again.
    """
    shown = shown_zone(settings, stamps, fewest=1, near=_NEAR)
    if stamps and shown is None:
        return
    name = str(getattr(zone_of(shown[0]) if shown else person_zone(settings), "key", ""))
    try:
        zone_of(name)
        make_private(settings.home)
        write_file(settings.home / _FILE, name, replace=False)
    except (OSError, InvalidInput, StorageFull):  # also where another program was first
        return
