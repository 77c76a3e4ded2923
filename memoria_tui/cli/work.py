"""Commands that start, pause, note, stop and correct sessions of work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from memoria_tui.cli.terminal import Terminal, one_line
from memoria_tui.cli.work_status import ICONS, session_json
from services.errors import InvalidInput, MemoriaError
from services.times import parse_past
from services.work.model import SessionChanges
from services.work.report_export import clock
from services.work.rules import too_long

if TYPE_CHECKING:
    from services.container import Services
    from services.model import WorkSession
    from services.work.model import SessionDraft

HERE = "."
"""In place of a branch: the one that is checked out where the person stands."""
REFRESH = ("work", "refresh")
"""What is left to a process of its own after completed work changed: with much work it takes seconds."""
_UNDO = "undo with: memoria-tui undo"


def branch_of(given: str | None) -> str | None:
    """Raises InvalidInput when the branch of this folder is wanted and there is none."""
    if given != HERE:
        return given
    from services.work.working_copy import working_copy

    found = working_copy(Path.cwd())
    if found is None or found.branch is None:
        raise InvalidInput(f"no branch is checked out in {Path.cwd()}")
    return found.branch


def start(terminal: Terminal, draft: SessionDraft, at: str | None, *, as_json: bool) -> int:
    new: list[str] = []

    async def act(services: Services) -> WorkSession:
        new.extend(await services.work.new_names(draft))
        return await services.work.start(replace(draft, start=await _time(services, at)))

    _run(terminal, act, "started", as_json=as_json)
    _tell_new(terminal, new, as_json=as_json)
    return 0


def pause(terminal: Terminal, session: str | None, reason: str | None, at: str | None, *, as_json: bool) -> int:
    async def act(services: Services) -> WorkSession:
        return await services.work.pause(session, reason=reason, at=await _time(services, at))

    return _run(terminal, act, "paused", as_json=as_json)


def resume(terminal: Terminal, session: str | None, at: str | None, *, as_json: bool) -> int:
    async def act(services: Services) -> WorkSession:
        return await services.work.resume(session, at=await _time(services, at))

    return _run(terminal, act, "resumed", as_json=as_json)


def stop(
    terminal: Terminal,
    session: str | None,
    at: str | None,
    note: str | None,
    *,
    remember: bool | None,
    yes: bool,
    as_json: bool,
) -> int:
    """A memory that cannot be kept, as while another program holds the vectors, leaves the session stopped.

    A session that becomes longer than the warning hours is only stopped after a yes.
    """
    trouble: list[MemoriaError] = []

    async def act(services: Services) -> WorkSession:
        when = await _time(services, at)
        ended = await services.work.as_stopped(session, at=when)
        if not yes and too_long(ended, services.clock(), services.settings.work_session_warning_hours):
            await _agree(terminal, ended, as_json=as_json)
        return await services.work.stop(session, at=when, note=note, remember=remember, unremembered=trouble.append)

    _run(terminal, act, "stopped", as_json=as_json)
    terminal.leave_behind(*REFRESH)
    for error in trouble:
        terminal.complain(f"the session is stopped, but no memory of it was kept: {error}")
    return 1 if trouble else 0


async def _agree(terminal: Terminal, ended: WorkSession, *, as_json: bool) -> None:
    """Asks before many hours are booked. Raises InvalidInput on a no, and where nobody can be asked."""
    assert ended.end is not None
    worked = f"{clock(ended.elapsed_seconds(ended.end))} of «{ended.description}», until {terminal.local(ended.end)}"
    if as_json or not terminal.converses:
        raise InvalidInput(f"not stopped: it would book {worked}; add --yes, or say when it ended with --at")
    if not await terminal.agrees(f"Book {worked}?"):
        raise InvalidInput("not stopped; say when it ended with --at")


def unstop(terminal: Terminal, session_id: str, *, as_json: bool) -> int:
    _run(terminal, lambda services: services.work.unstop(session_id), "resumed", as_json=as_json)
    terminal.leave_behind(*REFRESH)
    return 0


def note(terminal: Terminal, text: str, session: str | None, *, as_json: bool) -> int:
    return _run(terminal, lambda services: services.work.note(text, session), "noted on", as_json=as_json)


def edit(
    terminal: Terminal, session_id: str, changes: SessionChanges, begin: str | None, end: str | None, *, as_json: bool
) -> int:
    new: list[str] = []

    async def act(services: Services) -> WorkSession:
        session = await services.work.session(session_id)
        ended = session.end or services.clock()
        start = await _time(services, begin, (session.start, ended))
        begun = start or session.start
        times = replace(changes, start=start, end=await _time(services, end, (begun, max(begun, ended))))
        if times == SessionChanges():
            raise InvalidInput("say what to change; see: memoria-tui work edit --help")
        new.extend(await services.work.new_names_of_edit(session, times))
        return await services.work.edit(session, times)

    _run(terminal, act, "edited", as_json=as_json)
    _tell_new(terminal, new, as_json=as_json)
    terminal.leave_behind(*REFRESH)
    return 0


def delete(terminal: Terminal, session_id: str, *, as_json: bool) -> int:
    _run(terminal, lambda services: services.work.delete(session_id), "deleted", as_json=as_json)
    terminal.leave_behind(*REFRESH)
    return 0


def _tell_new(terminal: Terminal, new: Sequence[str], *, as_json: bool) -> None:
    """Says which clients and projects an act made."""
    if new and not as_json:
        terminal.print(one_line(f"new: {', '.join(new)}"))


def refresh(terminal: Terminal) -> int:
    """When another program is at it already, that is as good."""
    terminal.run(lambda services: services.reports.refresh_views())
    return 0


def _run(terminal: Terminal, act: Callable[[Services], Awaitable[WorkSession]], done: str, *, as_json: bool) -> int:
    """Does one thing to a session and tells how the session stands."""

    async def acted(services: Services) -> tuple[WorkSession, datetime]:
        return await act(services), services.clock()

    session, now = terminal.run(acted)
    if as_json:
        terminal.print_json(session_json(session, now))
    else:
        elapsed = clock(session.elapsed_seconds(now))
        told = f"{ICONS[session.status]} {done} «{session.description}» · {elapsed} · {session.id[:8]} · {_UNDO}"
        terminal.print(one_line(told))
    return 0


async def _time(services: Services, text: str | None, span: tuple[datetime, datetime] | None = None) -> datetime | None:
    """What the person typed for a time, read in their zone; see `parse_past`. Raises InvalidInput."""
    return None if text is None else parse_past(text, services.clock(), await services.reports.zone(), span)
