"""What the app does in the background: polls the stores, follows changes, applies the outbox, refreshes views."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from textual.app import App
from textual.timer import Timer
from textual.worker import Worker

from services.errors import MemoriaError
from services.model import SessionStatus, StatusSnapshot, Subject
from services.times import person_zone

if TYPE_CHECKING:
    from memoria_tui.idle import Away, IdleWatch
    from memoria_tui.modes.mode import ModeScreen
    from services.container import Services
    from services.memories.outbox_recovery import Recovery
    from services.ports import Clock
    from services.transfer.syncing import Synced

_REST = 2.0
"""Seconds without a change of work before the views of it are refreshed: they are read whole."""
_COMPARING_SHARE = 50
"""How many times as long as comparing all memories with the history took the next time is put off."""
_RECOVERY = 5.0
"""Seconds for which a text that was not saved is not offered, since its save may just be finished."""
_FIRST_BACKUP, _BACKUP_LOOK = 60.0, 3600.0
"""Seconds before it is looked whether a daily backup is due, and between two looks."""
_FIRST_SYNC = 2.0
"""Seconds before synced files and folders are looked at, so that they do not slow the start."""
_TRY_AGAIN = 5.0
"""Seconds before what could not begin yet is begun."""


class Background:
    """Runs for as long as the app; a piece of work under way is never cancelled by the next one."""

    def __init__(self, app: App[None], modes: Callable[[], Mapping[str, ModeScreen]]) -> None:
        """`modes` gives the modes that were opened, by name."""
        self.status = StatusSnapshot()
        self.away: Away | None = None
        """The last time that nobody was there while work ran, until the person says what it was."""
        self._idle: IdleWatch | None = None
        self._app = app
        self._modes = modes
        self._services: Services | None = None
        self._recovery: Recovery | None = None
        self._refreshing: Worker[None] | None = None
        self._views: Timer | None = None
        self._compare_from = 0.0
        self._to_compare = False

    def start(self, services: Services) -> None:
        """The stores are open."""
        from services.memories.outbox_recovery import Recovery

        self._services = services
        self._recovery = Recovery(services.memories, lambda work: self._run(work, "recovery"), self._changed)
        self._run(partial(services.live.watch, self._on_status, self._on_external_change), "live")
        self._recovery.start()
        self._notice_deletions()
        self._app.set_timer(_FIRST_BACKUP, self._begin_backup)
        self._app.set_interval(_BACKUP_LOOK, self._begin_backup)
        self._app.set_timer(_FIRST_SYNC, self._begin_sync)
        if services.settings.idle_minutes:
            self._watch_idle(timedelta(minutes=services.settings.idle_minutes), services.clock)

    def attend(self) -> None:
        """A person works with the program: what others write is looked for more often."""
        if self._services is not None:
            self._services.live.attend()
        if self._idle is not None and (away := self._idle.key()) is not None:
            self._offer_pause(away)

    # nobody there

    def _watch_idle(self, least: timedelta, clock: Clock) -> None:
        from memoria_tui.idle import TICK, IdleWatch

        self._idle = IdleWatch(least, clock)
        self._app.set_interval(TICK, self._idle.tick)

    def _offer_pause(self, away: Away) -> None:
        """Says it in passing, and in Work until it is answered; no key is taken for it."""
        from memoria_tui.text.work_text import away_warning

        ran = [one for one in self.status.sessions if one.status is SessionStatus.ACTIVE and one.start < away.end]
        if not ran or self._services is None:
            return
        warning = away_warning(away, ran, person_zone(self._services.settings))
        self._app.notify(f"{warning.message}: Work offers to make it a pause", markup=False)
        self.set_away(away)

    def set_away(self, away: Away | None) -> None:
        self.away = away
        for screen in self._modes().values():
            screen.away = away

    def work_changed(self) -> None:
        """Lets the timers of the header follow at once, and in time what other programs read of work."""
        if self._services is not None:
            self._run(partial(self._poll_status, self._services), "status")
            self._refresh_views_in(_REST)

    def _run(self, work: Callable[[], Coroutine[None, None, None]], group: str) -> Worker[None]:
        """As a function: of a worker that is cancelled before it begins, as at the end, no coroutine is left."""
        return self._app.run_worker(work, name=group, group=group)

    # how the stores are

    async def _poll_status(self, services: Services) -> None:
        self._on_status(await services.live.poll_work())

    def _on_status(self, status: StatusSnapshot) -> None:
        """Shows it everywhere; modes go on by themselves when a store is back."""
        from memoria_tui.user_files.program_log import log_status_change

        log_status_change(self.status.stores, status.stores)
        answer_again = status.answering_again(self.status)
        self.status = status
        for screen in self._modes().values():
            screen.status = status
        if answer_again:
            self._changed()
        if self._recovery is not None:
            self._recovery.on_status(status)

    def _changed(self) -> None:
        for screen in self._modes().values():
            screen.changed()

    # what others write

    def _on_external_change(self, subjects: frozenset[Subject]) -> None:
        """A mode that is not on screen looks when it is."""
        from memoria_tui.dialogs.dialog import Dialog

        if Subject.DELETIONS in subjects:
            self._notice_deletions()
        if (screen := self._modes().get(self._app.current_mode)) is not None:
            screen.on_external_change(subjects)
        for above in self._app.screen_stack:
            if isinstance(above, Dialog):
                above.on_external_change(subjects)

    # what waits

    async def recovered(self) -> None:
        """Waits for what a crash cut short to be finished, but not for a store that does not answer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_RECOVERY):
                if self._recovery is not None:
                    await self._recovery.idle()

    # daily backups

    def _begin_backup(self) -> None:
        if self._services is not None:
            self._run(partial(self._back_up, self._services), "backup")

    async def _back_up(self, services: Services) -> None:
        from memoria_tui.text.present import escape_control

        try:
            await services.daily_backups.make()
        except MemoriaError as error:
            self._app.notify(
                escape_control(f"The daily backup was not made: {error}"), severity="warning", markup=False
            )

    # files and folders that are synced

    def _begin_sync(self) -> None:
        if self._services is not None:
            self._run(partial(self._services.syncing.watch, self._on_sync), "live")

    def _on_sync(self, made: Synced) -> None:
        from memoria_tui.text.present import escape_control

        for screen in self._modes().values():
            screen.changed()
        problem = bool(made.report.kept or made.report.broken or made.not_written)
        line = made.report.broken or made.summary()
        self._app.notify(escape_control(line), severity="warning" if problem else "information", markup=False)

    # what other programs deleted

    def _notice_deletions(self) -> None:
        """Compares all memories with the history, in a moment: not again for each of many deletions."""
        if not self._to_compare:
            self._to_compare = True
            self._app.set_timer(max(_REST, self._compare_from - time.monotonic()), self._begin_comparing)

    def _begin_comparing(self) -> None:
        if self._services is not None:
            self._run(partial(self._compare, self._services), "deletions")

    async def _compare(self, services: Services) -> None:
        from memoria_tui.text.present import escape_control

        self._to_compare = False
        begun = time.monotonic()
        try:
            found = await services.memories.outside.notice()
        except MemoriaError:
            return  # a store that is not read whole tells nothing of what was deleted
        finally:
            now = time.monotonic()
            self._compare_from = now + _COMPARING_SHARE * (now - begun)
        if found.ids:
            self._app.notify(escape_control(found.summary_line), severity="warning", markup=False)

    # views of work, for other programs

    def _refresh_views_in(self, seconds: float) -> None:
        if self._views is not None:
            self._views.stop()
        self._views = self._app.set_timer(seconds, self._begin_refreshing, name="views")

    def _begin_refreshing(self) -> None:
        if self._refreshing is not None and not self._refreshing.is_finished:
            self._refresh_views_in(_TRY_AGAIN)
        elif self._services is not None:
            self._refreshing = self._run(partial(self._refresh_views, self._services), "views")

    async def _refresh_views(self, services: Services) -> None:
        try:
            await services.reports.refresh_views()
        except MemoriaError:
            return  # the next change of work brings them up to date
