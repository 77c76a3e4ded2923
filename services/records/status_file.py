"""A small file that says which sessions are open, for prompts and status lines that start no program to ask.

A line a session, columns with tabs between: `active` or `paused`; since when it runs, in seconds since 1970 (0: it is
paused); the seconds worked before that; client, project and description, `-` for none. Behind them, with `budget` in
front, of which budgets little is left, and for which client and project: an act does not add them up, but whoever reads
the budgets writes them down (`BillingService.watched`), and they stay while work for the same is open. Without an open
session there is no file.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from services.errors import MemoriaError
from services.files import write_file
from services.model import SessionStatus, WorkSession
from services.ports import Clock, SqlDatabase, machine_clock
from services.records.stored_sessions import OPEN, stored_sessions
from services.settings import Settings
from services.times import writer_zone
from services.work.name_rules import cleaned_name

_TAKE_TURN = "SELECT pg_advisory_xact_lock(hashtext('memoria_tui.status_file'))"


def status_file(settings: Settings) -> Path | None:
    """`memoria-tui/work` in `$XDG_RUNTIME_DIR`, of another home under a name of its own; None without that folder."""
    if settings.runtime_dir is None:
        return None
    name = "work"
    if settings.home != settings.default_home:
        name += f"-{settings.home.name}-{hashlib.blake2b(str(settings.home).encode(), digest_size=4).hexdigest()}"
    return settings.runtime_dir / "memoria-tui" / name


async def refresh_status_file(
    database: SqlDatabase,
    settings: Settings,
    clock: Clock = machine_clock,
    budgets: Mapping[str, str] | None = None,
) -> None:
    """Asks what is open and writes it down. What cannot be is left as it is: no act fails for it.

    `budgets`: as in `write_status_file`. One program at a time: else what one of two asked first could be what is
    written last.
    """
    if status_file(settings) is None:
        return
    with contextlib.suppress(MemoriaError):
        async with database.transaction() as connection:
            await connection.fetch(_TAKE_TURN)
            rows = await connection.fetch(f"{OPEN} ORDER BY session.start_time, session.id")
            now = clock()
            sessions = [one.session for one in stored_sessions(rows, writer_zone(settings), now)]
            write_status_file(settings, sessions, now, budgets)


def write_status_file(
    settings: Settings, sessions: Sequence[WorkSession], now: datetime, budgets: Mapping[str, str] | None = None
) -> None:
    """Writes it, or removes it where nothing is open.

    `budgets`: what is to be said of them, with the id of an open session that uses it; None: what was said last.
    """
    if (path := status_file(settings)) is None:
        return
    lines = [_line(one, now) for one in sessions]
    with contextlib.suppress(OSError, MemoriaError):
        lines += _budgets_in_use(path, sessions) if budgets is None else _budget_lines(sessions, budgets)
        if not lines:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_file(path, "".join(lines))


def is_out_of_place(settings: Settings, sessions: Sequence[WorkSession]) -> bool:
    """Whether there is no file though sessions are open, or one though none is."""
    path = status_file(settings)
    return path is not None and path.exists() != bool(sessions)


def says(settings: Settings, sessions: Sequence[WorkSession], budgets: Mapping[str, str]) -> bool:
    """Whether the file says this of budgets, and nothing else; also where there can be none."""
    path = status_file(settings)
    return path is None or _written_budgets(path) == _budget_lines(sessions, budgets)


def _budget_lines(sessions: Sequence[WorkSession], budgets: Mapping[str, str]) -> list[str]:
    users = {one.id: one for one in sessions}
    return [_columns("budget", 0, 0, *_place(users[id_]), told) for told, id_ in budgets.items() if id_ in users]


def _budgets_in_use(path: Path, sessions: Iterable[WorkSession]) -> list[str]:
    """Lines of budgets that work still uses."""
    places = {_columns(*_place(one)) for one in sessions}
    return [line for line in _written_budgets(path) if _columns(*line.split("\t")[3:5]) in places]


def _written_budgets(path: Path) -> list[str]:
    try:
        written = path.read_text("utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError):
        return []
    return [line for line in written if line.startswith("budget\t")]


def _line(session: WorkSession, now: datetime) -> str:
    since = int(now.timestamp()) if session.status is SessionStatus.ACTIVE else 0
    return _columns(
        session.status.value, since, int(session.elapsed_seconds(now)), *_place(session), session.description
    )


def _place(session: WorkSession) -> tuple[str, str]:
    return session.client or "", session.project or ""


def _columns(*values: str | int) -> str:
    return "\t".join(cleaned_name(str(one)) or "-" for one in values) + "\n"
