"""The commands about sessions of work: start, pause, stop, note and correct them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.json_output import session_json
from memoria_tui.cli.terminal import one_line, terminal_of
from memoria_tui.cli.with_services import Json, with_options, with_services
from services.errors import InvalidInput, Malformed, MemoriaError
from services.model import DEFAULT_CATEGORY, SessionCategory, SessionDraft, SessionStatus
from services.storable_text import shortened

if TYPE_CHECKING:
    from memoria_tui.cli.terminal import Terminal
    from services.container import Services
    from services.model import WorkSession

commands = typer.Typer(help="Work time: start, pause, stop, and what it adds up to.")

At = Annotated[
    str | None, typer.Option("--at", metavar="TIME", help="When: -15m, 9:30, 'yesterday 17:00', 2026-11-20T09:30.")
]
_open_ids, _ids = completing.session_ids("active", "paused"), completing.session_ids()
Session = Annotated[
    str | None,
    typer.Option(
        "--session", "-s", metavar="ID", help="Which one, where several could be meant.", autocompletion=_open_ids
    ),
]
MaybeId = Annotated[
    str | None,
    typer.Argument(
        metavar="[ID]", help="Which one, where several could be meant; as --session.", autocompletion=_open_ids
    ),
]
SessionId = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="The session's id or a beginning of it; last is the one that began last, last-1 the one before it.",
        autocompletion=_ids,
    ),
]
ClientOption = Annotated[
    str | None,
    typer.Option("--client", "-c", metavar="NAME", help="The client; '' for none.", autocompletion=completing.clients),
]
ProjectOption = Annotated[
    str | None,
    typer.Option(
        "--project", "-p", metavar="NAME", help="The project; '' for none.", autocompletion=completing.work_projects
    ),
]
CategoryOption = Annotated[
    SessionCategory | None, typer.Option("--category", help=f"Kind of work; of new work {DEFAULT_CATEGORY}.")
]
Issue = Annotated[int | None, typer.Option("--issue", min=0, help="Number of the issue; 0 for none.")]
PullRequest = Annotated[int | None, typer.Option("--pr", min=0, help="Number of the pull request; 0 for none.")]
Branch = Annotated[
    str | None,
    typer.Option("--branch", metavar="BRANCH", help="The branch; . for the one checked out where you stand."),
]
Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        metavar="TAG,…",
        help="Tags; may be repeated, '' for none.",
        autocompletion=completing.session_tags,
    ),
]
BilledToo = Annotated[bool, typer.Option("--yes", "-y", help="Change one that was billed without asking.")]

REFRESH = ("work", "refresh")
"""What is left to a process of its own after completed work changed: with much work it takes seconds."""


def about(
    client: ClientOption = None,
    project: ProjectOption = None,
    category: CategoryOption = None,
    issue: Issue = None,
    pr: PullRequest = None,
    branch: Branch = None,
    tag: Tags = None,
    billable: Annotated[
        bool, typer.Option("--billable/--not-billable", help="Whether a timesheet has it.", show_default=False)
    ] = True,
) -> SessionDraft:
    """What new work is about, but for its description."""
    return SessionDraft("", category, client, project, issue, pr, _branch(branch), _tags(tag) or (), billable)


@commands.command()
@with_options(about)
def start(
    context: typer.Context,
    description: Annotated[
        list[str] | None, typer.Argument(metavar="DESCRIPTION", help="What is worked on.", show_default=False)
    ] = None,
    *,
    about: SessionDraft,
    at: At = None,
    memory: Annotated[
        str | None,
        typer.Option(
            "--memory",
            metavar="ID",
            help="Work on what a memory says: its title and project.",
            autocompletion=completing.ids,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Start a session; a client or project that is new is made."""
    if not description and memory is None:
        raise typer.BadParameter("say what is worked on, or give --memory")
    draft = replace(about, description=" ".join(description or ()))
    terminal = terminal_of(context)

    async def act(services: Services) -> None:
        meant = draft if memory is None else await _about_memory(services, draft, memory)
        new = await services.work.new_names(meant)
        started = await services.work.start(replace(meant, start=await _time(services, at)))
        _print_session(services, terminal, started, "started", new, timed=at is not None, as_json=as_json)
        await _print_budgets(services, terminal, started)

    terminal.run(act)


async def _about_memory(services: Services, draft: SessionDraft, memory_id: str) -> SessionDraft:
    """What is not given is taken from the memory."""
    memory = await services.memories.get(memory_id)
    project = draft.project if draft.project is not None else memory.project
    client = draft.client
    if client is None and project:
        client = await services.clients.owner(project)
    return replace(draft, description=draft.description or memory.title, client=client, project=project)


