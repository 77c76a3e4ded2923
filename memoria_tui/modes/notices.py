"""What a mode shows in place of its content: stores that are being opened, a failure, a store that is away."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from textual.content import Content

from memoria_tui.text.present import escape_control
from services.errors import (
    AuthenticationFailed,
    MemoriaError,
    SchemaMissing,
    StorageFull,
    StoreInUse,
    StoreMismatch,
    StoreRefused,
    StoreUnavailable,
)
from services.model import StatusSnapshot, StoreKind, StoreStatus

if TYPE_CHECKING:
    from services.settings import Settings

_READ = (StoreKind.QDRANT, StoreKind.POSTGRES)
"""The stores without which what is on screen gets old; without the embedder, vectors wait."""
BEGINNING = Content.styled("Opening the stores …", "$foreground 60%")


def failure(error: MemoriaError) -> Content:
    """A calm page that says what is wrong and what can be done."""
    lines = [
        Content.styled(_title(error), "bold $error"),
        Content(""),
        Content(escape_control(str(error))),
        Content(""),
        key("r", "try again"),
        key("ctrl+q", "quit"),
    ]
    return Content("\n").join(lines)


def key(key: str, what: str) -> Content:
    """A line of such a page."""
    return Content.assemble((f"{key:>6}", "bold $accent"), f"  {what}")


def _title(error: MemoriaError) -> str:
    match error:
        case StoreInUse():
            return "Another program has the store open"
        case AuthenticationFailed():
            return "The store refused the password or key"
        case StorageFull():
            return "The store cannot be written"
        case SchemaMissing():
            return "The database lacks what this program adds"
        case StoreRefused():
            return "The store answered with an error"
        case StoreMismatch():
            return "The store cannot be used as it is"
        case StoreUnavailable():
            return "A store cannot be reached"
    return "That did not work"


def opening(status: StatusSnapshot, settings: Settings, zone: tzinfo | None) -> Content:
    """What a mode says until it has something to show: which stores it waits for."""
    if failing := [store for store in status.failing if store.kind in _READ]:
        lines = [Content.styled(_failing(store, zone), "bold $error") for store in failing]
        lines += [
            Content(escape_control(problem)) for store in failing if not store.silent for problem in store.problems
        ]
        return Content("\n").join([*lines, Content(""), Content("Retrying automatically.")])
    hosts = {
        StoreKind.QDRANT: ("Opening the memories", settings.qdrant_host),
        StoreKind.POSTGRES: ("Starting PostgreSQL", settings.database_url),
        StoreKind.EMBEDDER: ("Loading the model", settings.ollama_host),
    }
    servers = {StoreKind.QDRANT: "Qdrant", StoreKind.POSTGRES: "PostgreSQL", StoreKind.EMBEDDER: "Ollama"}
    known = {store.kind for store in status.stores}
    lines = [
        Content.styled(f"{begun if host is None else f'Connecting to {servers[kind]}'} …", "$foreground 60%")
        for kind, (begun, host) in hosts.items()
        if kind not in known
    ]
    return Content("\n").join(lines or [Content.styled("Reading …", "$foreground 60%")])


def failing_line(status: StatusSnapshot, shown_at: datetime | None, zone: tzinfo | None) -> Content | None:
    """«qdrant does not answer since 14:02:11 · shown as of 14:02:08»; None while what is shown stays up to date."""
    failing = [store for store in status.failing if store.kind in _READ]
    if not failing:
        return None
    told = " · ".join(_failing(store, zone) for store in failing)
    if shown_at is not None:
        # All that others wrote before the last answer was shown.
        answered = [store.answered_at for store in failing if store.answered_at is not None]
        told += f" · shown as of {_time(max([shown_at, *answered[:1]]), zone)}"
    return Content.assemble((f" {told}", "$warning"), (" · retrying", "$foreground 60%"))


def _failing(store: StoreStatus, zone: tzinfo | None) -> str:
    since = f" since {_time(store.failing_since, zone)}" if store.failing_since else ""
    return f"{store.kind} does not {'answer' if store.silent else 'work'}{since}"


def _time(instant: datetime, zone: tzinfo | None) -> str:
    return f"{instant.astimezone(zone):%H:%M:%S}"
