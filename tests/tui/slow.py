"""Services that take their time and write down what they were asked to write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

WRITES = frozenset(
    {"create", "update", "edit_many", "delete", "restore", "undo", "redo", "link_many", "unlink", "change", "accept"}
    | {
        "reject",
        "unreject",
        "start",
        "add",
        "switch",
        "continue_work",
        "pause",
        "explain_pause",
        "resume",
        "stop",
        "note",
        "reopen",
        "remember",
        "edit",
        "set_preference",
    }
    | {"create_client", "create_project", "rename", "merge", "move_project", "repair", "purge", "purge_trash"}
)


@dataclass
class Acts:
    """Writes in the order in which they were done, «delete»; each begins only after the one before ended."""

    seconds: float
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    """Where `held`, each write waits for it."""
    held: bool = False
    done: list[str] = field(default_factory=list)
    under_way: int = 0
    most_at_once: int = 0


class Slowed:
    """A service each of whose writes takes a while."""

    def __init__(self, service: Any, acts: Acts) -> None:
        self._service = service
        self._acts = acts

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._service, name)
        return self._slowed(name, found) if name in WRITES else found

    def _slowed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        async def slowed(*args: Any, **options: Any) -> Any:
            acts = self._acts
            acts.under_way += 1
            acts.most_at_once = max(acts.most_at_once, acts.under_way)
            try:
                if acts.held:
                    await acts.go_on.wait()
                for _ in range(round(acts.seconds * 1000)):  # turns of the loop: on a busy machine keys take longer too
                    await asyncio.sleep(0.001)
                answer = await call(*args, **options)
            finally:
                acts.under_way -= 1
            acts.done.append(name)
            return answer

        return slowed


def slow_down(services: Any, seconds: float, *names: str) -> Acts:
    """Lets these services take so many seconds for a write."""
    acts = Acts(seconds)
    for name in names:
        setattr(services, name, Slowed(getattr(services, name), acts))
    return acts
