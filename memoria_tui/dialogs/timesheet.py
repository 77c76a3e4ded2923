"""The timesheet of a client and a month: what is billed, marked as billed, written to a file."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from textual import getters, on
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from memoria_tui.dialogs.billing_terms import billing_terms
from memoria_tui.dialogs.changing_dialog import ChangingDialog
from memoria_tui.dialogs.choice import Choice, ChoiceDialog
from memoria_tui.dialogs.edit_session import edit_session
from memoria_tui.dialogs.line_prompt import PromptDialog
from memoria_tui.dialogs.typed_paths import why_not_new
from memoria_tui.keys.dialog_actions import asks
from memoria_tui.text import present, work_text
from memoria_tui.widgets.choice_list import KeyedList, is_there
from memoria_tui.widgets.lazy_static import LazyStatic
from memoria_tui.write_queue import UnderWay, not_done
from services.errors import Conflict, MemoriaError
from services.files import expanded, write_file
from services.model import Subject, counted
from services.ports import Clock
from services.times import day_of, month_start, work_zone
from services.work.billing_values import Line, Timesheet
from services.work.timesheet_files import WRITERS, facts, money, time
from services.work.timesheet_formats import SUFFIXES, timesheet_format_of

if TYPE_CHECKING:
    from services.container import Services

_DAY, _PROJECT, _TIME, _AMOUNT, _MARK = 7, 16, 10, 16, 2
_ON_LINES = (("enter", "edit"), ("=", "billed"))
"""Keys that do nothing in a month without lines."""
_WIDE = 100
"""Cells from which on the project has a column."""


class TimesheetDialog(ChangingDialog):
    """A line for each session, or day and rate; the answer says whether something was changed."""

    KEYS = (
        ("[ ]", "month"),
        ("J K", "client"),
        ("enter", "edit"),
        ("=", "billed"),
        ("P", "rates"),
        ("x", "export"),
        ("esc", "close"),
    )
    FOLLOWS = frozenset({Subject.SESSIONS, Subject.NAMES})
    HELP = "Timesheet: what is billed to a client for a month"
    KEYS_GAP = 2
    BINDINGS = [
        Binding("left_square_bracket", "shift(-1)", "Earlier", id="timesheet.earlier", tooltip="Previous month"),
        Binding("right_square_bracket", "shift(1)", "Later", id="timesheet.later", tooltip="Next month"),
        Binding("J", "client(1)", "Next client", id="timesheet.next", tooltip="The next client"),
        Binding("K", "client(-1)", "Client before", id="timesheet.before", tooltip="The client before"),
        Binding("equals_sign", "bill", "Billed", id="timesheet.billed", tooltip="Mark all of it as billed, or not"),
        Binding("P", "terms", "Rates", id="timesheet.terms", tooltip="Rates, rounding and budget of the client"),
        Binding("x", "export", "Export", id="timesheet.export", tooltip=f"Write it for the client: {SUFFIXES}"),
        Binding("u", "app.undo", "Undo", id="timesheet.undo", show=False, tooltip="Undo the last change"),
        Binding("question_mark", "app.help", "Help", id="timesheet.help", tooltip="What can be done here"),
    ]

    options = getters.query_one(OptionList)

    def __init__(self, services: Services, clock: Clock, client: str | None = None, month: date | None = None) -> None:
        """Of the client (None: the first) in the month of a day (None: today)."""
        super().__init__("Timesheet")
        self._services = services
        self._clock = clock
        self._zone = work_zone(services.settings)
        self._client = client
        self._month = month_start(month or day_of(clock(), self._zone))
        self._clients: Sequence[str] = ()
        self._sheet: Timesheet | None = None

    def compose_body(self) -> Iterable[Widget]:
        yield LazyStatic("", id="facts", classes="facts")
        yield LazyStatic("", id="head")
        yield KeyedList()
        yield LazyStatic("", id="hint")

    def on_resize(self) -> None:
        if self._sheet is not None and self.is_mounted:
            self._draw(self._sheet)

    # showing it

    async def _show(self) -> None:
        try:
            totals = await self._services.clients.clients()
            self._clients = [one.client.name for one in totals if one.client is not None]
            self.show_empty(not self._clients)
            if not self._clients:
                self.say("There are no clients yet: name one when you start work")
                return
            self._client = self._client if self._client in self._clients else self._clients[0]
            sheet = await self._services.billing.timesheet(self._client, self._month)
        except MemoriaError as error:
            self.say(str(error), wrong=True)
        else:
            self._draw(sheet)

    def _draw(self, sheet: Timesheet) -> None:
        """Shows it; the cursor stays on the line of its session."""
        place, width = self.options.highlighted or 0, self.options.size.width
        before, self._sheet = self._sheet.lines if self._sheet is not None else (), sheet
        held = set(before[place].session_ids) if place < len(before) else set()
        place = next((at for at, line in enumerate(sheet.lines) if held.intersection(line.session_ids)), place)
        title = Content.styled(f"‹ {present.line(sheet.client)}, {sheet.month:%B %Y} ›", "bold $primary")
        self.query_one("#facts", Static).update(Content.assemble(title, f"   {present.line(facts(sheet))}"))
        head = self.query_one("#head", Static)
        head.update(Content.styled(_head(width), "$text-muted"))
        head.display = bool(sheet.lines)
        self.show_keys([key for key in self.KEYS if sheet.lines or key not in _ON_LINES])
        self.options.set_options(Option(_drawn(line, width)) for line in sheet.lines)
        self.options.highlighted = min(place, len(sheet.lines) - 1) if sheet.lines else None

    def action_shift(self, months: int) -> None:
        self._month = month_start(self._month + timedelta(days=31) if months > 0 else self._month - timedelta(days=1))
        self._load()

    def action_client(self, by: int) -> None:
        if self._clients and self._client in self._clients:
            self._client = self._clients[(self._clients.index(self._client) + by) % len(self._clients)]
            self._load()

    # acts

    @on(OptionList.OptionSelected)
    def open_line(self, event: OptionList.OptionSelected) -> None:
        if self._sheet is not None and is_there(event) and event.option_index < len(self._sheet.lines):
            self._edit(self._sheet.lines[event.option_index].session_ids)

    @asks
    async def _edit(self, ids: Sequence[str]) -> None:
        """Opens a session; of several the one that is chosen."""
        try:
            sessions = [await self._services.work.session(id_) for id_ in ids]
        except MemoriaError as error:
            self.say(str(error), wrong=True)
            return
        chosen: str | None = ids[0]
        if len(sessions) > 1:
            choices = [
                Choice("", one.id, Content(f" {work_text.clock_time(one.start, self._zone)}  {work_text.name(one)}"))
                for one in sessions
            ]
            chosen = await self.app.push_screen_wait(ChoiceDialog("Which session?", choices, first=True))
        session = next((one for one in sessions if one.id == chosen), None)
        if session is None:
            return
        form = edit_session(self._services, self._clock, session, self._zone)
        saved = await self.app.push_screen_wait(form)
        if saved is not None and saved.session != session:
            await self._show_done(f"Changed {work_text.named(saved.session)}{saved.news}")

    @asks
    async def action_bill(self) -> None:
        """Marks what is not billed, or when all of it is, all of it as not billed."""
        if (sheet := self._sheet) is None or not sheet.lines:
            self.say("There is nothing to bill here")
            return
        what = f"{'unbill' if sheet.is_billed else 'bill'} {sheet.client} {sheet.month:%Y-%m}"
        try:
            act = self._services.billing.mark(sheet, billed=not sheet.is_billed)
            number = await self.write(what, act, once=[what])
        except UnderWay as under_way:
            self.say(str(under_way))
        except MemoriaError as error:
            self.say(not_done(what, error), wrong=True)
            if isinstance(error, Conflict):
                await self._show()
        else:
            state = "not billed" if sheet.is_billed else "billed: they are not changed without a question now"
            await self._show_done(f"Marked {counted(number, 'session')} as {state}" if number else "")

    @asks
    async def action_terms(self) -> None:
        if self._client is None:
            return
        try:
            client = await self._services.clients.client(self._client)
        except MemoriaError as error:
            self.say(str(error), wrong=True)
            return
        form = billing_terms(self._services, client)
        if (told := await self.app.push_screen_wait(form)) is not None:
            await self._show_done(told)

    @asks
    async def action_export(self) -> None:
        if (sheet := self._sheet) is None:
            return
        client = re.sub(r"[^\w.-]+", "-", sheet.client).strip("-.") or "client"
        name = f"{client}-{sheet.month:%Y-%m}.html"
        hint = f"A file whose name ends in {SUFFIXES}"
        dialog = PromptDialog("Export the timesheet", value=name, hint=hint, check=_unwritable)
        path = await self.app.push_screen_wait(dialog)
        if path is None or (format_ := timesheet_format_of(file := expanded(path))) is None:
            return
        try:
            sheet = await self._services.billing.timesheet(sheet.client, sheet.month)  # as it is by now
            self._draw(sheet)
            text = WRITERS[format_](sheet)
            await asyncio.to_thread(write_file, file, text, replace=False)
        except FileExistsError:
            self.say(f"{path} exists already; choose another name", wrong=True)
        except MemoriaError as error:
            self.say(str(error), wrong=True)
        else:
            self.say(f"Wrote {file}")


def _unwritable(text: str) -> str | None:
    if timesheet_format_of(expanded(text)) is None:
        return f"The name must end in {SUFFIXES}"
    return why_not_new(text)


def _row(width: int, day: str, what: str, project: str, worked: str, billed: str, amount: str, mark: str) -> str:
    """The columns; the project's only where it is wide, and what was done has the room that is left."""
    middle = present.fit(project, _PROJECT) + present.fit(worked, _TIME, right=True) if width >= _WIDE else ""
    room = width - _DAY - (_PROJECT + _TIME if middle else 0) - _TIME - _AMOUNT - _MARK - 2
    end = [present.fit(text, cells, right=True) for text, cells in ((billed, _TIME), (amount, _AMOUNT), (mark, _MARK))]
    return f" {present.fit(day, _DAY)}{present.fit(what, max(8, room))}{middle}{''.join(end)} "


def _head(width: int) -> str:
    return _row(width, "day", "what", "project", "worked", "to bill", "amount", "")


def _drawn(line: Line, width: int) -> Content:
    what, project = present.line(line.description), present.line(line.project or "")
    amount = money(line.amount, line.rate.currency) if line.rate else "no rate"
    mark = "✓" if line.is_billed else ""
    day = f"{line.day:%a %d}"
    return Content(_row(width, day, what, project, time(line.worked), time(line.time), amount, mark))
