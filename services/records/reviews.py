"""`reviews`: what agents and imports wrote of each memory and no person has reviewed yet, and who reviewed what.

A trigger on the history fills it (`sql/015_reviews.sql`); here it is read, and persons review.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.model import AGENT, Action, Change, Entity, Kind, RelationType, net_changes, undone_summary
from services.model.trust_keys import EXPIRES_AT, VERIFIED_AT
from services.ports import NewChange, PendingReview, Review, SqlConnection, SqlDatabase
from services.records.columns import storable_json

REVIEWED = "reviewed"
"""What the history says of a review."""
REVIEWS = "0009"
"""The revision that added the table."""
_PENDING = """
FROM memoria_tui.reviews review
WHERE first_change IS NOT NULL AND (snoozed_until IS NULL OR snoozed_until <= :now)
"""
COUNT = f"""
SELECT count(*) AS number FROM (SELECT 1 {_PENDING} ORDER BY first_change LIMIT CAST(:most AS bigint)) AS waiting
"""
_PENDING_FIRST = f"""
SELECT page.memory_id::text AS memory_id, page.first_change, page.last_change, page.reviewed_by, page.reviewed_at,
       last.action, last.kind, last.actor, last.program, last.changed_at,
       first.action IN ('created', 'restored') AS is_new
FROM (SELECT * {_PENDING} ORDER BY first_change LIMIT :limit) AS page
JOIN memoria_tui.audit_log last ON last.id = page.last_change
JOIN memoria_tui.audit_log first ON first.id = page.first_change
ORDER BY page.first_change
"""
_BY_AGENT = f"""
SELECT actor, month, count(*) AS written, count(*) FILTER (WHERE reviewed) AS reviewed
FROM (SELECT log.actor, width_bucket(log.changed_at, CAST(:starts AS timestamptz[])) AS month,
             bool_and(review.memory_id IS NULL OR COALESCE(review.reviewed_change >= log.id, false)) AS reviewed
      FROM memoria_tui.audit_log log LEFT JOIN memoria_tui.reviews review ON review.memory_id = log.entity_id
      WHERE log.entity = 'memory' AND log.action IN ('created', 'updated') AND log.kind <> 'outside'
        AND NOT log.imported AND starts_with(log.actor, '{AGENT}')
        AND log.changed_at >= (CAST(:starts AS timestamptz[]))[1] AND log.changed_at < :end
      GROUP BY log.actor, month, log.entity_id) AS memories
GROUP BY actor, month ORDER BY month, actor
"""
_REVIEW = """
UPDATE memoria_tui.reviews review
SET first_change = NULL, reviewed_change = old.last_change, reviewed_by = :by, reviewed_at = now(),
    snoozed_until = NULL
FROM (SELECT stored.* FROM memoria_tui.reviews stored
      JOIN unnest(CAST(:ids AS uuid[]), CAST(:seen AS bigint[])) AS wanted (id, seen) ON wanted.id = stored.memory_id
      WHERE stored.first_change IS NOT NULL AND (wanted.seen IS NULL OR (stored.last_change <= wanted.seen
        AND NOT EXISTS (SELECT 1 FROM memoria_tui.embedding_schedule entry
                        WHERE entry.memory_id = stored.memory_id AND entry.since > entry.change_id IS NOT TRUE)))
      ORDER BY stored.memory_id FOR UPDATE OF stored) AS old
WHERE review.memory_id = old.memory_id
RETURNING review.memory_id::text AS memory_id, to_jsonb(old) AS before, to_jsonb(review) AS after
"""
_SNOOZE = """
UPDATE memoria_tui.reviews review SET snoozed_until = :until
FROM (SELECT * FROM memoria_tui.reviews WHERE memory_id = ANY(CAST(:ids AS uuid[])) AND first_change IS NOT NULL
      ORDER BY memory_id FOR UPDATE) AS old
WHERE review.memory_id = old.memory_id
RETURNING review.memory_id::text AS memory_id, to_jsonb(old) AS before, to_jsonb(review) AS after
"""
_UNDO = """
UPDATE memoria_tui.reviews review
SET first_change = CASE WHEN old.last_change = goal.left THEN goal.first_change
                        ELSE LEAST(goal.first_change, old.first_change) END,
    reviewed_change = goal.reviewed_change, reviewed_by = goal.reviewed_by, reviewed_at = goal.reviewed_at,
    snoozed_until = goal.snoozed_until
FROM jsonb_to_recordset(CAST(:goals AS jsonb)) AS goal
         (memory_id uuid, first_change bigint, "left" bigint, reviewed_change bigint, reviewed_by text,
          reviewed_at timestamptz, snoozed_until timestamptz)
