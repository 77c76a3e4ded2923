"""One memory to read and to edit: Markdown, metadata, relations, history."""

from __future__ import annotations

from dataclasses import dataclass

from textual.containers import VerticalScroll
from textual.message import Message

from services.model import Change, Hit, Memory, RelatedMemory
from services.ports import Clock


class Preview(VerticalScroll):
    """Shows the memory under the cursor; edits it in place."""

    @dataclass
    class Edited(Message):
        """The person saved: `base` is the memory as it was when editing began."""

        base: Memory
        content: str

    @dataclass
    class EditCancelled(Message):
        """The person left the editor without saving."""

        base: Memory

    @dataclass
    class ExternalEditorWanted(Message):
        """ctrl+e in the editor: the text as it stands should go on in `$EDITOR`; answer with `begin_edit`."""

        base: Memory
        content: str

    def __init__(self, clock: Clock, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._clock = clock

    @property
    def editing(self) -> Memory | None:
        """The memory as it was when editing began; None while reading."""
        return None

    @property
    def edited_text(self) -> str:
        """What stands in the editor; "" while reading."""
        return ""

    def show(self, hit: Hit | None) -> None:
        """Shows a memory, or nothing; relations and history are empty until they are given."""

    def show_relations(self, relations: tuple[RelatedMemory, ...]) -> None:
        """Shows the relations of the memory shown."""

    def show_history(self, changes: tuple[Change, ...]) -> None:
        """Shows the changes of the memory shown, newest first."""

    def begin_edit(self, memory: Memory, content: str | None = None) -> None:
        """Opens the editor on the memory's text, or on `content` (a draft that goes on)."""

    def end_edit(self) -> None:
        """Closes the editor after a save succeeded; until then it stays open so that no text is lost."""

    def show_external_change(self, what: str = "changed outside since you opened it") -> None:
        """Says above the editor that the memory changed meanwhile."""

    def show_more(self) -> None:
        """Shows the next part of a very long text."""
