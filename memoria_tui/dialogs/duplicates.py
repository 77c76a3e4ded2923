"""Near-identical memories side by side: merge them, keep both, or say that one supersedes the other."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING

from textual import getters, on, work
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static

from memoria_tui.dialogs.changing_dialog import ChangingDialog
from memoria_tui.dialogs.choice import Choice, ChoiceDialog
from memoria_tui.dialogs.confirm import ConfirmDialog
from memoria_tui.dialogs.difference_view import sides
from memoria_tui.dialogs.merged_text import MergedText, merge_line, named, read_again, what_became
from memoria_tui.keys.dialog_actions import asks
from memoria_tui.text.present import ago, clip, labelled, line, title, with_titles
from memoria_tui.text.text_difference import merged
from memoria_tui.widgets.choice_list import ChoiceList
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.write_queue import NOTHING_CHANGED, UnderWay, not_done, pressed_before
from services.curation.duplicates import Cluster, mergeable
from services.curation.text_likeness import Alike, Duplicate
from services.distinctive_words import words_that_differ
from services.errors import MemoriaError
from services.model import Memory, RelationType, Subject, counted
from services.ports import Clock, NewRelation

if TYPE_CHECKING:
    from services.container import Services

_MUTED = "$foreground 60%"
_SAID = {
    Alike.SAME: "the same words",
    Alike.NEAR: "nearly the same words",
    Alike.MEANING: "other words",
    Alike.DIFFERS: "facts differ",
}
_LEVELS = (("s", 1.0, "the same words"), ("t", 0.95, "at least 95 % of the words"), ("n", 0.9, "at least 90 %"))
"""Key, share of the words, and what it is called."""
_NAMED = 8
"""Groups that a question names one by one."""
_LOST, _TITLE_OF_A_GROUP = 4, 36
"""Words that it says are lost, and cells of each as of the title."""
_LISTED = 200
"""Pairs that are listed at once, the most alike: the others follow as these are decided on."""
_TITLE = 200
_ON_A_PAIR = ("merge", "swap", "keep_both", "supersede", "edit", "merge_all")
"""What does nothing while none is listed."""


class DuplicatesDialog(ChangingDialog):
    """A list of pairs with both texts below; a scan goes on behind it."""

    AUTO_FOCUS = "ChoiceList"
    HELP = "Near-identical memories"
    FOLLOWS = frozenset({Subject.MEMORIES})
    KEYS = (
        ("M", "merge"),
        ("space", "other side"),
        ("enter", "keep both"),
        (">", "supersedes"),
        ("e", "merge texts"),
        ("*", "all"),
        ("u", "undo"),
        ("esc", "close"),
    )
    KEYS_IF_EMPTY = (("u", "undo"), ("esc", "close"))
    KEYS_GAP = 2
    BINDINGS = [
        Binding("M", "merge", "Merge", id="duplicates.merge", tooltip="Merge the right one into the left one"),
        Binding("space", "swap", "Other side", id="duplicates.swap", tooltip="Turn the sides: the other one stays"),
        Binding("enter", "keep_both", "Keep both", id="duplicates.keep", tooltip="Keep and relate both", priority=True),
        Binding(
            "greater_than_sign",
            "supersede",
            "Supersedes",
            id="duplicates.supersede",
            tooltip="The left one supersedes the right one",
        ),
        Binding("e", "edit", "Merge texts", id="duplicates.edit", tooltip="Merge, with lines of both"),
        Binding("asterisk", "merge_all", "All", id="duplicates.all", tooltip="Merge all that need no look"),
        Binding("u", "app.undo", "Undo", id="duplicates.undo", tooltip="Undo the last change"),
        Binding("question_mark", "app.help", "Help", id="duplicates.help", tooltip="What can be done here"),
    ]

    rows = getters.query_one(ChoiceList)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return (action not in _ON_A_PAIR or bool(self._pairs)) and super().check_action(action, parameters)

    def __init__(self, services: Services, clock: Clock, chosen: Sequence[str] = ()) -> None:
        """`chosen`: only the memories of these ids, however little they are alike."""
        super().__init__("Duplicates")
        self._services = services
        self._clock = clock
        self._chosen = chosen
        self._clusters: tuple[Cluster, ...] = ()
        self._pairs: tuple[tuple[Cluster, Duplicate], ...] = ()
        self._swapped: frozenset[str] = frozenset()
        """The pair of which the other one is to stay."""
        self._compared: tuple[Memory, Memory] | None = None
        """Those whose texts are shown."""
        self._moved_at = 0.0
        """When another pair took the place of the one under the cursor, in monotonic seconds."""
        self._refused = False
        """Whether a decision was, since the list was read: of its memories one may be another by now."""
        self._outside = ""
        """What others did to the pair under the cursor, for the next look at the list."""
        self._outdated = False
        """Whether others wrote since the list was read."""
        self._progress = ""
        self._decided: list[frozenset[str]] = []
        """The memories of each decision that was not undone."""
        self._aim: frozenset[str] = frozenset()
        """Those on which the cursor is to be."""

    def compose_body(self) -> Iterable[Widget]:
        yield LazyStatic(id="scan")
        yield ChoiceList(markup=False)
        with Horizontal(classes="sides") as texts:
            texts.display = False
            for name, told in (("stays", "stays"), ("goes", "goes to the trash")):
                with VerticalScroll(id=name) as side:
                    side.border_title = told
                    yield Static(classes="about")
                    yield Static(classes="text")
        yield LazyStatic(id="hint")

    @property
    def owes_answer(self) -> bool:
        return super().owes_answer or self._compared != self._pair

    def undone(self, line: str) -> None:
        self._aim = self._decided.pop() if self._decided else frozenset()
        super().undone(line)

    # finding

    async def _show(self) -> None:
        """What was found so far, or is left of the chosen ones."""
        service = self._services.duplicates
        try:
            draw = self._draw_and_say if self._refused else self._draw
            self._refused = self._outdated = False
            if self._chosen:
                draw([self._undecided(one) for one in await service.among(self._chosen)])
            else:
                draw(await service.clusters())
                self._scan()
        except MemoriaError as error:
            self.say(str(error), wrong=True)

    def _undecided(self, cluster: Cluster) -> Cluster:
        others = (one for one in cluster.others if _key(cluster.kept, one.memory) not in self._decided)
        return replace(cluster, others=tuple(others))

    @work(exclusive=True, group="scan")
    async def _scan(self) -> None:
        """Goes on with the scan, and shows what it finds; leaving the dialog stops it."""
        service, known = self._services.duplicates, 0
        try:
            async for step in self._services.duplicate_scan.scan():
                self._progress = f"scanned {step.done:,} of {step.total:,}"
                self._show_state()
                if step.found != known and not self._pairs:
                    self._draw(await service.clusters())
                known = step.found
            self._progress = ""
            found = await service.clusters()
        except MemoriaError as error:
            self.say(str(error), wrong=True)
            return
        self._draw_and_say(found)

    def _draw_and_say(self, clusters: Sequence[Cluster]) -> None:
        """Says so where the pair under the cursor is gone, or another one, by no decision made here."""
        before, outside = self._pair, self._outside
        self._draw(clusters)
        self._outside = ""
        if before is None:
            return
        if self._pair is None or _key(*before) != _key(*self._pair):
            self._moved_at = monotonic()
            self.say(outside or "The pair that was here is listed no more", wrong=True)
        elif what_became(before, self._pair):
            self._moved_at = monotonic()
            if outside:
                self.say(f"{outside}: this is how it is now", wrong=True)

    # what others write

    def changed_outside(self) -> None:
        self._outdated = True
        self._look_again()

    @work(exclusive=True, group="changes")
    async def _look_again(self) -> None:
        """Reads the list again where others changed or deleted what is shown."""
        if (pair := self._pair) is None or self.saving or self.owes_answer:
            return
        try:
            became = what_became(pair, await read_again(self._services.memories, pair))
        except MemoriaError:
            return  # it is told by what asks next
        self._outdated = False
        if became and pair == self._pair and not self.saving:
            self._outside, self._refused = f"{became} by another program", True
            self._load()

    def _draw(self, clusters: Sequence[Cluster]) -> None:
        """The cursor stays on its pair, else where it was."""
        if not self.is_attached:
            return
        aim = self._aim or (_key(*self._pair) if self._pair is not None else None)
        place, self._aim = self.rows.highlighted or 0, frozenset()
        self._clusters = tuple(one for one in clusters if one.others)
        pairs = tuple(islice(((one, other) for one in clusters for other in one.others), _LISTED))
        if pairs != self._pairs:
            self.rows.set_options(_row(one, other) for one, other in pairs)
        self._pairs = pairs
        keys = [_key(one.kept, other.memory) for one, other in self._pairs]
        place = keys.index(aim) if aim in keys else min(place, len(keys) - 1)
        self.rows.highlighted = place if keys else None
        self._show_state()
        self._compare()

    def _show_state(self) -> None:
        self.show_empty(not self._pairs)
        number = counted(len(self._clusters), "group") if self._pairs else "" if self._progress else "No duplicates"
        pairs = sum(len(one.others) for one in self._clusters)
        listed = f"the first {len(self._pairs)} of {pairs:,} pairs are listed" if pairs > len(self._pairs) else ""
        self.query_one("#scan", Static).update(Content(" · ".join(filter(None, (number, listed, self._progress)))))

    @property
    def _pair(self) -> tuple[Memory, Memory] | None:
        """The one that would stay, and the other."""
        place = self.rows.highlighted if self._pairs else None
        if place is None or place >= len(self._pairs):
            return None
        cluster, other = self._pairs[place]
        pair = cluster.kept, other.memory
        return pair[::-1] if _key(*pair) == self._swapped else pair

    @on(OptionList.OptionHighlighted)
    def follow(self) -> None:
        if self._pair is None or _key(*self._pair) != self._swapped:
            self._swapped = frozenset()
        self._compare()

    @work(exclusive=True, group="compare")
    async def _compare(self) -> None:
        """Shows both texts, which takes seconds with long ones."""
        pair = self._pair
        self.query_one(".sides").display = pair is not None
        if pair is not None and pair != self._compared:
            texts = await asyncio.to_thread(sides, pair[1].content, pair[0].content)
            for name, memory, text in zip(("goes", "stays"), pair[::-1], texts, strict=True):
                side = self.query_one(f"#{name}")
                side.query_one(".about", Static).update(_about(memory, self._clock))
                side.query_one(".text", Static).update(text)
        self._compared = pair
        if self._outdated:
            self._look_again()

    # deciding

    def action_swap(self) -> None:
        if self._pair is not None:
            self._swapped ^= _key(*self._pair)
            self._compare()

    def _seen(self) -> tuple[Memory, Memory] | None:
        """The pair, unless the key was pressed on the one that was there before."""
        return None if pressed_before(self.app, self._moved_at) else self._pair

    def action_merge(self) -> None:
        if (pair := self._seen()) is not None:
            act = self._services.duplicates.merge([(pair[0], [pair[1]])])
            self._decide(merge_line(pair), act, pair, vectors=True)

    def action_keep_both(self) -> None:
        if (pair := self._seen()) is not None:
            act = self._services.duplicates.keep_apart(pair)
            self._decide(f"kept both {named(pair[0])} and {named(pair[1])}", act, pair)

    def action_supersede(self) -> None:
        if (pair := self._seen()) is not None:
            relation = NewRelation(pair[0].id, pair[1].id, RelationType.SUPERSEDES)
            act = self._services.graph.link_many([relation])
            self._decide(f"{named(pair[0])} supersedes {named(pair[1])}", act, pair)

    @asks
    async def action_edit(self) -> None:
        if (pair := self._seen()) is None:
            return

        both = await asyncio.to_thread(merged, pair[0].content, pair[1].content, marked=False)
        if said := await self.app.push_screen_wait(MergedText(self._services, pair, both)):
            self._done(self._decided_on(said, pair))
        else:
            self._look_again()

    @asks
    async def action_merge_all(self) -> None:
        """Asks how alike they must be, then shows what would be merged."""
        unseen = await asyncio.to_thread(mergeable, self._clusters)  # long texts take their time
        sure = {str(share): _alike(unseen, share) for _, share, _ in _LEVELS}
        choices = [
            Choice(key, str(share), Content(f"{said}: {counted(_going(sure[str(share)]))}"))
            for key, share, said in _LEVELS
        ]
        about = "Of one type and project, with the same words but for case, articles and what ends a clause."
        if (share := await self.app.push_screen_wait(ChoiceDialog("Merge all with", choices, about=about))) is None:
            return
        chosen = sure[share]
        if not chosen:
            self.say("None is so alike")
            return
        named = await asyncio.to_thread(lambda: [_merge_line(one) for one in chosen[:_NAMED]])
        more = [f"… and {len(chosen) - _NAMED:,} groups more"] if len(chosen) > _NAMED else []
        told = f"{counted(_going(chosen))} into {len(chosen):,}"
        question = "\n".join((*named, *more))
        if await self.app.push_screen_wait(ConfirmDialog(f"Merge {told}?", question, "merge")):
            pairs = [(one.kept, [other.memory for other in one.others]) for one in chosen]
            act = self._services.duplicates.merge(pairs)
            going = [one.memory for group in chosen for one in group.others]
            self._decide(f"merged {told}", act, going, vectors=True)

    @work(group="decide")
    async def _decide(
        self, told: str, act: Coroutine[object, object, object], about: Sequence[Memory], *, vectors: bool = False
    ) -> None:
        """Writes a decision, and shows what is left."""
        try:
            self._done(await self._write(told, act, about, vectors=vectors))
        except UnderWay as under_way:
            self.say(str(under_way))
        except MemoriaError as error:
            titles = {one.id: named(one) for one in about}
            self.say(with_titles(not_done(told, error), titles.get), wrong=True)
            self._refused = True
            self._load()

    async def _write(
        self, told: str, act: Coroutine[object, object, object], about: Sequence[Memory], *, vectors: bool
    ) -> str:
        """Writes a decision in its turn; gives what there is to say of it. Raises the act's errors."""
        if not await self.write(told, act, once=[one.id for one in about], vectors=vectors):
            return NOTHING_CHANGED
        return self._decided_on(told, about)

    def _decided_on(self, told: str, about: Sequence[Memory]) -> str:
        self._changed = True
        self._decided.append(frozenset(one.id for one in about))
        return f"{told[0].upper()}{told[1:]} · u to undo"


