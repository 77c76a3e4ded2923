"""What Memori keeps in a PostgreSQL, as a source of an import: read in one snapshot, never written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from services.adapters.memori_database import MemoriDatabase, Row
from services.ports import Clock
from services.transfer.formats.imported_records import BadRecord, Record
from services.transfer.formats.memori import Origin


class MemoriSource:
    """One database of Memori's; `done` and `size` count its rows."""

    unit = "rows"
    lasting = True

    def __init__(self, database: MemoriDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.name = f"Memori at {database.label}"
        self.size: int | None = None
        self.done = 0

    def records(self) -> Iterator[Record]:
        """Every memory, entity, conversation and relation, bad ones included, as it is read.

        Raises what `MemoriDatabase.snapshot` does.
        """
        with self._database.snapshot() as snapshot:
            self.size = sum(snapshot.counts().values())
            origin = Origin(snapshot.identity, self._clock())
            left_out: dict[str, set[object]] = {}
            for table, read in (
                ("memories", origin.memory),
                ("entities", origin.entity),
                ("conversations", origin.conversation),
            ):
                for row in snapshot.rows(table):
                    record = read(row)
                    if isinstance(record, BadRecord):
                        left_out.setdefault(table, set()).add(row["id"])
                    yield record
                    self.done += 1
            for later, earlier in snapshot.following(list(left_out.get("conversations", ()))):
                yield origin.follows(later, earlier)
            for _, rows in groupby(snapshot.rows("relationships"), _pair):
                together = list(rows)
                yield from origin.relations(together, left_out.get("entities", ()))
                self.done += len(together)


def _pair(row: Row) -> frozenset[object]:
    return frozenset((row["source_entity_id"], row["target_entity_id"]))
