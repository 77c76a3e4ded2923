"""How undo takes back what was done to sessions, clients and projects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.model import Change, Entity
from services.ports import NewChange, Transaction


class WorkInverse:
    """Column by column, so that what others appended since stays."""

    async def take_back(self, transaction: Transaction, changes: Sequence[Change]) -> Sequence[NewChange]:
        """Raises Conflict when a column was changed again since."""
        return await transaction.take_back_work(changes)


WORK_INVERSES: Mapping[Entity, WorkInverse] = dict.fromkeys(
    (Entity.SESSION, Entity.CLIENT, Entity.PROJECT), WorkInverse()
)
"""For `MemoryService`, whose undo knows memories and relations itself."""
