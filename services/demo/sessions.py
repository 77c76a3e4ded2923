"""The hours of the demo company: a year of work sessions with pauses, one running and one paused."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from services.model import Pause
from services.times import WriterZone
from services.work.pauses import encoded

_NAMESPACE = uuid.UUID("5e55104a-7c1d-5b3f-8f27-1c9d2e4f6a80")
_DAYS = 364
_ABSENT = 0.2
"""Share of the working days without a session."""


def sessions_of(
    company: Mapping[str, Any], now: datetime, zone: WriterZone, dice: random.Random
) -> Iterator[dict[str, object]]:
    """Rows of `work_sessions`, oldest first: about 250 completed, one paused, one running since this morning."""
    now = now.astimezone(UTC)
    tasks = company["tasks"]
    number = 0
    for ago in range(_DAYS, 0, -1):
        day = (now - timedelta(days=ago)).replace(hour=0, minute=0, second=0, microsecond=0)
        if day.weekday() > 4 or dice.random() < _ABSENT:
            continue
        start = day + timedelta(hours=8, minutes=dice.randrange(-20, 100))
        for _ in range(dice.choice((1, 1, 1, 2, 1))):
            length = timedelta(minutes=dice.randrange(35, 260))
            number += 1
            yield _completed(f"session {number}", dice.choice(tasks), start, length, company, zone, dice)
            start += length + timedelta(minutes=dice.randrange(10, 60))
    paused, running = tasks[22], tasks[0]
    yield _row("paused", paused, now - timedelta(minutes=190), status="paused") | {
        "pauses": encoded([Pause(now - timedelta(minutes=35), None, "lunch")], zone)
    }
    yield _row("running", running, now - timedelta(minutes=84), status="active") | {
        "issue_number": 1482,
        "branch": "fix/refresh-loop",
        "pauses": encoded([Pause(now - timedelta(minutes=50), now - timedelta(minutes=41), "page")], zone),
        "total_pause_minutes": 9,
        "notes": ["the loop needs two tabs and a slow network", "test first"],
    }


def _completed(
    key: str,
    task: Mapping[str, str],
    start: datetime,
    length: timedelta,
    company: Mapping[str, Any],
    zone: WriterZone,
    dice: random.Random,
) -> dict[str, object]:
    pauses: list[Pause] = []
    paused, at = 0, start
    for _ in range(dice.choice((0, 0, 1, 1, 2)) if length > timedelta(minutes=75) else 0):
        at += length / dice.uniform(3.2, 5)
        minutes = dice.choice((5, 8, 12, 30))
        pauses.append(Pause(at, at + timedelta(minutes=minutes), dice.choice([*company["pauses"], None])))
        at, paused = at + timedelta(minutes=minutes), paused + minutes
    coding = task["category"] in ("coding", "review")
    return _row(key, task, start, status="completed") | {
        "end_time": max(start + length, at + timedelta(minutes=5)).isoformat(),
        "pauses": encoded(pauses, zone),
        "total_pause_minutes": paused,
        "issue_number": dice.randrange(900, 1480) if coding and dice.random() < 0.7 else None,
        "pr_number": dice.randrange(500, 1100) if task["category"] == "review" else None,
        "branch": f"{task['project']}/{'-'.join(task['description'].lower().split()[:3]).strip(',:')}"
        if coding and "project" in task
        else None,
        "notes": [dice.choice(company["endings"])] if dice.random() < 0.5 else [],
    }


def _row(key: str, task: Mapping[str, str], start: datetime, *, status: str) -> dict[str, object]:
    return {
        "id": str(uuid.uuid5(_NAMESPACE, key)),
        "description": task["description"],
        "category": task["category"],
        "client": task.get("client"),
        "project": task.get("project"),
        "start_time": start.isoformat(),
        "status": status,
        "created_at": start.isoformat(),
    }
