"""Locks of memories: advisory ones, which PostgreSQL drops with the transaction.

They need no session, so they hold behind PgBouncer in transaction mode too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from services.ports import SqlConnection

_MOST_LOCKS = 200
"""Memories that are locked one by one; for more, all are locked at once: PostgreSQL's table of locks is bounded."""
_LOCK_TIMEOUT = "30s"
"""How long a writer waits for another program that holds a memory."""
_LOCK = f"""
SELECT set_config('lock_timeout', '{_LOCK_TIMEOUT}', true),
       CASE WHEN :repeatable THEN set_config('synchronous_commit', 'off', true) END,
       CASE WHEN n = 1 OR :shared THEN pg_advisory_xact_lock_shared(key) ELSE pg_advisory_xact_lock(key) END
FROM unnest(CAST(:keys AS bigint[])) WITH ORDINALITY AS wanted (key, n)
"""
_LOCK_EVERYTHING = f"""
SELECT set_config('lock_timeout', '{_LOCK_TIMEOUT}', true), pg_advisory_xact_lock(:key)
"""


class MemoryLocks:
    """Memories that no other transaction changes until this one ends."""

    def __init__(self, connection: SqlConnection) -> None:
        self._connection = connection

    async def acquire(self, memory_ids: Iterable[str], *, shared: bool = False, repeatable: bool = False) -> None:
        """Waits until no other transaction holds these memories, then holds them to the end of this one.

        `repeatable`: what is done in this one is done again should a power cut undo it, so nobody waits for the disk.

        Of more than 200 all memories there are. Who draws relations to memories that it does not change locks them
        `shared`: then they are not deleted meanwhile. Raises StoreTimeout after 30 s.
        """
        wanted = set(memory_ids)
        if len(wanted) > _MOST_LOCKS:
            await self._connection.fetch(_LOCK_EVERYTHING, key=_EVERYTHING)
        elif wanted:
            keys = [_EVERYTHING, *sorted(map(_key, wanted))]
            await self._connection.fetch(_LOCK, keys=keys, shared=shared, repeatable=repeatable)


def _key(name: str) -> int:
    """A number of 64 bits for an advisory lock, the same in every program."""
    digest = hashlib.blake2b(name.encode(), digest_size=8, person=b"memoria_tui").digest()
    return int.from_bytes(digest, signed=True)


_EVERYTHING = _key("every memory")
"""Held by all who write memories: shared by those who lock some, alone by who locks all."""
