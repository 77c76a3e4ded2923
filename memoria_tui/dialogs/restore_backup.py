"""Shows what a restore would do with a backup that was verified, and asks how it shall be done."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.text.present import clip, fit, line
from services.times import minute

if TYPE_CHECKING:
    from services.backup.backup_values import Comparison

MERGE, REPLACE = "merge", "replace"
_HEAD = ("new", "newer", "older", "same", "only here")


class RestoreDialog(Dialog[str]):
    """Its answer is `merge` or `replace`; into an empty store everything goes as it is."""

    BINDINGS = [
        Binding(
            "m,enter",
            "answer('merge')",
            "Merge",
            id="restore.merge",
            tooltip="Add what is missing or newer in the backup",
        ),
        Binding(
            "p", "answer('replace')", "Replace", id="restore.replace", tooltip="Replace what is here with the backup"
        ),
    ]

    def __init__(self, comparison: Comparison, safety: str, zone: tzinfo) -> None:
        """`safety` is the folder for the backup of what a replacement replaces."""
        made = comparison.archive.made_at
        keys = (("enter", "restore"),) if comparison.empty else (("m", "merge"), ("p", "replace what is here"))
        title = f"Backup of {minute(made, zone)}" if made else "Backup"
        super().__init__(title, keys=(*keys, ("esc", "change nothing")))
        self._comparison = comparison
        self._safety = safety

    def compose_body(self) -> Iterable[Widget]:
        compared = self._comparison
        notes = [f"{line(compared.archive.path.name)}: verified, no damage."]
        notes += [f"{line(one[0].upper() + one[1:])}." for one in compared.remarks]
        yield Static(Content("\n".join(notes)), classes="section")
        yield Static(self._table(), classes="section")
        if compared.empty:
            yield Static(Content("The store is empty: everything is restored as it is in the backup."), classes="text")
            return
        told = (
            ("merge  ", "adds what is missing or newer in the backup; u to undo."),
            (
                "replace",
                f" replaces all with the backup, after a backup of what is here into {clip(self._safety, 60)}.",
            ),
        )
        lines = (Content.assemble((name, "bold $accent"), f" {line(what)}") for name, what in told)
        yield Static(Content("\n").join(lines), classes="text")

    def _table(self) -> Content:
        kinds = [one for one in self._comparison.differences if any(self._figures(one))]
        if not kinds:
            return Content("The backup is empty.")
        head = f"{'':20}" + "".join(f"{name:>10}" for name in _HEAD)
        rows = [Content.styled(head, "$foreground 60%")]
        for one in kinds:
            figures = "".join(f"{number:>10,}" if number else f"{'·':>10}" for number in self._figures(one))
            rows.append(Content(fit(line(one.kind), 20) + figures))
        return Content("\n").join(rows)

    def _figures(self, one: object) -> tuple[int, ...]:
        return tuple(getattr(one, name) for name in ("new", "newer", "older", "same", "only_here"))

    def action_answer(self, answer: str) -> None:
        if answer == MERGE or not self._comparison.empty:
            super().action_answer(answer)
