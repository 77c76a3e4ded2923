"""Actions that open dialogs: one at a time, and keys wait until the dialog is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar, cast

from textual import work
from textual.dom import DOMNode
from textual.screen import Screen
from textual.worker import Worker

DIALOG_GROUP = "dialog"
"""The group of workers that may open a dialog."""

Node = TypeVar("Node", bound=DOMNode)
Parameters = ParamSpec("Parameters")


@dataclass(eq=False, slots=True)
class Asking:
    """An action that may open dialogs."""

    worker: Worker[None] | None = None
    task: asyncio.Task[object] | None = None
    screen: Screen[object] | None = None
    """The last dialog that it opened."""

    def is_opening(self, stack: Sequence[Screen[object]]) -> bool:
        """Whether its next dialog is to come, or the end of it."""
        return self.screen not in stack and self.worker is not None and not self.worker.is_finished


def asks(
    action: Callable[Concatenate[Node, Parameters], Coroutine[object, object, None]],
) -> Callable[Concatenate[Node, Parameters], None]:
    """An action that may open dialogs: a worker that no other key cancels; another is not begun while it opens one.

    Keys wait until the dialog is there; esc gives up what is opening.
    """

    @work(group=DIALOG_GROUP)
    async def run(node: Node, asking: Asking, *args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        asking.task = asyncio.current_task()
        await action(node, *args, **kwargs)

    @wraps(action)
    def begin(node: Node, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        opening = cast("Opens", node.app).opening
        if not opening.is_under_way(node.app.screen_stack):
            opening.begin(asking := Asking())
            asking.worker = run(node, asking, *args, **kwargs)

    return begin


class Opening:
    """The actions of an app that are about to open a dialog."""

    def __init__(self) -> None:
        self._asking: list[Asking] = []

    def begin(self, asking: Asking) -> None:
        """This action is going to open a dialog, or to find that it need not."""
        self._asking = [one for one in self._asking if one.worker is not None and not one.worker.is_finished]
        self._asking.append(asking)

    def no_more(self) -> None:
        """The running action has asked all that it asks: keys wait for it no longer."""
        task = asyncio.current_task()
        self._asking = [one for one in self._asking if one.task is not task]

    def screen_changed(self, screen: Screen[object]) -> None:
        """The running action opened a dialog, if it is one of these."""
        task = asyncio.current_task()
        for asking in self._asking:
            if asking.task is task:
                asking.screen = screen

    def is_under_way(self, stack: Sequence[Screen[object]]) -> bool:
        """Whether some action is about to open a dialog above these screens."""
        return any(asking.is_opening(stack) for asking in self._asking)

    def give_up(self, stack: Sequence[Screen[object]]) -> None:
        """Nobody waits for it any more."""
        for asking in self._asking:
            if asking.worker is not None and asking.is_opening(stack):
                asking.worker.cancel()


class Opens(Protocol):
    """What actions need of the app."""

    opening: Opening
