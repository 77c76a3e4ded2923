"""The Memories screen and files: import, export, demo data, each with its progress in one quiet line."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TypeVar

from textual.content import Content
from textual.widgets import Static

from memoria_tui.present import counted, safe
from memoria_tui.screens.memories_curating import MemoryCurating
from memoria_tui.screens.modals.prompt import PromptDialog
from memoria_tui.typed_paths import file_of, why_not_new
from memoria_tui.typing_ahead import asks
from memoria_tui.writes import run_beside
from services.model import Progress

Answer = TypeVar("Answer")


class MemoryFiles(MemoryCurating):
    """Memories from files and to files."""

    @asks
    async def action_export(self) -> None:
        if not (ids := await self.targets()):
            return
        title = f"Export {counted(len(ids))}"
        path = await self.app.push_screen_wait(
            PromptDialog(title, value="memories.jsonl", hint="Path of the file", check=why_not_new)
        )
        if path is not None:
            file = file_of(path)
            act = self.services.exporting.export(file, ids=ids, progress=self._show_progress)
            if await self._long_run("Export", act) is not None:
                self.tell(f"Exported {counted(len(ids))} to {file}")

    @asks
    async def action_import(self) -> None:
        path = await self.app.push_screen_wait(
            PromptDialog("Import", hint="Path of an export, a backup, Markdown or a folder of it", check=_absent)
        )
        if path is None:
            return
        act = self.services.importing.import_files((file_of(path),), progress=self._show_progress)
        if (report := await self._long_run("Import", act)) is not None:
            remarks = [*report.failed, *report.kept, *report.notes]
            told = [report.summary(), *map(str, remarks[:1])]
            if len(remarks) > 1:
                told.append(f"{len(remarks) - 1:,} more: memoria-tui import --dry-run lists them")
            self.tell(" · ".join(told), wrong=bool(remarks))
            self.changed()

    @asks
    async def action_load_demo(self) -> None:
        if self._load_demo is None:
            return
        act = self._load_demo(self.services, self._show_progress)
        if (told := await self._long_run("Demo data", act)) is not None:
            self.tell(told)
            self.changed()

    async def _long_run(self, what: str, act: Coroutine[object, object, Answer]) -> Answer | None:
        self.add_class("-busy")
        try:
            return await self.attempt(run_beside(self.app, what, act))
        finally:
            self.remove_class("-busy")
            self.query_one("#progress", Static).update("")

    def _show_progress(self, progress: Progress) -> None:
        of = f" of {progress.total:,}" if progress.total else ""
        self.query_one("#progress", Static).update(Content(safe(f"{progress.what}  {progress.done:,}{of}")))


def _absent(text: str) -> str | None:
    return None if text and file_of(text).exists() else "There is no file or folder of that name"
