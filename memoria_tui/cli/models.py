"""The commands about embedding models that this program runs itself."""

from __future__ import annotations

from typing import Annotated

import typer

from memoria_tui.cli import completing
from memoria_tui.cli.terminal import terminal_of
from memoria_tui.cli.with_services import Json
from services.errors import InvalidInput

commands = typer.Typer(help="Embedding models that this program runs itself, by the extra memoria-tui[onnx].")
_HEAD = ("model", "MB", "dimensions", "languages", "speed", "here")


@commands.callback(invoke_without_command=True)
def models(context: typer.Context, as_json: Json = False) -> None:
    """List them with size, languages and speed (all-MiniLM-L6-v2 is 1, the others by layers and width)."""
    if context.invoked_subcommand is not None:
        return
    from services.reembedding.onnx_models import MODELS, is_here

    terminal = terminal_of(context)
    here = {one.name: is_here(one, terminal.settings.home) for one in MODELS}
    if as_json:
        keys = ("name", "megabytes", "dimensions", "languages", "speed")
        terminal.print_json([{key: getattr(one, key) for key in keys} | {"here": here[one.name]} for one in MODELS])
        return
    rows = [
        (one.name, f"{one.megabytes}", f"{one.dimensions}", one.languages, f"{one.speed:g}", "yes" * here[one.name])
        for one in MODELS
    ]
    terminal.print_table(_HEAD, rows, right=("MB", "dimensions", "speed"))
    terminal.print("use one: memoria-tui models download NAME, MEMORIA_EMBEDDING_MODEL=onnx:NAME, memoria-tui reembed")
    terminal.print("a folder with the files of another, offline too: MEMORIA_EMBEDDING_MODEL=onnx:/path")


@commands.command()
def download(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="As listed; what is behind its / is enough.", autocompletion=completing.models
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Fetch the files of a model from Hugging Face into MEMORIA_HOME, after a question; goes on where it stopped."""
    import asyncio

    from services.container import download_model
    from services.reembedding.onnx_models import models_dir, onnx_model

    terminal = terminal_of(context)
    model = onnx_model(name)
    if model.folder is not None:
        raise InvalidInput(f"{model.folder} is here already")
    home = terminal.settings.home
    question = f"Fetch {model.name}, {model.megabytes} MB, from huggingface.co into {models_dir(home)}?"
    unattended = f"nothing was fetched, and nobody can be asked here; --yes fetches {model.megabytes} MB all the same"
    if not yes:
        asyncio.run(terminal.require_yes(question, declined="nothing was fetched", unattended=unattended))
    download_model(model, home)
    terminal.print(f"{model.name} is here; use it: MEMORIA_EMBEDDING_MODEL=onnx:{model.name}, then memoria-tui reembed")
