"""Memories and relations of the demo as they come up, each under a short key."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from services.model import MemoryDraft, MemoryType, RelationType
from services.ports import NewRelation
from services.transfer.formats.record_reading import id_of


class Book:
    """What is remembered so far."""

    def __init__(self, now: datetime, dice: random.Random) -> None:
        self.now = now
        self.dice = dice
        self.memories: dict[str, MemoryDraft] = {}
        self.relations: dict[tuple[str, str, RelationType], NewRelation] = {}

    def remember(
        self,
        key: str,
        kind: MemoryType,
        text: str,
        day: datetime,
        tags: Sequence[str],
        project: str | None,
        importance: float,
        **metadata: object,
    ) -> str:
        self.memories[key] = MemoryDraft(
            content=text,
            type=kind,
            id=_id(key),
            tags=tuple(dict.fromkeys(tags)),
            importance=importance,
            project=project,
            created_at=min(day, self.now),
            metadata=metadata,
        )
        return key

    def relate(self, source: str, target: str, kind: RelationType) -> None:
        made = max(self.memories[key].created_at or self.now for key in (source, target))
        self.relations[source, target, kind] = NewRelation(
            _id(source),
            _id(target),
            kind,
            weight=self.dice.choice((1.0, 1.0, 0.9, 0.75)),
            created_at=made,
            id=_id(f"{source} {kind} {target}"),
        )

    def at(self, days_ago: float) -> datetime:
        """A moment of a working day about so many days ago."""
        day = self.now.astimezone(UTC) - timedelta(days=max(1.0, days_ago))
        day -= timedelta(days=max(0, day.weekday() - 4))
        return day.replace(
            hour=self.dice.randrange(7, 17), minute=self.dice.randrange(60), second=self.dice.randrange(60)
        )

    def joined(self, keys: Sequence[str]) -> str:
        return "\n\n".join(self.memories[key].content for key in keys)

    def keys(self, prefix: str) -> list[str]:
        return [key for key in self.memories if key.startswith(prefix)]


def _id(key: str) -> str:
    return id_of(f"memoria-tui demo: {key}")
