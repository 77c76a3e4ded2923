"""Who wrote, reviewed, confirmed and changed a memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from services.curation.provenance import Mark, Provenance, provenance
from services.model import Action, Change, Entity, Kind, Memory, MemoryType
from services.ports import Review

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def day(number: int) -> datetime:
    return NOW - timedelta(days=10 - number)


def changes(*payloads: tuple[str, Mapping[str, object]], first: Kind = Kind.EDIT) -> list[Change]:
    """One a day, each by an actor, the newest first."""
    states = [None, *({"type": "semantic", "payload": payload} for _, payload in payloads)]
    rows = [
        Change(
            number, str(number), Entity.MEMORY, "m", Action.UPDATED if number else Action.CREATED, actor, "tests",
            day(number), states[number], states[number + 1], kind=Kind.EDIT if number else first,
        )
        for number, (actor, _) in enumerate(payloads)
    ]  # fmt: skip
    return rows[::-1]


def memory(**metadata: object) -> Memory:
    return Memory("m", MemoryType.SEMANTIC, "text", metadata=metadata)


WRITTEN = ("agent:codex", {"content": "one"})
EDITED = ("agent:codex", {"content": "two"})
OWN = ("anna", {"content": "hers"})
STAMP = (day(2) - timedelta(seconds=1)).isoformat()
EXPIRED = ("anna", {"content": "one", "expires_at": STAMP})
PINNED = ("anna", {"content": "one", "expires_at": STAMP, "pinned": True})
VERIFIED = ("anna", {"content": "two", "last_verified": STAMP, "verified_by": "anna"})


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (provenance(memory(), changes(WRITTEN), Review(None, None, True)), "not reviewed yet"),
        (provenance(memory(), changes(WRITTEN), Review("anna", day(1), False)), "reviewed by anna 1, version 1 of 1"),
        (
            provenance(memory(), changes(WRITTEN, EDITED), Review("anna", day(0), True)),
            "reviewed by anna 0, version 1 of 2 · changed by codex, an agent 1 · not reviewed yet",
        ),
        (
            provenance(memory(last_verified=STAMP, verified_by="anna"), changes(WRITTEN, EDITED, VERIFIED), None),
            "confirmed by anna 1, version 2 of 2 · changed by codex, an agent 1",
        ),
        (
            provenance(memory(), changes(WRITTEN, EXPIRED, PINNED), Review("anna", day(2), False)),
            "reviewed by anna 2, version 1 of 1",
        ),
        (
            provenance(memory(), changes(WRITTEN, OWN, EDITED, OWN), Review("anna", day(0), False)),
            "reviewed by anna 0, version 2 of 4 · changed by anna 3",
        ),
        (provenance(memory(), changes(WRITTEN, EDITED)[:1], None), "changed by codex, an agent 1"),
        (provenance(memory(last_verified=STAMP), (), None), ""),
    ],
    ids=(
        "new",
        "reviewed",
        "changed since",
        "verified",
        "its life alone was changed",
        "who reviewed it wrote the next one",
        "history is cut",
        "nobody knows",
    ),
)
def test_who_looked_at_which_version_and_who_changed_it_last(known: Provenance, told: str) -> None:
    assert " · ".join(known.parts(lambda at: str((at - day(0)).days))) == told


def test_who_wrote_it_is_not_known_of_what_another_program_wrote() -> None:
    assert provenance(memory(), changes(WRITTEN), None).written == Mark("agent:codex", day(0))
    assert provenance(memory(), changes(WRITTEN, first=Kind.OUTSIDE), None).written is None
