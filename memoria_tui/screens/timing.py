"""The acts of the timer, each with the question that it needs, for every mode."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message

from memoria_tui import present, work_text
from memoria_tui.repository import current_branch
from memoria_tui.screens.modals.choice import Choice, ChoiceDialog
from memoria_tui.screens.modals.prompt import PromptDialog
from memoria_tui.screens.modals.start_session import start_session
from memoria_tui.screens.modals.stop_session import stop_session
from memoria_tui.screens.mode import ModeScreen
from services.model import SessionStatus, WorkSession
from services.ports import Clock

if TYPE_CHECKING:
    from services.container import Services

UNDO = "u takes it back"
OPEN = frozenset({SessionStatus.ACTIVE, SessionStatus.PAUSED})
_NEW = "new"


class WorkChanged(Message):
    """A session was started, paused, resumed, noted, stopped, changed or deleted."""


class Timing:
    """Asks on a screen, acts, and tells. Every method must be awaited in a worker."""

    def __init__(self, screen: ModeScreen, services: Services, clock: Clock) -> None:
        self._screen = screen
        self._services = services
        self._clock = clock

    async def start(self) -> None:
        """Asks what is begun, and starts it."""
        dialog = start_session(self._services, self._clock, current_branch())
        if (session := await self._screen.app.push_screen_wait(dialog)) is not None:
            self._tell(f"Started {work_text.named(session)}")

    async def start_or_stop(self) -> None:
        """Starts work when nothing runs, else stops what runs."""
        sessions = await self._open(OPEN)
        if sessions is None:
            return
        if not sessions:
            await self.start()
            return
        chosen = sessions[0] if len(sessions) == 1 else await self._choose("Stop which", sessions, new=True)
        if chosen == _NEW:
            await self.start()
        elif isinstance(chosen, WorkSession):
            await self.stop(chosen)

    async def stop(self, session: WorkSession | None = None) -> None:
        """Stops a session, the one that is meant when none is given."""
        if (session := session or await self.meant("Stop which", OPEN)) is None:
            return
        dialog = stop_session(self._services, self._clock, session)
        if (stopped := await self._screen.app.push_screen_wait(dialog)) is not None:
            worked = present.duration(stopped.elapsed_seconds(self._clock()))
            kept = " · a memory of it is kept" if stopped.memory_id else ""
            self._tell(f"Stopped {work_text.named(stopped)} after {worked}{kept}")

    async def pause_or_resume(self, session: WorkSession | None = None, *, ask: bool = True) -> None:
        """Stops or restarts a clock; `ask` for the reason of a pause, which begins when the key is pressed."""
        now = self._clock()
        if (session := session or await self.meant("Pause or resume which", OPEN)) is None:
            return
        if session.status is SessionStatus.PAUSED:
            if (resumed := await self._screen.attempt(self._services.work.resume(session.id))) is not None:
                self._tell(f"Resumed {work_text.named(resumed)}")
            return
        reason = await self._ask_reason(session) if ask else ""
        if reason is None:
            return
        act = self._services.work.pause(session.id, reason=reason or None, at=now)
        if (paused := await self._screen.attempt(act)) is not None:
            self._tell(f"Paused {work_text.named(paused)}{f' · {reason}' if reason else ''}")

    async def _ask_reason(self, session: WorkSession) -> str | None:
        hint = "Why? May stay empty. The pause began when you pressed the key."
        return await self._screen.app.push_screen_wait(PromptDialog(f"Pause {work_text.named(session)}", hint=hint))

    async def note(self, session: WorkSession | None = None) -> None:
        """Appends a note to a session, the one that is meant when none is given."""
        if (session := session or await self.meant("Note on which", OPEN)) is None:
            return
        dialog = PromptDialog(f"Note on {work_text.named(session)}", check=_empty)
        if (text := await self._screen.app.push_screen_wait(dialog)) is not None and (
            await self._screen.attempt(self._services.work.note(text, session.id)) is not None
        ):
            self._tell(f"Noted on {work_text.named(session)}")

    async def cut_back(self, session: WorkSession | None = None) -> None:
        """Stops a session at the last sign of life, or when the person says it ended."""
        if (session := session or await self.meant("Cut back which", OPEN)) is None:
            return
        last = await self._screen.attempt(self._services.work.last_activity(session.id))
        zone = await self._screen.attempt(self._services.reports.zone())
        if last is None or zone is None:
            return
        dialog = stop_session(self._services, self._clock, session, end=work_text.moment(last, zone))
        if (stopped := await self._screen.app.push_screen_wait(dialog)) is not None:
            worked = present.duration(stopped.elapsed_seconds(self._clock()))
            self._tell(f"Cut {work_text.named(stopped)} back to {worked}")

    # which session

    async def meant(self, question: str, statuses: Collection[SessionStatus]) -> WorkSession | None:
        """The only one that is in one of the states, or the one that the person chooses; None tells why."""
        sessions = await self._open(statuses)
        if sessions is None:
            return None
        if not sessions:
            self._screen.tell("Nothing runs")
            return None
        chosen = sessions[0] if len(sessions) == 1 else await self._choose(question, sessions)
        return chosen if isinstance(chosen, WorkSession) else None

    async def _open(self, statuses: Collection[SessionStatus]) -> list[WorkSession] | None:
        status = await self._screen.attempt(self._services.work.status())
        return None if status is None else [one for one in status.sessions if one.status in statuses]

    async def _choose(
        self, question: str, sessions: list[WorkSession], *, new: bool = False
    ) -> WorkSession | str | None:
        now = self._clock()
        choices = [Choice(str(place), one.id, _label(one, now)) for place, one in enumerate(sessions, 1)]
        choices += [Choice("n", _NEW, Content("start something new"))] if new else []
        chosen = await self._screen.app.push_screen_wait(ChoiceDialog(question, choices))
        return _NEW if chosen == _NEW else next((one for one in sessions if one.id == chosen), None)

    def _tell(self, what: str) -> None:
        self._screen.tell(f"{what} · {UNDO}")
        self._screen.post_message(WorkChanged())


def _label(session: WorkSession, now: datetime) -> Content:
    """«▶ 1:23:45  fix login»."""
    clock = f"{work_text.sign(session)} {present.duration(session.elapsed_seconds(now))}"
    return Content.assemble((clock, "$foreground 60%"), f"  {present.clip(work_text.name(session), 24)}")


def _empty(text: str) -> str | None:
    return None if text else "A note needs some text"
