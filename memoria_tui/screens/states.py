"""What the Memories screen is doing: one of four states, and how each is told."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from memoria_tui.present import safe
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
from services.model import Query


@dataclass(frozen=True, slots=True)
class Idle:
    """The stores are being opened; nothing can be asked yet."""


@dataclass(frozen=True, slots=True)
class Searching:
    """A question is on its way; what was there before stays on screen."""

    query: Query


@dataclass(frozen=True, slots=True)
class Loaded:
    """The answer to `query` is on screen."""

    query: Query
    total: int
    took_ms: float
    notices: tuple[str, ...] = ()

    @property
    def empty_store(self) -> bool:
        """True when the unfiltered list is empty: a person's first start."""
        return self.total == 0 and not self.query.raw.strip()


@dataclass(frozen=True, slots=True)
class Failed:
    """The question could not be answered."""

    error: MemoriaError


State = Idle | Searching | Loaded | Failed


def result_line(state: State, marked: int = 0) -> str:
    """«hybrid · 38 hits · 21 ms · 3 marked»."""
    match state:
        case Idle():
            return "opening"
        case Searching():
            return "searching"
        case Failed():
            return "no answer"
        case Loaded(query, total, took_ms, notices):
            noun = ("hit" if total == 1 else "hits") if query.ranked else ("memory" if total == 1 else "memories")
            mode = [query.mode.value] if query.ranked else []
            marks = [f"{marked:,} marked"] if marked else []
            return " · ".join([*mode, f"{total:,} {noun}", f"{took_ms:.0f} ms", *marks, *map(safe, notices)])


def notice(state: State, demo: bool) -> Content | None:
    """What stands in place of the list; None while the list is there. `demo`: demo data can be loaded."""
    match state:
        case Idle():
            return Content.styled("Opening the stores …", "$foreground 60%")
        case Loaded() if state.empty_store:
            return _greeting(demo)
        case Failed(error):
            return failure(error)
    return None


def _greeting(demo: bool) -> Content:
    lines = [
        Content.styled("Nothing is remembered here yet.", "bold $foreground"),
        Content(""),
        key("n", "write a memory"),
        key("i", "import a file"),
    ]
    if demo:
        lines.append(key("D", "load the demo data"))
    lines += [Content(""), Content.styled("Everything else is under ?", "$foreground 60%")]
    return Content("\n").join(lines)


def failure(error: MemoriaError) -> Content:
    """A calm page that says what is wrong and what can be done."""
    lines = [
        Content.styled(_title(error), "bold $error"),
        Content(""),
        Content(safe(str(error))),
        Content(""),
        key("r", "try again"),
        key("^q", "quit"),
    ]
    return Content("\n").join(lines)


def key(key: str, what: str) -> Content:
    """A line of such a page."""
    return Content.assemble((f"{key:>3}", "bold $accent"), f"  {what}")


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
