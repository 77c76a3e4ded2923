"""Searches that were saved: a number or enter opens one, and what is searched for now is saved as one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from textual import events, getters, on, work
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from memoria_tui.dialogs.confirm import ConfirmDialog
from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.dialogs.line_prompt import PromptDialog
from memoria_tui.keys.dialog_actions import asks
from memoria_tui.text.present import clip, fit, line
from memoria_tui.user_files.views import View, change_views, read_views, unreadable
from memoria_tui.widgets.choice_list import ChoiceList, is_there
from memoria_tui.widgets.lazy_static import LazyStatic
from services.errors import MemoriaError
from services.model import SearchMode

_NAME = 24


class ViewsDialog(Dialog[View]):
    """The answer is the view to open."""

    AUTO_FOCUS = "ChoiceList"
    KEYS = (("1-9", "open"), ("n", "save this search"), ("e", "rename"), ("d", "delete"), ("esc", "close"))
    BINDINGS = [
        Binding("n", "new", "Save", id="views.new", tooltip="Save what is searched for now"),
        Binding("e", "rename", "Rename", id="views.rename", tooltip="Give it another name"),
        Binding("d", "delete", "Delete", id="views.delete", tooltip="Delete it; memories stay as they are"),
    ]

    rows = getters.query_one(ChoiceList)

    def __init__(self, file: Path, searched: View) -> None:
        """`searched`: what is searched for now, without a name; its query is "" for nothing."""
        super().__init__("Views: saved searches")
        self._file = file
        self._searched = searched
        self._views: tuple[View, ...] = ()

    def compose_body(self) -> Iterable[Widget]:
        yield ChoiceList(markup=False)
        yield LazyStatic(id="hint")

    def on_screen_resume(self) -> None:
        """At first, and when what lay above is closed: others write into the file, too."""
        self._read()

    @work(exclusive=True, group="reading")
    async def _read(self) -> None:
        wrong = list[str]()
        try:
            views = await asyncio.to_thread(read_views, self._file, wrong.append)
            wrong += (await asyncio.to_thread(unreadable, views)).values()
        except MemoriaError as error:
            self.say(str(error), wrong=True)
        else:
            self._take(views)
            if wrong:
                self.say("\n".join(one.removeprefix(f"{self._file}: ") for one in wrong), wrong=True)
            elif not self._views:
                self.say("No views yet: n saves what is searched for now")

    def _take(self, views: tuple[View, ...]) -> None:
        """Shows them, with the cursor on the one that it was on."""
        held, self._views = self._current, views
        self._draw(views.index(held) if held in views else self.rows.highlighted or 0)

    def _draw(self, place: int) -> None:
        self.rows.set_options(Option(self._row(number, one)) for number, one in enumerate(self._views, 1))
        self.rows.highlighted = min(place, len(self._views) - 1) if self._views else None

    @on(ChoiceList.Widened)
    def draw_again(self) -> None:
        self._draw(self.rows.highlighted or 0)

    def _row(self, number: int, view: View) -> Content:
        mode = "" if view.mode is SearchMode.HYBRID else f"{view.mode}: "
        room = max(self.rows.content_size.width - _NAME - 5, 1)
        return Content.assemble(
            (f" {number} " if number < 10 else "   ", "bold $accent"),
            fit(clip(line(view.name), _NAME), _NAME),
            ("  " + clip(mode + line(view.query), room), "$foreground 60%"),
        )

    @property
    def _current(self) -> View | None:
        place = self.rows.highlighted
        return None if place is None else self._views[place]

    @on(OptionList.OptionSelected)
    def open(self, event: OptionList.OptionSelected) -> None:
        if is_there(event):
            self.dismiss(self._views[event.option_index])

    def on_key(self, event: events.Key) -> None:
        if event.character and event.character in "123456789" and int(event.character) <= len(self._views):
            event.stop()
            self.dismiss(self._views[int(event.character) - 1])

    @asks
    async def action_new(self) -> None:
        if not self._searched.query.strip():
            self.say("Nothing is searched for: esc, / and a search, then n here saves it")
            return
        hint = f"Saves {clip(line(self._searched.query), 60)}"
        if name := await self.app.push_screen_wait(PromptDialog("Name of the view", hint=hint, check=self._wrong)):
            new = replace(self._searched, name=name)
            await self._write(lambda known: (*known, new), f'Saved "{name}"', last=True)

    @asks
    async def action_rename(self) -> None:
        if (view := self._current) is None:
            return
        ask = PromptDialog("Name of the view", value=view.name, check=lambda name: self._wrong(name, view))
        if (name := await self.app.push_screen_wait(ask)) and name != view.name:
            new, told = replace(view, name=name), f'Renamed "{view.name}" to "{name}"'
            await self._write(lambda known: [new if one == view else one for one in known], told)

    @asks
    async def action_delete(self) -> None:
        if (view := self._current) is None:
            return
        question = f"It searches for {clip(line(view.query), 60)}. Memories stay as they are."
        if await self.app.push_screen_wait(ConfirmDialog(f'Delete the view "{view.name}"?', question, "delete")):
            await self._write(lambda known: [one for one in known if one != view], f'Deleted "{view.name}"')

    def _wrong(self, name: str, but: View | None = None) -> str | None:
        if not name:
            return "A name is needed"
        return "A view has that name" if any(one.name == name for one in self._views if one is not but) else None

    async def _write(
        self, change: Callable[[tuple[View, ...]], Sequence[View]], told: str, *, last: bool = False
    ) -> None:
        """Changes those that the file has now: others may have written there."""
        self.workers.cancel_group(self, "reading")
        try:
            views = await asyncio.to_thread(change_views, self._file, change)
        except MemoriaError as error:
            self.say(str(error), wrong=True)
            return
        self._take(views)
        if last:
            self.rows.highlighted = len(views) - 1
        self.say(told)
