"""The fields that forms about work share, and what stands in them as values."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, tzinfo
from typing import TYPE_CHECKING, TypeVar

from memoria_tui.screens.modals.form import Field, FieldProblem, KnownNames, Values
from services.errors import InvalidInput
from services.model import SessionCategory
from services.times import is_clock, parse_time

if TYPE_CHECKING:
    from services.container import Services

CATEGORIES = tuple(category.value for category in SessionCategory)

Read = TypeVar("Read")


def client_names(services: Services) -> KnownNames:
    """Names of clients, most worked for first."""

    async def names() -> Sequence[str]:
        totals = sorted(await services.clients.clients(), key=lambda total: -total.sessions)
        return [total.client.name for total in totals if total.client is not None]

    return names


def project_names(services: Services) -> KnownNames:
    """Names of projects, most worked on first."""

    async def names() -> Sequence[str]:
        totals = sorted(await services.clients.projects(), key=lambda total: -total.sessions)
        return list(dict.fromkeys(total.project.name for total in totals if total.project is not None))

    return names


def about_fields(
    services: Services,
    *,
    category: SessionCategory = SessionCategory.CODING,
    client: str = "",
    project: str = "",
    issue: str = "",
    pull_request: str = "",
    branch: str = "",
) -> tuple[tuple[Field, ...], ...]:
    """What a session is about, as rows of a form."""
    return (
        (
            Field("client", "Client", client, "new or known", client_names(services)),
            Field("project", "Project", project, "new or known", project_names(services)),
        ),
        (
            Field("category", "Kind", category.value, choices=CATEGORIES),
            Field("branch", "Branch", branch, "git branch"),
        ),
        (
            Field("issue", "Issue", issue, "number"),
            Field("pull_request", "PR", pull_request, "number"),
        ),
    )


def number(values: Values, field: str) -> int:
    """A number of an issue or pull request, «#42» too; 0 for none. Raises FieldProblem."""
    text = values[field].removeprefix("#")
    if text and not re.fullmatch(r"\d{1,10}", text):
        raise FieldProblem(field, f"{text!r} is no number")
    return int(text or 0)


def moment_of(values: Values, field: str, now: datetime, zone: tzinfo, day: date | None = None) -> datetime:
    """The time in a field; a time alone is one of `day`, or of today. Raises FieldProblem."""
    text = values[field]
    if day is not None and is_clock(text):
        text = f"{day} {text}"
    try:
        return parse_time(text, now, zone)
    except InvalidInput as error:
        raise FieldProblem(field, str(error)) from error


async def blaming(field: str, act: Awaitable[Read]) -> Read:
    """The answer of a service; what it finds invalid is said at that field."""
    try:
        return await act
    except InvalidInput as error:
        raise FieldProblem(field, str(error)) from error


def checked(field: str, check: Callable[[], object]) -> None:
    """Runs a check of the services; what it finds invalid is said at that field."""
    try:
        check()
    except InvalidInput as error:
        raise FieldProblem(field, str(error)) from error
