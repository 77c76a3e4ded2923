"""The form with the settings of work time, which other programs read too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memoria_tui.dialogs.field_problems import FieldProblem, all_problems, at_field
from memoria_tui.dialogs.form import Field, FormDialog, Outdated, Values
from memoria_tui.dialogs.session_fields import NO, YES, client_names, project_names, yes_no
from memoria_tui.text import present
from memoria_tui.user_files.drafts import Draft, DraftKind
from services.batches import batches
from services.work.preferences import SETTINGS, WorkPreferences, checked

if TYPE_CHECKING:
    from services.container import Services

_LAST_CHECKED = "holidays"
"""Only the service that writes it knows whether it has them: it comes first, so that nothing is written before."""


def work_preferences(
    services: Services, now: WorkPreferences, draft: Draft | None = None
) -> FormDialog[WorkPreferences]:
    """Shows the settings as they are and keeps what is changed; `draft` was typed before the program ended."""
    shown = shown_preferences(now)

    async def keep(values: Values) -> WorkPreferences:
        nonlocal shown
        changed = {key: text for key, text in values.items() if text != shown[key]}
        outside = shown_preferences(await services.work.preferences())
        if any(outside[key] not in (shown[key], text) for key, text in changed.items()):
            shown = outside
            raise Outdated(outside)
        with all_problems() as fields:
            for key, text in changed.items():
                with fields.noting(), at_field(key):
                    checked(key, _value(key, text))
        for key in sorted(changed, key=lambda key: key != _LAST_CHECKED):
            with at_field(key):
                await services.work.set_preference(key, _value(key, changed[key]))
        return await services.work.preferences()

    names = {"default_client": client_names, "default_project": project_names}
    fields = [
        Field(
            *(key, one.metadata["label"], shown[key], one.metadata["hint"]),
            names[key](services) if key in names else None,
            choices=(NO, YES) if isinstance(one.default, bool) else (),
        )
        for key, one in SETTINGS.items()
    ]
    draft = draft or Draft(DraftKind.WORK_SETTINGS)
    return FormDialog("Settings of work", [*batches(fields, 2)], keep, writes="settings of work", draft=draft)


def shown_preferences(now: WorkPreferences) -> dict[str, str]:
    """What stands in the fields, by their names."""
    return {key: _shown(getattr(now, key)) for key in SETTINGS}


def _shown(value: str | float | bool | None) -> str:
    if isinstance(value, bool):
        return yes_no(value)
    return present.strip_hidden(f"{value:g}" if value and isinstance(value, float) else str(value or ""))


def _value(key: str, text: str) -> object:
    default = SETTINGS[key].default
    if isinstance(default, bool):
        return text == YES
    if not isinstance(default, float) or not text:
        return text or None
    try:
        return float(text)
    except ValueError as error:
        raise FieldProblem(key, f"{text!r} is not a number of hours") from error