@commands.command()
@with_options(about)
@with_services
async def switch(
    services: Services,
    terminal: Terminal,
    description: Annotated[list[str], typer.Argument(metavar="DESCRIPTION", help="What is worked on now.")],
    *,
    about: SessionDraft,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Pause what runs and start something else, as one act."""
    draft = replace(about, description=" ".join(description))
    new = await services.work.new_names(draft)
    started, paused = await services.work.switch(replace(draft, start=await _time(services, at)))
    _print_session(services, terminal, started, "started", new, timed=at is not None, as_json=as_json)
    await _print_budgets(services, terminal, started)
    for one in () if as_json else paused:
        terminal.print(one_line(f'⏸ paused "{shortened(one.description)}" · {one.id[:8]}'))


@commands.command(name="continue")
@with_services
async def continue_work(
    services: Services, terminal: Terminal, session_id: SessionId = "last", as_json: Json = False
) -> None:
    """Start the same work as a session once more, or resume it where it is paused."""
    continued = await services.work.continue_work(session_id)
    _print_session(services, terminal, continued, "continued", as_json=as_json)
    await _print_budgets(services, terminal, continued)


@commands.command()
@with_options(about)
def add(
    context: typer.Context,
    description: Annotated[
        list[str] | None, typer.Argument(metavar="DESCRIPTION", help="What was worked on.", show_default=False)
    ] = None,
    begin: Annotated[str, typer.Option("--from", metavar="TIME", help="When it began, as --at of start.")] = "",
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="When it ended.")] = "",
    duration: Annotated[
        str, typer.Option("--duration", metavar="TIME", help="How long it took, with one of both: 1:30, 90m, 1.5h.")
    ] = "",
    pause: Annotated[
        list[str] | None,
        typer.Option(
            "--pause", metavar="PAUSE", help="A pause: '12:00..12:45 lunch', or 12:00-12:45; may be repeated."
        ),
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            "--like", metavar="ID", help="What is not given is as of this session, or of last.", autocompletion=_ids
        ),
    ] = None,
    *,
    about: SessionDraft,
    as_json: Json = False,
) -> None:
    """Enter work that is finished; how many sessions run does not matter."""
    from services.work.start_end_duration import typed_span
    from services.work.typed_pauses import pauses_typed, require_inside

    if not description and like is None:
        raise typer.BadParameter("say what was worked on, or give --like")
    given = replace(about, description=" ".join(description or ()))
    terminal = terminal_of(context)

    async def act(services: Services) -> None:
        draft = given if like is None else _as_of(given, await services.work.session(like))
        typed = {"start": begin, "end": end, "duration": duration}
        now, zone = services.clock(), await services.reports.zone()
        span = start, ended = typed_span(typed, now, zone)
        pauses = pauses_typed(draft, pause or (), span, now, zone)
        require_inside(draft, pauses, span, zone)
        new = await services.work.new_names(draft)
        added, overlaps = await services.work.add(replace(draft, start=start, end=ended, pauses=pauses))
        _print_session(services, terminal, added, "added", new, timed=True, as_json=as_json)
        for overlap in () if as_json else overlaps:
            terminal.print(one_line(overlap))
        await _print_budgets(services, terminal, added)
        terminal.spawn_detached(*REFRESH)

    terminal.run(act)


def _as_of(given: SessionDraft, session: WorkSession) -> SessionDraft:
    """The draft of a session, but for what was given."""
    from services.work.rules import again

    nothing = SessionDraft("")
    typed = {
        one.name: value for one in fields(given) if (value := getattr(given, one.name)) != getattr(nothing, one.name)
    }
    return replace(again(session), **typed)


@commands.command()
@with_services
async def pause(
    services: Services,
    terminal: Terminal,
    session_id: MaybeId = None,
    reason: Annotated[str | None, typer.Option("--reason", "-r", metavar="TEXT", help="Why.")] = None,
    session: Session = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Pause the timer."""
    session = _one_of(session_id, session)
    paused = await services.work.pause(
        session, reason=reason, at=await _time_of(services, at, session, SessionStatus.ACTIVE)
    )
    _print_session(services, terminal, paused, "paused", as_json=as_json)


@commands.command()
@with_services
async def resume(
    services: Services,
    terminal: Terminal,
    session_id: MaybeId = None,
    session: Session = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Resume the timer."""
    session = _one_of(session_id, session)
    when = await _time_of(services, at, session, SessionStatus.PAUSED)
    resumed = await services.work.resume(session, at=when)
    _print_session(services, terminal, resumed, "resumed", as_json=as_json)


@commands.command()
@with_services
async def stop(
    services: Services,
    terminal: Terminal,
    session_id: MaybeId = None,
    session: Session = None,
    at: At = None,
    note: Annotated[str | None, typer.Option("--note", "-n", metavar="TEXT", help="A last note.")] = None,
    remember: Annotated[
        bool | None, typer.Option("--remember/--no-remember", help="Keep a memory of the work.", show_default=False)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Book more than the warning hours without asking.")] = False,
    as_json: Json = False,
) -> int:
    """Complete a session; `undo` resumes it."""
    from services.work.rules import too_long

    session = _one_of(session_id, session)
    when = await _time_of(services, at, session, SessionStatus.ACTIVE, SessionStatus.PAUSED)
    ended = await services.work.as_stopped(session, at=when)
    if not yes and too_long(ended, services.clock(), services.settings.work_session_warning_hours):
        await _confirm_long(terminal, ended, await _first(services, at, ended), as_json=as_json)
    # A memory that cannot be kept, as when the vectors cannot be reached, leaves the session stopped.
    failed: list[MemoriaError] = []
    stopped = await services.work.stop(session, at=when, note=note, remember=remember, unremembered=failed.append)
    _print_session(services, terminal, stopped, "stopped", timed=at is not None, as_json=as_json)
    await _print_budgets(services, terminal, stopped)
    terminal.spawn_detached(*REFRESH)
    for error in failed:
        terminal.error(f"the session is stopped, but no memory of it was kept: {error}")
    return 1 if failed else 0


@commands.command()
@with_services
async def unstop(
    services: Services, terminal: Terminal, session_id: SessionId, yes: BilledToo = False, as_json: Json = False
) -> None:
    """Reopen a stopped session; the time since it was stopped counts as a pause."""
    session = await services.work.session(session_id, (SessionStatus.COMPLETED,))
    billed = await _confirm_billed(terminal, session, yes=yes, as_json=as_json)
    reopened = await services.work.reopen(session.id, billed_too=billed)
    _print_session(services, terminal, reopened, "resumed", as_json=as_json)
    terminal.spawn_detached(*REFRESH)


@commands.command()
@with_services
async def note(
    services: Services,
    terminal: Terminal,
    text: Annotated[list[str], typer.Argument(metavar="TEXT", help="What to note.")],
    session: Session = None,
    as_json: Json = False,
) -> None:
    """Add a note to a session."""
    noted = await services.work.note(" ".join(text), session)
    _print_session(services, terminal, noted, "noted on", as_json=as_json)


@commands.command()
def status(
    context: typer.Context,
    template: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="TEXT",
            help="For prompts and status lines, such as '{icon} {elapsed} {description}'. Also: id, status, paused, "
            "client, project, category, started, seconds, today. Nothing is printed while no session is running.",
        ),
    ] = None,
    file: Annotated[
        bool, typer.Option("--file", help="Print where the file for prompts is that says the same, see the README.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Print the running sessions, and today's time."""
    from memoria_tui.cli.work_status import print_status

    if file:
        from services.records.status_file import status_file

        if (place := status_file(terminal_of(context).settings)) is None:
            raise InvalidInput("XDG_RUNTIME_DIR is not set: there is no file for prompts")
        terminal_of(context).print(str(place))
        return 0

    return print_status(terminal_of(context), template, as_json=as_json)


@commands.command()
def edit(
    context: typer.Context,
    session_id: SessionId,
    description: Annotated[
        str | None, typer.Option("--description", "-d", metavar="TEXT", help="What was done.")
    ] = None,
    client: ClientOption = None,
    project: ProjectOption = None,
    category: CategoryOption = None,
    issue: Issue = None,
    pr: PullRequest = None,
    branch: Branch = None,
    tag: Tags = None,
    billable: Annotated[
        bool | None, typer.Option("--billable/--not-billable", help="Whether a timesheet has it.")
    ] = None,
    begin: Annotated[str | None, typer.Option("--start", metavar="TIME", help="When it began, as --at.")] = None,
    end: Annotated[str | None, typer.Option("--end", metavar="TIME", help="When it ended.")] = None,
    add_pause: Annotated[
        list[str] | None,
        typer.Option(
            "--add-pause", metavar="PAUSE", help="One more: '12:00..12:45 lunch', or 12:00-12:45; may be repeated."
        ),
    ] = None,
    remove_pause: Annotated[
        list[str] | None,
        typer.Option("--remove-pause", metavar="TIME", help="The one that began then; may be repeated."),
    ] = None,
    notes: Annotated[
        str | None,
        typer.Option("--notes", metavar="TEXT|-", help="These, a line each, in the place of all; '' for none."),
    ] = None,
    yes: BilledToo = False,
    as_json: Json = False,
) -> None:
    """Correct a session afterwards."""
    from services.model import SessionChanges
    from services.work.rules import with_times
    from services.work.typed_pauses import pauses_at, pauses_typed, require_inside

    given = SessionChanges(description, category, client, project, issue, pr, _branch(branch), _tags(tag), billable)
    terminal = terminal_of(context)
    if notes is not None:
        lines = (line.strip() for line in terminal.typed(notes).splitlines())
        given = replace(given, notes=tuple(filter(None, lines)))

    async def act(services: Services) -> None:
        session, now = await services.work.session(session_id), services.clock()
        ended = session.end or now
        start = await _time(services, begin, (session.start, ended))
        begun = start or session.start
        changes = replace(given, start=start, end=await _time(services, end, (begun, max(begun, ended))))
        span, zone = (begun, max(begun, changes.end or ended)), await services.reports.zone()
        removed = pauses_at(session, remove_pause or (), span, now, zone)
        added = pauses_typed(session, add_pause or (), span, now, zone)
        changes = replace(changes, add_pauses=added, remove_pauses=removed)
        if timed := bool(changes.start or changes.end or added or removed):
            require_inside(session, with_times(session, changes).pauses, span, zone)
        if changes == SessionChanges():
            raise Malformed("say what to change; see: memoria-tui work edit --help")
        new = await services.work.new_names_of_edit(session, changes)
        billed = await _confirm_billed(terminal, session, yes=yes, as_json=as_json)
        edited = await services.work.edit(session, changes, billed_too=billed)
        _print_session(services, terminal, edited, "edited", new, timed=timed, as_json=as_json)
        terminal.spawn_detached(*REFRESH)

    terminal.run(act)


@commands.command()
@with_services
async def split(
    services: Services,
    terminal: Terminal,
    session_id: SessionId,
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="When the second one begins.")],
    yes: BilledToo = False,
    as_json: Json = False,
) -> None:
    """Make two of a stopped session; `undo` makes it one again."""
    session = await services.work.session(session_id, (SessionStatus.COMPLETED,))
    billed = await _confirm_billed(terminal, session, yes=yes, as_json=as_json)
    when = await _time(services, at, (session.start, session.end or session.start))
    assert when is not None
    _, second = await services.work.split(session.id, when, billed_too=billed)
    _print_session(services, terminal, second, "split off", timed=True, as_json=as_json)
    terminal.spawn_detached(*REFRESH)


