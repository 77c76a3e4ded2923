"""Tags and projects of memories with their counts: renamed, merged, deleted, over all memories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from textual import getters, work
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static
from textual.widgets.option_list import Option

from memoria_tui.dialogs.changing_dialog import ChangingDialog
from memoria_tui.dialogs.confirm import ConfirmDialog
from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.dialogs.line_prompt import PromptDialog, nameless
from memoria_tui.keys.dialog_actions import asks
from memoria_tui.text.present import clip, fit, line
from memoria_tui.widgets.choice_list import ChoiceList
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.widgets.name_input import Names
from memoria_tui.write_queue import NOTHING_CHANGED, UnderWay, not_done
from services.curation.curation_values import Naming
from services.curation.tags_and_projects import similar
from services.errors import Conflict, MemoriaError
from services.model import FacetCount, Progress, Subject, counted

if TYPE_CHECKING:
    from services.container import Services

_NAME, _COUNT = 36, 10
_NAMED = 3
"""Names that a question says one by one."""
_AROUND = 10
"""Lines of the screen beside those of a question."""
_AT_MOST = " at most"
"""Memories that have several of the names are counted with each."""


class NamesDialog(ChangingDialog):
    """A list in which everything can be done; the answer says whether something was."""

    AUTO_FOCUS = "ChoiceList"
    HELP = "Tags and projects of memories"
    FOLLOWS = frozenset({Subject.MEMORIES})
    KEYS = (
        ("e", "rename"),
        ("space", "mark"),
        ("M", "merge"),
        ("d", "delete"),
        ("*", "merge similar"),
        ("tab", "projects"),
        ("u", "undo"),
        ("esc", "close"),
    )
    KEYS_IF_EMPTY = (("tab", "projects"), ("u", "undo"), ("esc", "close"))
    KEYS_GAP = 2
    BINDINGS = [
        Binding("e", "rename", "Rename", id="names.rename", tooltip="Give it another name in all memories"),
        Binding("space", "mark", "Mark", id="names.mark", tooltip="Mark it, to merge or delete several"),
        Binding("M", "merge", "Merge", id="names.merge", tooltip="Merge it, or the marked ones, into another one"),
        Binding("d", "delete", "Delete", id="names.delete", tooltip="Take it, or the marked ones, from all memories"),
        Binding("asterisk", "merge_similar", "Merge similar", id="names.similar", tooltip="Merge other spellings"),
        Binding("tab", "switch", "Projects", id="names.switch", tooltip="Tags or projects", priority=True),
        Binding("slash", "find", "Find", id="names.find", show=False, tooltip="Go to one by its name"),
        Binding("u", "app.undo", "Undo", id="names.undo", tooltip="Undo the last change"),
        Binding("question_mark", "app.help", "Help", id="names.help", tooltip="What can be done here"),
    ]

    rows = getters.query_one(ChoiceList)

    def __init__(self, services: Services) -> None:
        super().__init__("Tags")
        self._services = services
        self._naming = self._wanted = Naming.TAG
        """What is listed, and what is asked for."""
        self._names: tuple[FacetCount, ...] = ()
        self._similar: Mapping[str, Sequence[str]] = {}
        """Of each name that is spelled otherwise, too, all spellings, the most used first."""
        self._marked: set[str] = set()
        self._aim = ""
        """The one for the cursor."""

    def compose_body(self) -> Iterable[Widget]:
        yield LazyStatic(id="head")
        yield ChoiceList(markup=False)
        yield LazyStatic(id="hint")

    async def _show(self) -> None:
        wanted = self._wanted
        try:
            names = await self._services.names.in_use(wanted)
        except MemoriaError as error:
            self._wanted = self._naming
            self.say(str(error), wrong=True)
            return
        if not self.is_attached:
            return
        was = self._current if wanted is self._naming else None
        if wanted is not self._naming:
            self._naming = wanted
            self._marked.clear()
        here, self._aim = self._aim or self._current or "", ""
        place = self.rows.highlighted or 0
        self._names = names
        alike = [[one.value for one in some] for some in similar(names)]
        self._similar = {name: some for some in alike for name in some}
        self._marked &= {one.value for one in names}
        values = [one.value for one in names]
        self._draw(values.index(here) if here in values else min(place, len(values) - 1))
        if was is not None and was == here not in values:
            self.say_taken(
                f"{self._naming} {was}", f'No memory has "{line(was)}" any more: another program changed them'
            )
        none = f"No memory has a {self._naming}: {'= p' if self._naming == 'project' else 't'} in Memories gives one"
        told = f"{len(names):,} {self._naming}s" if names else none
        others = f" · {len(alike)} spelled in several ways" if alike else ""
        self.query_one("#dialog").border_title = Content(f"{self._naming.title()}s of memories")
        self.query_one("#head", Static).update(Content.styled(f"{told}{others}", "$foreground 60%"))
        shown = self.KEYS if names else self.KEYS_IF_EMPTY
        keys = [(key, f"{self._other}s" if key == "tab" else what) for key, what in shown]
        self.show_keys(keys)

    def _draw(self, place: int) -> None:
        self.rows.set_options(Option(self._row(one)) for one in self._names)
        self.rows.highlighted = place if self._names else None

    def _row(self, one: FacetCount) -> Content:
        others = ", ".join(name for name in self._similar.get(one.value, ()) if name != one.value)
        return Content.assemble(
            (" ✓ " if one.value in self._marked else "   ", "$accent"),
            fit(line(one.value), _NAME),
            (fit(f"{one.count:,}", _COUNT, right=True), "$foreground 60%"),
            (f"   also {clip(line(others), 40)}" if others else "", "$warning"),
        )

    @property
    def _current(self) -> str | None:
        """The one under the cursor."""
        place = self.rows.highlighted
        return self._names[place].value if place is not None and place < len(self._names) else None

    @property
    def _chosen(self) -> tuple[str, ...]:
        """The marked ones, else the one under the cursor."""
        marked = tuple(one.value for one in self._names if one.value in self._marked)
        return marked or ((self._current,) if self._current is not None else ())

    # moving

    def action_mark(self) -> None:
        if (name := self._current) is not None:
            self._marked ^= {name}
            place = self.rows.highlighted or 0
            self._draw(min(place + 1, len(self._names) - 1))

    @property
    def _other(self) -> Naming:
        return Naming.PROJECT if self._naming is Naming.TAG else Naming.TAG

    def action_switch(self) -> None:
        self._wanted = self._other
        self._load()

    @asks
    async def action_find(self) -> None:
        """Goes to the next one, from the cursor on, that has the text in its name."""
        text = await self.app.push_screen_wait(PromptDialog("Find", hint=f"Part of a {self._naming}"))
        here = (self.rows.highlighted or 0) + 1
        for place in (*range(here, len(self._names)), *range(min(here, len(self._names)))):
            if text and text.casefold() in self._names[place].value.casefold():
                self.rows.highlighted = place
                return

    # changing

    @asks
    async def action_rename(self) -> None:
        if (name := self._current) is None:
            return

        there = {one.value: one.count for one in self._names if one.value != name}

        async def save(new: str) -> str:
            if (number := there.pop(new, 0)) > 0:
                raise Conflict(f'"{new}" has {counted(number)} already: enter again makes them one', None)
            return await self._write({name: new}, f'renamed "{name}" to "{new}"', new) if new != name else ""

        names = self._others(())
        await self._ask(PromptDialog(f'Rename "{name}"', value=name, names=names, check=nameless, save=save))

    @asks
    async def action_merge(self) -> None:
        if not (chosen := self._chosen):
            return

        async def save(goal: str) -> str:
            renamed = {one: goal for one in chosen if one != goal}
            told = f'merged {_listed(list(renamed))} into "{goal}"'
            return await self._write(renamed, told, goal) if renamed else ""

        spellings = [one for one in self._similar.get(chosen[0], ()) if one not in chosen]
        into = chosen[0] if len(chosen) > 1 else spellings[0] if spellings else ""
        hint, names = "All memories get the name that you give", self._others(chosen if len(chosen) == 1 else ())
        title = f"Merge {_listed(chosen)} into"
        await self._ask(PromptDialog(title, value=into, hint=hint, names=names, check=nameless, save=save))

    @asks
    async def action_delete(self) -> None:
        if chosen := self._chosen:
            number = sum(one.count for one in self._names if one.value in chosen)
            them = "it is" if len(chosen) == 1 else "they are"
            question = f"The memories stay; {them} taken from {counted(number)}{_AT_MOST if len(chosen) > 1 else ''}."
            if await self.app.push_screen_wait(ConfirmDialog(f"Delete {_listed(chosen)}?", question, "delete")):
                self._rename(dict.fromkeys(chosen), f"deleted {_listed(chosen)}")

    @asks
    async def action_merge_similar(self) -> None:
        groups = {tuple(some) for some in self._similar.values()}
        if not groups:
            self.say(f"No {self._naming} is spelled in several ways")
            return
        told = [f"{', '.join(some[1:])} → {some[0]}" for some in sorted(groups)]
        room = max(1, self.app.size.height - _AROUND)
        most = len(told) if len(told) <= room else room - 1
        more = [f"… and {len(told) - most} more"] if len(told) > most else []
        question = "\n".join(line(one) for one in (*told[:most], *more))
        if await self.app.push_screen_wait(ConfirmDialog("Merge other spellings?", question, "merge")):
            renamed = {one: some[0] for some in groups for one in some[1:]}
            self._rename(renamed, f"merged {len(renamed)} spellings")

    def _others(self, but: Sequence[str]) -> Names:
        others = [one for one in self._names if one.value not in but]

        async def load(owner: str) -> Sequence[FacetCount]:
            return others

        return Names(self._naming, load)

    async def _ask(self, dialog: PromptDialog) -> None:
        """Tells what a dialog wrote, if anything."""
        if said := await self.app.push_screen_wait(dialog):
            self._done(said)

    @work(group="rename")
    async def _rename(self, names: Mapping[str, str | None], told: str) -> None:
        """Writes, then shows what there is."""
        try:
            self._done(await self._write(names, told))
        except UnderWay as under_way:
            self.say(str(under_way))
        except MemoriaError as error:
            self.say(not_done(told, error), wrong=True)

    async def _write(self, names: Mapping[str, str | None], told: str, aim: str = "") -> str:
        """Writes in its turn, saying how far it is; gives what there is to say of it. Raises the act's errors."""
        act = self._services.names.rename(self._naming, names, self._say_progress)
        number = await self.write(told, act, once=[f"{self._naming} {one}" for one in names], vectors=True)
        if not number:
            return NOTHING_CHANGED
        self._changed, self._aim = True, aim
        self._marked.clear()
        return f"{told[0].upper()}{told[1:]} in {counted(number)} · u to undo"

    def _say_progress(self, progress: Progress) -> None:
        if isinstance(screen := self.app.screen, Dialog) and progress.total is not None:
            screen.say(f"{progress.what} {progress.done:,} of {progress.total:,}")


def _listed(names: Sequence[str]) -> str:
    """«"a"», «"a" and "b"», «"a", "b", "c" and 4 more»."""
    named = [f'"{clip(line(one), _NAME)}"' for one in names]
    if len(named) > _NAMED:
        return f"{', '.join(named[:_NAMED])} and {len(named) - _NAMED:,} more"
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
