"""The command palette: everything that has a key here or in another mode, and the memories themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider

from memoria_tui.modes.mode import ModeScreen
from memoria_tui.modes.registry import MODES, Mode
from memoria_tui.terminal.textual_internals import in_keymap
from memoria_tui.text.present import clip, labelled, line
from services.errors import MemoriaError
from services.search.query import parse_query
from services.times import first_weekday

if TYPE_CHECKING:
    from services.container import Services
    from services.model import Memory
    from services.ports import Clock

_MOST = 8
_TYPING = 0.08
"""Seconds of rest before what was typed is searched for."""
_LONGEST = 1.5
"""Seconds after which commands are chosen from without memories."""


_ELSEWHERE = 0.8
"""How much a command of another mode counts beside the same of this one."""
_SAME_EVERYWHERE = frozenset({"trash", "merge", "timesheet"})
"""Actions that several modes have, to be listed once."""
_WAYS = frozenset({"escape", "tab", "backspace", "up", "down", "left", "right", "r"})
"""Keys of ways through a mode: nothing to be looked for from another one."""


class Commanded(Protocol):
    """What the palette needs of the app."""

    services: Services | None
    clock: Clock

    def show_memory(self, memory_id: str) -> None: ...

    def act_in(self, mode: Mode, action: str, key: str) -> object: ...


class ActionCommands(Provider):
    """Every action that has a key where the person is."""

    async def discover(self) -> Hits:
        for binding in self._available():
            yield DiscoveryHit(binding.description, self._run(binding), help=self._help(binding))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for binding in self._available():
            told = matcher.match(f"{binding.description} {binding.tooltip}")
            if (score := max(matcher.match(binding.description), told / 2)) > 0:  # "trash" is the trash, not a deletion
                yield Hit(score, binding.description, self._run(binding), help=self._help(binding))

    def _available(self) -> list[Binding]:
        seen: dict[str, Binding] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if active.enabled and binding.id and not binding.system and active.node in (self.screen, self.app):
                seen.setdefault(binding.action, binding)
        return list(seen.values())

    def _run(self, binding: Binding) -> Callable[[], Coroutine[object, object, bool]]:
        here = hasattr(self.screen, f"action_{binding.action.partition('(')[0]}")
        return partial(self.app.run_action, binding.action, self.screen if here else self.app)

    def _help(self, binding: Binding) -> str:
        return f"{self.app.get_key_display(binding)}  {binding.tooltip}"


class OtherModeCommands(Provider):
    """Every action that has a key in another mode: choosing one goes there first."""

    async def search(self, query: str) -> Hits:
        if not isinstance(self.screen, ModeScreen):
            return
        app, matcher = cast("Commanded", self.app), self.matcher(query)
        async for mode, binding in self._elsewhere():
            told = matcher.match(f"{binding.description} {binding.tooltip} {mode.title}")
            if (score := _ELSEWHERE * max(matcher.match(binding.description), told / 2)) > 0:
                key = self.app.get_key_display(in_keymap(binding, self.app))
                act = partial(app.act_in, mode, binding.action, key)
                yield Hit(score, binding.description, act, help=f"in {mode.title}: {key}  {binding.tooltip}")

    async def _elsewhere(self) -> AsyncIterator[tuple[Mode, Binding]]:
        """The keys of other modes; modes that were not opened yet are imported meanwhile."""
        known = _SAME_EVERYWHERE & {one.binding.action for one in self.screen.active_bindings.values()}
        for mode in MODES:
            screen = await asyncio.to_thread(mode.screen)
            if isinstance(self.screen, screen):
                continue
            for binding in screen.BINDINGS:
                if isinstance(binding, Binding) and binding.action not in known and binding.key not in _WAYS:
                    yield mode, binding
                    known |= _SAME_EVERYWHERE & {binding.action}


class MemoryCommands(Provider):
    """Memories as hits: choosing one shows it."""

    async def search(self, query: str) -> Hits:
        app = cast("Commanded", self.app)
        if app.services is None:
            return
        await asyncio.sleep(_TYPING)
        try:
            week_begins = first_weekday(app.services.settings)
            asked = parse_query(query, now=app.clock(), week_begins=week_begins)
            async with asyncio.timeout(_LONGEST):
                result = await app.services.search.search(asked)
        except (MemoriaError, TimeoutError):
            return
        for number, hit in enumerate(result.hits[:_MOST]):
            # Below the commands that fit well, above those that hardly do; in the order of the search.
            score = 0.5 - number * 0.01
            memory = hit.memory
            yield Hit(score, labelled(memory, 70), partial(app.show_memory, memory.id), help=self._describe(memory))

    def _describe(self, memory: Memory) -> str:
        # The palette reads help as markup: an opening bracket must stay a bracket.
        told = " · ".join([*([memory.project] if memory.project else []), *(f"#{tag}" for tag in memory.tags)])
        return clip(line(told), 70).replace("[", "\\[") or memory.type.value
