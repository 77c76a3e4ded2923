"""Memories from files and to files: import, export, demo data."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, TypeVar

from memoria_tui.dialogs.conflict import ConflictDialog
from memoria_tui.dialogs.import_preview import ImportAnswer, ImportPreviewDialog
from memoria_tui.dialogs.line_prompt import PromptDialog
from memoria_tui.modes.memory_export import ask_target, export_summary
from memoria_tui.text.present import escape_control, line
from memoria_tui.write_queue import run_long
from services.files import expanded
from services.model import Progress, counted
from services.transfer.export_source import Selection
from services.transfer.import_outcome import Side
from services.transfer.reader_parts import READABLE_SOURCES
from services.transfer.reader_parts.source import Source

if TYPE_CHECKING:
    from memoria_tui.modes.mode import ModeScreen
    from memoria_tui.setup import LoadDemo
    from services.transfer.import_run import Remark

Answer = TypeVar("Answer")


class MemoryFiles:
    """Every method is awaited in a worker."""

    def __init__(self, screen: ModeScreen, show: Callable[[str | None], None]) -> None:
        """`show` is told how far a run is, in one line, and with None that it ended."""
        self._screen = screen
        self._show = show

    async def export(self, ids: tuple[str, ...]) -> None:
        """Asks for a file and writes the memories to it."""
        if (target := await ask_target(self._screen, f"Export {counted(len(ids))}", "memories.jsonl")) is None:
            return
        file, format_ = target
        act = self._screen.services.exporting.write(
            file, format_.writer, Selection(ids), replace=False, progress=self._show_progress
        )
        if (made := await self._long_run("Export", act)) is not None:
            self._screen.say(export_summary(made, file))

    async def import_(self) -> None:
        """Asks for a file or folder, shows what would come of it, and imports it once the person agreed."""
        path = await self._screen.ask(
            PromptDialog(
                "Import",
                hint=f"Path of {READABLE_SOURCES}",
                check=_absent,
                is_path=True,
            )
        )
        if path is None:
            return
        sources, importing = [Source(expanded(path))], self._screen.services.importing
        look = importing.import_sources(sources, dry_run=True, progress=self._show_progress)
        if (found := await self._long_run("Reading", look)) is None:
            return
        sides: dict[str, Side] = {}
        while (
            answer := await self._screen.ask(ImportPreviewDialog(line(expanded(path).name), found, sides))
        ) != ImportAnswer.IMPORT:
            if answer is None:
                return
            await self._take_sides(found.kept, sides)
        act = importing.import_sources(sources, take=sides.get, progress=self._show_progress)
        if (report := await self._long_run("Import", act)) is not None:
            remarks = [*report.failed, *report.kept, *report.notes]
            parts = [report.summary(), *map(str, remarks[:1])]
            if len(remarks) > 1:
                parts.append(f"{len(remarks) - 1:,} more: memoria-tui import --dry-run lists them")
            self._screen.say(" · ".join(parts), wrong=bool(remarks))
            self._screen.changed()

    async def _take_sides(self, kept: Sequence[Remark], sides: dict[str, Side]) -> None:
        """Shows both texts of each memory that was changed here and there, one after the other."""
        for one in kept:
            mine, theirs = one.texts or ("", "")
            side = await self._screen.ask(ConflictDialog(mine, theirs, line(one.record)))
            if side is None:
                return
            sides[one.memory_id] = Side(side)

    async def load_demo(self, load: LoadDemo) -> bool:
        """Fills the empty store; whether it did."""
        act = load(self._screen.services, self._show_progress)
        if (done := await self._long_run("Demo data", act)) is not None:
            self._screen.say(f"{done} · u to undo")
        return done is not None

    async def _long_run(self, what: str, act: Coroutine[object, object, Answer]) -> Answer | None:
        self._show("")
        try:
            return await self._screen.attempt(run_long(self._screen.app, what, act))
        finally:
            self._show(None)

    def _show_progress(self, progress: Progress) -> None:
        of = f" of {progress.total:,}" if progress.total else ""
        self._show(escape_control(f"{progress.what}  {progress.done:,}{of}"))


def _absent(text: str) -> str | None:
    return None if text and os.path.exists(expanded(text)) else "There is no file or folder of that name"