@commands.command()
@with_services
async def merge(
    services: Services,
    terminal: Terminal,
    session_id: SessionId,
    other_id: Annotated[str, typer.Argument(metavar="OTHER", help="The other one.", autocompletion=_ids)],
    yes: BilledToo = False,
    as_json: Json = False,
) -> None:
    """Make one of two stopped sessions; the time between them is a pause then."""
    both = [await services.work.session(id_) for id_ in (session_id, other_id)]
    billed = [await _confirm_billed(terminal, one, yes=yes, as_json=as_json) for one in both]
    merged = await services.work.merge(both[0].id, both[1].id, billed_too=any(billed))
    _print_session(services, terminal, merged, "merged", timed=True, as_json=as_json)
    terminal.spawn_detached(*REFRESH)


@commands.command()
@with_services
async def delete(
    services: Services, terminal: Terminal, session_id: SessionId, yes: BilledToo = False, as_json: Json = False
) -> None:
    """Delete a session; `undo` brings it back."""
    session = await services.work.session(session_id)
    billed = await _confirm_billed(terminal, session, yes=yes, as_json=as_json)
    deleted = await services.work.delete(session.id, billed_too=billed)
    _print_session(services, terminal, deleted, "deleted", as_json=as_json)
    terminal.spawn_detached(*REFRESH)


