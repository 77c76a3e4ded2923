"""The form with what a client or project agreed to: rates, rounding, a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memoria_tui.dialogs.form import Field, FormDialog, Outdated, Values
from memoria_tui.dialogs.session_fields import at_field
from memoria_tui.user_files.drafts import Draft, DraftKind
from services.errors import Conflict
from services.model import Entity
from services.ports import Clock
from services.times import person_zone
from services.work.billing_values import (
    BUDGET_FORM,
    RATE_FORM,
    ROUNDING_FORM,
    Terms,
    changed_terms,
    terms_of,
)
from services.work.report_values import Client, Project

if TYPE_CHECKING:
    from services.container import Services


def billing_terms(
    services: Services, clock: Clock, of: Client | Project, draft: Draft | None = None
) -> FormDialog[str]:
    """Shows the terms and keeps what is changed; the answer tells it, "": nothing was.

    `draft` was typed before the program ended.
    """
    kind = Entity.PROJECT if isinstance(of, Project) else Entity.CLIENT
    before = terms_of(of.metadata)

    async def save(values: Values) -> str:
        nonlocal before
        today = clock().astimezone(person_zone(services.settings)).date()
        terms = before
        with at_field("rates"):
            terms = changed_terms(terms, values["rates"].splitlines(), None, None, today)
        if kind is Entity.CLIENT:
            with at_field("rounding"):
                terms = changed_terms(terms, None, values["rounding"], None, today)
        with at_field("budget"):
            terms = changed_terms(terms, None, None, values["budget"], today)
        try:
            changed = await services.billing.set_terms(kind, of.id, terms, before)
        except Conflict as conflict:
            if not isinstance(conflict.current, Terms):
                raise
            before = conflict.current
            raise Outdated(shown_terms(before)) from conflict
        return f'Changed the rates of "{of.name}"' if changed else ""

    shown = shown_terms(before)
    rows = (
        (Field("rates", "Rates", shown["rates"], f"a line each: {RATE_FORM}", lines=5),),
        *([(Field("rounding", "Rounding", shown["rounding"], ROUNDING_FORM),)] if kind is Entity.CLIENT else []),
        (Field("budget", "Budget", shown["budget"], f"hours: {BUDGET_FORM}"),),
    )
    draft = draft or Draft(DraftKind.PROJECT_RATES if kind is Entity.PROJECT else DraftKind.CLIENT_RATES, of.id)
    return FormDialog(f'What "{of.name}" is billed', rows, save, writes=f'rates of "{of.name}"', draft=draft)


def shown_terms(terms: Terms) -> dict[str, str]:
    """What stands in the fields, by their names."""
    return {
        "rates": "\n".join(map(str, terms.rates)),
        "rounding": str(terms.rounding or ""),
        "budget": str(terms.budget or ""),
    }
