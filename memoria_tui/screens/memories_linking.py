"""The Memories screen and relations: link what is marked or under the cursor, and see it in the graph."""

from __future__ import annotations

from memoria_tui.modes.linking import Linking
from memoria_tui.present import clip, counted, title
from memoria_tui.screens.memories_curating import MemoryCurating
from memoria_tui.typing_ahead import asks
from services.model import Memory


class MemoryLinking(MemoryCurating):
    """A pair that is marked, or marked and under the cursor, is linked at once; else the target is asked for."""

    @asks
    async def action_link(self) -> None:
        if not (ids := set(await self.targets())):
            return
        if (hit := self.memory_list.current) is not None and len(ids) < 2:
            ids.add(hit.memory.id)
        memories = await self.attempt(self.memories(tuple(sorted(ids))))
        if memories is None:
            return
        sources, target = (
            (memories[:1], memories[1]) if len(memories) == 2 else (memories, await self._target(memories))
        )
        if target is not None:
            await Linking(self).link(sources, target)

    async def _target(self, sources: tuple[Memory, ...]) -> Memory | None:
        what = f"«{clip(title(sources[0]), 48)}»" if len(sources) == 1 else counted(len(sources))
        return await Linking(self).pick(f"Link {what}", self._near({memory.id for memory in sources}))

    def _near(self, without: set[str]) -> list[Memory]:
        """The memories in the list, those nearest to the cursor first."""
        listed = [hit.memory for hit in self.memory_list.hits()]
        current = self.memory_list.current
        here = next((place for place, one in enumerate(listed) if current and one.id == current.memory.id), 0)
        nearest = sorted(range(len(listed)), key=lambda place: abs(place - here))
        return [listed[place] for place in nearest if listed[place].id not in without]

    def action_graph(self) -> None:
        if (hit := self.memory_list.current) is not None:
            self.post_message(self.GraphWanted(hit.memory.id))