@commands.command()
@with_services
async def refresh(services: Services, terminal: Terminal) -> None:  # noqa: ARG001  # every command gets it
    """Bring the views that other programs read up to date; done by itself after each change."""
    await services.reports.refresh_views()  # when another program is at it already, that is as good


def _tags(given: list[str] | None) -> tuple[str, ...] | None:
    """None where no option was given. Raises InvalidInput."""
    from services.work.name_rules import checked_tags

    return None if given is None else checked_tags(given)


def _branch(given: str | None) -> str | None:
    """Raises InvalidInput when the branch of this folder is wanted and there is none."""
    if given != ".":
        return given
    from services.work.git_branch import current_branch

    branch = current_branch(Path.cwd())
    if branch is None:
        raise InvalidInput(f"no branch is checked out in {Path.cwd()}")
    return branch


async def _time(services: Services, text: str | None, span: tuple[datetime, datetime] | None = None) -> datetime | None:
    """What the person typed for a time, read in their zone; see `parse_past`. Raises InvalidInput."""
    from services.times import parse_past

    return None if text is None else parse_past(text, services.clock(), await services.reports.zone(), span)


def _one_of(argument: str | None, option: str | None) -> str | None:
    if argument is not None and option is not None:
        raise Malformed("the session is given twice: leave out --session")
    return option if argument is None else argument


