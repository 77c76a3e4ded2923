"""The Health screen at work: repairs, backups, restores and re-embedding, one at a time, with progress in one line."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from textual import work
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static
from textual.worker import Worker, get_current_worker

from memoria_tui.log import refused
from memoria_tui.present import line
from memoria_tui.screens.health_looking import HealthLooking
from memoria_tui.screens.health_pages import size
from memoria_tui.screens.health_states import Pace, Running, running_line
from memoria_tui.screens.modals.choice import Choice, ChoiceDialog
from memoria_tui.screens.modals.confirm import ConfirmDialog
from memoria_tui.screens.modals.restore import REPLACE, RestoreDialog
from memoria_tui.screens.modals.upgrade import UpgradeDialog
from memoria_tui.screens.trash import open_trash
from memoria_tui.typing_ahead import asks
from memoria_tui.writes import run_beside
from services.errors import MemoriaError
from services.integrity.model import DefectKind, Keep
from services.model import Progress, Subject
from services.times import person_zone

if TYPE_CHECKING:
    from pathlib import Path

    from services.backup.values import Comparison
    from services.integrity.model import Defect, Finding
    from services.ports import Clock

Advance = Callable[[Progress], None]
Answer = TypeVar("Answer")


_VALUES = "Which values shall all chunks have?"
_OF_CHUNKS = {
    Keep.FIRST: ("f", "of the first chunk"),
    Keep.NEWEST: ("n", "of the newest chunk"),
    Keep.UNION: ("a", "all tags, highest importance"),
}
"""Key and words for each way to repair chunks that differ."""
_OF_HISTORY = {Keep.NEWEST: ("h", "newest of the history"), Keep.STORED: ("s", "as it is stored")}
"""The same for a memory that is older than its history."""


class HealthRunning(HealthLooking):
    """Long work goes on while other modes are on screen; a toast tells when it is done."""

    running: var[Running | None] = var(None, init=False)

    def __init__(self, where: str, clock: Clock) -> None:
        super().__init__(where, clock)
        self._run: Worker[None] | None = None
        self._drawing = Pace()

    # running

    def watch_running(self, before: Running | None, running: Running | None) -> None:
        told = Content("") if running is None else running_line(running, self._clock())
        self.query_one("#progress", Static).update(told)
        if (before is None) is not (running is None):
            self.set_class(running is not None, "-busy")
            self.refresh_bindings()

    def start(self, what: str, act: Callable[[Advance], Coroutine[object, object, str]]) -> None:
        """Begins long work, whose answer is told in a toast; not while other work is under way."""
        if self.running is not None:
            self.tell(f"{self.running.what} is under way; c stops it", wrong=True)
            return
        self._begin(what)
        self._run = self._go_on(what, act)

    def _begin(self, what: str) -> None:
        self._drawing = Pace()
        self.running = Running(what, self._clock())

    @work(exclusive=True, group="run")
    async def _go_on(self, what: str, act: Callable[[Advance], Coroutine[object, object, str]]) -> None:
        try:
            self.tell(await run_beside(self.app, what, act(self._advance)))
        except MemoriaError as error:
            refused(error)
            self.tell(str(error), wrong=True)
        finally:
            if self.is_running:
                self.running = None
        if not get_current_worker().is_cancelled:
            self.look()

    def _advance(self, progress: Progress) -> None:
        if self.running is not None and self._drawing.due:
            self.running = replace(self.running, progress=progress)

    def action_stop(self) -> None:
        if self._run is not None and self.running is not None:
            what = self.running.what
            self._run.cancel()
            self.tell(f"{what} was stopped; what is done stays")
            self.look()

    def changed_outside(self, subjects: frozenset[Subject]) -> None:
        """Long work writes without end; it is looked at when it is done."""
        if self.running is None:
            super().changed_outside(subjects)

    # what can be started

    def repair(self, defects: tuple[Defect, ...], keep: Keep = Keep.FIRST) -> None:
        """Repairs as one act; `keep` is for chunks that differ."""
        integrity = self._services.integrity

        async def act(advance: Advance) -> str:
            repaired = await integrity.repair(defects, keep=keep, progress=advance)
            told = repaired.summary[:1].upper() + repaired.summary[1:]
            return f"{told} · u to undo" if repaired.total else told

        if defects:
            self.start("Repair", act)

    async def repair_chosen(self, finding: Finding) -> None:
        """Repairs one thing; where it can be repaired in several ways the person chooses."""
        keep: Keep | None = Keep.FIRST
        if finding.defect.kind is DefectKind.STALE and finding.outcomes:
            keep = await self._choose("Which state shall it have?", finding.what, _OF_HISTORY, finding.outcomes)
        elif finding.outcomes:
            keep = await self._choose(_VALUES, finding.what, _OF_CHUNKS, finding.outcomes)
        if keep is not None:
            self.repair((finding.defect,), keep)

    async def _choose(
        self, title: str, about: str, names: Mapping[Keep, tuple[str, str]], outcomes: Mapping[Keep, str]
    ) -> Keep | None:
        choices = [
            Choice(key, keep.value, _choice(name, outcomes.get(keep, ""))) for keep, (key, name) in names.items()
        ]
        chosen = await self.app.push_screen_wait(ChoiceDialog(title, choices, next(iter(names)), line(about)))
        return None if chosen is None else Keep(chosen)

    async def repair_all(self, defects: tuple[Defect, ...]) -> None:
        """Repairs several at once, after saying what that does to memories and relations."""
        try:
            foreseen = await self._services.integrity.foresee(defects)
        except MemoriaError as error:
            self.tell(str(error), wrong=True)
            return
        question = f"This would {foreseen.intent}, as one act; undo brings all of it back."
        if older := sum(one.kind is DefectKind.STALE for one in defects):
            question += f" {older:,} of the memories get the newest state of the history again."
        if uneven := sum(one.kind is DefectKind.UNEVEN for one in defects):
            question += f" Chunks differ in {uneven:,} of the memories: which values shall all chunks have?"
            if (keep := await self._choose("Repair all of these?", question, _OF_CHUNKS, {})) is not None:
                self.repair(defects, keep)
        elif await self.app.push_screen_wait(ConfirmDialog("Repair all of these?", question, "repair")):
            self.repair(defects)

    def action_embed(self) -> None:
        memories = self._services.memories

        async def act(_: Advance) -> str:
            done = await memories.recover()
            left = await memories.pending_count()
            rest = f" · {left:,} still wait, each says why" if left else ""
            return f"{done:,} {'memory has' if done == 1 else 'memories have'} vectors now{rest}"

        self.start("Embedding", act)

    def action_back_up(self) -> None:
        services = self._services

        async def act(advance: Advance) -> str:
            archive = await services.backup.backup(services.settings.backups_dir, progress=advance)
            return f"Backed up {archive.records:,} records, {size(archive.bytes)}, to {archive.path}"

        self.start("Backup", act)

    @work(group="compare")
    async def restore_backup(self, path: Path) -> None:
        """Compares, asks, restores; a merge goes into the history, before a replacement there is a backup."""
        services = self._services
        if self.running is not None:
            self.tell(f"{self.running.what} is under way; c stops it", wrong=True)
            return
        self._begin("Comparing")
        try:
            compared = await self.attempt(services.restoring.compare(path, progress=self._advance))
        finally:
            self.running = None
        if compared is not None:
            self._ask_how_to_restore(compared)

    @asks
    async def _ask_how_to_restore(self, compared: Comparison) -> None:
        services = self._services
        how = await self.app.push_screen_wait(
            RestoreDialog(compared, str(services.settings.backups_dir), person_zone(services.settings))
        )
        if how is None:
            return

        async def act(advance: Advance) -> str:
            report = await services.restoring.restore(compared, replace=how == REPLACE, progress=advance)
            told = ", ".join(f"{count:,} {kind}" for kind, count in report.counts.items()) or "nothing, all was here"
            kept = f" · what was here before: {report.safety.path}" if report.safety else ""
            return f"Restored {told} · {report.unchanged:,} unchanged{kept}"

        self.start("Restore", act)

    @asks
    async def action_reembed(self) -> None:
        from services.reembedding.target import target_of

        services = self._services
        target = target_of(services.settings, None, None, None)
        question = (
            f"The store is moved to the model {target.model}, and all vectors are made anew. It stays usable, "
            "the work can be stopped and goes on later, and the former vectors are kept until you delete them."
        )
        if warning := services.reembedding.warning(target):
            question = f"{question}\n\n{warning}"
        if not await self.app.push_screen_wait(ConfirmDialog("Make all vectors anew", question, "begin")):
            return

        async def act(advance: Advance) -> str:
            report = await services.reembedding.reembed(target, progress=advance)
            if not report.switched:
                return f"All vectors are by {report.model} already"
            told = f"{report.memories:,} memories have vectors by {report.model}, {report.dimensions} dimensions"
            return f"{told} · to be set: {'; '.join(report.settings)}" if report.settings else told

        self.start("Re-embedding", act)

    @asks
    async def action_drop_old(self) -> None:
        question = "The former vectors are deleted. That cannot be taken back; the memories themselves stay."
        if await self.app.push_screen_wait(ConfirmDialog("Delete the former vectors", question, "delete")):
            act = self._services.reembedding.drop_old()
            points = await self.write("delete the former vectors", act, once=["former vectors"])
            if points is not None:
                self.tell(f"Deleted the former vectors of {points:,} points")
                self.look()

    @asks
    async def action_upgrade(self) -> None:
        database = self._services.database
        plan = await self.attempt(database.plan())
        if plan is None:
            return
        if not plan:
            self.tell("Nothing is missing in the database")
        elif await self.app.push_screen_wait(UpgradeDialog(plan, database.upgrade)):
            self.tell("The database was upgraded")
            self.look()

    @asks
    async def action_trash(self) -> None:
        if told := await open_trash(self, self._services, self._clock):
            self.tell(told)
            self.look()


def _choice(name: str, outcome: str) -> Content:
    return Content.assemble(name, (f"\n→ {line(outcome)}" if outcome else "", "$foreground 60%"))
