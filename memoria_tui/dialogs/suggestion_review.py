"""Decides on suggested relations: accept, accept as another type, reject. Nothing is accepted by itself."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from textual import getters, on, work
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static

from memoria_tui.dialogs.choice import Choice, ChoiceDialog
from memoria_tui.dialogs.confirm import ConfirmDialog, sure_of_many
from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.dialogs.relation_type import RelationTypeDialog
from memoria_tui.keys.dialog_actions import asks
from memoria_tui.text.neighbor_tree import END
from memoria_tui.text.present import clip, escape_control, labelled, line, title, with_titles
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.suggestion_list import SuggestionList
from memoria_tui.write_queue import UnderWay, not_done
from services.errors import MemoriaError, NothingToUndo
from services.graph.graph_values import ReviewPlace
from services.model import counted
from services.model.history import ASKS_ABOVE

if TYPE_CHECKING:
    from services.container import Services
    from services.graph.graph_values import Suggestion
    from services.model import RelationType


_SURE = 0.8
"""Confidence from which on all can be accepted at once, unless the threshold is higher."""
_STEP = 0.05
_PREVIEWED = 12
"""Relations that a preview names."""


@dataclass
class ReviewQueue:
    """What waits for a decision, and how far the scan is; it outlives the dialog, so that a review goes on later."""

    waiting: list[Suggestion] = field(default_factory=list)
    resume_from: str | None = None
    done: int = 0
    total: int = 0
    finished: bool = False
    least: float = 0.0
    """Confidence below which nothing is shown."""
    project: str = ""
    at: tuple[str, str] | None = None
    """The ends of the suggestion that the cursor is to be on."""
    is_kept: bool = False
    """Whether the next start goes on here."""
    found_from: dict[frozenset[str], str | None] = field(default_factory=dict)
    """By the ends of each, where the scan stood before it found it."""

    @classmethod
    def resumed(cls, place: ReviewPlace) -> ReviewQueue:
        """As it was left, also by an earlier start of the program."""
        return cls([], place.resume_from, least=place.least, project=place.project, at=place.at, is_kept=True)

    @property
    def place(self) -> ReviewPlace:
        """Where the next start goes on: before the first that is undecided."""
        undecided = {_pair(one) for one in self.waiting}
        start = next((start for pair, start in self.found_from.items() if pair in undecided), self.resume_from)
        return ReviewPlace(start, self.at if self.waiting else None, self.least, self.project)


class ReviewDialog(Dialog[int]):
    """The list of what waits, with both texts; a scan goes on behind it to the end, then the surest are first.

    Answers how many were accepted.
    """

    KEYS = (
        ("enter", "accept"),
        ("t", "as another type"),
        ("d", "reject"),
        ("space", "mark"),
        ("a", "all"),
        ("A", "accept the sure"),
        ("+ -", "threshold"),
        ("p", "project"),
        ("u", "undo"),
        ("esc", "close"),
    )
    KEYS_IF_EMPTY = (("+ -", "threshold"), ("p", "project"), ("u", "undo"), ("esc", "close"))
    KEYS_GAP = 2
    BINDINGS = [
        Binding("t", "retype", "Type", id="review.type", tooltip="Accept as another type"),
        Binding("d", "reject", "Reject", id="review.reject", tooltip="Reject: never suggest it again"),
        Binding(
            "A",
            "accept_sure",
            "Accept the sure",
            id="review.sure",
            tooltip=f"Accept all of {_SURE * 100:.0f} % and more",
        ),
        Binding("plus", "narrow(1)", "Higher", id="review.higher", tooltip="Show only surer ones"),
        Binding("minus", "narrow(-1)", "Lower", id="review.lower", tooltip="Show less sure ones too"),
        Binding("p", "project", "Project", id="review.project", tooltip="Only those of a project"),
        Binding("u", "undo", "Undo", id="review.undo", tooltip="Undo the last decision"),
        Binding("escape", "leave", "Close", id="dialog.leave", tooltip="Close; what waits is kept"),
    ]

    suggestions = getters.query_one(SuggestionList)

    def __init__(self, title: str, services: Services, queue: ReviewQueue) -> None:
        super().__init__(title)
        self._services = services
        self._queue = queue
        self._decided: list[tuple[str | None, Sequence[Suggestion], int]] = []
        """Each with the change group of the relations that it made (None: rejected), and its place in the list."""

    def compose_body(self) -> Iterable[Widget]:
        yield LazyStatic(id="hint")
        yield SuggestionList(self._queue.waiting)
        with Horizontal(classes="sides"):
            for name in ("source", "target"):
                with VerticalScroll(id=name, can_focus=False):
                    yield Static(classes="text", markup=False)

    def on_mount(self) -> None:
        self.suggestions.focus()
        self._narrow()
        self._go_back()
        self._show_state()
        if not self._queue.finished:
            self._scan()

    @work(exclusive=True, group="review")
    async def _scan(self) -> None:
        """Looks on where the last scan stopped; leaving the dialog stops it."""
        queue = self._queue
        known = {_pair(one) for one in queue.waiting}
        try:
            async for step in self._services.suggestions.review(queue.resume_from):
                new = [one for one in step.suggestions if _pair(one) not in known]
                known |= {_pair(one) for one in new}
                queue.found_from |= {_pair(one): queue.resume_from for one in new}
                queue.waiting += new
                queue.done, queue.total = step.done, step.total
                queue.resume_from, queue.finished = step.resume_from, step.resume_from is None
                if not self._is_open:
                    return  # what was found waits for the next review
                self.suggestions.add(new)
                if queue.finished:
                    self.suggestions.sort()
                self._go_back()
                self._show_state()
        except MemoriaError as error:
            self._show_state(f"The scan stopped: {error}")

    def _go_back(self) -> None:
        """To the suggestion at which the review was left, as soon as it is found again."""
        if self._queue.at is not None and self.suggestions.go_to(self._queue.at):
            self._queue.at = None

    @property
    def _is_open(self) -> bool:
        return self.is_attached and bool(self.query(SuggestionList))

    def _show_state(self, problem: str = "") -> None:
        if not self._is_open:
            return
        queue, shown = self._queue, len(self.suggestions.shown)
        self.show_empty(not shown)
        waiting = f"{shown:,} to decide"
        if hidden := len(queue.waiting) - shown:
            waiting += f" · {hidden:,} hidden"
        of = f" of {queue.project}" if queue.project else ""
        least = f" · at least {queue.least:.0%} sure{of}" if queue.least or queue.project else ""
        looked = "" if queue.finished else f" · scanned {queue.done:,} of {queue.total:,} memories"
        nothing = "Nothing to suggest" if queue.finished and not queue.waiting else waiting + least + looked
        self.say(line(problem) or nothing, wrong=bool(problem))

    @on(OptionList.OptionHighlighted)
    def show_texts(self) -> None:
        """Both texts of the suggestion under the cursor, side by side."""
        one = self.suggestions.current
        ends = (one.source, one.target) if one is not None else (None, None)
        for name, memory in zip(("source", "target"), ends, strict=True):
            side = self.query_one(f"#{name}", VerticalScroll)
            side.display = memory is not None
            if memory is not None:
                side.border_title = labelled(memory, END)
                side.query_one(Static).update(Content(escape_control(memory.content)))
                side.scroll_home(animate=False)

    # what is shown

    def _narrow(self) -> None:
        self.suggestions.narrow(self._queue.least, self._queue.project)
        self.show_texts()

    def action_narrow(self, by: int) -> None:
        self._queue.least = round(min(0.95, max(0.0, self._queue.least + by * _STEP)), 2)
        self._narrow()
        self._show_state()

    @asks
    async def action_project(self) -> None:
        counts = Counter(
            name for one in self._queue.waiting for name in {one.source.project, one.target.project} if name
        )
        choices = [Choice("", f"={name}", Content(f"{count:>5}  {line(name)}")) for name, count in counts.most_common()]
        every = Choice("", "=", Content(f"{len(self._queue.waiting):>5}  all projects"))
        chosen = await self.app.push_screen_wait(ChoiceDialog("Only of a project", [every, *choices]))
        if chosen is not None:
            self._queue.project = chosen[1:]
            self._narrow()
            self._show_state()

    # decisions

    @on(OptionList.OptionSelected)
    def accept(self) -> None:
        chosen = self.suggestions.chosen
        self._once_sure("accept", chosen, lambda: self._accept(chosen, None))

    def _once_sure(self, what: str, chosen: Sequence[Suggestion], act: Callable[[], object]) -> None:
        """At once, or of many when the person is sure."""
        if len(chosen) <= ASKS_ABOVE:
            act()
        else:
            self._ask_before(what, len(chosen), act)

    @asks
    async def _ask_before(self, what: str, number: int, act: Callable[[], object]) -> None:
        title = f"{what.capitalize()} {counted(number, 'suggestion')}?"
        if await sure_of_many(self.app, number, title, "One u in this list undoes it.", what):
            act()

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

    @asks
    async def action_accept_sure(self) -> None:
        """Accepts all that are sure and shown, in one act, after a look at what would be drawn."""
        least = max(_SURE, self._queue.least)
        sure = tuple(one for one in self.suggestions.shown if one.confidence >= least)
        if not sure:
            self._show_state(f"None is {least:.0%} sure")
            return
        if await self.app.push_screen_wait(_preview(sure, least)):
            self._accept(sure, None)

    def action_reject(self) -> None:
        chosen = self.suggestions.chosen

        async def act() -> None:
            await self._services.suggestions.reject(chosen)
            self._settle(chosen, None)

        if chosen:
            self._once_sure("reject", chosen, lambda: self._decide(f"reject {len(chosen):,}", act(), chosen))

    def action_undo(self) -> None:
        self._decide("undo the last decision", self._undo(), ())

    async def _undo(self) -> None:
        """Undoes the last decision of this dialog and no other act."""
        if not self._decided:
            self.say("Nothing was decided since this list was opened", wrong=True)
            return
        group, chosen, place = self._decided[-1]
        if group is None:
            for one in chosen:
                await self._services.suggestions.unreject(one.source.id, one.target.id)
        else:
            with contextlib.suppress(NothingToUndo):  # all of it was there before, or somebody undid it already
                preview = await self._services.memories.undo_preview(group)
                await self._services.memories.undo(preview.group)
        self._decided.pop()
        self.suggestions.bring_back(chosen, place)
        if self._queue.finished:
            self.suggestions.sort()
        self._queue.waiting = list(self.suggestions.all)
        self._show_state()

    @work(group="decide")
    async def _decide(self, what: str, act: Coroutine[object, object, None], about: Sequence[Suggestion]) -> None:
        """Writes a decision in its turn; the dialog stays until then."""
        try:
            await self.write(what, act, once=[f"{one.source.id} {one.target.id}" for one in about])
        except UnderWay as under_way:
            self._show_state(str(under_way))
        except MemoriaError as error:
            titles = {end.id: f'"{clip(title(end), 32)}"' for one in about for end in (one.source, one.target)}
            self._show_state(with_titles(not_done(what, error), titles.get))

    def _settle(self, chosen: Sequence[Suggestion], group: str | None) -> None:
        self._decided.append((group, chosen, self.suggestions.drop(chosen)))
        self._queue.waiting = list(self.suggestions.all)
        self.show_texts()
        self._show_state()

    def leave(self) -> None:
        here = self.suggestions.current
        self._queue.at = (here.source.id, here.target.id) if here is not None else None
        if self._queue.is_kept:
            self._keep_place()
        else:
            self._close()

    @work(group="keep")
    async def _keep_place(self) -> None:
        with contextlib.suppress(MemoriaError):  # the next start begins where this one began then
            await self._services.suggestions.keep_review_place(self._queue.place)
        self._close()

    def _close(self) -> None:
        self.dismiss(sum(len(chosen) for group, chosen, _ in self._decided if group is not None))


def _pair(one: Suggestion) -> frozenset[str]:
    return frozenset((one.source.id, one.target.id))


def _preview(sure: Sequence[Suggestion], least: float) -> ConfirmDialog:
    """What accepting them would draw."""
    types = ", ".join(f"{count} {kind.label}" for kind, count in Counter(one.type for one in sure).most_common())
    rows = [
        f"{one.confidence:.0%}  {clip(title(one.source), 30)} → {one.type.label} → {clip(title(one.target), 30)}"
        for one in sure[:_PREVIEWED]
    ]
    more = [f"and {len(sure) - _PREVIEWED:,} more"] if len(sure) > _PREVIEWED else []
    text = "\n".join((f"{types}; one undo undoes them", "", *rows, *more))
    return ConfirmDialog(f"Accept {len(sure):,} of {least:.0%} and more?", text, "accept them")