async def _time_of(
    services: Services, text: str | None, session_id: str | None, *statuses: SessionStatus
) -> datetime | None:
    """What the person typed for a time of the session that is meant. Raises InvalidInput, NotFound, Ambiguous."""
    if text is None:
        return None
    session = await services.work.open_session(session_id, statuses)
    return await _time(services, text, (session.start, max(session.start, services.clock())))


async def _confirm_billed(terminal: Terminal, session: WorkSession, *, yes: bool, as_json: bool) -> bool:
    """Whether the session was billed; asks then, unless `yes`. Raises InvalidInput where that is not wanted."""
    if session.billed and not yes:
        billed = f'"{shortened(session.description)}" was billed for {", ".join(session.billed)}'
        await terminal.require_yes(
            f"{billed}. Change it all the same?",
            declined="nothing was changed",
            unattended=f"{billed}: nothing was changed; add --yes",
            as_json=as_json,
        )
    return bool(session.billed)


async def _first(services: Services, text: str | None, ended: WorkSession) -> datetime | None:
    """The first time of day after the start of a session that a text without a day can mean, where it meant another."""
    from services.times import is_clock

    if text is None or not is_clock(text):
        return None
    first = await _time(services, text, (ended.start, ended.start + timedelta(days=1)))
    return first if first and ended.end and ended.start < first < ended.end else None


async def _confirm_long(terminal: Terminal, ended: WorkSession, first: datetime | None, *, as_json: bool) -> None:
    """Asks before many hours are booked, and names an end that is perhaps meant.

    Raises InvalidInput on a no, and where nobody can be asked.
    """
    from services.times import duration

    assert ended.end is not None
    until = terminal.local_time(ended.end)
    worked = f'{duration(ended.elapsed_seconds(ended.end))} of "{shortened(ended.description)}", until {until}'
    perhaps = f" '{terminal.local_time(first)}'" if first else ""
    say_when = f"say when it ended with --at{perhaps}"
    await terminal.require_yes(
        f"Book {worked}?",
        declined=f"not stopped; {say_when}",
        unattended=f"not stopped: it would book {worked}; add --yes, or {say_when}",
        as_json=as_json,
    )


def _print_session(
    services: Services,
    terminal: Terminal,
    session: WorkSession,
    done: str,
    new: Sequence[str] = (),
    *,
    timed: bool = False,
    as_json: bool,
) -> None:
    """What was done to a session and its state now, with its start and end where they were given (`timed`).

    `new` are the clients and projects that were made for it."""
    from memoria_tui.cli.work_status import ICONS
    from services.times import duration

    now = services.clock()
    elapsed = duration(session.elapsed_seconds(now))
    start, end = (when and terminal.local_time(when) for when in (session.start, session.end))
    paused = f", paused {duration(seconds)}" if (seconds := session.paused_seconds(now)) else ""
    span = f" · {f'{start} – {end}' if end else f'since {start}'}{paused}" if timed else ""
    told = f'{ICONS[session.status]} {done} "{shortened(session.description)}" · {elapsed}{span} · {session.id[:8]}'
    terminal.print_result(
        session_json(session, now), one_line(f"{told} · undo with: memoria-tui undo"), as_json=as_json
    )
    if new and not as_json:
        terminal.print(one_line(f"new: {', '.join(new)}"))


async def _print_budgets(services: Services, terminal: Terminal, session: WorkSession) -> None:
    """Says on stderr of which budgets that the session uses little is left; nothing when it is not billable.

    The file for prompts says it of all that is open.
    """
    for warning in await services.billing.warnings([session] if session.billable else []):
        terminal.error(warning.message)
    await services.billing.watched(await services.work.status())
