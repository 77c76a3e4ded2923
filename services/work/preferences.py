"""The settings of work time that a person shares with other programs."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from services.errors import InvalidInput
from services.storable_text import quoted
from services.work.days_off import read_absences, read_country

if TYPE_CHECKING:
    from services.model import SessionDraft


@dataclass(frozen=True, slots=True)
class WorkPreferences:
    """The rows of `user_settings` that concern work; upstream reads the same rows."""

    default_client: str | None = None
    default_project: str | None = None
    work_day_hours: float = 8.0
    work_week_hours: float = 0.0
    """The goal of a week; 0: five working days."""
    holidays: str | None = None
    """Country whose public holidays ask for no work: `IT`, `DE-BY`."""
    absences: str | None = None
    """Days and spans of days that ask for none: `2026-08-10..2026-08-21, 2026-12-24`."""
    auto_session_memory: bool = False
    """Keep a memory of each session that is stopped."""

    @property
    def week_hours(self) -> float:
        return self.work_week_hours or 5 * self.work_day_hours

    def filled(self, draft: SessionDraft) -> SessionDraft:
        """The draft with the defaults of new sessions where it says nothing; "" says that there is none."""
        return replace(
            draft,
            client=named(draft.client, self.default_client),
            project=named(draft.project, self.default_project),
        )


def named(given: str | None, default: str | None) -> str | None:
    """A name as it was given; where none was, the default; None: without one."""
    return (default if given is None else given.strip()) or None


def preferences_of(rows: Mapping[str, object]) -> WorkPreferences:
    """What the rows say; a value that cannot be used counts as not set."""
    known = {}
    for key in WorkPreferences.__slots__:
        with contextlib.suppress(InvalidInput):
            if (value := checked(key, rows.get(key))) is not None:
                known[key] = value
    return WorkPreferences(**known)  # type: ignore[arg-type]  # each value was checked by name


def unusable(rows: Mapping[str, object]) -> list[str]:
    """A line for each value that cannot be used, as another program or version may have written it."""
    lines = []
    for key in WorkPreferences.__slots__:
        try:
            checked(key, rows.get(key))
        except InvalidInput as error:
            lines.append(f"a setting of work cannot be used: {error}; P in Work sets it")
    return lines


_WANTED = {
    "work_day_hours": "hours, more than 0 and at most 24",
    "work_week_hours": "hours, from 0 to 168",
    "default_client": "the name of a client",
    "default_project": "the name of a project",
    "holidays": "a country, such as IT",
    "absences": "days, such as 2026-12-24",
    "auto_session_memory": "true or false",
}
"""What each setting takes."""


def checked(key: str, value: object) -> object:
    """A value as its setting takes it; None: not set. Raises InvalidInput saying what it takes."""
    if value is None:
        return None
    match key:
        case "default_client" | "default_project" if isinstance(value, str):
            return value.strip() or None
        case "holidays" if isinstance(value, str):
            return read_country(value) if value.strip() else None
        case "absences" if isinstance(value, str):
            return read_absences(value) or None
        case "auto_session_memory" if isinstance(value, bool):
            return value
        case "work_day_hours" if (hours := _number(value)) is not None and 0 < hours <= 24:
            return hours
        case "work_week_hours" if (hours := _number(value)) is not None and 0 <= hours <= 168:
            return hours
        case _ if key in _WANTED:
            raise InvalidInput(f"{key} is {quoted(value)}; it must be {_WANTED[key]}")
        case _:
            raise InvalidInput(f"no setting is called {quoted(key)}; known are {', '.join(WorkPreferences.__slots__)}")


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