JOIN memoria_tui.reviews old ON old.memory_id = goal.memory_id
WHERE review.memory_id = goal.memory_id
RETURNING review.memory_id::text AS memory_id, to_jsonb(old) AS before, to_jsonb(review) AS after
"""
_DECIDING = ("content", EXPIRES_AT, VERIFIED_AT)
"""Keys of a memory by whose change a person says that they looked at it."""


@dataclass(frozen=True, slots=True)
class AgentMonth:
    """Memories that an agent made or changed in a month, those that are gone by now too."""

    agent: str
    month: int
    """From 0, in the order of those asked for."""
    written: int
    reviewed: int
    """A person reviewed what it wrote of them then."""


class Reviews:
    """What waits for a review; nothing in a database that was not yet brought to the revision which has the table."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    async def count(self, now: datetime, most: int | None = None) -> int:
        """Memories that wait and are not snoozed; counted up to `most`, if given."""
        rows = await self._read(COUNT, now=now, most=most)
        return int(rows[0].number) if rows else 0

    async def pending(self, now: datetime, limit: int) -> list[PendingReview]:
        """Those that wait longest first."""
        rows = await self._read(_PENDING_FIRST, now=now, limit=limit)
        return [_pending(row) for row in rows]

    async def of(self, memory_id: str) -> Review | None:
        """How a memory stands; None where persons alone wrote it."""
        rows = await self._read(
            "SELECT reviewed_by, reviewed_at, first_change IS NOT NULL AS waits FROM memoria_tui.reviews "
            "WHERE memory_id = CAST(:id AS uuid)",
            id=memory_id,
        )
        return Review(rows[0].reviewed_by, rows[0].reviewed_at, rows[0].waits) if rows else None

    async def unreviewed_ids(self) -> frozenset[str]:
        """All that wait, snoozed ones too; all in one value, as for relations."""
        rows = await self._read(
            "SELECT string_agg(memory_id::text, ' ') AS ids FROM memoria_tui.reviews WHERE first_change IS NOT NULL"
        )
        return frozenset((rows[0].ids or "").split()) if rows else frozenset()

    async def by_agent(self, starts: Sequence[datetime], end: datetime) -> list[AgentMonth]:
        """Of each agent and month, by the instants in which the months begin; those without a memory are left out."""
        rows = await self._read(_BY_AGENT, starts=list(starts), end=end)
        return [AgentMonth(row.actor.removeprefix(AGENT), row.month - 1, row.written, row.reviewed) for row in rows]

    async def _read(self, sql: str, **parameters: object) -> Sequence[Any]:
        known = (await self._database.features()).since(REVIEWS)
        return await self._database.fetch(sql, **parameters) if known else ()


class ReviewWriter:
    """Reviews in one transaction; each method gives the rows for the history."""

    def __init__(self, connection: SqlConnection) -> None:
        self._connection = connection

    async def review(self, seen: Mapping[str, int | None], by: str) -> list[NewChange]:
        """Memories as reviewed, each unless it has a newer change than the one seen (None: any).

        Nor while the points of that one are not written: its text was not there to be seen.
        """
        rows = await self._connection.fetch(_REVIEW, ids=list(seen), seen=list(seen.values()), by=by)
        return [_row(row, REVIEWED) for row in rows]

    async def snooze(self, ids: Sequence[str], until: datetime) -> list[NewChange]:
        """Hides memories that wait until then."""
        return [_row(row, "snoozed") for row in await self._connection.fetch(_SNOOZE, ids=list(ids), until=until)]

    async def undo(self, changes: Sequence[Change]) -> list[NewChange]:
        """Undoes those of an act; what was changed since waits all the same."""
        known = {one.entity_id: one for one in net_changes(changes, Entity.REVIEW) if not one.imported}
        goals = [
            {**one.before, "left": one.after.get("last_change")} for one in known.values() if one.before and one.after
        ]
        rows = await self._connection.fetch(_UNDO, goals=storable_json(goals)) if goals else ()
        return [_row(row, undone_summary(known[row.memory_id])) for row in rows]


def decided(changes: Sequence[NewChange], kind: Kind) -> dict[str, int | None]:
    """The memories that a person looked at in an act: those whose text, expiry or verification they changed.

    Also those which they deleted, brought back or merged, and both ends of a `supersedes` that they drew.
    """
    found: dict[str, int | None] = {}
    for one in changes:
        if one.entity is Entity.MEMORY and _is_decision(one, kind):
            found[one.entity_id] = None
        elif one.entity is Entity.RELATION and kind is Kind.EDIT and _supersedes(one):
            found |= dict.fromkeys((str((one.after or {})[end]) for end in ("source_id", "target_id")), None)
    return found


def _is_decision(change: NewChange, kind: Kind) -> bool:
    if kind not in (Kind.EDIT, Kind.MERGE) or change.action is Action.CREATED:
        return False
    before, after = (_payload(state) for state in (change.before, change.after))
    back_or_gone = change.action is Action.RESTORED or change.after is None
    return back_or_gone or any(before.get(key) != after.get(key) for key in _DECIDING)


def _supersedes(made: NewChange) -> bool:
    return made.before is None and (made.after or {}).get("type") == RelationType.SUPERSEDES


def _payload(state: Mapping[str, object] | None) -> Mapping[str, object]:
    payload = (state or {}).get("payload")
    return payload if isinstance(payload, Mapping) else {}


def _row(row: Any, summary: str) -> NewChange:
    return NewChange(Entity.REVIEW, row.memory_id, Action.UPDATED, row.before, row.after, summary=summary)


def _pending(row: Any) -> PendingReview:
    return PendingReview(
        memory_id=row.memory_id,
        first_change=row.first_change,
        last_change=row.last_change,
        action=Action(row.action),
        kind=Kind(row.kind),
        actor=row.actor,
        program=row.program,
        at=row.changed_at,
        is_new=row.is_new,
        reviewed_by=row.reviewed_by,
        reviewed_at=row.reviewed_at,
    )
