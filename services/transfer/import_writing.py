"""Writes what an import planned, all of it or a part, in one transaction each; or counts what that would make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from services.errors import Conflict
from services.model import Advance, Entity, Kind, counting
from services.ports import NewChange
from services.records.relation_states import relation_change
from services.transfer.import_run import ImportRun
from services.transfer.reader_parts.own_export import TABLES
from services.transfer.tracked_sessions import TrackedSessions

if TYPE_CHECKING:
    from services.records import Records, Transaction


class ImportWriter:
    """Writes the run of an import."""

    def __init__(self, records: Records, tracked: TrackedSessions) -> None:
        self._records = records
        self._tracked = tracked

    async def count(self, run: ImportRun) -> None:
        """Says in the report what writing would do."""
        report = run.report
        run.count_stored()
        for new in run.relations:
            ends = list({end for relation in new for end in (relation.source_id, relation.target_id)})
            there = {(one.source_id, one.target_id, one.type) for one in await self._records.relations.between(ends)}
            report.relations += sum((one.source_id, one.target_id, one.type) not in there for one in new)
            report.unchanged += sum((one.source_id, one.target_id, one.type) in there for one in new)
        ids = {str(row["id"]).lower() for rows, _ in run.rows for row in rows.get("work_sessions", [])}
        known = {str(row["id"]) async for batch in self._records.rows.sessions() for row in batch} if ids else set()
        tracked = sum(one is not None for one in run.tracked.values())
        report.sessions, report.unchanged = len(ids - known) + tracked, report.unchanged + len(ids & known)
        await self._count_names(run)

    async def _count_names(self, run: ImportRun) -> None:
        """Clients and projects that are new by id and by name."""
        seen: set[object] = set()
        for client in await self._records.clients.clients():
            seen |= {client.id, client.name}
        for project in await self._records.clients.projects():
            seen |= {project.id, (project.client_id, project.name)}
        for rows, _ in run.rows:
            for row in rows.get("clients", []):
                run.report.clients += _are_new(seen, str(row["id"]).lower(), row["name"])
            for row in rows.get("projects", []):
                id_, owner = str(row["id"]).lower(), row.get("client_id")
                run.report.projects += _are_new(seen, id_, (str(owner).lower(), row["name"]) if owner else id_)

    async def write(self, run: ImportRun, progress: Advance) -> None:
        """One transaction for all that is left, then the points."""
        applied = counting(progress, run.act.count, "memories stored")
        await run.act.write(also=partial(self._write_rows, run), also_locked=run.related, applied=applied)
        run.count_stored()
        run.report.unchanged += run.known_rows

    async def write_part(self, run: ImportRun, progress: Advance) -> None:
        """The memories so far. What stands between them and others comes with the last part."""
        applied = counting(progress, run.act.count, "memories stored")

        async def also(transaction: Transaction) -> Sequence[NewChange]:
            await _refuse_undone(run, transaction)
            await self._write_items(run, transaction)
            return ()

        await run.act.write(also=also, applied=applied)
        run.begin_part()
        run.written(run.report)

    async def _write_items(self, run: ImportRun, transaction: Transaction) -> list[int]:
        """Writes down what came from which source, and what was not taken of it; gives the ids of the sources.

        Nothing of memories that others wrote meanwhile: the next import compares them with what they are then.
        """
        machine = self._records.sources.machine()
        ids = [0 if one.passed else await transaction.sources.begin(machine, one.origin.path) for one in run.origins]
        for source, memory_id in run.left:
            if memory_id not in run.act.overtaken:  # else the next import has to find once more where its note went
                await transaction.sources.drop(source, [memory_id])
        await transaction.history.append(run.act.group, run.not_taken)
        for place, items in run.items:
            taken = [one for one in items if one.memory_id not in run.act.overtaken]
            run.origins[place].settled &= len(taken) == len(items)
            await transaction.sources.put(ids[place], run.act.group, taken)
        return ids

    async def _write_rows(self, run: ImportRun, transaction: Transaction) -> Sequence[NewChange]:
        """What is no memory. History of the file comes before that of the import, which is the newest."""
        await _refuse_undone(run, transaction)
        sessions = relations = known = 0
        names: Counter[Entity] = Counter()
        for rows, changes in run.rows:
            made = [row for table in TABLES for row in await transaction.rows.insert(table, rows.get(table, []))]
            names.update(one.entity for one in made)
            own = list({str(row["id"]).lower(): row for row in rows.get("work_sessions", [])}.values())
            written = await transaction.rows.upsert_sessions(own)
            await transaction.history.append_imported(changes)
            await transaction.history.append(run.act.group, [*made, *written], kind=Kind.IMPORT)
            new = sum(one.entity is Entity.SESSION and one.before is None for one in written)
            sessions += new
            known += len(own) - new
        tracked = await self._tracked.write(run, transaction)
        await transaction.history.append(run.act.group, tracked, kind=Kind.IMPORT)
        sessions += sum(one.entity is Entity.SESSION for one in tracked)
        for batch in run.relations:
            gone = await run.deleted_ends(transaction, batch)
            wanted = [one for one in batch if one.source_id not in gone and one.target_id not in gone]
            inserted = await transaction.relations.insert(wanted)
            rows_ = [relation_change(None, one, "imported") for one in inserted]
            await transaction.history.append(run.act.group, rows_, kind=Kind.IMPORT)
            relations += len(inserted)
            known += len(batch) - len(inserted)
        run.report.relations, run.report.sessions = relations, sessions
        run.report.clients, run.report.projects = names[Entity.CLIENT], names[Entity.PROJECT]
        run.known_rows = known
        for one, source in zip(run.origins, await self._write_items(run, transaction), strict=True):
            if one.complete and not one.passed:
                fingerprint = one.origin.fingerprint if one.settled else ""
                counts = {"records": one.records, "remarks": one.remarks, "conflicts": one.conflicts}
                await transaction.sources.settle(source, fingerprint, **counts)
        return ()


def _are_new(seen: set[object], *keys: object) -> bool:
    """Whether none of the keys was seen; from now on they are."""
    new = seen.isdisjoint(keys)
    seen.update(keys)
    return new


async def _refuse_undone(run: ImportRun, transaction: Transaction) -> None:
    """Raises Conflict when a person undid the parts that were written so far: the rest is not to follow."""
    if await transaction.history.is_undone(run.act.group):
        raise Conflict("it was undone while it ran, so it stopped; the same command imports it again", None)
