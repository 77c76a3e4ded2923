"""The form with the settings of work time, which other programs read too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memoria_tui.dialogs.field_problems import FieldProblem, all_problems, at_field
from memoria_tui.dialogs.form import Field, FormDialog, Outdated, Values
from memoria_tui.dialogs.session_fields import NO, YES, client_names, project_names, yes_no
from memoria_tui.text import present
from memoria_tui.user_files.drafts import Draft, DraftKind
from services.work.preferences import WorkPreferences, checked

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

    rows = (
        (
            Field("default_client", "Client", shown["default_client"], "for new sessions", client_names(services)),
            Field("default_project", "Project", shown["default_project"], "for new sessions", project_names(services)),
        ),
        (
            Field("work_day_hours", "Day", shown["work_day_hours"], "hours to work"),
            Field("work_week_hours", "Week", shown["work_week_hours"], "hours to work; empty: five days"),
        ),
        (
            Field("holidays", "Holidays", shown["holidays"], "of a country: IT, DE-BY"),
            Field("absences", "Absences", shown["absences"], "2026-08-10..2026-08-21, 2026-12-24"),
        ),
        (Field("auto_session_memory", "Memory", shown["auto_session_memory"], choices=(NO, YES)),),
    )
    draft = draft or Draft(DraftKind.WORK_SETTINGS)
    return FormDialog("Settings of work", rows, keep, writes="settings of work", draft=draft)


def shown_preferences(now: WorkPreferences) -> dict[str, str]:
    """What stands in the fields, by their names."""
    return {
        "default_client": present.strip_hidden(now.default_client or ""),
        "default_project": present.strip_hidden(now.default_project or ""),
        "work_day_hours": f"{now.work_day_hours:g}",
        "work_week_hours": f"{now.work_week_hours:g}" if now.work_week_hours else "",
        "holidays": now.holidays or "",
        "absences": now.absences or "",
        "auto_session_memory": yes_no(now.auto_session_memory),
    }


def _value(key: str, text: str) -> object:
    if key == "auto_session_memory":
        return text == YES
    if key not in ("work_day_hours", "work_week_hours") or not text:
        return text or None
    try:
        return float(text)
    except ValueError as error:
        raise FieldProblem(key, f"{text!r} is not a number of hours") from error
