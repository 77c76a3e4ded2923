"""A small file that says which sessions are open, for prompts and status lines that start no program to ask.

A line a session, columns with tabs between: `active` or `paused`; since when it runs, in seconds since 1970 (0: it is
paused); the seconds worked before that; client, project and description, `-` for none. Without an open session there is
no file.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from services.errors import MemoriaError
from services.files import write_file
from services.model import SessionStatus, WorkSession
from services.ports import Clock, SqlDatabase, machine_clock
from services.records.stored_sessions import OPEN, stored_sessions
from services.settings import Settings
from services.times import writer_zone
from services.work.names import cleaned_name

_TAKE_TURN = "SELECT pg_advisory_xact_lock(hashtext('memoria_tui.status_file'))"


def status_file(settings: Settings) -> Path | None:
    """`memoria-tui/work` in `$XDG_RUNTIME_DIR`, of another home under a name of its own; None without that folder."""
    if settings.runtime_dir is None:
        return None
    name = "work"
    if settings.home != settings.default_home:
        name += f"-{settings.home.name}-{hashlib.blake2b(str(settings.home).encode(), digest_size=4).hexdigest()}"
    return settings.runtime_dir / "memoria-tui" / name


async def refresh_status_file(database: SqlDatabase, settings: Settings, clock: Clock = machine_clock) -> None:
    """Asks what is open and writes it down. What cannot be is left as it is: no act fails for it.

    One program at a time: else what one of two asked first could be what is written last.
    """
    if status_file(settings) is None:
        return
    with contextlib.suppress(MemoriaError):
        async with database.transaction() as connection:
            await connection.fetch(_TAKE_TURN)
            rows = await connection.fetch(f"{OPEN} ORDER BY session.start_time, session.id")
            now = clock()
            write_status_file(settings, [one.session for one in stored_sessions(rows, writer_zone(settings), now)], now)


def write_status_file(settings: Settings, sessions: Iterable[WorkSession], now: datetime) -> None:
    """Writes it, or removes it where nothing is open."""
    if (path := status_file(settings)) is None:
        return
    lines = [_line(one, now) for one in sessions]
    with contextlib.suppress(OSError, MemoriaError):
        if not lines:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_file(path, "".join(lines))


def _line(session: WorkSession, now: datetime) -> str:
    since = int(now.timestamp()) if session.status is SessionStatus.ACTIVE else 0
    texts = (cleaned_name(text or "") or "-" for text in (session.client, session.project, session.description))
    return "\t".join((session.status.value, str(since), str(int(session.elapsed_seconds(now))), *texts)) + "\n"
