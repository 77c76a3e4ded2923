"""The Work screen as a book: sessions edited and deleted, the log narrowed, sorted and exported, clients kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from textual import on
from textual.content import Content

from memoria_tui import work_text
from memoria_tui.screens.modals.choice import Choice, ChoiceDialog
from memoria_tui.screens.modals.clients import ClientsDialog
from memoria_tui.screens.modals.prompt import PromptDialog
from memoria_tui.screens.modals.session_filter import session_filter
from memoria_tui.screens.modals.work_preferences import work_preferences
from memoria_tui.screens.timing import UNDO, Timing, WorkChanged
from memoria_tui.screens.work_states import ORDERS, LogQuestion
from memoria_tui.screens.work_watching import WorkWatching
from memoria_tui.typed_paths import file_of, why_not_new
from memoria_tui.typing_ahead import asks
from memoria_tui.widgets.running_sessions import RunningSessions
from memoria_tui.widgets.session_log import SessionLog
from services.files import write_file
from services.model import SessionStatus, WorkSession
from services.work.log_export import log_csv
from services.work.model import DayPart
from services.work.timesheet import parts_of

_EXPORT_PAGE = 1_000


class WorkBooking(WorkWatching):
    """What is done to sessions that were written down."""

    @property
    def timing(self) -> Timing:
        """The acts of the timer, asked here."""
        return Timing(self, self.services, self.clock, self.running.sessions)

    @property
    def pointed(self) -> WorkSession | None:
        """The open session under the cursor where the focus is; None when that one is not open."""
        if self.running.has_focus:
            return self.running.current
        current = self.log_list.current
        return next((one for one in self.running.sessions if current is not None and one.id == current.id), None)

    @property
    def selected(self) -> WorkSession | None:
        """The session under the cursor where the focus is."""
        return self.pointed or self.log_list.current

    # the timer

    @asks
    async def action_start(self) -> None:
        await self.timing.start()

    @asks
    async def action_pause(self) -> None:
        await self.timing.pause_or_resume(self.pointed)

    @asks
    async def action_note(self) -> None:
        await self.timing.note(self.pointed)

    @asks
    async def action_stop(self) -> None:
        await self.timing.stop(self.pointed)

    @asks
    async def action_cut_back(self) -> None:
        await self.timing.cut_back(self.pointed)

    # one session

    @on(RunningSessions.Selected)
    @on(SessionLog.Selected)
    def open_selected(self, event: RunningSessions.Selected | SessionLog.Selected) -> None:
        self._edit(event.session)

    def action_edit(self) -> None:
        if self.selected is not None:
            self._edit(self.selected)

    @asks
    async def _edit(self, session: WorkSession) -> None:
        await self.timing.edit(session, self._zone)

    @asks
    async def action_delete(self) -> None:
        session = self.selected
        if session is None:
            return
        act, what = self.services.work.delete(session.id), f"delete {work_text.named(session)}"
        if await self.write(what, act, once=[session.id]) is not None:
            self._told(f"Deleted {work_text.named(session)}")

    @asks
    async def action_resume_stopped(self) -> None:
        session = self.selected
        if session is None or session.status is not SessionStatus.COMPLETED:
            self.tell("Go to a session in the log that was stopped")
            return
        act, what = self.services.work.unstop(session.id), f"resume {work_text.named(session)}"
        if await self.write(what, act, once=[session.id]) is not None:
            self._told(f"{work_text.named(session)} runs on")

    @asks
    async def action_remember(self) -> None:
        session = self.selected
        if session is None or session.status is not SessionStatus.COMPLETED:
            self.tell("Go to a session in the log that was stopped")
        elif session.memory_id is not None:
            self.tell("There is a memory of it already")
        else:
            act, what = self.services.work.remember(session.id), f"memory of {work_text.named(session)}"
            if await self.write(what, act, once=[session.id], vectors=True) is not None:
                self._told(f"Kept a memory of {work_text.named(session)}")

    def _told(self, what: str) -> None:
        self.tell(f"{what} · {UNDO}")
        self.post_message(WorkChanged())

    # the log

    @asks
    async def action_filter(self) -> None:
        dialog = session_filter(self.services, self.clock, self.question.where)
        if (where := await self.app.push_screen_wait(dialog)) is not None:
            self.question = replace(self.question, where=where)

    @asks
    async def action_search(self) -> None:
        hint = "Part of the description, a note or the branch; empty shows all"
        text = await self.app.push_screen_wait(PromptDialog("Find", value=self.question.where.text, hint=hint))
        if text is not None:
            self.question = replace(self.question, where=replace(self.question.where, text=text))

    @asks
    async def action_sort(self) -> None:
        keys = dict(zip("nolsdb", ORDERS, strict=True))
        choices = [Choice(key, key, Content(ORDERS[order])) for key, order in keys.items()]
        now = (self.question.order, self.question.descending)
        current = next(key for key, order in keys.items() if order == now)
        if (chosen := await self.app.push_screen_wait(ChoiceDialog("Sort", choices, current))) is not None:
            self.question = LogQuestion(self.question.where, *keys[chosen])

    @asks
    async def action_export(self) -> None:
        dialog = PromptDialog("Export the log", value="work.csv", hint="Path of the CSV file", check=why_not_new)
        if (path := await self.app.push_screen_wait(dialog)) is not None:
            number = await self.attempt(self._export(file_of(path)))
            if number is not None:
                self.tell(f"Exported {number:,} session{'' if number == 1 else 's'} to {file_of(path)}")

    async def _export(self, file: Path) -> int:
        """Writes all sessions that the log shows or would show on further pages. Raises StorageFull, InvalidInput."""
        asked, after, zone, now = self.question, None, self._zone, self.clock()
        parts = list[DayPart]()
        while True:
            page = await self.services.reports.log(
                asked.where, asked.order, descending=asked.descending, after=after, limit=_EXPORT_PAGE
            )
            parts += page.parts or [
                part for one in page.sessions for part in parts_of(one, now, zone, asked.where.first, asked.where.last)
            ]
            if (after := page.next) is None:
                break
        await asyncio.to_thread(write_file, file, log_csv(parts, zone, now))
        return len({part.session.id for part in parts})

    # clients, projects, settings

    @asks
    async def action_clients(self) -> None:
        if await self.app.push_screen_wait(ClientsDialog(self.services)):
            self.post_message(WorkChanged())

    @asks
    async def action_preferences(self) -> None:
        now = await self.attempt(self.services.work.preferences())
        if now is not None and await self.app.push_screen_wait(work_preferences(self.services, now)) is not None:
            self.tell("Settings kept")
            self.post_message(WorkChanged())
