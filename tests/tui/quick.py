"""Apps that tests run hundreds of times: style sheets are parsed once a process, nothing moves or goes by itself."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from textual.app import App
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.css.types import CSSLocation
from textual.message_pump import MessagePump
from textual.screen import ModalScreen
from textual.timer import Timer

A = TypeVar("A", bound=App[Any])

_WAITING_FOR_A_PERSON, _WAITING_FOR_OTHERS = "dialog", "live"
"""Worker groups that may go on while everything is settled."""
_FOREVER = 3600.0
"""Seconds for which toasts stay: on a busy machine a test may take longer than a person reads."""
_SHORT = 0.25
"""Seconds of the longest timer whose end belongs to what a key does."""


class RememberedStyles(Stylesheet):
    """Parses what no app of this process has parsed with the same variables."""

    _parsed: ClassVar[dict[object, list[RuleSet]]] = {}

    def _parse_rules(
        self, css: str, read_from: CSSLocation, is_default_rules: bool = False, tie_breaker: int = 0, scope: str = ""
    ) -> list[RuleSet]:
        key = (frozenset(self._variables.items()), css, read_from, is_default_rules, tie_breaker, scope)
        if key not in self._parsed:
            self._parsed[key] = super()._parse_rules(css, read_from, is_default_rules, tie_breaker, scope)
        return self._parsed[key]

    def reparse(self) -> None:
        self._rules_map = None
        self.parse()


def quick(app: A) -> A:
    """The app, which has not run yet, made quick."""
    app.stylesheet = RememberedStyles(variables=app.get_css_variables())
    app.animation_level = "none"
    app.NOTIFICATION_TIMEOUT = _FOREVER  # type: ignore[misc]  # for this app alone
    return app


def is_moving(app: App[Any]) -> bool:
    """Whether anything is under way whose effect is not on the screen yet."""
    return (
        getattr(app, "keys_under_way", False)
        or _works(app)
        or has_to_draw(app)
        or _is_busy(app)
        or any(_is_busy(node) for screen in app.screen_stack for node in screen.walk_children(with_self=True))
    )


def _works(app: App[Any]) -> bool:
    """Whether a worker runs that waits for nobody: of those that opened dialogs, one a dialog waits for a person."""
    groups = [one.group for one in app.workers if not one.is_finished and one.group != _WAITING_FOR_OTHERS]
    dialogs = sum(isinstance(screen, ModalScreen) for screen in app.screen_stack)
    waiting = groups.count(_WAITING_FOR_A_PERSON)
    return waiting > dialogs or len(groups) > waiting


def has_to_draw(app: App[Any]) -> bool:
    """Whether the next frame would change the screen, or something waits for it."""
    screen = app.screen
    wanted = screen._layout_required or screen._scroll_required or screen._repaint_required
    return bool(wanted or screen._recompose_required or screen._dirty_widgets or screen._callbacks)


def _is_busy(node: MessagePump) -> bool:
    if getattr(node, "_pruning", False) or not node._mounted_event.is_set():
        return True
    queued = node.message_queue_size or node._pending_message is not None or node._next_callbacks
    return bool(queued) or any(_is_short(timer) for timer in node._timers)


def _is_short(timer: Timer) -> bool:
    running = timer._task is not None and not timer._task.done() and timer._active.is_set()
    return running and timer._repeat == 0 and timer._interval <= _SHORT
