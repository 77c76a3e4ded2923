"""The commands about work time, with their names, options and help; the work is done in `work` and its neighbours."""

from __future__ import annotations

from typing import Annotated

import typer

from memoria_tui.cli import work_names_commands
from memoria_tui.cli.options import Json, terminal_of
from services.model import SessionCategory, SessionStatus

app = typer.Typer(help="Work time: start, pause, stop, and what it adds up to.", rich_markup_mode=None)
app.add_typer(work_names_commands.clients, name="clients")
app.add_typer(work_names_commands.projects, name="projects")

At = Annotated[
    str | None, typer.Option("--at", metavar="TIME", help="When: -15m, 9:30, 'yesterday 17:00', 2026-11-20T09:30.")
]
Session = Annotated[
    str | None, typer.Option("--session", "-s", metavar="ID", help="Which one, where several could be meant.")
]
SessionId = Annotated[str, typer.Argument(metavar="ID", help="The session's id, or a beginning of it.")]
Client = Annotated[str | None, typer.Option("--client", "-c", metavar="NAME", help="The client; '' for none.")]
Project = Annotated[str | None, typer.Option("--project", "-p", metavar="NAME", help="The project; '' for none.")]
Issue = Annotated[int | None, typer.Option("--issue", min=0, help="Number of the issue; 0 for none.")]
PullRequest = Annotated[int | None, typer.Option("--pr", min=0, help="Number of the pull request; 0 for none.")]
Branch = Annotated[
    str | None, typer.Option("--branch", metavar="NAME", help="The branch; . for the one checked out where you stand.")
]
Clients = Annotated[list[str] | None, typer.Option("--client", "-c", metavar="NAME", help="Only this; repeatable.")]
Projects = Annotated[list[str] | None, typer.Option("--project", "-p", metavar="NAME", help="Only this; repeatable.")]
Categories = Annotated[list[SessionCategory] | None, typer.Option("--category", help="Only this; repeatable.")]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="DAY", help="First day: 2026-11-20, 2026-11, last-week, monday, 7d."),
]
To = Annotated[str | None, typer.Option("--to", metavar="DAY", help="Last day, included.")]


@app.command()
def start(
    context: typer.Context,
    description: Annotated[list[str], typer.Argument(metavar="DESCRIPTION", help="What is worked on.")],
    client: Client = None,
    project: Project = None,
    category: Annotated[SessionCategory, typer.Option("--category", help="Kind of work.")] = SessionCategory.CODING,
    issue: Issue = None,
    pr: PullRequest = None,
    branch: Branch = None,
    at: At = None,
    as_json: Json = False,
) -> int:
    """Start a session; a client or project that is new is made."""
    from memoria_tui.cli import work
    from services.work.model import SessionDraft

    draft = SessionDraft(" ".join(description), category, client, project, issue, pr, work.branch_of(branch))
    return work.start(terminal_of(context), draft, at, as_json=as_json)


@app.command()
def pause(
    context: typer.Context,
    reason: Annotated[str | None, typer.Option("--reason", "-r", metavar="TEXT", help="Why.")] = None,
    session: Session = None,
    at: At = None,
    as_json: Json = False,
) -> int:
    """Let the clock stand still."""
    from memoria_tui.cli import work

    return work.pause(terminal_of(context), session, reason, at, as_json=as_json)


@app.command()
def resume(context: typer.Context, session: Session = None, at: At = None, as_json: Json = False) -> int:
    """Let the clock run again."""
    from memoria_tui.cli import work

    return work.resume(terminal_of(context), session, at, as_json=as_json)


