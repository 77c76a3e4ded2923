"""The store of points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from services.model import MemoryType, StoreStatus
from services.points import (
    EVERYTHING,
    CollectionInfo,
    DatedBetween,
    Filter,
    Point,
    ScoredPoint,
    Scroll,
    SearchRequest,
    Tally,
)


class VectorStore(Protocol):
    """Points of the three collections. Each method opens the store on first use.

    Raises StoreUnavailable (StoreInUse, AuthenticationFailed, StorageFull, StoreTimeout) or StoreMismatch.
    """

    async def ensure(self, dimensions: int, model: str) -> None:
        """Makes collections and payload indexes that are missing; remembers `model` where none is remembered.

        Raises ModelMismatch when the collections have another vector size or were filled by another model.
        """
        ...

    async def model(self) -> str | None:
        """Name of the model that made the vectors, None when it is not known (made by upstream) or empty."""
        ...

    async def info(self) -> dict[MemoryType, CollectionInfo]:
        """Every collection that exists."""
        ...

    async def upsert(self, collection: MemoryType, points: Sequence[Point]) -> None:
        """Writes points whole (payload and vector replaced); returns when they are durable."""
        ...

    async def set_payload(self, collection: MemoryType, ids: Sequence[str], payload: Mapping[str, object]) -> None:
        """Sets these top-level keys, keeps the others; vectors stay."""
        ...

    async def set_payloads(
        self, collection: MemoryType, changes: Sequence[tuple[Sequence[str], Mapping[str, object]]]
    ) -> None:
        """As `set_payload`, of any number of points with other keys each, in few requests."""
        ...

    async def delete_payload(self, collection: MemoryType, ids: Sequence[str], keys: Sequence[str]) -> None: ...

    async def delete_points(self, collection: MemoryType, ids: Sequence[str]) -> None: ...

    async def retrieve(self, collection: MemoryType, ids: Sequence[str], *, vectors: bool = False) -> list[Point]:
        """The points that exist, in the order asked for."""
        ...

    async def scroll(self, request: Scroll) -> list[Point]: ...

    async def search(self, requests: Sequence[SearchRequest]) -> list[list[ScoredPoint]]:
        """One list a request, best first; one batch a collection."""
        ...

    async def count(self, collection: MemoryType, where: Filter = EVERYTHING) -> int:
        """Exact number of points."""
        ...

    async def facet(
        self,
        collection: MemoryType,
        key: str,
        where: Filter = EVERYTHING,
        limit: int = 1000,
    ) -> dict[str, int]:
        """Exact number of points by value of a keyword key, most first."""
        ...

    async def tally(
        self, collection: MemoryType, where: Filter, keys: Sequence[str], spans: Sequence[DatedBetween]
    ) -> Tally:
        """All points, those by value of each keyword key (at most 10,000 values), and those in each span.

        A store that has to read its points to count them reads them once.
        """
        ...

    async def status(self) -> StoreStatus: ...

    async def close(self) -> None: ...


@runtime_checkable
class WordStore(Protocol):
    """A store that reads the words of its memories itself, as `search.vocabulary` does. Raises as `VectorStore`."""

    async def completions(self, text: str) -> Sequence[str]: ...

    async def weights(self, text: str) -> Mapping[str, float]: ...


@dataclass(frozen=True, slots=True)
class Draft:
    """A second set of the three collections, filled beside the one in use until it takes its place."""

    purpose: str
    """Who fills it and for what, such as «reembed» or «restore 3f2a…»: nobody goes on with the draft of another."""
    dimensions: int
    model: str


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes on the disk of a store."""

    needed: int
    """What a draft takes, beyond what it has; an estimate."""
    free: int


class Generations(Protocol):
    """The set of collections in use, a draft of the next one, and the former one. Remembered over restarts.

    Raises as `VectorStore`.
    """

    @property
    def shared(self) -> bool:
        """True when other programs can write into the set in use meanwhile."""
        ...

    async def draft(self) -> Draft | None:
        """The one that was begun and neither adopted nor dropped."""
        ...

    async def open_draft(self, draft: Draft) -> VectorStore:
        """The collections of this draft, made when they are missing; the store in use stays usable meanwhile.

        Where the store is shared they stay the same collections after the adoption.

        Raises Conflict when a draft of another purpose, model or size is under way.
        """
        ...

    async def adopt_draft(self) -> None:
        """Puts the draft in the place of the set in use, which is kept as the former one; a still older one is dropped.

        Killed in the middle, the store opens with the one or the other; calling it again completes it.
        """
        ...

    async def room(self, dimensions: int) -> Room | None:
        """What a draft with vectors of this size needs; None when the disk cannot be asked, as that of a server."""
        ...

    async def complete_draft(self, collection: MemoryType) -> None:
        """Makes what filling left out, as indexes; for a collection that has all it is to have, as far as is known."""
        ...

    async def prepare_adoption(self) -> None:
        """What takes long of an adoption, done while the store is in use: a server copies collections that nobody can
        rename. `adopt_draft` does it when it was not done before.
        """
        ...

    async def drop_draft(self) -> None:
        """Throws the draft away; nothing when there is none."""
        ...

    async def former(self) -> Draft | None:
        """What was in use before the last adoption, None when it was dropped or there never was one."""
        ...

    async def open_former(self) -> VectorStore | None:
        """The former set, for reading; None when there is none."""
        ...

    async def drop_former(self) -> int:
        """Deletes the former set; gives how many points it had, 0 when there is none."""
        ...


class SwitchableStore(VectorStore, Generations, Protocol):
    """A store whose collections can be switched for another set."""
