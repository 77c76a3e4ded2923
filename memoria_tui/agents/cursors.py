"""Pages of lists: where the next one begins, whatever is written meanwhile."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from memoria_tui.agents.tool import MOST
from services.errors import InvalidInput
from services.model import Hit, Memory, MemoryType, Query, SortKey
from services.storable_text import quoted

if TYPE_CHECKING:
    from services.search.search_service import SearchService

_INSTANT = timedelta(microseconds=1)
_TYPES = list(MemoryType)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Behind a memory in the order of dates; else, as in the order of relevance, at a place."""

    place: int = 0
    created: datetime | None = None
    key: tuple[int, int] = (0, 0)
    """Of the memory, among those of one instant."""

    @classmethod
    def read(cls, text: str) -> Cursor:
        """Raises InvalidInput for what no answer gave."""
        try:
            place, created, (kind, number) = json.loads(urlsafe_b64decode(text))
            if not 0 <= place <= MOST:
                raise ValueError(place)
            return cls(int(place), datetime.fromisoformat(created) if created else None, (int(kind), int(number)))
        except (ValueError, TypeError) as error:
            raise InvalidInput(f"{quoted(text)} is no cursor; give `next` of an answer as it is") from error

    @classmethod
    def behind(cls, query: Query, hits: Sequence[Hit], place: int) -> Cursor:
        """Behind the last of these hits, which itself is at the place before."""
        memory = hits[-1].memory
        by_date = not query.ranked and query.sort in (SortKey.RELEVANCE, SortKey.CREATED)
        return cls(place, memory.created_at, _key(memory)) if by_date else cls(place)

    def __str__(self) -> str:
        created = self.created.isoformat() if self.created else None
        return urlsafe_b64encode(json.dumps((self.place, created, self.key)).encode()).decode()

    async def listed(self, service: SearchService, query: Query, most: int) -> Sequence[Hit]:
        """The next hits of a list."""
        if self.created is None:
            return (await service.search(replace(query, limit=self.place + most))).hits[self.place :]
        until = self.created + _INSTANT
        dated, limit = replace(query, before=min(query.before or until, until)), most
        while True:
            found = await service.search(replace(dated, limit=limit))
            left = [hit for hit in found.hits if self._comes_before(hit.memory)]
            if len(left) >= most or limit >= found.total:
                return left[:most]
            limit *= 2

    def _comes_before(self, memory: Memory) -> bool:
        return memory.created_at != self.created or _key(memory) > self.key


def _key(memory: Memory) -> tuple[int, int]:
    """Memories of one instant are in the order of their types and ids."""
    number = memory.id.isdigit()
    return _TYPES.index(memory.type) + len(_TYPES) * number, int(memory.id) if number else UUID(memory.id).int
