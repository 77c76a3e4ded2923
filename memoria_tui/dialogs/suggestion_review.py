"""Decides on suggested relations: accept, accept as another type, reject. Nothing is accepted by itself."""

from __future__ import annotations

import contextlib
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from textual import getters, on, work
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import OptionList, Static

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.dialogs.relation_type import RelationTypeDialog
from memoria_tui.neighbor_tree import END
from memoria_tui.opening import asks
from memoria_tui.present import labelled, line
from memoria_tui.widgets.suggestion_list import SuggestionList
from memoria_tui.writes import UnderWay, not_done
from services.errors import MemoriaError, NothingToUndo

if TYPE_CHECKING:
    from services.container import Services
    from services.graph.graph_values import Suggestion
    from services.model import RelationType


@dataclass
class ReviewQueue:
    """What waits for a decision, and how far the scan is; it outlives the dialog, so that a review goes on later."""

    waiting: list[Suggestion] = field(default_factory=list)
    resume_from: str | None = None
    done: int = 0
    total: int = 0
    finished: bool = False


class ReviewDialog(Dialog[int]):
    """The list of what waits; a scan goes on behind it to the end. Answers how many were accepted."""

    KEYS = (
        ("enter", "accept"),
        ("t", "as another type"),
        ("d", "reject"),
        ("space", "mark"),
        ("a", "all"),
        ("u", "undo"),
        ("esc", "close"),
    )
    BINDINGS = [
        Binding("t", "retype", "Type", id="review.type", tooltip="Accept as another type"),
        Binding("d", "reject", "Reject", id="review.reject", tooltip="Reject: never suggest it again"),
        Binding("u", "undo", "Undo", id="review.undo", tooltip="Undo the last decision"),
        Binding("escape", "leave", "Close", id="dialog.leave", tooltip="Close; what waits is kept"),
    ]

    suggestions = getters.query_one(SuggestionList)

    def __init__(self, title: str, services: Services, queue: ReviewQueue) -> None:
        super().__init__(title)
        self._services = services
        self._queue = queue
        self._decided: list[tuple[str | None, Sequence[Suggestion]]] = []
        """Each with the change group of the relations that it made; None: rejected."""

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="hint")
        yield SuggestionList(self._queue.waiting)

    def on_mount(self) -> None:
        self.suggestions.focus()
        self._tell()
        if not self._queue.finished:
            self._scan()

    @work(exclusive=True, group="review")
    async def _scan(self) -> None:
        """Looks on where the last scan stopped; leaving the dialog stops it."""
        queue = self._queue
        known = {frozenset((one.source.id, one.target.id)) for one in queue.waiting}
        try:
            async for step in self._services.suggestions.review(queue.resume_from):
                new = [one for one in step.suggestions if frozenset((one.source.id, one.target.id)) not in known]
                known |= {frozenset((one.source.id, one.target.id)) for one in new}
                queue.waiting += new
                queue.done, queue.total = step.done, step.total
                queue.resume_from, queue.finished = step.resume_from, step.resume_from is None
                if not self._is_open:
                    return  # what was found waits for the next review
                self.suggestions.add(new)
                self._tell()
        except MemoriaError as error:
            self._tell(f"The scan stopped: {error}")

    @property
    def _is_open(self) -> bool:
        return self.is_attached and bool(self.query(SuggestionList))

    def _tell(self, problem: str = "") -> None:
        if not self._is_open:
            return
        queue = self._queue
        waiting = f"{len(queue.waiting):,} to decide"
        looked = "" if queue.finished else f" · scanned {queue.done:,} of {queue.total:,} memories"
        nothing = "Nothing to suggest" if queue.finished and not queue.waiting else waiting + looked
        self.say(line(problem) or nothing, wrong=bool(problem))

    # decisions

    @on(OptionList.OptionSelected)
    def accept(self) -> None:
        self._accept(self.suggestions.chosen, None)

    @asks
    async def action_retype(self) -> None:
        chosen = self.suggestions.chosen
        if chosen:
            one = chosen[0]
            dialog = RelationTypeDialog(
                "Accept as" if len(chosen) == 1 else f"Accept {len(chosen)} as",
                labelled(one.source, END),
                labelled(one.target, END),
                one.type,
            )
            if (choice := await self.app.push_screen_wait(dialog)) is not None:
                turned = [replace(each, source=each.target, target=each.source) for each in chosen]
                self._accept(chosen, choice.type, turned if choice.turned else chosen)

    def _accept(
        self, chosen: Sequence[Suggestion], type_: RelationType | None, meant: Sequence[Suggestion] | None = None
    ) -> None:
        group = str(uuid4())

        async def act() -> None:
            await self._services.suggestions.accept(meant or chosen, type_, group)
            self._settle(chosen, group)

        if chosen:
            self._decide(f"accept {len(chosen):,}", act(), chosen)

    def action_reject(self) -> None:
        chosen = self.suggestions.chosen

        async def act() -> None:
            await self._services.suggestions.reject(chosen)
            self._settle(chosen, None)

        if chosen:
            self._decide(f"reject {len(chosen):,}", act(), chosen)

    def action_undo(self) -> None:
        self._decide("undo the last decision", self._undo(), ())

    async def _undo(self) -> None:
        """Undoes the last decision of this dialog and no other act."""
        if not self._decided:
            return
        group, chosen = self._decided[-1]
        if group is None:
            for one in chosen:
                await self._services.suggestions.unreject(one.source.id, one.target.id)
        else:
            with contextlib.suppress(NothingToUndo):  # all of it was there before, or somebody undid it already
                preview = await self._services.memories.undo_preview(group)
                await self._services.memories.undo(preview.group)
        self._decided.pop()
        self._queue.waiting += chosen
        self.suggestions.add(chosen)
        self._tell()

    @work(group="decide")
    async def _decide(self, what: str, act: Coroutine[object, object, None], about: Sequence[Suggestion]) -> None:
        """Writes a decision in its turn; the dialog stays until then."""
        try:
            await self.write(what, act, once=[f"{one.source.id} {one.target.id}" for one in about])
        except UnderWay as under_way:
            self._tell(str(under_way))
        except MemoriaError as error:
            self._tell(not_done(what, error))

    def _settle(self, chosen: Sequence[Suggestion], group: str | None) -> None:
        self._decided.append((group, chosen))
        self.suggestions.drop(chosen)
        self._queue.waiting = list(self.suggestions.shown)
        self._tell()

    def leave(self) -> None:
        self.dismiss(sum(len(chosen) for group, chosen in self._decided if group is not None))
