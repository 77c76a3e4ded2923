"""`work status`: called by prompts and status lines every few seconds, so that it imports and connects to little."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from string import Formatter
from typing import TYPE_CHECKING

from memoria_tui.cli.json_output import session_json, warning_json
from memoria_tui.cli.terminal import Terminal, one_line
from services.errors import InvalidInput
from services.model import SessionStatus, WorkSession
from services.ports import machine_clock
from services.work.csv_and_markdown import clock

if TYPE_CHECKING:
    from services.work.report_values import Report, WorkStatus

ICONS: Mapping[SessionStatus, str] = {
    SessionStatus.ACTIVE: "▶",
    SessionStatus.PAUSED: "⏸",
    SessionStatus.COMPLETED: "■",
}
_BETWEEN = "   "
_TOO_WIDE = re.compile(r"\d{4}|\{")
"""In what follows the colon of a field: a width that no line has, or one that another field gives."""


def print_status(terminal: Terminal, template: str | None, *, as_json: bool) -> int:
    """What runs; without a running server or a database made yet, nothing is started for long or made."""
    found, today, zone = asyncio.run(_read_status(terminal, today=template is None or "{today" in template))
    if as_json:
        warnings = [warning_json(warning) for warning in found.warnings]
        sessions = [session_json(session, found.now) for session in found.sessions]
        worked = {"today_seconds": today.total_seconds, "today_open_seconds": today.open_seconds} if today else {}
        terminal.print_json({"sessions": sessions, "warnings": warnings, **worked})
    elif template is not None:
        if found.sessions:
            terminal.print(_BETWEEN.join(_fill_in(template, one, found.now, zone, today) for one in found.sessions))
    else:
        for session in found.sessions:
            terminal.print(_status_line(session, found.now, zone))
        for warning in found.warnings:
            terminal.print(f"! {one_line(warning.message)}")
        if not found.sessions:
            terminal.print("no session is running · start with: memoria-tui work start DESCRIPTION")
        if today is not None and today.sessions:
            running = f", {clock(today.open_seconds)} of it still open" if today.open_seconds else ""
            terminal.print(f"today {clock(today.total_seconds)}{running}")
    return 0


async def _read_status(terminal: Terminal, *, today: bool) -> tuple[WorkStatus, Report | None, tzinfo]:
    """What runs, and with `today` what was worked today."""
    from services.times import person_zone
    from services.work_glance import open_work_glance

    async with open_work_glance(terminal.settings, machine_clock) as (work, reports):
        return await work.status(), await reports.today() if today else None, person_zone(terminal.settings)


def _status_line(session: WorkSession, now: datetime, zone: tzinfo) -> str:
    place = " / ".join(name for name in (session.client, session.project) if name)
    parts = [
        f"{ICONS[session.status]} {clock(session.elapsed_seconds(now))}  {session.description}",
        *([place] if place else []),
        session.category.value,
        f"since {session.start.astimezone(zone):%Y-%m-%d %H:%M}",
        *([f"paused {clock(paused)}"] if (paused := session.paused_seconds(now)) else []),
        session.id[:8],
    ]
    return one_line(" · ".join(parts))


def _fill_in(template: str, session: WorkSession, now: datetime, zone: tzinfo, today: Report | None) -> str:
    fields = {
        "id": session.id[:8],
        "description": session.description,
        "status": session.status.value,
        "icon": ICONS[session.status],
        "elapsed": clock(session.elapsed_seconds(now)),
        "paused": clock(session.paused_seconds(now)),
        "seconds": str(int(session.elapsed_seconds(now))),
        "client": session.client or "",
        "project": session.project or "",
        "category": session.category.value,
        "today": clock(today.total_seconds) if today else "",
        "started": f"{session.start.astimezone(zone):%H:%M}",
    }
    try:
        if any(spec and _TOO_WIDE.search(spec) for _, _, spec, _ in Formatter().parse(template)):
            raise InvalidInput("--format takes widths of at most 999")
        return one_line(template.format_map(fields))
    except (KeyError, ValueError, IndexError, AttributeError) as error:
        raise InvalidInput(f"--format knows {', '.join(f'{{{name}}}' for name in fields)}, not {error}") from error
