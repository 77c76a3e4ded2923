"""Change groups: the acts of a person in the history, and what undoes what."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from services.batches import batches
from services.model import Act, Change, Entity, Kind
from services.ports import SqlDatabase
from services.records.columns import exact_json, storable
from services.records.history import BATCH, History

_NO_ACT = f"('{Kind.OUTSIDE}', '{Kind.PURGE}')"
"""Kinds of changes that nobody undoes: what others did, and what is gone for good."""
_UNDOABLE = f"""
SELECT change_group FROM {{log}} done
WHERE actor = :actor AND position = 0 AND NOT imported AND kind <> 'undo' AND kind NOT IN {_NO_ACT}
  AND NOT EXISTS (SELECT 1 FROM memoria_tui.audit_log undo WHERE undo.undoes = done.change_group)
  AND change_group <> ALL(CAST(:skip AS text[]))
  AND (CAST(:among AS text[]) IS NULL OR change_group = ANY(CAST(:among AS text[])))
ORDER BY id DESC LIMIT 1
"""
_REDOABLE = f"""
SELECT change_group FROM {{log}} undone
WHERE actor = :actor AND position = 0 AND NOT imported AND kind = 'undo'
  AND NOT EXISTS (SELECT 1 FROM memoria_tui.audit_log redo WHERE redo.undoes = undone.change_group)
  AND NOT EXISTS (SELECT 1 FROM {{log}} act WHERE act.actor = undone.actor AND act.id > undone.id AND act.position = 0
                    AND NOT act.imported AND act.kind NOT IN ('undo', 'redo') AND act.kind NOT IN {_NO_ACT})
ORDER BY id DESC LIMIT 1
"""
_LAST_IS_PURGE = """
SELECT kind = 'purge' AS is_purge FROM {log} AS log
WHERE actor = :actor AND position = 0 AND NOT imported AND kind <> 'outside' ORDER BY id DESC LIMIT 1
"""
_LINE = """
WITH RECURSIVE line (change_group, place) AS (
    (SELECT change_group, 1 FROM memoria_tui.audit_log WHERE change_group = :group LIMIT 1)
    UNION
    SELECT next.change_group, line.place + 1
    FROM line JOIN memoria_tui.audit_log next ON next.undoes = line.change_group AND next.position = 0)
SELECT change_group FROM line ORDER BY place
"""
_BEGINNING = """
SELECT DISTINCT change_group FROM memoria_tui.audit_log WHERE starts_with(change_group, :prefix) LIMIT 2
"""
_IN_PROJECTS = """(CAST(:projects AS text[]) IS NULL OR entity = 'memory'
    AND (before IS NULL OR EXISTS (SELECT 1 FROM unnest(CAST(:projects AS text[])) AS one
                                   WHERE strpos(before::text, one) > 0))
    AND (after IS NULL OR EXISTS (SELECT 1 FROM unnest(CAST(:projects AS text[])) AS one
                                  WHERE strpos(after::text, one) > 0)))"""
"""Changes of memories of some projects. The states are compared as texts: to look into them is not for SQL."""
_MAY_BE_SEEN = f"({_IN_PROJECTS} OR entity IN ('relation', 'review'))"
"""Where the memories are is not told by the changes of these."""
_ACTS = f"""
SELECT id, change_group, kind, actor, program, changed_at, undoes FROM {{log}} act
WHERE position = 0 AND NOT imported AND id < COALESCE(:until, 9223372036854775807)
  AND NOT EXISTS (SELECT 1 FROM memoria_tui.audit_log first
                  WHERE first.change_group = act.change_group AND first.position = 0 AND first.id < act.id)
  AND (CAST(:projects AS text[]) IS NULL OR EXISTS (
      SELECT 1 FROM memoria_tui.audit_log change WHERE change.change_group = act.change_group AND {_MAY_BE_SEEN}))
ORDER BY id DESC LIMIT :limit
"""
_COUNTS = f"""
SELECT change_group, entity, count(DISTINCT entity_id) AS things,
       count(DISTINCT entity_id) FILTER (WHERE entity = 'memory' AND summary LIKE '%merged into %') AS merged,
       count(DISTINCT entity_id) FILTER (WHERE entity = 'memory' AND summary LIKE '%merged with %') AS kept
FROM memoria_tui.audit_log
WHERE change_group = ANY(CAST(:groups AS text[])) AND {_IN_PROJECTS} GROUP BY change_group, entity
"""
_UNDONE = """
WITH RECURSIVE line (act, change_group, place) AS (
    SELECT name, name, 1 FROM unnest(CAST(:groups AS text[])) AS name
    UNION
    SELECT line.act, next.change_group, line.place + 1
    FROM line JOIN memoria_tui.audit_log next ON next.undoes = line.change_group AND next.position = 0)
SELECT act FROM line GROUP BY act HAVING max(place) % 2 = 0
"""
_ORIGINS = """
WITH RECURSIVE line (act, undoes, kind) AS (
    SELECT change_group, undoes, kind FROM memoria_tui.audit_log
    WHERE change_group = ANY(CAST(:groups AS text[])) AND position = 0
    UNION
    SELECT line.act, earlier.undoes, earlier.kind
    FROM line JOIN memoria_tui.audit_log earlier ON earlier.change_group = line.undoes AND earlier.position = 0)
