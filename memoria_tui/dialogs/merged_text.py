"""The text of two memories that are to become one, edited before they are merged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual import work
from textual.binding import Binding
from textual.widget import Widget

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.text.present import clip, title
from memoria_tui.text.text_difference import merged
from memoria_tui.user_files.drafts import Draft, DraftKind
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.memory_editor import SafeTextArea
from services.errors import Conflict, MemoriaError, NotFound
from services.model import Memory, MemoryChanges, Subject
from services.storable_text import is_blank

if TYPE_CHECKING:
    from services.container import Services
    from services.memories.memory_service import MemoryService

Pair = tuple[Memory, Memory]
"""The one that stays, and the other."""


class MergedText(Dialog[str]):
    """Stays until the text is written; what others write meanwhile is put into it, between marks."""

    KEYS = (("ctrl+s", "merge"), ("esc", "cancel"))
    FOLLOWS = frozenset({Subject.MEMORIES})
    BINDINGS = [Binding("ctrl+s", "save", "Merge", id="merged.save", tooltip="Merge with this text", priority=True)]

    def __init__(self, services: Services, pair: Pair, text: str, draft: Draft | None = None, hint: str = "") -> None:
        """`text`: what is there unless the draft has one, and is no loss."""
        super().__init__("Text of the one that stays", draft=draft or merged_draft(pair))
        self._services = services
        self._pair = pair
        self._both = text
        self._hint = hint
        self._left: Memory | None = None
        """The one that is there still, where others deleted the other."""

    def compose_body(self) -> Iterable[Widget]:
        yield SafeTextArea(self._begun.get("text", self._both))
        yield LazyStatic(self._hint, id="hint", markup=False)

    def typed(self) -> Mapping[str, str]:
        text = self.query_one(SafeTextArea).content
        return {} if text == self._both else {**self._begun, "text": text}

    @work(exclusive=True, group="changes")
    async def changed_outside(self) -> None:
        try:
            became = what_became(self._pair, await read_again(self._services.memories, self._pair))
        except MemoriaError:
            return
        if became and not self.saving and self._left is None:
            self.say(f"{became} meanwhile: ctrl+s shows it before anything is written")

    def action_save(self) -> None:
        text = self.query_one(SafeTextArea).content.strip()
        if is_blank(text):
            self.say("A memory needs a text", wrong=True)
        else:
            self.save(partial(self._save, text))

    async def _save(self, text: str) -> str:
        try:
            if self._left is None:
                act = self._services.duplicates.merge([(self._pair[0], [self._pair[1]])], text)
                told = merge_line(self._pair)
                await self.write(told, act, once=[one.id for one in self._pair], vectors=True)
            else:
                change = self._services.memories.update(self._left, MemoryChanges(content=text))
                told = f"wrote the text into {named(self._left)}"
                await self.write(told, change, once=[self._left.id], vectors=True)
        except Conflict:
            raise Conflict(await self._follow(text), None) from None
        return told

    async def _follow(self, text: str) -> str:
        """Takes over what others did to the memories; says what, and what the next save does."""
        before = self._pair
        now = await read_again(self._services.memories, before)
        there = [one for one in now if one is not None]
        if not there:
            return f"{what_became(before, now)} meanwhile: bring one back from the trash, or copy your text"
        self._pair = now[0] or before[0], now[1] or before[1]
        self._left = there[0] if len(there) == 1 else None
        changed = [one for was, one in zip(before, now, strict=True) if one and one.content != was.content]
        for one in changed:
            text = await asyncio.to_thread(merged, one.content, text)
        if changed:
            self.query_one(SafeTextArea).fill(text)
        self._draft = merged_draft(self._pair)
        shown = "what they say now is between marks, as theirs" if changed else ""
        if self._left is None:
            return f"{what_became(before, now) or 'one was changed'} meanwhile: {shown or 'save again'}"
        gone = named(next(was for was, one in zip(before, now, strict=True) if one is None))
        told = f"{gone} was deleted meanwhile: ctrl+s again writes the text into {named(self._left)}"
        return "; ".join(filter(None, (told, shown)))


async def read_again(memories: MemoryService, pair: Sequence[Memory]) -> list[Memory | None]:
    """As they are now; None: it is gone. Raises what the services raise."""
    now = list[Memory | None]()
    for one in pair:
        try:
            now.append(await memories.get(one.id))
        except NotFound:
            now.append(None)
    return now


def what_became(before: Sequence[Memory], now: Sequence[Memory | None]) -> str:
    """«"the first" was changed and "the second" was deleted»; "" where nothing that a person wrote is otherwise."""
    told = [
        f"{named(was)} was {'deleted' if one is None else 'changed'}"
        for was, one in zip(before, now, strict=True)
        if one is None or _written(was) != _written(one)
    ]
    return " and ".join(told)


def _written(memory: Memory) -> Memory:
    """Without what reading it and embedding it change."""
    return replace(
        memory, updated_at=None, accessed_at=None, access_count=0, chunk_count=1, headless=False, pending=False
    )


def merged_draft(pair: Pair) -> Draft:
    """As what the next start goes on with a text that was merged of these."""
    values = {"before": pair[0].content, "other": pair[1].content}
    ids = ",".join(one.id for one in pair)
    return Draft(DraftKind.MERGED_TEXT, ids, f"the text that {named(pair[0])} shall have", values)


def named(memory: Memory) -> str:
    """«"the first line"»."""
    return f'"{clip(title(memory), 32)}"'


def merge_line(pair: Pair) -> str:
    """«merged "the second" into "the first"»."""
    return f"merged {named(pair[1])} into {named(pair[0])}"
