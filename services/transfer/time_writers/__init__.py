"""Formats of time trackers that can be written: one module a format, one row here."""

from __future__ import annotations

from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.transfer.time_writers.writer import TimeWriter


class TimeFormat(StrEnum):
    """What work time is written as: its name, the suffix of its files, and the module whose WRITER writes it."""

    ICALENDAR = "icalendar", ".ics", "icalendar_file"
    TIMEWARRIOR = "timewarrior", ".json", "timewarrior"
    KLOG = "klog", ".klg", "klog"
    TOGGL = "toggl", ".csv", "toggl"
    CLOCKIFY = "clockify", ".csv", "clockify"

    suffix: str
    _module: str

    def __new__(cls, name: str, suffix: str, module: str) -> TimeFormat:
        self = str.__new__(cls, name)
        self._value_, self.suffix, self._module = name, suffix, module
        return self

    @property
    def writer(self) -> TimeWriter:
        """Imported when it is asked for."""
        found: TimeWriter = import_module(f"{__name__}.{self._module}").WRITER
        return found


def time_formats() -> dict[str, TimeFormat]:
    """By their suffixes, the formats that the name of a file can mean: of several with one the first."""
    found: dict[str, TimeFormat] = {}
    for one in TimeFormat:
        found.setdefault(one.suffix, one)
    return found


def time_format_of(path: Path) -> TimeFormat | None:
    """None where no format has files of this suffix."""
    return time_formats().get(path.suffix.lower())
