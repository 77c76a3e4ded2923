"""The form with what a client or project agreed to: rates, rounding, a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memoria_tui.dialogs.field_problems import all_problems, at_field
from memoria_tui.dialogs.form import Field, FormDialog, Outdated, Values
from memoria_tui.user_files.drafts import Draft, DraftKind
from services.errors import Conflict
from services.model import Entity
from services.work.billing_values import TERMS, Terms, changed_terms, terms_of
from services.work.report_values import Client, Project

if TYPE_CHECKING:
    from services.container import Services


def billing_terms(services: Services, of: Client | Project, draft: Draft | None = None) -> FormDialog[str]:
    """Shows the terms and keeps what is changed; the answer tells it, "": nothing was.

    `draft` was typed before the program ended.
    """
    kind = Entity.PROJECT if isinstance(of, Project) else Entity.CLIENT
    asked = [term for term in TERMS if kind is Entity.CLIENT or not term.of_clients]
    before = terms_of(of.metadata)

    async def save(values: Values) -> str:
        nonlocal before
        today = await services.reports.this_day()
        terms = before
        with all_problems() as fields:
            for term in asked:
                with fields.noting(), at_field(term.name):
                    terms = changed_terms(terms, {term.name: values[term.name]}, today)
        try:
            changed = await services.billing.set_terms(kind, of.id, terms, before)
        except Conflict as conflict:
            if not isinstance(conflict.current, Terms):
                raise
            before = conflict.current
            raise Outdated(before.texts()) from conflict
        return f'Changed the rates of "{of.name}"' if changed else ""

    shown = before.texts()
    rows = [(Field(term.name, term.label, shown[term.name], term.form, lines=term.lines),) for term in asked]
    draft = draft or Draft(DraftKind.PROJECT_RATES if kind is Entity.PROJECT else DraftKind.CLIENT_RATES, of.id)
    return FormDialog(f'What "{of.name}" is billed', rows, save, writes=f'rates of "{of.name}"', draft=draft)
