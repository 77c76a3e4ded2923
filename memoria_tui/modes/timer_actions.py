"""The acts of the timer, each with the question that it needs, for every mode."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from textual.content import Content
from textual.message import Message

from memoria_tui.dialogs.add_session import add_session, holds_added
from memoria_tui.dialogs.billing_terms import billing_terms
from memoria_tui.dialogs.choice import Choice, ChoiceDialog
from memoria_tui.dialogs.confirm import ConfirmDialog
from memoria_tui.dialogs.edit_session import edit_session, shown_session
from memoria_tui.dialogs.form import FormDialog
from memoria_tui.dialogs.line_prompt import PromptDialog
from memoria_tui.dialogs.session_fields import Saved
from memoria_tui.dialogs.start_session import start_session
from memoria_tui.dialogs.stop_session import stop_session
from memoria_tui.dialogs.work_preferences import shown_preferences, work_preferences
from memoria_tui.idle import Away
from memoria_tui.modes.mode import ModeScreen
from memoria_tui.text import present, work_text
from memoria_tui.user_files.drafts import Draft, DraftKind
from memoria_tui.write_queue import on_what_is_seen, write
from services.errors import Conflict, MemoriaError
from services.model import Memory, SessionDraft, SessionStatus, WorkSession
from services.ports import Clock
from services.times import duration, parse_past
from services.work.billing_values import changed_terms, terms_of
from services.work.git_branch import current_branch
from services.work.report_values import Client, Project
from services.work.rules import again, joined

if TYPE_CHECKING:
    from services.container import Services

Answer = TypeVar("Answer")
_LONG_GAP = timedelta(hours=1)
"""More than that between two sessions is seldom a pause."""
_NEW = "new"
_RATES = (DraftKind.CLIENT_RATES, DraftKind.PROJECT_RATES)


@dataclass
class WorkChanged(Message):
    """A session was started, paused, resumed, noted, stopped, changed or deleted."""

    started: str = ""
    """The id of one that was started."""


class Timing:
    """Asks on a screen, acts, and tells. Every method must be awaited in a worker.

    What is typed after the key waits for the question, see `typing_ahead`.
    """

    def __init__(self, screen: ModeScreen, services: Services, clock: Clock, sessions: Sequence[WorkSession]) -> None:
        """`sessions`: what is open as far as the screen knows; the services refuse what is so no more."""
        self._screen = screen
        self._services = services
        self._clock = clock
        self._sessions = sessions

    async def reopen(self, draft: Draft) -> bool:
        """Goes on with what was typed before the program ended; False when its session cannot be read."""
        of_no_session = {
            DraftKind.START_WORK: self.start,
            DraftKind.SWITCH_WORK: self.switch,
            DraftKind.ADD_WORK: self.add,
            DraftKind.WORK_SETTINGS: self.settings,
        }
        if draft.kind in of_no_session:
            await of_no_session[draft.kind](draft)
            return True
        if draft.kind in _RATES:
            return await self._reopen_rates(draft)
        zone = await self._screen.attempt(self._services.reports.zone())
        session = await self._screen.attempt(self._services.work.session(draft.of))
        if session is None or zone is None:
            return False
        match draft.kind:
            case DraftKind.STOP_WORK:
                await self.stop(session, draft)
            case DraftKind.EDIT_SESSION:
                await self.edit(session, zone, draft)
            case DraftKind.PAUSE_REASON:
                await self.explain(session, datetime.fromisoformat(draft.values["began"]), draft)
            case _:
                await self.note(session, draft)
        return True

    async def _reopen_rates(self, draft: Draft) -> bool:
        if (of := await self._screen.attempt(self._billed(draft))) is None:
            return False
        if told := await self._screen.ask(billing_terms(self._services, of, draft)):
            self._tell(told)
        return True

    async def _billed(self, draft: Draft) -> Client | Project:
        """Whose rates were typed. Raises NotFound."""
        clients = self._services.clients
        return await (clients.project if draft.kind is DraftKind.PROJECT_RATES else clients.client)(draft.of)

    async def holds(self, draft: Draft) -> bool:
        """Whether the stores have what was typed: the program ended just after that was saved."""
        try:
            return await self._holds(draft)
        except MemoriaError:
            return False

    async def _holds(self, draft: Draft) -> bool:
        text, work = draft.values.get("text"), self._services.work
        match draft.kind:
            case DraftKind.START_WORK | DraftKind.SWITCH_WORK:
                running = (await work.status()).sessions
                return any(one.description == draft.values.get("description") for one in running)
            case DraftKind.ADD_WORK:
                return await holds_added(self._services, draft.values, self._clock())
            case DraftKind.WORK_SETTINGS:
                return draft.values.items() <= shown_preferences(await work.preferences()).items()
        if draft.kind in _RATES:
            agreed = terms_of((await self._billed(draft)).metadata)
            return changed_terms(agreed, draft.values, await self._services.reports.this_day()) == agreed
        session = await work.session(draft.of)
        match draft.kind:
            case DraftKind.STOP_WORK:
                return session.end is not None and draft.values.get("note", "") in (*session.notes, "")
            case DraftKind.EDIT_SESSION:
                shown = shown_session(session, await self._services.reports.zone())
                return draft.values.items() <= {name: value.strip() for name, value in shown.items()}.items()
            case DraftKind.PAUSE_REASON:
                return any(
                    (one.start.isoformat(), one.reason) == (draft.values["began"], text) for one in session.pauses
                )
        return text in session.notes

    async def start(self, draft: Draft | None = None, memory: Memory | None = None) -> None:
        """Asks what is begun, with the defaults of the settings or what a memory is about filled in, and starts it."""
        if (about := await self._screen.attempt(self._about(memory))) is not None:
            await self._start(start_session(self._services, self._clock, about, draft))

    async def switch(self, draft: Draft | None = None) -> None:
        """As `start`; what runs is paused, all in one act."""
        if (about := await self._screen.attempt(self._about())) is not None:
            await self._start(start_session(self._services, self._clock, about, draft, switch=True))

    async def _start(self, dialog: FormDialog[Saved]) -> None:
        if (started := await self._screen.ask(dialog)) is not None:
            self._tell(f"Started {work_text.named(started.session)}{started.news}", started.session.id)

    async def _about(self, memory: Memory | None = None) -> SessionDraft:
        """What new work is about as far as it is known: the defaults, the branch, a memory's title and project."""
        draft = SessionDraft(present.line(memory.title) if memory is not None else "", branch=current_branch())
        if memory is not None and memory.project:
            owner = await self._services.clients.owner(memory.project)
            draft = replace(draft, client=owner or "", project=memory.project)
        return (await self._services.work.preferences()).filled(draft)

    async def continue_work(self, session: WorkSession | None) -> None:
        """Starts the same work as a session once more, or resumes it where it is paused."""
        if session is None:
            self._screen.refuse("No session to continue: n starts one", wrong=False)
            return
        what = f"continue {work_text.named(session)}"
        act = _on(session, partial(self._services.work.continue_work, session.id))
        if (continued := await self._screen.write(what, act, once=[session.id])) is not None:
            self._tell(f"Continued {work_text.named(continued)}", continued.id)

    async def add(self, draft: Draft | None = None, like: WorkSession | None = None) -> None:
        """Asks what was worked, with the defaults of the settings or what another was filled in, and enters it."""
        if (about := again(like) if like else await self._screen.attempt(self._about())) is None:
            return
        dialog = add_session(self._services, self._clock, about, draft)
        if (added := await self._screen.ask(dialog)) is not None:
            worked = duration(added.session.elapsed_seconds(self._clock()))
            self._tell(f"Added {work_text.named(added.session)} · {worked}{added.news}", added.session.id)

    async def start_or_stop(self) -> None:
        """Starts work when nothing runs, else stops what runs."""
        if not self._sessions:
            await self.start()
        elif len(self._sessions) == 1:
            await self.stop(self._sessions[0])
        else:
            chosen = await self._choose("Stop which session?", new=True)
            if isinstance(chosen, WorkSession):
                await self.stop(chosen)
            elif chosen is not None:
                await self.start()

    async def edit(self, session: WorkSession, zone: tzinfo, draft: Draft | None = None) -> None:
        """Shows all of a session, and changes it."""
        saved = await self._screen.ask(edit_session(self._services, self._clock, session, zone, draft))
        if saved is not None and saved.session != session:
            worked = duration(saved.session.elapsed_seconds(self._clock()))
            self._tell(f"Changed {work_text.named(saved.session)} · {worked}{saved.news}")

    async def split(self, session: WorkSession | None, zone: tzinfo) -> None:
        """Makes two of a stopped session, at a time that is asked for."""
        if (stopped := self._stopped(session)) is None or not await self._knows_billed(stopped, "Split"):
            return
        span = (stopped.start, stopped.end or stopped.start)

        async def save(text: str) -> str:
            at = parse_past(text, self._clock(), zone, span)
            split = partial(self._services.work.split, stopped.id, at, billed_too=bool(stopped.billed))
            act = _on(stopped, split)
            await write(self._screen.app, f"split {work_text.named(stopped)}", act)
            return f"Split {work_text.named(stopped)} at {work_text.clock_time(at, zone)}"

        hint = f"When the second one begins: {work_text.span(stopped, zone)}"
        await self._ask(PromptDialog(f"Split {work_text.named(stopped)}", hint=hint, save=save))

    async def merge(self, session: WorkSession | None, before: WorkSession | None, zone: tzinfo) -> None:
        """Makes one of a stopped session and the one before it; what is between them is a pause.

        What cannot be is said before anything is asked.
        """
        if (stopped := self._stopped(session)) is None:
            return
        if before is None or before.status is not SessionStatus.COMPLETED:
            self._screen.say("There is no stopped session before it to merge it with")
            return
        try:
            joined(before, stopped)
        except Conflict as error:
            self._screen.say(str(error), wrong=True)
            return
        if not (await self._knows_billed(stopped, "Merge") and await self._knows_billed(before, "Merge")):
            return
        gap = stopped.start - before.end if before.end is not None else timedelta()
        if gap > _LONG_GAP:
            told = (f"{work_text.named(one)}  {work_text.span(one, zone)}" for one in (before, stopped))
            between = f"The {duration(gap.total_seconds())} between them becomes a pause; the first one stays."
            question = "\n".join((*told, "", between))
            if await self._screen.ask(ConfirmDialog("Merge these sessions?", question, "merge")) is not True:
                return
        act = self._services.work.merge(stopped.id, before.id, billed_too=bool(stopped.billed or before.billed))
        what = f"merge {work_text.named(stopped)} into {work_text.named(before)}"
        if await self._screen.write(what, act, once=[stopped.id, before.id]) is not None:
            self._tell(f"Merged {work_text.named(stopped)} into {work_text.named(before)}")

    async def stop(self, session: WorkSession | None, draft: Draft | None = None) -> None:
        """Stops a session, the one that is meant when none is given."""
        if (session := session or await self.meant("Stop which session?")) is None:
            return
        dialog = stop_session(self._services, self._clock, session, draft=draft)
        if (stopped := await self._screen.ask(dialog)) is not None:
            worked = duration(stopped.elapsed_seconds(self._clock()))
            kept = " · a memory of it is kept" if stopped.memory_id else ""
            self._tell(f"Stopped {work_text.named(stopped)} after {worked}{kept}")

    async def pause_or_resume(self, session: WorkSession | None = None, *, ask: bool = True) -> None:
        """Stops or restarts a clock at once; `ask` for the reason of a pause afterwards."""
        now = self._clock()
        if (session := session or await self.meant("Pause or resume which session?")) is None:
            return
        if session.status is SessionStatus.PAUSED:
            what = f"resume {work_text.named(session)}"
            act = _on(session, partial(self._services.work.resume, session.id))
            if (resumed := await self._screen.write(what, act, once=[session.id], then_asks=ask)) is not None:
                self._tell(f"Resumed {work_text.named(resumed)}, which was paused")
            if ask:  # a text typed behind it was to be the reason of a pause
                self._screen.keys.ignore_burst(but_opening=True)
            return
        act = _on(session, partial(self._services.work.pause, session.id, at=now))
        what = f"pause {work_text.named(session)}"
        if (paused := await self._screen.write(what, act, once=[session.id], then_asks=ask)) is not None:
            self._tell(f"Paused {work_text.named(paused)}")
            if ask:
                await self.explain(paused, paused.pauses[-1].start)

    async def pause_away(self, away: Away, session_ids: Sequence[str]) -> bool:
        """Makes the time in which nobody was there a pause of what ran; whether that was done."""
        act = self._services.work.take_out(session_ids, away.start, away.end, "away")
        changed = await self._screen.write("pause for the time away", act, once=list(session_ids))
        if changed is not None:
            paused = duration((away.end - away.start).total_seconds())
            self._tell(f"Made {paused} a pause of {', '.join(map(work_text.named, changed))}")
        return changed is not None

    async def explain(self, session: WorkSession, began: datetime, draft: Draft | None = None) -> None:
        """Asks why a session was paused at that time."""
        if (zone := await self._screen.attempt(self._services.reports.zone())) is None:
            return
        named = work_text.named(session)

        async def save(reason: str) -> str:
            if reason:
                act = _on(session, partial(self._services.work.explain_pause, session.id, began, reason))
                now = await write(self._screen.app, f"reason of the pause of {named}", act)
                if now.status is not SessionStatus.PAUSED:
                    return f"Kept the reason of the pause of {named}, which is paused no more · {reason}"
            return f"Paused {named}{f' · {reason}' if reason else ''}"

        hint = f"Reason (optional). Paused since {work_text.clock_time(began, zone)}"
        draft = draft or Draft(DraftKind.PAUSE_REASON, session.id, values={"began": began.isoformat()})
        await self._ask(PromptDialog(f"Paused {named}", hint=hint, save=save, draft=draft, leave="no reason"))

    async def _write(
        self, what: str, act: Coroutine[object, object, WorkSession], session: WorkSession
    ) -> WorkSession | None:
        return await self._screen.write(what, act, once=[session.id])

    async def _ask(self, dialog: PromptDialog) -> None:
        """Asks for a line and tells what was done with it."""
        if (told := await self._screen.ask(dialog)) is not None:
            self._tell(told)

    async def note(self, session: WorkSession | None, draft: Draft | None = None) -> None:
        """Appends a note to a session, the one that is meant when none is given."""
        if (session := session or await self.meant("Note on which session?")) is None:
            return
        meant = session

        async def save(text: str) -> str:
            named = work_text.named(meant)
            act = _on(meant, partial(self._services.work.note, text, meant.id))
            await write(self._screen.app, f"note on {named}", act)
            return f"Noted on {named}"

        title, draft = f"Note on {work_text.named(session)}", draft or Draft(DraftKind.NOTE, session.id)
        await self._ask(PromptDialog(title, check=_empty, save=save, draft=draft))

    async def cut_back(self, session: WorkSession | None) -> None:
        """Stops a session at the last sign of life, or when the person says it ended."""
        if (session := session or await self.meant("Stop which at its last activity?")) is None:
            return
        last = await self._screen.attempt(_on(session, partial(self._services.work.last_activity, session.id)))
        zone = await self._screen.attempt(self._services.reports.zone())
        if last is None or zone is None:
            return
        dialog = stop_session(self._services, self._clock, session, end=work_text.moment(last, zone))
        if (stopped := await self._screen.ask(dialog)) is not None:
            worked = duration(stopped.elapsed_seconds(self._clock()))
            self._tell(f"Stopped {work_text.named(stopped)} at its last activity, after {worked}")

    async def delete(self, session: WorkSession | None) -> None:
        if session is not None and await self._knows_billed(session, "Delete"):
            act = _on(session, partial(self._services.work.delete, session.id, billed_too=bool(session.billed)))
            what = f"delete {work_text.named(session)}"
            if await self._screen.write(what, act, once=[session.id]) is not None:
                self._tell(f"Deleted {work_text.named(session)}")

    async def resume_stopped(self, session: WorkSession | None) -> None:
        """Resumes a stopped session."""
        if (stopped := self._stopped(session)) is not None and await self._knows_billed(stopped, "Resume"):
            act = _on(stopped, partial(self._services.work.reopen, stopped.id, billed_too=bool(stopped.billed)))
            if await self._write(f"resume {work_text.named(stopped)}", act, stopped) is not None:
                self._tell(f"Resumed {work_text.named(stopped)}")

    async def remember(self, session: WorkSession | None) -> None:
        """Keeps a memory of a stopped session."""
        if (stopped := self._stopped(session)) is None:
            return
        if stopped.memory_id is not None:
            self._screen.say("There is a memory of it already")
            return
        what = f"memory of {work_text.named(stopped)}"
        act = _on(stopped, partial(self._services.work.remember, stopped.id))
        if await self._screen.write(what, act, once=[stopped.id], vectors=True) is not None:
            self._tell(f"Kept a memory of {work_text.named(stopped)}")

    async def settings(self, draft: Draft | None = None) -> None:
        """Shows the settings of work, and changes them."""
        now = await self._screen.attempt(self._services.work.preferences())
        if now is not None and await self._screen.ask(work_preferences(self._services, now, draft)) is not None:
            self._screen.say("Settings saved")
            self._screen.post_message(WorkChanged())

    async def _knows_billed(self, session: WorkSession, verb: str) -> bool:
        """Whether a session may be changed: asked where it was billed."""
        if not session.billed:
            return True
        question = f"{work_text.named(session)} was billed for {', '.join(session.billed)}. {verb} it all the same?"
        sure = await self._screen.ask(ConfirmDialog("Billed", question, verb.lower()))
        return sure is True

    # which session

    def _stopped(self, session: WorkSession | None) -> WorkSession | None:
        if session is not None and session.status is SessionStatus.COMPLETED:
            return session
        self._screen.say("Go to a session in the log that was stopped")
        return None

    async def meant(self, question: str) -> WorkSession | None:
        """The only session that is open, or the one that the person chooses; None tells why."""
        if not self._sessions:
            self._screen.refuse("No session is running", wrong=False)
            return None
        chosen = self._sessions[0] if len(self._sessions) == 1 else await self._choose(question)
        return chosen if isinstance(chosen, WorkSession) else None

    async def _choose(self, question: str, *, new: bool = False) -> WorkSession | str | None:
        """One of the open sessions; with `new` also «new»."""
        now = self._clock()
        choices = [Choice(str(place), one.id, _label(one, now)) for place, one in enumerate(self._sessions, 1)]
        choices += [Choice("n", _NEW, Content("start something new"))] if new else []
        chosen = await self._screen.ask(ChoiceDialog(question, choices, first=True))
        return next((one for one in self._sessions if one.id == chosen), chosen)

    def _tell(self, what: str, started: str = "") -> None:
        self._screen.say_done(what)
        self._screen.post_message(WorkChanged(started))


def _on(session: WorkSession, act: Callable[[], Awaitable[Answer]]) -> Coroutine[object, object, Answer]:
    return on_what_is_seen(work_text.named(session), act)


def _label(session: WorkSession, now: datetime) -> Content:
    """«▶ 1:23:45  fix login»."""
    clock = f"{work_text.sign(session)} {duration(session.elapsed_seconds(now))}"
    return Content.assemble((clock, "$foreground 60%"), f"  {present.clip(work_text.name(session), 22)}")


def _empty(text: str) -> str | None:
    return None if text else "A note needs some text"
