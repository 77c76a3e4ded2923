"""The form that narrows the log."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from memoria_tui.dialogs.field_problems import FieldProblem, Findings, all_problems, at_field
from memoria_tui.dialogs.form import Field, FormDialog, Values
from memoria_tui.dialogs.session_fields import CATEGORIES, client_names, project_names
from memoria_tui.text import present
from services.errors import Ambiguous, NotFound
from services.model import SEARCHED, SessionCategory, SessionStatus
from services.times import Period, first_weekday, parse_days
from services.work.name_rules import checked_tags
from services.work.report_values import SessionFilter

if TYPE_CHECKING:
    from services.container import Services

_ANY = "any"
_WITHOUT = "-"
_STATUSES = tuple(status.value for status in SessionStatus)

One = TypeVar("One", SessionCategory, SessionStatus)


def session_filter(services: Services, where: SessionFilter) -> FormDialog[SessionFilter]:
    """Asks which sessions the log shows; names that nobody has are refused."""

    async def read(values: Values) -> SessionFilter:
        today = await services.reports.this_day()
        week_begins = first_weekday(services.settings)
        with all_problems() as fields:
            days = partial(_days, values, today=today, week_begins=week_begins)
            first, last = (fields.read(partial(days, field), None) for field in ("first", "last"))
            with fields.noting():
                if first is not None and last is not None and last.last < first.first:
                    raise FieldProblem("last", f"the last day, {last.last}, is before the first, {first.first}")
            await _know(services, values, fields)
            with fields.noting():
                tags = _tags(values)
        return replace(
            where,
            first=None if first is None else first.first,
            last=None if last is None else last.last,
            clients=_names(values["client"]),
            projects=_names(values["project"]),
            categories=_one(values["category"], SessionCategory),
            statuses=_one(values["status"], SessionStatus),
            tags=tags,
            text=values["text"],
        )

    clients, projects = client_names(services, makes=False), project_names(services, makes=False)
    rows = (
        (Field("text", "Text", where.text, f"in {SEARCHED}"),),
        (
            Field("first", "From", str(where.first or ""), "monday, 7d, 2026-11"),
            Field("last", "To", str(where.last or ""), "today"),
        ),
        (
            Field("client", "Client", _shown(where.clients), "name; - for none", clients),
            Field("project", "Project", _shown(where.projects), "name; - for none", projects),
        ),
        (
            Field("category", "Kind", (*where.categories, _ANY)[0], choices=(_ANY, *CATEGORIES)),
            Field("status", "Status", (*where.statuses, _ANY)[0], choices=(_ANY, *_STATUSES)),
        ),
        (Field("tags", "Tags", ", ".join(map(present.strip_hidden, where.tags)), "a, b: all of them"),),
    )
    return FormDialog("Which sessions", rows, read, verb="show")


async def _know(services: Services, values: Values, fields: Findings) -> None:
    """Finds a client or project that does not exist."""
    for field, find in (("client", services.clients.client), ("project", services.clients.project)):
        if values[field] not in ("", _WITHOUT):
            try:
                await find(values[field])
            except Ambiguous:
                continue  # all that share the name are meant
            except NotFound as error:
                fields.found[field] = str(error)


def _shown(names: tuple[str | None, ...]) -> str:
    return present.strip_hidden(names[0] or _WITHOUT) if names else ""


def _names(text: str) -> tuple[str | None, ...]:
    return (None,) if text == _WITHOUT else (text,) if text else ()


def _tags(values: Values) -> tuple[str, ...]:
    with at_field("tags"):
        return checked_tags(values["tags"])


def _one(text: str, kind: type[One]) -> tuple[One, ...]:
    return () if text == _ANY else (kind(text),)


def _days(values: Values, field: str, today: date, week_begins: int) -> Period | None:
    with at_field(field):
        return parse_days(values[field], today, week_begins) if values[field] else None
