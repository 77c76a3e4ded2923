"""The fields that forms about work share, and what stands in them as values."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from memoria_tui.dialogs.field_problems import FieldProblem, all_problems, at_field
from memoria_tui.dialogs.form import Field, Values
from memoria_tui.text import present
from memoria_tui.widgets.name_input import Names
from services.batches import batches
from services.model import SESSION_DETAILS, FacetCount, SessionCategory, SessionDetail, SessionDraft, WorkSession
from services.times import parse_past
from services.work.name_rules import checked_tags
from services.work.rules import check_description, check_numbers

if TYPE_CHECKING:
    from services.container import Services

Read = TypeVar("Read")
_NOBODY = frozenset({"-"})
"""What stands for no client or project where a filter asks for one."""
_EARLIER = 500
"""Sessions whose texts are offered again."""
_MOST_TOLD = 2
"""That a toast tells besides new names."""
YES, NO = "yes", "no"
CATEGORIES = tuple(category.value for category in SessionCategory)


@dataclass(frozen=True, slots=True)
class Saved:
    """A session that was started or changed."""

    session: WorkSession
    new: tuple[str, ...] = ()
    """Names that were made with it: `client acme`."""
    shown: tuple[str, ...] = ()
    """What else is to be said: `overlaps "review" by 0:12:00`."""

    @property
    def news(self) -> str:
        """` · new client acme · overlaps "review" by 0:12:00`, for a toast; "" without."""
        told = (*(f"new {name}" for name in self.new), *self.shown[:_MOST_TOLD])
        told += (f"{more} more",) if (more := len(self.shown) - _MOST_TOLD) > 0 else ()
        return "".join(f" · {present.line(one)}" for one in told)


def client_names(services: Services, *, makes: bool = True) -> Names:
    """Clients with how many sessions each has, most worked for first."""

    async def load(owner: str) -> Sequence[FacetCount]:
        totals = await services.clients.clients()
        return _ranked((total.client.name, total.sessions) for total in totals if total.client is not None)

    return Names("client", load, makes, any_case=True, except_for=_NOBODY)


def project_names(services: Services, *, makes: bool = True, of_client: bool = False) -> Names:
    """Projects with how many sessions each has, most worked on first; `of_client`: only those of the form's client."""
    totals = _once(services.clients.projects)

    async def load(owner: str) -> Sequence[FacetCount]:
        return _ranked(
            (total.project.name, total.sessions)
            for total in await totals()
            if total.project is not None
            and (not of_client or (total.project.client or "").casefold() == owner.casefold())
        )

    return Names("project", load, makes, any_case=True, except_for=_NOBODY)


def _earlier_texts(services: Services) -> Callable[[SessionDetail | None], Names]:
    """What the newest sessions have as a detail, else as description, newest first, with how many of them have it."""
    newest = _once(partial(services.reports.log, limit=_EARLIER))

    def names(detail: SessionDetail | None) -> Names:
        async def load(owner: str) -> Sequence[FacetCount]:
            sessions = (await newest()).sessions
            counts = Counter(text for one in sessions if (text := detail.text(one) if detail else one.description))
            return [FacetCount(text, count) for text, count in counts.items()]

        return Names("", load)

    return names


def _once(read: Callable[[], Awaitable[Read]]) -> Callable[[], Awaitable[Read]]:
    """Reads when it is first asked: the fields that offer parts of the same ask at one moment."""
    turn = asyncio.Lock()
    kept: list[Read] = []

    async def ask() -> Read:
        async with turn:
            if not kept:
                kept.append(await read())
        return kept[0]

    return ask


def _ranked(named: Iterable[tuple[str, int]]) -> Sequence[FacetCount]:
    """Each name once, with its counts added up."""
    counts: Counter[str] = Counter()
    for name, sessions in named:
        counts[name] += sessions
    return [FacetCount(name, count) for name, count in counts.most_common()]


def new_fields(services: Services, placeholder: str, about: SessionDraft) -> tuple[tuple[Field, ...], ...]:
    """What work that is entered is about, as rows of a form; `about` is filled in."""
    return about_fields(
        services,
        description=present.strip_hidden(about.description),
        placeholder=placeholder,
        category=about.category_or_default,
        client=present.strip_hidden(about.client or ""),
        project=present.strip_hidden(about.project or ""),
        details={one.key: present.strip_hidden(one.text(about)) for one in SESSION_DETAILS},
        billable=about.billable,
    )


def new_draft(values: Values) -> SessionDraft:
    """What is in the fields of `new_fields`. Raises FieldProblems."""
    draft = SessionDraft(
        description=values["description"],
        category=SessionCategory(values["category"]),
        client=values["client"],
        project=values["project"],
        billable=values["billable"] == YES,
    )
    with all_problems() as fields:
        with fields.noting(), at_field("description"):
            check_description(draft.description)
        for one in SESSION_DETAILS:
            with fields.noting(), at_field(one.key):
                read = {one.field: detail(values, one)}
                check_numbers(replace(SessionDraft(""), **read))
                draft = replace(draft, **read)
    return draft


def about_fields(
    services: Services,
    *,
    description: str,
    placeholder: str = "",
    category: SessionCategory,
    client: str,
    project: str,
    details: Mapping[str, str],
    billable: bool,
) -> tuple[tuple[Field, ...], ...]:
    """What a session is about, as rows of a form; `details` by their keys."""
    earlier = _earlier_texts(services)
    fields = (
        Field("client", "Client", client, "new or known", client_names(services)),
        Field("project", "Project", project, "new or known", project_names(services, of_client=True), of="client"),
        Field("category", "Kind", category.value, choices=CATEGORIES),
        *(
            Field(one.key, one.label, details.get(one.key, ""), one.hint, earlier(one))
            for one in sorted(SESSION_DETAILS, key=lambda one: (one.is_list, one.is_number))
        ),
        Field("billable", "Billable", yes_no(billable), choices=(YES, NO)),
    )
    what = Field("description", "What", description, placeholder, earlier(None))
    return (what,), *(tuple(row) for row in batches(fields, 2))


def yes_no(value: bool) -> str:
    return YES if value else NO


def detail(values: Values, one: SessionDetail) -> Any:
    """The text, number («#42» too) or words in the field of a detail; "", 0 and () for none. Raises FieldProblem."""
    text = values[one.key]
    if one.is_list:
        with at_field(one.key):
            return checked_tags(text)
    if not one.is_number:
        return text
    text = text.removeprefix("#")
    if text and not re.fullmatch(r"\d{1,10}", text):
        raise FieldProblem(one.key, f"{text!r} is not a number")
    return int(text or 0)


def moment_of(
    values: Values, field: str, now: datetime, zone: tzinfo, span: tuple[datetime, datetime] | None = None
) -> datetime:
    """The time in a field, see `parse_past`. Raises FieldProblem."""
    with at_field(field):
        return parse_past(values[field], now, zone, span)
