"""The timer: sessions of work started, paused, noted, stopped and corrected.

Every act reads and writes its session under one lock, appends to what others wrote, and can be undone.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import partial
from typing import TYPE_CHECKING, Protocol

from services.errors import (
    Ambiguous,
    Conflict,
    InvalidInput,
    Malformed,
    MemoriaError,
    NotFound,
    SchemaMissing,
    StoreReadOnly,
    StoreUnavailable,
)
from services.model import (
    SESSION_DETAILS,
    Memory,
    MemoryDraft,
    MemoryType,
    Pause,
    SessionChanges,
    SessionDraft,
    SessionStatus,
    WorkSession,
    counted,
)
from services.ports import Clock, NewChange
from services.records import Records, Transaction
from services.records.columns import BILLED
from services.records.session_conditions import SessionSelection
from services.records.stored_sessions import Change, SessionChange, StoredSession
from services.settings import Settings
from services.times import Period, day_of, whole, work_zone
from services.work import rules
from services.work.days_off import days_off, require_holidays
from services.work.preferences import WorkPreferences, checked, named, preferences_of
from services.work.report_values import LogOrder, SessionFilter, WorkStatus

if TYPE_CHECKING:
    from services.memories.saving import TransactionHook


OPEN = (SessionStatus.ACTIVE, SessionStatus.PAUSED)
_LAST = re.compile(r"last(?:-(\d{1,3}))?", re.ASCII)
_ATTEMPTS = 10
"""How often a memory is written again that tells of a session which other programs change."""
_MOST_OVERLAPPING = 20
"""Sessions looked at for overlaps with others."""


class _Moved(Exception):
    """The session is no longer as the memory tells of it."""


class KeepsMemories(Protocol):
    """The part of the memory service that keeps a memory of finished work."""

    async def create(self, draft: MemoryDraft, *, also: TransactionHook | None = None) -> Memory:
        """Makes a memory; `also` writes what else belongs to the act, in the same transaction."""
        ...


class WorkService:
    """Work sessions of one person. `session_id` may be None where only one session can be meant."""

    def __init__(
        self, records: Records, settings: Settings, clock: Clock, memories: KeepsMemories | None = None
    ) -> None:
        self._records = records
        self._settings = settings
        self._clock = clock
        self._memories = memories

    async def status(self) -> WorkStatus:
        """What runs, with everything that is odd about it."""
        now = self._clock()
        stored = await self._records.sessions.open()
        await self._records.repair_prompts([one.session for one in stored])
        completed = (
            await self._records.sessions.ending_after(stored[0].session.start, _MOST_OVERLAPPING) if stored else []
        )
        warnings = rules.warnings(
            stored,
            [other.session for other in completed],
            now,
            limit=self._settings.work_max_parallel_sessions,
            hours=self._settings.work_session_warning_hours,
        )
        return WorkStatus(now, tuple(one.session for one in stored), warnings)

    async def session(self, session_id: str, statuses: Sequence[SessionStatus] = ()) -> WorkSession:
        """By id or the beginning of one, or `last`: the newest (in one of the states), `last-1`: the one before it.

        Raises NotFound or Ambiguous.
        """
        if (found := _LAST.fullmatch(session_id.strip().lower())) is None:
            return (await self._records.sessions.one(session_id)).session
        back, which = int(found[1] or 0), SessionSelection(SessionFilter(statuses=tuple(statuses)))
        newest, _ = await self._records.log.page(which, LogOrder.START, descending=True, after=None, limit=back + 1)
        if len(newest) <= back:
            what = f"{' or '.join(statuses)} session".lstrip()
            raise NotFound(f"there is no session {session_id.strip()}: {counted(len(newest), what)} in all")
        return newest[back].session

    async def open_session(self, session_id: str | None, statuses: Sequence[SessionStatus] = OPEN) -> WorkSession:
        """The session of that id; without one the only one in one of the states, or the only one of them that runs.

        Raises NotFound or Ambiguous.
        """
        if session_id is not None:
            return await self.session(session_id)
        found = [one.session for one in await self._records.sessions.open() if one.session.status in statuses]
        if not found:
            raise NotFound("no session is " + " or ".join(statuses))
        running = [session for session in found if session.status is SessionStatus.ACTIVE]
        if len(running) == 1:
            return running[0]
        if len(found) > 1:
            ids = ", ".join(f"{one.id[:8]} {rules.named(one)}" for one in found)
            raise Ambiguous(f"{len(found)} sessions could be meant, name one by its id: {ids}")
        return found[0]

    async def start(self, draft: SessionDraft) -> WorkSession:
        """Starts a session; clients and projects that do not exist are made.

        Raises InvalidInput for an empty description or a start ahead, Conflict when as many run as may.
        """
        return (await self._insert(replace(draft, end=None))).session

    async def switch(self, draft: SessionDraft) -> tuple[WorkSession, tuple[WorkSession, ...]]:
        """Pauses what runs and starts something else, in one act; gives what was started, and what ran before.

        Raises as `pause` and `start`.
        """
        when = whole(draft.start or self._clock())
        running = [one.session for one in await self._records.sessions.open()]
        running = [session for session in running if session.status is SessionStatus.ACTIVE]
        pauses = {session.id: self._pause_at(when, None) for session in running}
        started = await self._insert(replace(draft, start=when, end=None), pauses)
        return started.session, tuple(running)

    async def continue_work(self, session_id: str = "last") -> WorkSession:
        """Starts the same work as a session once more; where that is paused, resumes it.

        Raises NotFound, Ambiguous, Conflict when it runs or as many run as may.
        """
        draft = rules.again(await self.session(session_id))
        for stored in await self._records.sessions.open():
            if rules.again(stored.session) == draft:
                rules.require_idle(stored.session)
                return await self.resume(stored.session.id)
        return await self.start(draft)

    async def add(self, draft: SessionDraft) -> tuple[WorkSession, tuple[str, ...]]:
        """Enters work that is over, from `start` to `end`, however many sessions run; names are made as by `start`.

        With it come the overlaps with other work: `overlaps "review" by 0:12:00`. Raises InvalidInput for an empty
        description or times that cannot be.
        """
        if draft.start is None or draft.end is None:
            raise InvalidInput("finished work needs a start and an end")
        added = (await self._insert(draft)).session
        others = await self._records.log.touching(SessionSelection(), added.start, draft.end, _MOST_OVERLAPPING)
        beside = rules.overlaps(added, [one.session for one in others], self._clock())
        return added, tuple(rules.describe_overlaps([one]) for one in beside)

    async def _insert(self, draft: SessionDraft, pauses: Mapping[str, Change] | None = None) -> StoredSession:
        now = self._clock()
        start, end = whole(draft.start or now), draft.end and whole(draft.end)
        rules.check_description(draft.description)
        rules.check_span(start, end, now)
        rules.check_pauses(draft.pauses, start, end or now)
        rules.check_numbers(draft)
        new = replace(
            (await self.preferences()).filled(draft),
            description=draft.description.strip(),
            start=start.astimezone(UTC),
            end=end and end.astimezone(UTC),
        )
        return await self._records.sessions.insert(new, self._settings.work_max_parallel_sessions, pauses)

    async def new_names(self, draft: SessionDraft) -> tuple[str, ...]:
        """What a start would make: `client acme`, `project api`; in any case of letters the known one is taken."""
        filled = (await self.preferences()).filled(draft)
        return await self._unknown(filled.client, filled.project)

    async def new_names_of_edit(self, session: WorkSession, changes: SessionChanges) -> tuple[str, ...]:
        """As `new_names`, of an edit; a project that moves to another client with its session is made there."""
        if changes.client is None and changes.project is None:
            return ()
        client, project = named(changes.client, session.client), named(changes.project, None)
        if changes.project is None and client is not None:
            owned = {one.id for one in await self._records.clients.projects() if one.client_id is not None}
            project = session.project if session.project_id in owned else None
        return await self._unknown(client, project)

    async def _unknown(self, client: str | None, project: str | None) -> tuple[str, ...]:
        owned = (
            [one.name for one in await self._records.clients.projects() if _same(one.client, client)] if project else []
        )
        new = []
        if client and not any(_same(one.name, client) for one in await self._records.clients.clients()):
            new.append(f"client {client}")
        if project and not any(_same(one, project) for one in owned):
            new.append(f"project {project}")
        return tuple(new)

    async def pause(
        self, session_id: str | None = None, *, reason: str | None = None, at: datetime | None = None
    ) -> WorkSession:
        """Stops the clock. Raises Conflict when it is not running, InvalidInput for a time that cannot be."""
        pause = self._pause_at(whole(at or self._clock()), reason or None)
        return await self._changed(session_id, (SessionStatus.ACTIVE,), pause, "paused")

    def _pause_at(self, when: datetime, reason: str | None) -> Change:
        def change(stored: StoredSession) -> SessionChange:
            rules.require(stored.session, SessionStatus.ACTIVE, "pause")
            rules.check_moment(stored.session, when, self._clock())
            return SessionChange({"status": SessionStatus.PAUSED.value}, pause=Pause(when, None, reason))

        return change

    async def take_out(
        self, session_ids: Iterable[str], start: datetime, end: datetime, reason: str
    ) -> tuple[WorkSession, ...]:
        """Makes what was worked on sessions from `start` to `end` a pause, in one act.

        Raises InvalidInput for a time that cannot be, Billed for a session that was billed meanwhile, NotFound.
        """
        first, last = whole(start).astimezone(UTC), whole(end).astimezone(UTC)
        rules.check_span(first, last, self._clock())

        def change(stored: StoredSession) -> SessionChange:
            rules.check_billed(stored.session, billed_too=False)
            pauses = rules.without(stored.session, first, last, reason, self._clock())
            return SessionChange() if pauses == stored.session.pauses else SessionChange(pauses=pauses)

        changed = await self._records.sessions.update_all(dict.fromkeys(session_ids, change), "took an absence out of")
        return tuple(one.session for one in changed)

    async def explain_pause(self, session_id: str, began: datetime, reason: str) -> WorkSession:
        """Sets the reason of the pause that began then, over or not. Raises Conflict when there is none."""

        def change(stored: StoredSession) -> SessionChange:
            pauses = stored.session.pauses
            if not any(pause.start == began for pause in pauses):
                raise Conflict("that pause is gone; the reason was not kept", current=stored.session)
            given = (replace(pause, reason=reason) if pause.start == began else pause for pause in pauses)
            return SessionChange(pauses=tuple(given))

        return (await self._records.sessions.update(session_id, change, "explained a pause of")).session

    async def resume(self, session_id: str | None = None, *, at: datetime | None = None) -> WorkSession:
        """Lets the clock run again. Raises as `pause`."""
        when = whole(at or self._clock())

        def change(stored: StoredSession) -> SessionChange:
            rules.require(stored.session, SessionStatus.PAUSED, "resume")
            rules.check_moment(stored.session, when, self._clock())
            return SessionChange({"status": SessionStatus.ACTIVE.value}, until=when)

        return await self._changed(session_id, (SessionStatus.PAUSED,), change, "resumed")

    async def note(self, text: str, session_id: str | None = None) -> WorkSession:
        """Appends a note, to a completed session too. Raises InvalidInput for an empty one."""
        if not text.strip():
            raise Malformed("a note needs some text")
        rules.check_length("note", text)
        return await self._changed(session_id, OPEN, lambda _: SessionChange(note=text), "noted on")

    async def stop(
        self,
        session_id: str | None = None,
        *,
        at: datetime | None = None,
        note: str | None = None,
        remember: bool | None = None,
        unremembered: Callable[[MemoriaError], None] | None = None,
    ) -> WorkSession:
        """Completes a session; pauses end with it, later ones go. `remember` None: as the settings say.

        With `remember` an episodic memory of the work is kept and linked, all in one act. Where it cannot be kept
        nothing is done, unless `unremembered` is given: then the session is stopped without, and that is told why.
        Raises Conflict when it is completed already.
        """
        asked = self._clock()

        def change(stored: StoredSession) -> SessionChange:
            rules.require_open(stored.session)
            rules.check_length("note", note or "")
            when = _end_of(stored.session, at, asked)
            columns = {"status": SessionStatus.COMPLETED.value, "end_time": when}
            return SessionChange(columns, note=note or None, until=when)

        meant = await self.open_session(session_id)
        if remember is None:
            remember = (await self.preferences()).auto_session_memory
        if not remember or self._memories is None:
            return (await self._records.sessions.update(meant.id, change, "stopped")).session
        try:
            return await self._remembered(
                meant.id,
                change,
                "stopped",
                lambda session: rules.stopped(session, _end_of(session, at, asked), note),
            )
        except (StoreUnavailable, StoreReadOnly, SchemaMissing, InvalidInput) as error:
            if unremembered is None:
                raise
            stopped = (await self._records.sessions.update(meant.id, change, "stopped")).session
            unremembered(error)
            return stopped

    async def as_stopped(self, session_id: str | None = None, *, at: datetime | None = None) -> WorkSession:
        """The session as `stop` would leave it, for a person to look at first. Raises as `stop`, writes nothing."""
        session = await self.open_session(session_id)
        return rules.stopped(session, _end_of(session, at, self._clock()), None)

    async def remember(self, session_id: str) -> WorkSession:
        """Keeps an episodic memory of a session and links it; a session that has one stays as it is."""
        session = await self.session(session_id)
        if session.memory_id is not None or self._memories is None:
            return session
        return await self._remembered(session.id, lambda _: SessionChange(), "kept a memory of", lambda one: one)

    async def _remembered(
        self, session_id: str, change: Change, summary: str, changed: Callable[[WorkSession], WorkSession]
    ) -> WorkSession:
        """Changes a session and keeps a memory of it in one act; `changed` tells how it is then.

        What another program did to the session before the commit is looked at again.
        """
        assert self._memories is not None
        for _ in range(_ATTEMPTS):
            seen = await self._records.sessions.one(session_id)
            if seen.session.memory_id is not None:
                return (await self._records.sessions.update(session_id, change, summary)).session
            change(seen)
            draft = draft_of(changed(seen.session), self._clock(), work_zone(self._settings))
            memory_id = str(uuid.uuid4())
            hook = partial(self._link, memory_id, seen, change, summary)
            try:
                await self._memories.create(replace(draft, id=memory_id), also=hook)
            except _Moved:
                continue
            return await self.session(session_id)
        raise Conflict("other programs keep changing that session; nothing was done, try again", current=None)

    async def _link(
        self, memory_id: str, seen: StoredSession, change: Change, summary: str, transaction: Transaction
    ) -> Sequence[NewChange]:
        """Changes the session in the transaction that keeps a memory of it. Raises _Moved when it is another by now."""

        def linked(stored: StoredSession) -> SessionChange:
            if stored.session != seen.session:
                raise _Moved
            changed = change(stored)
            return replace(changed, columns={**changed.columns, "memory_id": memory_id})

        return await self._records.sessions.update_in(transaction.connection, seen.session.id, linked, summary)

    async def last_activity(self, session_id: str | None = None) -> datetime:
        """The last sign of life that is known since a session began: where to stop it after the machine slept."""
        session = await self.open_session(session_id)
        known = await self._records.sessions.last_activity(session.id) or session.start
        return max(session.start, min(known.astimezone(UTC), self._clock()))

    async def reopen(self, session_id: str, *, billed_too: bool = False) -> WorkSession:
        """Resumes a completed session as if it had not been stopped; the time since then counts as a pause.

        Raises Billed for one that was billed, unless `billed_too`.
        """
        now = whole(self._clock())

        def change(stored: StoredSession) -> SessionChange:
            rules.require(stored.session, SessionStatus.COMPLETED, "un-stop")
            rules.check_billed(stored.session, billed_too=billed_too)
            ended = stored.session.end or now
            away = Pause(ended, now, "stopped") if now - ended >= timedelta(seconds=1) else None
            return SessionChange({"status": SessionStatus.ACTIVE.value, "end_time": None}, pause=away)

        meant = await self.session(session_id, (SessionStatus.COMPLETED,))
        limit = self._settings.work_max_parallel_sessions
        return (await self._records.sessions.update(meant.id, change, "resumed", limit=limit)).session

    async def edit(self, base: WorkSession, changes: SessionChanges, *, billed_too: bool = False) -> WorkSession:
        """Changes a session as the person opened it (`base`); pauses are added to and removed from those of by then.

        Raises Billed when more than the notes of one that was billed would change, unless `billed_too`; Conflict with
        the session as it stands when somebody else changed one of the same fields since, and InvalidInput when the end
        would not be after the start, or a pause outside, or over another one.
        """

        def change(stored: StoredSession) -> SessionChange:
            rules.check_unchanged(base, stored.session, changes)
            rules.check_billed(stored.session, billed_too=billed_too or changes == SessionChanges(notes=changes.notes))
            rules.check_edit(stored.session, changes, self._clock())
            return rules.as_change(stored.session, changes)

        return (await self._records.sessions.update(base.id, change, "edited")).session

    async def split(
        self, session_id: str, at: datetime, *, billed_too: bool = False
    ) -> tuple[WorkSession, WorkSession]:
        """Makes two of a stopped session, as one act; notes and memory stay with the first. A pause is cut where it is.

        Raises Conflict for one that runs or that another program changes at once, InvalidInput for a time that is not
        inside, and Billed as `edit`.
        """
        whole_one, when = await self.session(session_id, (SessionStatus.COMPLETED,)), whole(at).astimezone(UTC)
        rules.check_inside(whole_one, when, work_zone(self._settings))

        def shorten(stored: StoredSession) -> SessionChange:
            if stored.session != whole_one:
                raise Conflict(f"{rules.named(whole_one)} was changed by another program", stored.session)
            rules.check_billed(stored.session, billed_too=billed_too)
            return SessionChange({"end_time": when}, until=when)

        def rest(_: StoredSession) -> SessionChange:
            closed = rules.pauses_until(whole_one, whole_one.end or when)
            pauses = (replace(one, start=max(one.start, when)) for one in closed if (one.end or when) > when)
            billed = {BILLED: list(whole_one.billed)} if whole_one.billed else {}
            return SessionChange(billed, pauses=tuple(pauses))

        draft = replace(rules.again(whole_one), start=when, end=whole_one.end)
        second = await self._records.sessions.insert(draft, 0, {whole_one.id: shorten}, rest)
        return await self.session(whole_one.id), second.session

    async def merge(self, one_id: str, other_id: str, *, billed_too: bool = False) -> WorkSession:
        """Makes one of two stopped sessions, as one act: the earlier, with the time between as a pause.

        Raises Conflict for one that runs, where they overlap or differ in client, project or billing; Billed as `edit`.
        """
        both = [await self.session(id_) for id_ in (one_id, other_id)]
        first, second = sorted(both, key=lambda session: session.start)

        def joined(stored: StoredSession, other: StoredSession) -> SessionChange:
            for session in (stored.session, other.session):
                rules.require(session, SessionStatus.COMPLETED, "merge")
                rules.check_billed(session, billed_too=billed_too)
            return rules.joined(stored.session, other.session)

        return (await self._records.sessions.absorb(first.id, second.id, joined)).session

    async def delete(self, session_id: str, *, billed_too: bool = False) -> WorkSession:
        """Deletes a session; undo brings it back. Raises NotFound, Ambiguous, and Billed unless `billed_too`."""
        session = await self.session(session_id)
        rules.check_billed(session, billed_too=billed_too)
        return (await self._records.sessions.delete(session.id)).session

    async def preferences(self) -> WorkPreferences:
        """The person's settings that upstream shares."""
        return preferences_of(await self._records.user_settings.all())

    async def set_preference(self, key: str, value: object) -> WorkPreferences:
        """Changes one of them, named as the fields of `WorkPreferences`. Raises InvalidInput."""
        if (given := checked(key, value)) is not None and key == "holidays":
            await asyncio.to_thread(require_holidays, str(given))
        await self._records.user_settings.set(key, given)
        return await self.preferences()

    async def days_off(self, span: Period) -> Mapping[date, str]:
        """The days that the goals ask no work for, each with why: public holidays and absences."""
        known = await self.preferences()
        if not known.holidays and not known.absences:
            return {}
        return await asyncio.to_thread(days_off, known.holidays, known.absences, span)

    async def _changed(
        self, session_id: str | None, statuses: Sequence[SessionStatus], change: Change, summary: str
    ) -> WorkSession:
        meant = await self.open_session(session_id, statuses)
        return (await self._records.sessions.update(meant.id, change, summary)).session


def _same(one: str | None, other: str | None) -> bool:
    return (one or "").lower() == (other or "").lower()


def _end_of(session: WorkSession, at: datetime | None, now: datetime) -> datetime:
    """When a session ends that is stopped now, or at a time that was given. Raises InvalidInput."""
    when = at or now
    end = max(whole(when), min(session.start, when)).astimezone(UTC)
    rules.check_end(session, end, now)
    return end


def draft_of(session: WorkSession, now: datetime, zone: tzinfo) -> MemoryDraft:
    """What was done, how long it took and what was noted, as Markdown; the day is that of `zone`."""
    worked = timedelta(seconds=int(session.elapsed_seconds(now)))
    lines = [session.description, "", f"Worked {worked} on {day_of(session.start, zone)}."]
    lines += [f"Client: {session.client}."] if session.client else []
    lines += [f"Project: {session.project}."] if session.project else []
    lines += [one.sentence.format(text) for one in SESSION_DETAILS if (text := one.text(session))]
    if session.notes:
        lines += ["", *(f"- {note}" for note in session.notes)]
    return MemoryDraft(
        content="\n".join(lines),
        type=MemoryType.EPISODIC,
        tags=("work", session.category.value),
        project=session.project,
        metadata={"session_id": session.id},
    )