@app.command()
def stop(
    context: typer.Context,
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
    from memoria_tui.cli import work

    return work.stop(terminal_of(context), session, at, note, remember=remember, yes=yes, as_json=as_json)


@app.command()
def unstop(context: typer.Context, session_id: SessionId, as_json: Json = False) -> int:
    """Let a stopped session run on; the time since it was stopped counts as a pause."""
    from memoria_tui.cli import work

    return work.unstop(terminal_of(context), session_id, as_json=as_json)


@app.command()
def note(
    context: typer.Context,
    text: Annotated[list[str], typer.Argument(metavar="TEXT", help="What to note.")],
    session: Session = None,
    as_json: Json = False,
) -> int:
    """Add a note to a session."""
    from memoria_tui.cli import work

    return work.note(terminal_of(context), " ".join(text), session, as_json=as_json)


@app.command()
def status(
    context: typer.Context,
    template: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="TEXT",
            help="For prompts and status lines, such as '{icon} {elapsed} {description}'. Also: id, status, paused, "
            "client, project, category, started, seconds, today. Nothing is printed while nothing runs.",
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Say what runs."""
    from memoria_tui.cli import work_status

    return work_status.status(terminal_of(context), template, as_json=as_json)


@app.command()
def log(
    context: typer.Context,
    first: From = None,
    last: To = None,
    client: Clients = None,
    project: Projects = None,
    category: Categories = None,
    state: Annotated[list[SessionStatus] | None, typer.Option("--status", help="Only this; repeatable.")] = None,
    text: Annotated[str, typer.Option("--text", metavar="TEXT", help="In the description, a note, the branch.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Most sessions to print.")] = 20,
    as_json: Json = False,
) -> int:
    """Print sessions, newest first, cut at midnight as in the report; times are exact."""
    from memoria_tui.cli import work_report

    chosen = work_report.Chosen(first, last, client or (), project or (), category or (), state or (), text)
    return work_report.log(terminal_of(context), chosen, limit, as_json=as_json)


@app.command()
def edit(
    context: typer.Context,
    session_id: SessionId,
    description: Annotated[
        str | None, typer.Option("--description", "-d", metavar="TEXT", help="What was done.")
    ] = None,
    client: Client = None,
    project: Project = None,
    category: Annotated[SessionCategory | None, typer.Option("--category", help="Kind of work.")] = None,
    issue: Issue = None,
    pr: PullRequest = None,
    branch: Branch = None,
    begin: Annotated[str | None, typer.Option("--start", metavar="TIME", help="When it began, as --at.")] = None,
    end: Annotated[str | None, typer.Option("--end", metavar="TIME", help="When it ended.")] = None,
    as_json: Json = False,
) -> int:
    """Put a session right afterwards."""
    from memoria_tui.cli import work
    from services.work.model import SessionChanges

    changes = SessionChanges(description, category, client, project, issue, pr, work.branch_of(branch))
    return work.edit(terminal_of(context), session_id, changes, begin, end, as_json=as_json)


@app.command()
def delete(context: typer.Context, session_id: SessionId, as_json: Json = False) -> int:
    """Delete a session; `undo` brings it back."""
    from memoria_tui.cli import work

    return work.delete(terminal_of(context), session_id, as_json=as_json)


@app.command()
def report(
    context: typer.Context,
    day: Annotated[bool, typer.Option("--day", help="Today.")] = False,
    week: Annotated[bool, typer.Option("--week", help="This week.")] = False,
    month: Annotated[bool, typer.Option("--month", help="This month; also without any other.")] = False,
    year: Annotated[bool, typer.Option("--year", help="This year.")] = False,
    first: From = None,
    last: To = None,
    by: Annotated[
        str, typer.Option("--by", metavar="client|project|category|day", help="What to add up by.")
    ] = "client",
    client: Clients = None,
    project: Projects = None,
    category: Categories = None,
    running: Annotated[bool, typer.Option("--running", help="Count what still runs too.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV, by day and group.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: Json = False,
) -> int:
    """Add up worked time to the second, in days of your zone. MCP Memoria counts whole minutes of each session."""
    from memoria_tui.cli import work_report

    named = [name for name, wanted in (("day", day), ("week", week), ("month", month), ("year", year)) if wanted]
    forms = [name for name, wanted in (("csv", csv), ("markdown", markdown), ("json", as_json)) if wanted]
    if len(named) + bool(first or last) > 1:
        raise typer.BadParameter("give one of --day, --week, --month, --year, or --from and --to")
    if len(forms) > 1:
        raise typer.BadParameter("give one of --json, --csv and --markdown")
    chosen = work_report.Chosen(first, last, client or (), project or (), category or ())
    return work_report.report(
        terminal_of(context), chosen, named[0] if named else None, by, running=running, form=forms[0] if forms else None
    )


@app.command()
def refresh(context: typer.Context) -> int:
    """Bring the views that other programs read up to date; done by itself after each change."""
    from memoria_tui.cli import work

    return work.refresh(terminal_of(context))
