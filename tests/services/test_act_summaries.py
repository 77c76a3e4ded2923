"""The history says of acts on several sessions what was done to them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from services.memories.act_summaries import described
from services.model import Act, Action, Change, Entity, Kind

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def told(summaries: Sequence[str], kind: Kind = Kind.EDIT) -> str:
    """Of an act on one session a summary, each of the description that stands in it (else `tea`)."""
    changes = [
        Change(
            *(number, "g", Entity.SESSION, str(number), Action.UPDATED, "ada", "cli", NOON, None),
            {"description": summary.split('"')[1] if '"' in summary else "tea"},
            summary=summary,
        )
        for number, summary in enumerate(summaries)
    ]
    act = Act("g", 0, kind, "ada", "cli", NOON, "", {Entity.SESSION: len(changes)})
    return described(act, changes, {}).summary


@pytest.mark.parametrize(
    ("summaries", "summary"),
    [
        (['paused "login"', 'started "review"'], 'paused "login" and started "review"'),
        (['undone: paused "login"', 'undone: started "review"'], 'paused "login" and started "review"'),
        (['billed "a" for 2026-11', 'billed "b" for 2026-11'], "billed 2 sessions for 2026-11"),
        (['took an absence out of "a"', 'took an absence out of "b"'], "took an absence out of 2 sessions"),
        (['paused "a"', 'paused "b"', 'started "c"'], 'paused 2 sessions and started "c"'),
        (['paused "a"', 'stopped "b"', 'started "c"'], "changed 3 sessions"),
        (["imported"], 'imported "tea"'),
    ],
)
def test_an_act_on_sessions_says_what_was_done_to_them(summaries: Sequence[str], summary: str) -> None:
    assert told(summaries) == summary
