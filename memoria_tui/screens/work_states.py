"""What the Work screen is doing: one of three states, and how each is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import tzinfo

from textual.content import Content

from memoria_tui import present, work_text
from memoria_tui.screens.states import Idle, failure
from services.errors import MemoriaError
from services.work.model import LogOrder, SessionFilter, WorkStatus, WorkWarning


@dataclass(frozen=True, slots=True)
class Loaded:
    """What runs is on screen."""

    status: WorkStatus
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Failed:
    """What runs could not be read."""

    error: MemoriaError


State = Idle | Loaded | Failed


@dataclass(frozen=True, slots=True)
class LogQuestion:
    """Which part of the log is shown, and in which order."""

    where: SessionFilter = field(default_factory=SessionFilter)
    order: LogOrder = LogOrder.START
    descending: bool = True


def notice(state: State) -> Content | None:
    """What stands in place of everything; None while work is there."""
    match state:
        case Idle():
            return Content.styled("Opening the stores …", "$foreground 60%")
        case Failed(error):
            return failure(error)
        case Loaded():
            return None


def warning_line(warning: WorkWarning, width: int) -> Content:
    """What is odd, and the keys that help; the keys go first where there is no room."""
    what, help_ = f" ⚠ {present.line(warning.message)}", f"  ·  {work_text.way_out(warning)}"
    if len(what) + len(help_) > width:
        help_ = ""
    return Content.assemble((present.clip(what, width), "$warning"), (help_, "$foreground 60%"))


def log_facts(question: LogQuestion) -> Content:
    """«Log · client acme · longest first · esc shows all»."""
    parts = []
    if facts := work_text.filter_facts(question.where):
        parts.append((f"  {facts}", "$accent"))
    if (question.order, question.descending) != (LogOrder.START, True):
        parts.append((f"  {ORDERS[question.order, question.descending]}", "$accent"))
    back = ("  esc shows all, newest first", "$foreground 45%") if parts else ("", "")
    return Content.assemble((" Log", "bold $primary"), *parts, back)


ORDERS = {
    (LogOrder.START, True): "newest first",
    (LogOrder.START, False): "oldest first",
    (LogOrder.DURATION, True): "longest first",
    (LogOrder.DURATION, False): "shortest first",
    (LogOrder.DESCRIPTION, False): "by description",
    (LogOrder.DESCRIPTION, True): "by description, backwards",
}
"""The orders of the log in words."""