SELECT act, kind FROM line WHERE undoes IS NULL
"""
_FIRST = f"""
SELECT change.id FROM unnest(CAST(:groups AS text[])) AS act (name)
CROSS JOIN LATERAL (SELECT id FROM memoria_tui.audit_log WHERE change_group = act.name AND {_MAY_BE_SEEN}
                    ORDER BY id LIMIT :limit) change
ORDER BY change.id
"""


class ChangeGroups:
    """The changes of one act are a group, undone as one; so an undo and a redo are groups too."""

    def __init__(self, database: SqlDatabase, history: History) -> None:
        self._database = database
        self._history = history

    async def changes(self, group: str) -> list[Change]:
        """All changes of one act, in order."""
        rows = await self._database.fetch(
            "SELECT string_agg(id::text, ' ' ORDER BY id) AS ids FROM memoria_tui.audit_log WHERE change_group = :name",
            name=group,
        )
        ids = [int(one) for one in (rows[0].ids or "").split()] if rows else []
        changes: list[Change] = []
        for some in batches(ids, BATCH):
            changes += await self._history.changes(some)
        return changes

    async def last_undoable(
        self, actor: str, skip: Sequence[str] = (), among: Sequence[str] | None = None
    ) -> str | None:
        """Newest act of this actor that is neither an undo, undone, imported nor among those to skip.

        `among`: only one of these.
        """
        meant = None if among is None else list(among)
        rows = await self._history.read(_UNDOABLE, actor=storable(actor), skip=list(skip), among=meant)
        return str(rows[0].change_group) if rows else None

    async def has_just_purged(self, actor: str) -> bool:
        """Whether the last that this actor did, undo and redo included, was to erase for good."""
        rows = await self._history.read(_LAST_IS_PURGE, actor=storable(actor))
        return bool(rows) and bool(rows[0].is_purge)

    async def last_redoable(self, actor: str) -> str | None:
        """Newest undo of this actor that is not undone and after which they did nothing else."""
        rows = await self._history.read(_REDOABLE, actor=storable(actor))
        return str(rows[0].change_group) if rows else None

    async def line(self, group: str) -> list[str]:
        """An act, the undo of it, the redo of that and so on, as far as they were made; [] for no act."""
        return [row.change_group for row in await self._database.fetch(_LINE, group=group)]

    async def beginning(self, prefix: str) -> list[str]:
        """Up to two groups that begin so."""
        rows = await self._database.fetch(_BEGINNING, prefix=storable(prefix))
        return [row.change_group for row in rows]

    async def last_acts(self, limit: int, before: int | None, projects: Collection[str] | None) -> list[Act]:
        """The last acts of everybody without summaries, newest first, imported history left out.

        `before`: only those before the act of this change. `projects`: only those that may be about memories of these,
        with the numbers of such memories alone.
        """
        meant = _texts(projects)
        acts = await self._history.read(_ACTS, limit=limit, until=before, projects=meant)
        groups = [row.change_group for row in acts]
        counts: dict[str, dict[Entity, int]] = {}
        merged: dict[str, tuple[int, int]] = {}
        for row in await self._database.fetch(_COUNTS, groups=groups, projects=meant):
            counts.setdefault(row.change_group, {})[Entity(row.entity)] = row.things
            if row.merged:
                merged[row.change_group] = row.merged, row.kept
        undone = {row.act for row in await self._database.fetch(_UNDONE, groups=groups)}
        origins = await self.origins([row.change_group for row in acts if row.undoes])
        return [
            Act(
                group=row.change_group,
                change_id=row.id,
                kind=Kind(row.kind),
                actor=row.actor,
                program=row.program,
                at=row.changed_at,
                summary="",
                counts=counts.get(row.change_group, {}),
                merged=merged.get(row.change_group, (0, 0)),
                undone=row.change_group in undone,
                undoes=row.undoes,
                origin=origins.get(row.change_group),
            )
            for row in acts
        ]

    async def origins(self, groups: Sequence[str]) -> dict[str, Kind]:
        """By undos and redos: the kind of the act that they undid or did again, as far as the history has it."""
        rows = await self._database.fetch(_ORIGINS, groups=list(groups)) if groups else ()
        return {row.act: Kind(row.kind) for row in rows}

    async def first_changes(
        self, groups: Sequence[str], limit: int, projects: Collection[str] | None = None
    ) -> dict[str, list[Change]]:
        """At most so many changes of each group, in order; `projects` as for `last_acts`."""
        rows = await self._database.fetch(_FIRST, groups=list(groups), limit=limit, projects=_texts(projects))
        ids = [row.id for row in rows]
        found: dict[str, list[Change]] = {}
        for some in batches(ids, BATCH):
            for change in await self._history.changes(some):
                found.setdefault(change.group, []).append(change)
        return found


def _texts(projects: Collection[str] | None) -> list[str] | None:
    """How the states of memories of these projects name them."""
    return None if projects is None else [exact_json({"project": one})[1:-1] for one in projects]
