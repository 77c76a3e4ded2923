"""Near-identical memories side by side: merge them, keep both, or say that one supersedes the other."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from textual import getters, on, work
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static, TextArea

from memoria_tui.dialogs.choice import Choice, ChoiceDialog
from memoria_tui.dialogs.confirm import ConfirmDialog
from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.dialogs.difference_view import sides
from memoria_tui.difference import merged
from memoria_tui.opening import asks
from memoria_tui.present import ago, clip, counted, labelled, line, title
from memoria_tui.widgets.choice_list import ChoiceList
from memoria_tui.writes import UnderWay, not_done
from services.curation.duplicates import Alike, Cluster, Duplicate, mergeable
from services.errors import MemoriaError
from services.model import Memory, RelationType
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
_TITLE = 200


class DuplicatesDialog(Dialog[bool]):
    """A list of pairs with both texts below; a scan goes on behind it. Answers whether something was changed."""

    AUTO_FOCUS = "ChoiceList"
    HELP = "Near-identical memories"
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
    KEYS_GAP = 2
    BINDINGS = [
        Binding("M", "merge", "Merge", id="duplicates.merge", tooltip="Merge the right one into the left one"),
        Binding("space", "swap", "Other side", id="duplicates.swap", tooltip="Let the other one stay"),
        Binding("greater_than_sign", "supersede", "Supersedes", id="duplicates.supersede", tooltip="The left one does"),
        Binding("e", "edit", "Merge texts", id="duplicates.edit", tooltip="Merge, with lines of both"),
        Binding("asterisk", "merge_all", "All", id="duplicates.all", tooltip="Merge all that need no look"),
        Binding("u", "app.undo", "Undo", id="duplicates.undo", tooltip="Undo the last change"),
        Binding("question_mark", "app.help", "Help", id="duplicates.help", tooltip="What can be done here"),
    ]

    rows = getters.query_one(ChoiceList)

    def __init__(self, services: Services, clock: Clock, chosen: Cluster | None = None) -> None:
        """`chosen`: only these memories, however little they are alike."""
        super().__init__("Duplicates")
        self._services = services
        self._clock = clock
        self._chosen = chosen
        self._clusters: tuple[Cluster, ...] = ()
        self._pairs: tuple[tuple[Cluster, Duplicate], ...] = ()
        self._swapped = False
        self._changed = False
        self._progress = ""
        self._decided: frozenset[str] = frozenset()
        """The memories of the last decision."""
        self._aim: frozenset[str] = frozenset()
        """Those on which the cursor is to be."""

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="scan")
        yield ChoiceList(markup=False)
        with Horizontal(classes="sides") as texts:
            texts.display = False
            for name, told in (("stays", "stays"), ("goes", "goes to the trash")):
                with VerticalScroll(id=name) as side:
                    side.border_title = told
                    yield Static(classes="about")
                    yield Static(classes="text")
        yield Static(id="hint")

    def on_mount(self) -> None:
        super().on_mount()
        self._find()

    def leave(self) -> None:
        self.dismiss(self._changed)

    def undone(self, line: str) -> None:
        self._changed, self._aim = True, self._decided
        self.say(line)
        self._find()

    # finding

    @work(exclusive=True, group="duplicates")
    async def _find(self) -> None:
        """Shows what was found so far, goes on with the scan, and shows the rest; leaving the dialog stops it."""
        if self._chosen is not None:
            self._show((self._chosen,) if not self._changed else ())
            return
        service, known = self._services.duplicates, -1
        try:
            self._show(await service.clusters())
            async for step in service.scan():
                self._progress = f"scanned {step.done:,} of {step.total:,}"
                self._tell()
                if step.found != known and not self._pairs:
                    self._show(await service.clusters())
                known = step.found
            self._progress = ""
            self._show(await service.clusters())
        except MemoriaError as error:
            self.say(str(error), wrong=True)

    def _show(self, clusters: tuple[Cluster, ...]) -> None:
        """The cursor stays on its pair, else where it was."""
        if not self.is_attached:
            return
        aim = self._aim or (_key(*self._pair) if self._pair is not None else None)
        place, self._aim = self.rows.highlighted or 0, frozenset()
        self._clusters = clusters
        self._pairs = tuple((one, other) for one in clusters for other in one.others)
        keys = [_key(one.kept, other.memory) for one, other in self._pairs]
        if aim in keys:
            place = keys.index(aim)
        else:
            self._swapped = False
        self.rows.set_options(_row(one, other) for one, other in self._pairs)
        self.rows.highlighted = min(place, len(keys) - 1) if keys else None
        self._tell()
        self._compare()

    def _tell(self) -> None:
        number = counted(len(self._clusters), "group") if self._pairs else "" if self._progress else "No duplicates"
        self.query_one("#scan", Static).update(Content(" · ".join(filter(None, (number, self._progress)))))

    @property
    def _pair(self) -> tuple[Memory, Memory] | None:
        """The one that would stay, and the other."""
        place = self.rows.highlighted
        if place is None or place >= len(self._pairs):
            return None
        cluster, other = self._pairs[place]
        return (other.memory, cluster.kept) if self._swapped else (cluster.kept, other.memory)

    @on(OptionList.OptionHighlighted)
    def follow(self) -> None:
        self._swapped = False
        self._compare()

    def _compare(self) -> None:
        pair = self._pair
        self.query_one(".sides").display = pair is not None
        if pair is None:
            return
        texts = sides(pair[0].content, pair[1].content)
        for name, memory, text in zip(("stays", "goes"), pair, texts, strict=True):
            side = self.query_one(f"#{name}")
            side.query_one(".about", Static).update(_about(memory, self._clock))
            side.query_one(".text", Static).update(text)

    # deciding

    def action_swap(self) -> None:
        self._swapped = not self._swapped
        self._compare()

    def action_merge(self) -> None:
        if (pair := self._pair) is not None:
            self._merge(pair, None)

    def _merge(self, pair: tuple[Memory, Memory], text: str | None) -> None:
        stays, goes = pair
        act = self._services.duplicates.merge([(stays, [goes])], text)
        self._decide(f"merged {_named(goes)} into {_named(stays)}", act, pair)

    @on(OptionList.OptionSelected)
    def keep_both(self) -> None:
        if (pair := self._pair) is not None:
            act = self._services.duplicates.keep_apart(pair)
            self._decide(f"kept both {_named(pair[0])} and {_named(pair[1])}", act, pair)

    def action_supersede(self) -> None:
        if (pair := self._pair) is not None:
            relation = NewRelation(pair[0].id, pair[1].id, RelationType.SUPERSEDES)
            act = self._services.graph.link_many([relation])
            self._decide(f"{_named(pair[0])} supersedes {_named(pair[1])}", act, pair)

    @asks
    async def action_edit(self) -> None:
        if (pair := self._pair) is None:
            return
        both = merged(pair[0].content, pair[1].content, marked=False)
        if (text := await self.app.push_screen_wait(MergedText(both))) is not None:
            self._merge(pair, text)

    @asks
    async def action_merge_all(self) -> None:
        """Asks how alike they must be, then shows what would be merged."""
        sure = {str(share): _sure(self._clusters, share) for _, share, _ in _LEVELS}
        choices = [
            Choice(key, str(share), Content(f"{said}: {counted(_going(sure[str(share)]))}"))
            for key, share, said in _LEVELS
        ]
        about = "Of one type and project, and no number, date or negation differs."
        if (share := await self.app.push_screen_wait(ChoiceDialog("Merge all with", choices, about=about))) is None:
            return
        chosen = sure[share]
        if not chosen:
            self.say("None is so alike")
            return
        named = [f"{clip(title(one.kept), 60)}  ← {len(one.others)}" for one in chosen[:_NAMED]]
        more = [f"… and {len(chosen) - _NAMED:,} groups more"] if len(chosen) > _NAMED else []
        told = f"{counted(_going(chosen))} into {len(chosen):,}"
        question = "\n".join(line(one) for one in (*named, *more))
        if await self.app.push_screen_wait(ConfirmDialog(f"Merge {told}?", question, "merge")):
            pairs = [(one.kept, [other.memory for other in one.others]) for one in chosen]
            act = self._services.duplicates.merge(pairs)
            self._decide(f"merged {told}", act, [one.memory for group in chosen for one in group.others])

    @work(group="decide")
    async def _decide(self, told: str, act: Coroutine[object, object, object], about: Sequence[Memory]) -> None:
        """Writes a decision in its turn, and shows what is left."""
        try:
            await self.write(told, act, once=[one.id for one in about])
        except UnderWay as under_way:
            self.say(str(under_way))
        except MemoriaError as error:
            self.say(not_done(told, error), wrong=True)
        else:
            self._changed, self._decided = True, frozenset(one.id for one in about)
            self.say(f"{told[0].upper()}{told[1:]} · u to undo")
            self._find()


class MergedText(Dialog[str]):
    """The lines of both, to be edited before they are merged."""

    KEYS = (("ctrl+s", "merge"), ("esc", "cancel"))
    BINDINGS = [Binding("ctrl+s", "save", "Merge", id="merged.save", tooltip="Merge with this text", priority=True)]

    def __init__(self, text: str) -> None:
        super().__init__("Text of the one that stays")
        self._both = text

    def compose_body(self) -> Iterable[Widget]:
        yield TextArea(self._both)
        yield Static(id="hint")

    def typed(self) -> Mapping[str, str]:
        text = self.query_one(TextArea).text
        return {} if text == self._both else {"text": text}

    def action_save(self) -> None:
        if text := self.query_one(TextArea).text.strip():
            self.dismiss(text)
        else:
            self.say("A memory needs a text", wrong=True)


def _key(one: Memory, other: Memory) -> frozenset[str]:
    return frozenset((one.id, other.id))


def _named(memory: Memory) -> str:
    return f'"{clip(title(memory), 32)}"'


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


def _sure(clusters: Sequence[Cluster], share: float) -> tuple[Cluster, ...]:
    """What can be merged unseen of those that have so many words in common."""
    alike = [
        Cluster(one.kept, tuple(other for other in one.others if other.shared >= share)) for one in mergeable(clusters)
    ]
    return tuple(one for one in alike if one.others)


def _going(clusters: Sequence[Cluster]) -> int:
    return sum(len(one.others) for one in clusters)