def _key(one: Memory, other: Memory) -> frozenset[str]:
    return frozenset((one.id, other.id))


def _row(cluster: Cluster, other: Duplicate) -> Content:
    """«98 %  nearly the same words  ◆ the first line»."""
    style = "$warning" if other.kind is Alike.DIFFERS else _MUTED
    said = (f"{other.shared:>5.0%}  ", "bold"), (f"{_SAID[other.kind]:<22}", style)
    return Content.assemble(*said, labelled(cluster.kept, _TITLE))


def _about(memory: Memory, clock: Clock) -> Content:
    """«api · #auth #jwt · importance 0.8 · 3 d ago»."""
    tags = " ".join(f"#{tag}" for tag in memory.tags)
    made = ago(memory.created_at, clock()) if memory.created_at else ""
    parts = (memory.type.value, memory.project or "", tags, f"importance {memory.importance:g}", made)
    return Content.styled(clip(line(" · ".join(filter(None, parts))), _TITLE), _MUTED)


def _alike(clusters: Sequence[Cluster], share: float) -> tuple[Cluster, ...]:
    """Those that have so many words in common."""
    alike = [Cluster(one.kept, tuple(other for other in one.others if other.shared >= share)) for one in clusters]
    return tuple(one for one in alike if one.others)


def _merge_line(cluster: Cluster) -> str:
    """«the first line  ← 2 · the same words», or the words that the one which stays has not: «← 1 · lost: late, 10»."""
    lost = dict[str, None]()
    for other in cluster.others:
        if other.shared < 1.0:
            pairs = words_that_differ(cluster.kept.content, other.memory.content)
            bare = [(_bare(one), _bare(it)) for one, it in pairs]
            lost |= dict.fromkeys(it for one, it in bare if it.casefold() not in ("", one.casefold()))
    shown = [clip(line(one), _TITLE_OF_A_GROUP) for one in [*lost][:_LOST]] + ["…"] * (len(lost) > _LOST)
    told = f"lost: {', '.join(shown)}" if lost else "the same words"
    return f"{clip(line(title(cluster.kept)), _TITLE_OF_A_GROUP)}  ← {len(cluster.others)} · {told}"


def _bare(words: str) -> str:
    return words.strip(".,;:!?")


def _going(clusters: Sequence[Cluster]) -> int:
    return sum(len(one.others) for one in clusters)
