"""Long work begun in Health: repairs, backups, restores and re-embedding, with the questions before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content
from textual.worker import Worker, get_current_worker

from memoria_tui.dialogs.choice import Choice, ChoiceDialog
from memoria_tui.dialogs.confirm import ConfirmDialog
from memoria_tui.dialogs.restore_backup import REPLACE, RestoreDialog
from memoria_tui.modes.health.state import Pace, Running
from memoria_tui.text.present import line
from memoria_tui.user_files.program_log import refused
from memoria_tui.write_queue import run_long
from services.errors import MemoriaError
from services.files import readable_size
from services.integrity.checks import REPAIRABLE
from services.integrity.defects import Keep
from services.model import Progress
from services.times import person_zone

if TYPE_CHECKING:
    from pathlib import Path

    from memoria_tui.modes.mode import ModeScreen
    from services.backup.backup_values import Comparison
    from services.integrity.check import Check
    from services.integrity.defects import Defect, DescribedDefect
    from services.ports import Draft

Advance = Callable[[Progress], None]


class LongWork:
    """One at a time; it goes on while other modes are on screen, and a toast tells when it is done."""

    def __init__(self, screen: ModeScreen, show: Callable[[Running | None], None]) -> None:
        """`show` is told what is under way, how far it is, and with None that nothing is."""
        self._screen = screen
        self._show = show
        self._running: Running | None = None
        self._run: Worker[None] | None = None
        self._pace = Pace()

    def _set(self, running: Running | None) -> None:
        self._running = running
        self._show(running)

    def _is_free(self) -> bool:
        if self._running is not None:
            self._screen.say(f"{self._running.what} is under way; s stops it", wrong=True)
        return self._running is None

    def _begin(self, what: str) -> None:
        self._pace = Pace()
        self._set(Running(what, self._screen.clock()))

    def start(self, what: str, act: Callable[[Advance], Coroutine[object, object, str]]) -> None:
        """Begins long work, whose answer is told in a toast; not while other work is under way."""
        if self._is_free():
            self._begin(what)
            self._run = self._screen.run_worker(partial(self._go_on, what, act), group="run", exclusive=True)

    async def _go_on(self, what: str, act: Callable[[Advance], Coroutine[object, object, str]]) -> None:
        try:
            self._screen.say(await run_long(self._screen.app, what, act(self._advance)))
        except MemoriaError as error:
            refused(error)
            self._screen.say(str(error), wrong=True)
        finally:
            self._set(None)
        if not get_current_worker().is_cancelled:
            self._screen.changed()

    def _advance(self, progress: Progress) -> None:
        if self._running is not None and self._pace.due:
            self._set(replace(self._running, progress=progress))

    def stop(self) -> None:
        """Cancels what is under way."""
        if self._run is not None and self._running is not None:
            what = self._running.what
            self._run.cancel()
            self._screen.say(f"{what} was stopped; what is done stays")
            self._screen.changed()

    # what can be started

    def repair(self, defects: tuple[Defect, ...], keep: Keep = Keep.FIRST) -> None:
        """Repairs as one act; `keep` is for chunks that differ."""
        integrity = self._screen.services.integrity

        async def act(advance: Advance) -> str:
            repaired = await integrity.repair(defects, keep=keep, progress=advance)
            told = repaired.summary[:1].upper() + repaired.summary[1:]
            return f"{told} · u to undo" if repaired.total else told

        if defects:
            self.start("Repair", act)

    async def repair_chosen(self, finding: DescribedDefect) -> None:
        """Repairs one thing; where it can be repaired in several ways the person chooses."""
        keep: Keep | None = Keep.FIRST
        if finding.outcomes:
            check = finding.defect.check
            keep = await self._choose_values(check.question, finding.what, check, finding.outcomes)
        if keep is not None:
            self.repair((finding.defect,), keep)

    async def _choose_values(self, title: str, about: str, check: Check, outcomes: Mapping[Keep, str]) -> Keep | None:
        choices = [
            Choice(key, keep.value, _choice(name, outcomes.get(keep, "")))
            for keep, (key, name) in check.choices.items()
        ]
        chosen = await self._screen.ask(ChoiceDialog(title, choices, next(iter(check.choices)), line(about)))
        return None if chosen is None else Keep(chosen)

    async def repair_all(self, defects: tuple[Defect, ...]) -> None:
        """Repairs several at once, after saying what that does to memories and relations."""
        try:
            foreseen = await self._screen.services.integrity.foresee(defects)
        except MemoriaError as error:
            self._screen.say(str(error), wrong=True)
            return
        question = f"This would {foreseen.intent}, as one act; undo brings all of it back."
        counts = Counter(one.check for one in defects)
        for check in sorted(REPAIRABLE, key=lambda one: not one.alone):
            if check.warning and counts[check]:
                question += f" {check.warning.format(count=counts[check])}"
        if asks := next((check for check in REPAIRABLE if check.asks_for_all and counts[check]), None):
            if (keep := await self._choose_values("Repair all of these?", question, asks, {})) is not None:
                self.repair(defects, keep)
        elif await self._screen.ask(ConfirmDialog("Repair all of these?", question, "repair")):
            self.repair(defects)

    def embed(self) -> None:
        """Tries again what waits for vectors."""
        memories = self._screen.services.memories

        async def act(_: Advance) -> str:
            done = await memories.recover()
            left = await memories.pending_count()
            rest = f" · {left:,} still wait, each says why" if left else ""
            return f"{done:,} {'memory has' if done == 1 else 'memories have'} vectors now{rest}"

        self.start("Embedding", act)

    def back_up(self) -> None:
        """Backs up everything into the folder for backups."""
        services = self._screen.services

        async def act(advance: Advance) -> str:
            archive = await services.backup.backup(services.settings.backups_dir, progress=advance)
            return f"Backed up {archive.records:,} records, {readable_size(archive.bytes)}, to {archive.path}"

        self.start("Backup", act)

    async def compare(self, path: Path) -> Comparison | None:
        """Compares a backup with what is here, before it is asked how to restore it."""
        if not self._is_free():
            return None
        self._begin("Comparing")
        restoring = self._screen.services.restoring
        try:
            return await self._screen.attempt(restoring.compare(path, progress=self._advance))
        finally:
            self._set(None)

    async def restore(self, compared: Comparison) -> None:
        """Asks how; a merge goes into the history, before a replacement there is a backup."""
        services = self._screen.services
        how = await self._screen.ask(
            RestoreDialog(compared, str(services.settings.backups_dir), person_zone(services.settings))
        )
        if how is None:
            return

        async def act(advance: Advance) -> str:
            report = await services.restoring.restore(compared, replace=how == REPLACE, progress=advance)
            told = ", ".join(f"{count:,} {kind}" for kind, count in report.counts.items())
            done = f"Restored {told}" if told else "Nothing changed, all of the backup is here already"
            kept = f" · what was here before: {report.safety.path}" if report.safety else ""
            return f"{done} · {report.unchanged:,} unchanged{kept}"

        self.start("Restore", act)

    async def reembed(self) -> None:
        """Asks whether to move the store to the embedder that is set, and does so."""
        from services.reembedding.reembed_values import target_of

        services = self._screen.services
        target = target_of(services.settings, None, None, None)
        question = (
            f"All memories are embedded again with the model {target.model}. The store stays usable, "
            "the run can be stopped and resumed, and the old vectors are kept until you delete them."
        )
        if warning := services.reembedding.warning(target):
            question = f"{question}\n\n{warning}"
        if not await self._screen.ask(ConfirmDialog("Re-embed all memories", question, "begin")):
            return

        async def act(advance: Advance) -> str:
            report = await services.reembedding.reembed(target, progress=advance)
            if not report.switched:
                return f"All memories are already embedded by {report.model}"
            told = f"{report.memories:,} memories have vectors by {report.model}, {report.dimensions} dimensions"
            return f"{told} · to be set: {'; '.join(report.settings)}" if report.settings else told

        self.start("Re-embedding", act)

    async def drop_old(self, former: Draft) -> None:
        """Asks whether to delete the vectors of before, and does so."""
        question = (
            f"The vectors by {line(former.model)}, {former.dimensions} dimensions, which were in use before, are "
            "deleted. This cannot be undone; the memories themselves stay, with the vectors in use now."
        )
        if await self._screen.ask(ConfirmDialog("Delete the old vectors", question, "delete")):
            act = self._screen.services.reembedding.drop_old()
            points = await self._screen.write("delete the old vectors", act, once=["old vectors"])
            if points is not None:
                self._screen.say(f"Deleted the old vectors of {points:,} points")
                self._screen.changed()


def _choice(name: str, outcome: str) -> Content:
    return Content.assemble(name, (f"\n→ {line(outcome)}" if outcome else "", "$foreground 60%"))
