"""The Inbox mode: what agents and imports wrote since a person looked, one memory at a time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from textual import on, work
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Static

from memoria_tui.dialogs.confirm import sure_of_many
from memoria_tui.keys.dialog_actions import asks
from memoria_tui.keys.waiting_keys import takes_text
from memoria_tui.modes.editing_screen import EditingScreen
from memoria_tui.modes.inbox.state import (
    Waiting,
    compared,
    compares,
    difference,
    near_row,
    nothing_chosen,
    nothing_waits,
    progress,
    what,
)
from memoria_tui.modes.linking import Linking
from memoria_tui.modes.memories.bulk_actions import BulkActions
from memoria_tui.modes.memories.editing import Editing, to_earlier
from memoria_tui.modes.memories.state import Targets, named
from memoria_tui.modes.mode import Failed, Idle, Loadable, Loaded
from memoria_tui.modes.trash import open_trash
from memoria_tui.setup import Setup
from memoria_tui.widgets.choice_list import ChoiceList
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.memory_list import AGES
from memoria_tui.widgets.part import Part
from memoria_tui.widgets.preview import Details, Preview
from services.curation.curation_values import GroupBy
from services.curation.inbox import InboxItem, Near
from services.errors import Conflict, MemoriaError, StoreUnavailable
from services.integrity.checks import SECRETS
from services.integrity.defects import Defect
from services.model import Hit, Memory, Progress, RelationType, Subject, any_of, counted
from services.ports import NewRelation, PendingReview
from services.secret_texts import SOUGHT, describe_secrets, masked
from services.times import day_of, day_start, person_zone

_MOST = 2_000
"""Memories that are put into groups at once."""
SNOOZED = "until tomorrow"
"""How long a memory that is snoozed is hidden."""
_ON_AN_ITEM = frozenset({"keep", "keep_group", "delete", "snooze", "group_by", "history", "step"})
"""Actions that need a memory under review."""
_ON_NOTHING = frozenset({"trash", "back"})
"""Those that need none; all other keys of the screen need one that is not deleted."""


class InboxScreen(EditingScreen):
    """The memory with what was changed at the left, what it is like at the right; below one another where narrow."""

    CSS_PATH = "inbox.tcss"
    HELP = "Inbox: review what agents and imports wrote"
    FOLLOWS = frozenset({Subject.MEMORIES, Subject.RELATIONS, Subject.HISTORY})

    FROM_ELSEWHERE = frozenset({"trash", "group_by"})
    BINDINGS = [
        Binding("enter", "keep", "Keep", id="inbox.keep", tooltip="Reviewed: keep it as it is"),
        Binding("asterisk", "keep_group", "Keep all", id="inbox.keep_group", tooltip="Keep all of this group"),
        Binding("e", "edit", "Edit", id="inbox.edit", tooltip="Edit the text in place"),
        Binding("full_stop", "retire", "Retire", id="inbox.retire", tooltip="Retire: outdated, let it expire now"),
        Binding("d", "delete", "Delete", id="inbox.delete", tooltip="Put into the trash"),
        Binding("M", "merge", "Merge", id="inbox.merge", tooltip="Merge into the chosen one at the right"),
        Binding("greater_than_sign", "supersede", "Supersede", id="inbox.supersede", tooltip="Supersede the chosen"),
        Binding("R", "restore", "Restore", id="inbox.restore", tooltip="As it was before the agent changed it"),
        Binding("t", "tags", "Tags", id="inbox.tags", tooltip="Add and remove tags"),
        Binding("l", "link", "Link", id="inbox.link", tooltip="Link it to another memory"),
        Binding("z", "snooze", "Snooze", id="inbox.snooze", tooltip=f"Snooze: hide it {SNOOZED}"),
        Binding("left_parenthesis", "mask", "Mask", id="inbox.mask", show=False, tooltip="Mask secrets in its text"),
        Binding("o", "group_by", "Group", id="inbox.group", show=False, tooltip=f"By {any_of(GroupBy)}"),
        Binding("right", "step(1)", "Next", id="inbox.next", show=False, tooltip="The next one, without a decision"),
        Binding("left", "step(-1)", "Before", id="inbox.before", show=False, tooltip="The one before"),
        Binding("down", "near(1)", "Next at the right", id="inbox.near", show=False, tooltip="Choose the next like it"),
        Binding("up", "near(-1)", "Before", id="inbox.nearer", show=False, tooltip="Choose the one before"),
        Binding("ctrl+e", "editor", "Editor", id="inbox.editor", show=False, tooltip="Edit in $EDITOR"),
        Binding("h", "history", "History", id="inbox.history", show=False, tooltip="Earlier versions"),
        Binding("ctrl+g", "graph", "Graph", id="inbox.graph", show=False, tooltip="Show it in the graph"),
        Binding("T", "trash", "Trash", id="inbox.trash", show=False, tooltip="Bring back, or erase for good"),
        Binding("v", "read", "Read", id="inbox.read", show=False, tooltip="Go to the text and scroll it"),
        Binding("r", "retry", "Again", id="inbox.retry", show=False, tooltip="Refresh"),
        Binding("escape", "back", "Back", id="inbox.back", show=False, tooltip="Leave the text"),
    ]  # fmt: skip

    state: var[Loadable[Waiting]] = var(Idle, init=False)

    near_list = Part("#near", ChoiceList)

    def __init__(self, mode: str, setup: Setup) -> None:
        super().__init__(mode, setup)
        self._bulk = BulkActions(self)
        self._editing = Editing(self, lambda: self.preview, setup.config.editor, lambda _: "", self._close_editor)
        self._linking = Linking(self)
        self._by: GroupBy | None = None
        """None: as the person had it last, which is not read yet."""
        self._place = 0
        """Where the memory under review is in the order of what waits."""
        self._wanted: str | None = None
        """The memory that is to be shown, while it waits."""
        self._seen: set[str] = set()
        """All that waited since the mode was opened."""
        self._before: frozenset[str] | None = None
        """What waited before an undo of which it is not known yet what it brought back."""
        self._asked = 0
        """How often it was asked what waits."""
        self._outdated = False
        """Whether others wrote while that was asked."""
        self._chosen = ("", "")
        """The memory under review, and the one chosen of those that are like it; it may be gone from these since."""
        self._decides = False
        """Whether a decision is being carried out: keys are meant for what comes after it."""
        self._drawn = ""
        """The memory that is on screen."""
        self._drawn_at = 0.0
        """Since when, in monotonic seconds: to keep and to snooze may be typed ahead, but nothing is done to a memory
        that was not there to be seen."""

    def compose_body(self) -> Iterable[Widget]:
        yield LazyStatic(id="progress")
        with Horizontal(id="body"):
            with Vertical(id="item"):
                yield LazyStatic(id="what")
                with VerticalScroll(id="changed"):
                    yield LazyStatic(id="difference")
                yield Preview(self.clock, self.read_details, id="preview")
            with Vertical(id="beside"):
                yield LazyStatic(id="beside-title")
                near = ChoiceList(id="near")
                near.can_focus = False
                yield near
                with VerticalScroll(id="compared"):
                    yield LazyStatic(id="comparison")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        item = self.item
        if self.is_editing:
            return action == "back"
        if action in _ON_AN_ITEM:
            return item is not None
        if action == "restore":
            return item is not None and item.before is not None
        if action == "retry":
            return not isinstance(self.state, Idle)
        return action in _ON_NOTHING or action not in _OWN or (item is not None and item.now is not None)

    def notice(self, state: Loadable[Waiting]) -> Content | None:
        if isinstance(state, Loaded) and state.value.item is None:
            return nothing_waits(state.value)
        return super().notice(state)

    @property
    def owes_answer(self) -> bool:
        return self._decides or self.under_way("inbox")

    # what waits

    @property
    def waiting(self) -> Waiting | None:
        return self.state.value if isinstance(self.state, Loaded) else None

    @property
    def item(self) -> InboxItem | None:
        """The memory under review."""
        return self.waiting.item if self.waiting is not None else None

    @property
    def near(self) -> Near | None:
        """The one chosen of those that are like it."""
        if not self.is_mounted or self.waiting is None or (index := self.near_list.highlighted) is None:
            return None
        return self.waiting.near[index] if index < len(self.waiting.near) else None

    async def read_details(self, memory_id: str) -> Details:
        """Who reviewed it stands above it."""
        relations, history, _ = await super().read_details(memory_id)
        return relations, history, None

    def title_of(self, memory_id: str) -> str | None:
        near = self.waiting.near if self.waiting is not None else ()
        known = [*([self.item.memory] if self.item is not None else []), *(one.memory for one in near)]
        return next((named(one) for one in known if one.id == memory_id), None)

    def changed(self) -> None:
        """What an undo brings back comes on screen."""
        if self.waiting is not None:
            self._before = frozenset(one.memory_id for one in self.waiting.order)
        super().changed()

    def changed_outside(self, subjects: frozenset[Subject]) -> None:
        self._outdated = self.owes_answer
        if not self._outdated:
            self._look_again()

    @work(exclusive=True, group="again")
    async def _look_again(self, *, refused: bool = False) -> None:
        """Keys wait for it no longer: they are meant for what is on the screen, which stays where it is.

        `refused`: an act was, which told that one of the memories was changed.
        """
        before, chosen = self.item, self.near
        await self._show()
        if before is None or self.is_editing:  # of an edit the editor tells
            return
        if self.item is None or self.item.pending != before.pending:
            self.say_taken(before.memory.id, f"{named(before.memory)} was changed or reviewed by somebody else")
        elif not refused and chosen is not None and (self.near is None or self.near.memory.id != chosen.memory.id):
            self.say_taken(chosen.memory.id, f"{named(chosen.memory)} was changed or deleted by somebody else")

    @work(exclusive=True, group="inbox")
    async def load(self, *, known: Waiting | None = None) -> None:
        """`known`: what waits, of which another memory is to be shown."""
        await self._show(known)
        if self._outdated:
            self._outdated = False
            self._look_again()
        elif self._asked == 1:
            self._compare_all()

    async def _show(self, known: Waiting | None = None) -> None:
        self._asked += 1
        asked = self._asked
        try:
            waiting = await self._with_item(known or await self._waiting())
        except MemoriaError as error:
            if not (isinstance(error, StoreUnavailable) and isinstance(self.state, Loaded)):
                self.state = Failed(error)
            return
        if asked != self._asked:
            return  # it was asked again since
        if waiting.item is not None:
            self._wanted = waiting.item.pending.memory_id
            self._place = waiting.order.index(waiting.item.pending)
        self.shown()
        self.state = Loaded(waiting)
        self.status = replace(self.status, unreviewed=len(waiting.order) + waiting.more)

    @work(exclusive=True, group="compare")
    async def _compare_all(self) -> None:
        """Before somebody asks for findings, which would wait for it; where it fails, these say why."""
        with contextlib.suppress(MemoriaError):
            await self.services.inbox.look(await self.services.inbox.pending(_MOST), self._show_progress)

    def _show_progress(self, progress: Progress) -> None:
        """While keys wait for findings."""
        if self._by is GroupBy.FINDING and self.under_way("inbox"):
            total = progress.total or 0
            self.query_one("#progress", Static).update(compares(progress.done, total), layout=False)

    async def _waiting(self) -> Waiting:
        inbox = self.services.inbox
        by = self._by = self._by or await inbox.group_by()
        pending = await inbox.pending(_MOST)
        more = await inbox.count() - len(pending) if len(pending) == _MOST else 0
        seen = self._seen.copy()
        self._seen |= {one.memory_id for one in pending}
        done = len(self._seen) - len(pending)
        if (before := self._before) is not None:
            self._before = None
            again = (one.memory_id for one in pending if one.memory_id not in before and one.memory_id in seen)
            self._wanted = next(again, self._wanted)
        return Waiting(by, tuple(await inbox.grouped(pending, by, self._show_progress)), done=done, more=more)

    async def _with_item(self, waiting: Waiting) -> Waiting:
        """With the memory that is to be shown, and what it is like; those that are gone for good are passed over."""
        inbox = self.services.inbox
        for one in self._from_here(waiting.order):
            if items := await inbox.items([one]):
                near = await inbox.near(items[0].now) if items[0].now is not None else ()
                secrets = await asyncio.to_thread(describe_secrets, items[0].memory.content)
                return replace(waiting, item=items[0], near=near, secrets=secrets)
        return replace(waiting, item=None, near=(), secrets="")

    def _from_here(self, order: Sequence[PendingReview]) -> Sequence[PendingReview]:
        """What is to be shown first: the memory that is wanted, else what is in its place by now."""
        places = {one.memory_id: place for place, one in enumerate(order)}
        place = places.get(self._wanted or "", min(self._place, max(0, len(order) - 1)))
        return [*order[place:], *order[:place]]

    def on_mount(self) -> None:
        self.set_interval(AGES, self._draw_ages, name="ages")

    def _draw_ages(self) -> None:
        if (shown := self.waiting) is None or self.is_editing:
            return
        self.query_one("#progress", Static).update(progress(shown, self.clock()), layout=False)
        if shown.item is not None:
            self.query_one("#what", Static).update(what(shown.item, shown.secrets, self.clock()), layout=False)

    def draw(self, shown: Waiting) -> None:
        if self.is_editing:
            return
        self._draw_ages()
        if (item := shown.item) is None:
            return
        if item.memory.id != self._drawn:
            self._drawn, self._drawn_at = item.memory.id, time.monotonic()
        changed = difference(item)
        self.query_one("#changed").display = changed is not None
        self.query_one("#difference", Static).update(changed or "")
        self.preview.show(Hit(item.memory))
        pairs = [(item.memory.id, one.memory.id) for one in shown.near]
        first = 0 if pairs and self._chosen[0] != item.memory.id else None
        self.set_class(not shown.near, "-alone")
        self.near_list.set_options(near_row(one, item.memory.created_at) for one in shown.near)
        self.near_list.highlighted = pairs.index(self._chosen) if self._chosen in pairs else first
        self.query_one("#beside-title", Static).update("resembles" if shown.near else "resembles nothing", layout=False)
        self._compare()

    @on(ChoiceList.OptionHighlighted, "#near")
    def _compare(self) -> None:
        if self.item is None or self.near is None:
            gone = self.waiting is not None and self.waiting.near
            self.query_one("#comparison", Static).update(nothing_chosen() if gone else "")
            return
        self._chosen = self.item.memory.id, self.near.memory.id
        self.query_one("#comparison", Static).update(compared(self.item, self.near))

    # decisions

    async def _decide(
        self, told: str, act: Coroutine[object, object, object], ids: Sequence[str], *, vectors: bool = False
    ) -> None:
        """Carries out what a person decided, and goes on to what waits next; a text that `act` gives is told."""
        self._decides = True
        try:
            if (done := await self.write(told, act, once=ids, vectors=vectors)) is not None:
                self._decided(done if isinstance(done, str) and done else told)
            else:
                self._outdated = False
                self._look_again(refused=True)
        finally:
            self._decides = False

    def _decided(self, told: str) -> None:
        self.say_done(f"{told[0].upper()}{told[1:]}")
        self.load()

    def _current(self) -> InboxItem:
        assert self.item is not None
        return self.item

    def _memory(self) -> Memory:
        """As it is now; only for actions that are not there for what is deleted."""
        assert self.item is not None
        assert self.item.now is not None
        return self.item.now

    async def _keep(self, told: str, pending: Sequence[PendingReview]) -> None:
        await self._decide(told, self._review(pending), [one.memory_id for one in pending])

    async def _review(self, pending: Sequence[PendingReview]) -> str:
        """What was kept, where it is not all: the others were changed since they were shown, or reviewed elsewhere.

        Raises Conflict where nothing was kept.
        """
        count = await self.services.inbox.keep({one.memory_id: one.last_change for one in pending})
        if not count:
            self.load()
            raise Conflict("it changed since that was shown, or was reviewed elsewhere", None)
        missed = len(pending) - count
        return f"kept {counted(count)}; {missed:,} changed since that was shown" if missed else ""

    @asks
    async def action_keep(self) -> None:
        await self._keep(f"kept {named(self._current().memory)}", [self._current().pending])

    @asks
    async def action_keep_group(self) -> None:
        group = self.waiting.group if self.waiting is not None else None
        if not self.was_pressed_on(self._drawn_at) or group is None:
            return
        what = f"{counted(number := len(group.pending))} of {group.name or 'no project'}"
        question = "Nobody looked at each of them. One u undoes it."
        if await sure_of_many(self.app, number, f"Keep {what}?", question, "keep"):
            await self._keep(f"kept {what}", group.pending)

    @asks
    async def action_retire(self) -> None:
        if not self.was_pressed_on(self._drawn_at):
            return
        memory = self._memory()
        await self._decide(
            f"retired {named(memory)}", self.services.inbox.retire([memory.id]), [memory.id], vectors=True
        )

    @asks
    async def action_mask(self) -> None:
        """As the repair of secrets does; what is masked is kept, in one act."""
        if not self.was_pressed_on(self._drawn_at):
            return
        item, memory = self._current(), self._memory()
        if self.waiting is None or not (secrets := self.waiting.secrets):
            self.refuse(f"No secret is found in the text: {SOUGHT} are looked for", wrong=False)
            return
        what = f"masked {secrets} in {named(replace(memory, content=masked(memory.content)))}"
        await self._decide(what, self._mask(item, what), [memory.id], vectors=True)

    async def _mask(self, item: InboxItem, what: str) -> str:
        """What there is to say of it."""
        id_ = item.memory.id
        done = await self.services.integrity.repair([Defect(SECRETS, id_)])
        if done.memories:
            await self.services.inbox.keep({id_: item.pending.last_change}, done.group)
        return f"{what}; the history has it until the memory is deleted and erased (T, Z)"

    @asks
    async def action_delete(self) -> None:
        if not self.was_pressed_on(self._drawn_at):
            return
        item = self._current()
        if item.now is None:  # the agent did
            await self._keep(f"left {named(item.memory)} deleted", [item.pending])
            return
        act = self.services.memories.delete([item.now.id])
        await self._decide(f"deleted {named(item.now)}", act, [item.now.id], vectors=True)

    @asks
    async def action_merge(self) -> None:
        if not self.was_pressed_on(self._drawn_at):
            return
        memory = self._memory()
        if (target := await self._target(f"Merge {named(memory)} into")) is not None:
            act = self.services.inbox.merge_into(memory, target)
            await self._decide(f"merged {named(memory)} into {named(target)}", act, [memory.id], vectors=True)

    @asks
    async def action_supersede(self) -> None:
        if not self.was_pressed_on(self._drawn_at):
            return
        memory = self._memory()
        if (target := await self._target(f"{named(memory)} supersedes")) is not None:
            act = self.services.graph.link_many([NewRelation(memory.id, target.id, RelationType.SUPERSEDES)])
            await self._decide(f"{named(memory)} supersedes {named(target)}", act, [memory.id])

    async def _target(self, title: str) -> Memory | None:
        """The chosen one at the right; where nothing is like the memory, one that is searched for."""
        if self.near is not None:
            return self.near.memory
        if self.waiting is not None and self.waiting.near:
            self.refuse("None at the right is chosen: the one that was is there no more", wrong=False)
            return None
        return await self._linking.pick(title, ())

    @asks
    async def action_restore(self) -> None:
        """What is deleted comes back, what is changed becomes as it was."""
        if not self.was_pressed_on(self._drawn_at):
            return
        item = self._current()
        assert item.before is not None
        memories, told = self.services.memories, f"restored {named(item.before)}"
        if item.now is None:
            await self._decide(told, memories.restore([item.before.id]), [item.before.id], vectors=True)
            return
        act = memories.update(item.now, to_earlier(item.now, item.before))
        if await self.write(told, act, once=[item.now.id], vectors=True) is None:
            return
        if item.now.content == item.before.content:  # which is no decision by itself
            await self._keep(told, [item.pending])
        else:
            self._decided(told)

    @asks
    async def action_snooze(self) -> None:
        item = self._current()
        zone = person_zone(self.services.settings)
        until = day_start(day_of(self.clock(), zone) + timedelta(days=1), zone)
        act = self.services.inbox.snooze([item.pending.memory_id], until)
        await self._decide(f"snoozed {named(item.memory)} {SNOOZED}", act, [item.pending.memory_id])

    # what decides nothing yet

    @asks
    async def action_trash(self) -> None:
        await open_trash(self)

    @takes_text
    @asks
    async def action_tags(self) -> None:
        memory = self._memory()
        await self._bulk.tag(Targets((memory.id,), {memory.id: memory}))

    @takes_text
    @asks
    async def action_link(self) -> None:
        memory = self._memory()
        at_hand = [near.memory for near in (self.waiting.near if self.waiting is not None else ())]
        if (target := await self._linking.pick(f"Link {named(memory)}", at_hand)) is not None:
            await self._linking.link([memory], target)

    @asks
    async def action_history(self) -> None:
        await self._editing.show_history(self._current().memory)

    def action_graph(self) -> None:
        self.post_message(self.GraphWanted(self._memory().id))

    def action_step(self, by: int) -> None:
        if self.waiting is not None and (order := self.waiting.order):
            self._place = (self._place + by) % len(order)
            self._wanted = order[self._place].memory_id
            self.load(known=self.waiting)

    def action_group_by(self) -> None:
        ways = list(GroupBy)
        self._by = by = ways[(ways.index(self._by or GroupBy.SESSION) + 1) % len(ways)]
        if self._by is GroupBy.FINDING:  # begins with what is most urgent
            self._wanted, self._place = None, 0
        self.say(f"Grouped by {by}")
        self._keep_group_by(by)
        self.load()

    @work(exclusive=True, group="keep")
    async def _keep_group_by(self, by: GroupBy) -> None:
        with contextlib.suppress(MemoriaError):  # the next start groups as this one did
            await self.services.inbox.keep_group_by(by)

    def action_near(self, by: int) -> None:
        if self.near_list.option_count:
            place = self.near_list.highlighted
            start = place if place is not None else -1 if by > 0 else 0
            self.near_list.highlighted = (start + by) % self.near_list.option_count

    def action_read(self) -> None:
        self.query_one("#preview-page").focus()

    def action_back(self) -> None:
        self.set_focus(None)

    # the text

    @takes_text
    @asks
    async def action_edit(self) -> None:
        if memory := await self._read_current():
            await self._editing.open(memory)
            self.set_class(self.is_editing, "-editing")

    async def _read_current(self) -> Memory | None:
        return await self._editing.read(self._memory())

    def _close_editor(self) -> None:
        self.remove_class("-editing")
        self.preview.end_edit()
        self.set_focus(None)
        self.load()


_OWN = frozenset(one.action.partition("(")[0] for one in InboxScreen.BINDINGS if isinstance(one, Binding))
"""Actions of the keys of the screen."""
