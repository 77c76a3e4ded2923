"""Integrity of memories and relations: all checks, and repairs that can be undone."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from uuid import uuid4

from services.batches import batches
from services.integrity.check import Check, Explanation, Facts, RepairStep, Scan, Stores
from services.integrity.checks import CHECKS, CHUNK_ENDS
from services.integrity.defects import Defect, DescribedDefect, Keep, Repaired, Survey
from services.integrity.places import read_places
from services.integrity.relation_ends import EndsPlan, Key, ends_of, planned, read_ends, read_wrong_ends
from services.memories.current_state import Current
from services.memories.memory_service import MemoryService
from services.memories.repairing import RepairedMemory
from services.memories.stored_memories import read_stored
from services.model import Advance, MemoryType, Relation, counting, no_progress
from services.points import Filter, Matches
from services.ports import NewChange, VectorStore
from services.records import Records, Transaction
from services.records.relation_states import relation_change, same_relation
from services.records.relations import Relations
from services.settings import Settings
from services.times import writer_zone

_log = logging.getLogger(__name__)

_BATCH = 100
"""Memories or relations repaired in one transaction."""

_DELETED = Explanation("was deleted since the check")


class IntegrityService:
    """Finds and repairs what other programs left in disorder."""

    def __init__(self, vectors: VectorStore, records: Records, memories: MemoryService, settings: Settings) -> None:
        self._stores = Stores(vectors, records, settings, writer_zone(settings))
        self._memories = memories

    async def survey(self, *, progress: Advance = no_progress) -> Survey:
        """Looks at every point and every relation once; writes nothing. Raises StoreUnavailable."""
        tests = {check: check.point_test for check in CHECKS if check.point_test}
        scan = Scan(self._stores, progress, tests)
        found = {check: tuple(await check.find(scan)) for check in CHECKS}
        places, ends = await scan.once(read_places), await scan.once(read_wrong_ends)
        return Survey(found, len(places.memories), ends.relations)

    async def describe(self, defects: Sequence[Defect]) -> tuple[DescribedDefect, ...]:
        """What a person needs to decide about each, in order; for as many as fit on a screen or two."""
        vectors, records = self._stores.vectors, self._stores.records
        relations = {one.id: one.relation for one in defects if one.relation is not None}
        ends = await read_ends(vectors, records.relations, relations.values(), _former(defects))
        ids = {defect.id for defect in defects if defect.relation is None} | set(ends.owned.values())
        stored = {one: states[0] for one, states in (await read_stored(vectors, ids, embeddings=False)).items()}
        facts = Facts(self._stores, stored, ends, self.foresee)
        there = [one for one in defects if one.relation or one.id in stored]
        explained: dict[tuple[Check, str], Explanation] = {}
        for check in {one.check for one in there}:
            some = [one for one in there if one.check is check]
            made = await check.explain(facts, some)
            explained |= {(check, one.id): found for one, found in zip(some, made, strict=True)}
        return tuple(self._finding(one, explained.get((one.check, one.id), _DELETED), facts) for one in defects)

    def _finding(self, defect: Defect, explained: Explanation, facts: Facts) -> DescribedDefect:
        owners = [facts.ends.owned.get(end, "") for end in ends_of(defect.relation)] if defect.relation else [defect.id]
        stored = (facts.stored.get(one) for one in owners)
        memories = tuple(one.memory(self._stores.zone) if one else None for one in stored)
        return DescribedDefect(defect, memories, explained.what, explained.repair, explained.outcomes)

    async def repair(
        self, defects: Sequence[Defect], *, keep: Keep = Keep.FIRST, progress: Advance = no_progress
    ) -> Repaired:
        """Repairs defects as one act; what no longer needs repair stays as it is. `keep` is one of their outcomes.

        All of it is one transaction, then the points follow. Raises StoreUnavailable, StoreReadOnly, SchemaMissing, or
        Conflict when others write the same relations at the moment.
        """
        group, checks = str(uuid4()), _checks(defects)
        advance = counting(progress, len(checks), "Repairing")
        relations, former = await self._related(defects, checks), _former(defects)
        memories = [one for one in checks if one not in relations]
        steps = await self._steps(checks, keep)
        done, deleted = Repaired(group), set[str]()

        def repaired(current: Current) -> RepairedMemory | None:
            advance(1)
            made = _repaired(current, {check: step for check, step in steps.items() if check in checks[current.id]})
            (deleted.add if made is not None and made.state is None else deleted.discard)(current.id)
            return made

        async def relate(transaction: Transaction) -> Sequence[NewChange]:
            nonlocal done
            made = await self._plan_ends(transaction.relations, list(relations.values()), checks, former)
            rows = await _write_ends(transaction, made)
            removed = sum(row.after is None for row in rows)
            done = replace(done, moved=len(rows) - removed, removed=removed)
            advance(len(relations))
            return rows

        count = await self._memories.repair(memories, repaired, group=group, also=relate)
        done = replace(done, memories=count - len(deleted), deleted=len(deleted))
        _log.info("repaired: %s", done.summary)
        return done

    async def foresee(self, defects: Sequence[Defect], keep: Keep = Keep.FIRST) -> Repaired:
        """What a repair would do, as far as it can be told; writes nothing."""
        checks = _checks(defects)
        deleted = set[str]()
        for check in CHECKS:
            if check.deletes and (ids := [one for one, of in checks.items() if check in of]):
                deleted |= set(await check.deletes(self._stores, ids, keep))
        relations = await self._related(defects, checks)
        table = self._stores.records.relations
        made = await self._plan_ends(table, list(relations.values()), checks, _former(defects))
        memories = sum(one not in relations for one in checks) - len(deleted)
        return Repaired("", memories, len(deleted), len(made.moved), len(made.removed))

    async def _steps(self, checks: Mapping[str, Collection[Check]], keep: Keep) -> dict[Check, RepairStep]:
        """The repair of each check of memories, those first that are the whole repair."""
        steps: dict[Check, RepairStep] = {}
        for check in sorted(CHECKS, key=lambda one: not one.alone):
            ids = [one for one, of in checks.items() if check in of]
            if ids and check.repair_memories:
                steps[check] = await check.repair_memories(self._stores, ids, keep)
        return steps

    async def _related(self, defects: Sequence[Defect], checks: dict[str, set[Check]]) -> dict[str, Relation]:
        """The relations of the defects, and those that end in chunks of memories that are to be cut again.

        These chunks may go, so such a relation is brought to its memory; it is added to the checks.
        """
        relations = {one.id: one.relation for one in defects if one.relation is not None}
        for batch in batches([one for one, of in checks.items() if any(check.rechunks for check in of)], _BATCH):
            where, scan = Filter((Matches("parent_id", tuple(batch)),)), Scan(self._stores, no_progress, {})
            ids = [
                point.id
                for type_ in MemoryType
                async for page in scan.points(type_, where, ("parent_id",))
                for point in page
            ]
            for relation in await self._stores.records.relations.touching(ids):
                relations.setdefault(relation.id, relation)
                checks.setdefault(relation.id, set()).add(CHUNK_ENDS)
        return relations

    async def _plan_ends(
        self,
        table: Relations,
        relations: Sequence[Relation],
        checks: Mapping[str, Collection[Check]],
        former: Mapping[str, str],
    ) -> EndsPlan:
        """What to do with the ends of all relations together: of two that would say the same, one stays."""
        made, taken = EndsPlan(), set[Key]()
        for batch in batches(relations, _BATCH):
            some = planned(await read_ends(self._stores.vectors, table, batch, former), checks, taken)
            made.moved.extend(some.moved)
            made.removed.update(some.removed)
        return made


def _repaired(current: Current, steps: Mapping[Check, RepairStep]) -> RepairedMemory | None:
    """What the steps make of a memory together; the first that is the whole repair ends it."""
    made: list[RepairedMemory] = []
    state = current.stored[0].state
    for check, step in steps.items():
        if (one := step(current, state)) is not None:
            if check.alone or one.state is None:
                return one
            state = one.state
            made.append(one)
    summary = ", ".join(one.summary for one in made)
    return RepairedMemory(state, summary, any(one.rechunk for one in made)) if made else None


async def _write_ends(transaction: Transaction, made: EndsPlan) -> list[NewChange]:
    """Writes it for those relations that nobody changed since they were read; gives the rows for the history."""
    rows: list[NewChange] = []
    for ids in batches(list(made.removed), _BATCH):
        rows += [relation_change(one, None, made.removed[one.id]) for one in await transaction.relations.delete(ids)]
    for pairs in batches(made.moved, _BATCH):
        there = await transaction.relations.locked([before.id for before, _ in pairs])
        still = [(b, a) for b, a in pairs if b.id in there and same_relation(there[b.id], b)]
        await transaction.relations.update([after for _, after in still])
        rows += [relation_change(before, after, "repaired: ends in the memory") for before, after in still]
    return rows


def _checks(defects: Sequence[Defect]) -> dict[str, set[Check]]:
    """What is to be repaired, by the id of the memory or relation."""
    checks: dict[str, set[Check]] = {}
    for defect in defects:
        if defect.check.repairable:
            checks.setdefault(defect.id, set()).add(defect.check)
    return checks


def _former(defects: Sequence[Defect]) -> dict[str, str]:
    return {end: memory for defect in defects for end, memory in defect.former.items()}
