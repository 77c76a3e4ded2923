"""Backups that the stores of a home get by themselves, the newest of them kept: once a day when something changed, and
before their schema is upgraded."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from services.backup.archive_file import archive_files
from services.errors import MemoriaError
from services.file_locks import held_lock
from services.files import make_private, storage_error, write_file
from services.times import calendar_day, person_zone

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from services.backup.backup_service import BackupService
    from services.backup.backup_values import Archive
    from services.ports import Clock
    from services.settings import Settings

_log = logging.getLogger(__name__)
_AGAIN_SECONDS = 3600.0
"""After one that could not be made."""
_FIRST = timedelta(hours=1)
"""After the first change of a home, of which a backup has hardly anything before."""
_LOOKED_AT_SECONDS = 0.1
"""How often, while another program makes one."""


class DailyBackups:
    """Of a home whose stores are both embedded: whoever runs a server backs it up, and nobody needs one of the demo."""

    def __init__(
        self,
        backup: BackupService,
        newest: Callable[[], Awaitable[int]],
        settings: Settings,
        clock: Clock,
        began: Callable[[], Awaitable[datetime | None]] | None = None,
    ) -> None:
        """`newest` gives the number of the newest change, `began` the instant of the first one."""
        self._backup = backup
        self._newest_change, self._began = newest, began
        self._clock = clock
        self._zone = person_zone(settings)
        self._newest = settings.daily_backups_dir / "newest"
        """Holds the number of the newest change that the last one has."""
        self._problem = settings.daily_backups_dir / "problem"
        self.folder = settings.daily_backups_dir
        own = settings.qdrant_host is None and settings.database_url is None and not settings.demo_mark.exists()
        self.keep = settings.backup_keep if own else 0
        """How many are kept; 0: none is made."""
        self._before_upgrade: asyncio.Task[None] | None = None
        self._upgrade_again = 0.0

    async def due(self) -> bool:
        """Whether something changed since the last one, which is of another day. Never raises."""
        if not self.keep or self._made_or_tried():
            return False
        try:
            if await self._newest_change() == self._known():
                return False
            archives = await asyncio.to_thread(archive_files, self.folder)
            if archives or self._began is None:
                return True
            began = await self._began()
            return began is None or not timedelta() <= self._clock() - began < _FIRST
        except (MemoriaError, OSError):
            return False

    async def make(self) -> Archive | None:
        """Makes one if it is due and no other program makes it; None when not.

        Raises as `BackupService.backup`; that is told by `problem` until the next one.
        """
        if not await self.due():
            return None
        try:
            make_private(self.folder)
            with held_lock(self.folder / "lock"):
                return await self._make()
        except BlockingIOError:
            return None
        except (MemoriaError, OSError) as error:
            told = storage_error(error, self.folder) if isinstance(error, OSError) else error
            with suppress(OSError, MemoriaError):  # on a full disk the log tells, and the store by itself
                write_file(self._problem, str(told))
            _log.warning("the daily backup was not made: %s", told)
            raise told from error

    async def before_upgrade(self) -> None:
        """Makes one unless the newest has all; waits for another program that does. Goes on if who waits is cancelled.

        Raises as `BackupService.backup`: what is not backed up is not upgraded. After that it raises the same for an
        hour, however often it is asked; the next start of a program tries at once.
        """
        if self.keep:
            making = self._before_upgrade
            if making is None or (making.done() and time.monotonic() >= self._upgrade_again):
                self._before_upgrade = making = asyncio.create_task(self._make_before_upgrade())
            await asyncio.shield(making)

    async def _make_before_upgrade(self) -> None:
        while True:
            try:
                make_private(self.folder)
                with held_lock(self.folder / "lock"):
                    if not archive_files(self.folder) or await self._newest_change() != self._known():
                        await self._make()
                    return
            except BlockingIOError:
                await asyncio.sleep(_LOOKED_AT_SECONDS)
            except (MemoriaError, OSError) as error:
                told = storage_error(error, self.folder) if isinstance(error, OSError) else error
                self._upgrade_again = time.monotonic() + _AGAIN_SECONDS
                raise type(told)(
                    f"nothing was upgraded, for the backup before it failed: {told}; it is tried again at the next "
                    "start, MEMORIA_BACKUP_KEEP=0 upgrades without one"
                ) from error

    async def _make(self) -> Archive:
        """The caller holds the lock."""
        newest = await self._newest_change()
        archive = await self._backup.backup(self.folder, keep=self.keep)
        write_file(self._newest, str(newest))
        self._problem.unlink(missing_ok=True)
        return archive

    @property
    def when(self) -> str:
        """«once a day when something changed, 7 kept», «off»."""
        return f"once a day when something changed, {self.keep:,} kept" if self.keep else "off"

    def problems(self) -> list[str]:
        """Why the last one could not be made, and which are dated in the future, a line each; none where none are made.

        Blocking.
        """
        told: list[str] = []
        if not self.keep:
            return told
        with suppress(OSError):
            told.append(f"the daily backup was not made: {self._problem.read_text('utf-8', 'replace')}")
        with suppress(OSError, MemoriaError):
            told += self._dated_in_the_future()
        return told

    def _dated_in_the_future(self) -> list[str]:
        today = self._day(self._clock())
        if not (ahead := [path for path, begun in archive_files(self.folder).items() if self._day(begun) > today]):
            return []
        are = "daily backup is" if len(ahead) == 1 else "daily backups are"
        return [
            f"{len(ahead):,} {are} dated in the future, as {ahead[0]}: the clock was wrong then, or is now; until that "
            "day they are kept beside the others, unless you delete them"
        ]

    def _made_or_tried(self) -> bool:
        """Whether there is one of today, one under way, or one failed a moment ago."""
        with suppress(OSError, MemoriaError):
            today = self._day(self._clock())
            if any(self._day(begun) == today for begun in archive_files(self.folder).values()):
                return True
            if self._problem.exists() and time.time() - self._problem.stat().st_mtime < _AGAIN_SECONDS:
                return True
            with held_lock(self.folder / "lock"):
                return False
        return self.folder.exists()

    def _known(self) -> int:
        with suppress(OSError, ValueError):
            return int(self._newest.read_text())
        return 0

    def _day(self, instant: datetime) -> date:
        return calendar_day(instant, self._zone)
