"""`work clients` and `work projects`: their names, options and help."""

from __future__ import annotations

from typing import Annotated

import typer

from memoria_tui.cli.options import Json, terminal_of

clients = typer.Typer(help="Whom work is done for, with totals.", rich_markup_mode=None)
projects = typer.Typer(help="What is worked on, with totals.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name, or the id.")]
NewName = Annotated[str, typer.Argument(metavar="NEW", help="The new name.")]
Into = Annotated[str, typer.Argument(metavar="INTO", help="The one that stays.")]


@clients.callback(invoke_without_command=True)
def list_clients(context: typer.Context, as_json: Json = False) -> int:
    """List the clients, with totals; or change them."""
    from memoria_tui.cli import work_names

    return 0 if context.invoked_subcommand else work_names.list_clients(terminal_of(context), as_json=as_json)


@clients.command("list")
def clients_list(context: typer.Context, as_json: Json = False) -> int:
    """List them with their totals."""
    from memoria_tui.cli import work_names

    return work_names.list_clients(terminal_of(context), as_json=as_json)


@clients.command("create")
def create_client(context: typer.Context, name: Name, as_json: Json = False) -> int:
    """Make a client."""
    from memoria_tui.cli import work_names

    return work_names.create_client(terminal_of(context), name, as_json=as_json)


@clients.command("rename")
def rename_client(context: typer.Context, name: Name, new: NewName) -> int:
    """Give a client another name."""
    from memoria_tui.cli import work_names

    return work_names.rename_client(terminal_of(context), name, new)


@clients.command("merge")
def merge_clients(context: typer.Context, name: Name, into: Into) -> int:
    """Make everything of one client another's."""
    from memoria_tui.cli import work_names

    return work_names.merge_clients(terminal_of(context), name, into)


@clients.command("delete")
def delete_client(context: typer.Context, name: Name) -> int:
    """Delete a client that has neither sessions nor projects."""
    from memoria_tui.cli import work_names

    return work_names.delete_client(terminal_of(context), name)


@projects.callback(invoke_without_command=True)
def list_projects(context: typer.Context, as_json: Json = False) -> int:
    """List the projects, with totals; or change them."""
    from memoria_tui.cli import work_names

    return 0 if context.invoked_subcommand else work_names.list_projects(terminal_of(context), as_json=as_json)


@projects.command("list")
def projects_list(context: typer.Context, as_json: Json = False) -> int:
    """List them with their totals."""
    from memoria_tui.cli import work_names

    return work_names.list_projects(terminal_of(context), as_json=as_json)


@projects.command("create")
def create_project(
    context: typer.Context,
    name: Name,
    client: Annotated[str | None, typer.Option("--client", "-c", metavar="NAME", help="Whose it is.")] = None,
    repo: Annotated[str | None, typer.Option("--repo", metavar="OWNER/NAME", help="Its repository.")] = None,
    as_json: Json = False,
) -> int:
    """Make a project."""
    from memoria_tui.cli import work_names

    return work_names.create_project(terminal_of(context), name, client, repo, as_json=as_json)


@projects.command("rename")
def rename_project(context: typer.Context, name: Name, new: NewName) -> int:
    """Give a project another name."""
    from memoria_tui.cli import work_names

    return work_names.rename_project(terminal_of(context), name, new)


@projects.command("merge")
def merge_projects(context: typer.Context, name: Name, into: Into) -> int:
    """Make all sessions of one project another's."""
    from memoria_tui.cli import work_names

    return work_names.merge_projects(terminal_of(context), name, into)


@projects.command("move")
def move_project(
    context: typer.Context,
    name: Name,
    client: Annotated[str, typer.Argument(metavar="CLIENT", help="Whose it becomes; '' for nobody's.")],
) -> int:
    """Give a project, with its sessions, to another client."""
    from memoria_tui.cli import work_names

    return work_names.move_project(terminal_of(context), name, client)


@projects.command("delete")
def delete_project(context: typer.Context, name: Name) -> int:
    """Delete a project that has no sessions."""
    from memoria_tui.cli import work_names

    return work_names.delete_project(terminal_of(context), name)
