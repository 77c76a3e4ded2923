"""The settings of work time that a person shares with other programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from services.errors import InvalidInput
from services.storable_text import quoted
from services.work.days_off import read_absences, read_country

if TYPE_CHECKING:
    from services.model import SessionDraft


Read = Callable[[object], object]
"""The value as it is kept; None: not set. Raises ValueError with what is allowed, InvalidInput."""


def _text(allowed: str, read: Callable[[str], str] = str.strip) -> Read:
    def of(value: object) -> object:
        if not isinstance(value, str):
            raise ValueError(allowed)
        return (read(value) or None) if value.strip() else None

    return of


def _hours(allowed: str, is_one: Callable[[float], bool]) -> Read:
    def of(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float) or not is_one(value):
            raise ValueError(f"hours, {allowed}")
        return float(value)

    return of


def _truth(value: object) -> object:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _setting(default: object, label: str, hint: str, read: Read) -> Any:
    return field(default=default, metadata={"label": label, "hint": hint, "read": read})


@dataclass(frozen=True, slots=True)
class WorkPreferences:
    """The rows of `user_settings` that concern work; upstream reads the same rows."""

    default_client: str | None = _setting(None, "Client", "for new sessions", _text("the name of a client"))
    default_project: str | None = _setting(None, "Project", "for new sessions", _text("the name of a project"))
    work_day_hours: float = _setting(
        8.0, "Day", "hours to work", _hours("more than 0 and at most 24", lambda hours: 0 < hours <= 24)
    )
    work_week_hours: float = _setting(
        0.0, "Week", "hours; empty: 5 days", _hours("from 0 to 168", lambda hours: 0 <= hours <= 168)
    )
    """The goal of a week; 0: five working days."""
    holidays: str | None = _setting(
        None, "Holidays", "of a country: IT, DE-BY", _text("a country, such as IT", read_country)
    )
    """Country whose public holidays ask for no work."""
    absences: str | None = _setting(
        None, "Absences", "2026-08-10..2026-08-21, 2026-12-24", _text("days, such as 2026-12-24", read_absences)
    )
    """Days and spans of days that ask for none."""
    auto_session_memory: bool = _setting(False, "Memory", "", _truth)
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


SETTINGS = {one.name: one for one in fields(WorkPreferences)}
"""Their fields: `metadata` has the label, the hint and how a value is read."""


def named(given: str | None, default: str | None) -> str | None:
    """A name as it was given; where none was, the default; None: without one."""
    return (default if given is None else given.strip()) or None


def preferences_of(rows: Mapping[str, object]) -> WorkPreferences:
    """What the rows say; a value that cannot be used counts as not set."""
    return WorkPreferences(**_known(rows)[0])


def unusable(rows: Mapping[str, object]) -> list[str]:
    """A line for each value that cannot be used, as another program or version may have written it."""
    return [f"a setting of work cannot be used: {one}; P in Work sets it" for one in _known(rows)[1]]


def _known(rows: Mapping[str, object]) -> tuple[dict[str, Any], list[InvalidInput]]:
    known, wrong = dict[str, Any](), list[InvalidInput]()
    for key in SETTINGS:
        try:
            if (value := checked(key, rows.get(key))) is not None:
                known[key] = value
        except InvalidInput as error:
            wrong.append(error)
    return known, wrong


def checked(key: str, value: object) -> object:
    """A value as its setting takes it; None: not set. Raises InvalidInput saying what it takes."""
    if value is None:
        return None
    if key not in SETTINGS:
        raise InvalidInput(f"no setting is called {quoted(key)}; known are {', '.join(SETTINGS)}")
    try:
        return SETTINGS[key].metadata["read"](value)
    except ValueError as error:
        raise InvalidInput(f"{key} is {quoted(value)}; it must be {error}") from None
