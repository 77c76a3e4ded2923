"""Sets of collections on a Qdrant server. Imports qdrant-client, which takes a while: import this on first use.

Collections of a set are numbered (`semantic-2`); aliases tell what each is: `semantic` is in use, `semantic-draft` is
filled, `semantic-former` was in use before. So an adoption is one change of aliases, which the server does at once.

Collections that MCP Memoria made have the very names `semantic` and so on, an alias cannot have the name of a
collection, and a collection cannot be renamed. At their first adoption they are copied (`semantic-copy`, while they
are in use), the copy is brought up to date and becomes `semantic-former`, they are deleted, and the aliases are made.
Between the last two steps there is no `semantic`: a few milliseconds on one server, longer on a cluster. Whoever asks
then is told to try again, and a program that was killed there leaves aliases by which any later start finishes its
work. What another program writes between the last look and the deletion, milliseconds too, is lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from qdrant_client import AsyncQdrantClient, models

from services.adapters.collections import BATCH, DRAFT, FORMER, under_way
from services.adapters.server.collection_info import MODEL_KEY, PURPOSE_KEY
from services.adapters.server.server_collections import Layout, ServerCollections, aliases_of, switching
from services.batches import batches
from services.concurrency import together
from services.errors import StoreMismatch
from services.model import MemoryType
from services.ports import Draft

_COPY = "-copy"
_NUMBERED = re.compile(f"({'|'.join(MemoryType)})-(\\d+)")
_IDS = 10_000
"""Ids in one answer."""
_ANY_ZONE = timedelta(hours=15)
"""Changes are dated in the local time of whoever made them, without a zone."""
_NEVER = object()


class ServerGenerations:
    """The requests of `Generations`; raises what qdrant-client raises, and StoreMismatch and Conflict."""

    def __init__(self, client: AsyncQdrantClient, layout: Layout) -> None:
        self._client = client
        self._layout = layout

    async def described(self, ending: str) -> Draft | None:
        """What the set under this ending was made for and holds."""
        aliases = await aliases_of(self._client)
        name = next((aliases[f"{one}{ending}"] for one in MemoryType if f"{one}{ending}" in aliases), None)
        if name is None:
            return None
        config = (await self._client.get_collection(name)).config
        about = config.metadata or {}
        return Draft(str(about.get(PURPOSE_KEY, "")), _size(config, name), str(about.get(MODEL_KEY, "")))

    async def collections(self, ending: str) -> ServerCollections | None:
        """The set under this ending, by the names of its collections; None when there is none."""
        aliases = await aliases_of(self._client)
        names = {one: aliases[f"{one}{ending}"] for one in MemoryType if f"{one}{ending}" in aliases}
        return ServerCollections(self._client, self._layout, names) if len(names) == len(MemoryType) else None

    async def open_draft(self, draft: Draft) -> ServerCollections:
        there = await self.described(DRAFT)
        if there is None:
            await self._clear()
            number = await self._free_number()
            names = {one: f"{one}-{number}" for one in MemoryType}
            made = ServerCollections(self._client, self._layout, names, draft.purpose)
            await made.ensure(draft.dimensions, draft.model)
            await self._rename({f"{one}{DRAFT}": name for one, name in names.items()})
            there = await self.described(DRAFT)
        if there is not None and there != draft:
            raise under_way(there)
        opened = await self.collections(DRAFT)
        if opened is None:
            raise StoreMismatch("the next set of collections is incomplete; drop it and start again")
        await opened.ensure(draft.dimensions, draft.model)
        return opened

    async def prepare(self) -> None:
        """Copies the collections that have the names of the set in use themselves, as far as that is not done."""
        originals = await self._originals(await aliases_of(self._client))
        number = await self._free_number()
        for collection in originals:
            await self._copy(collection, number)

    async def adopt(self) -> None:
        """Every step can be repeated; see the head of the module for their order."""
        aliases = await aliases_of(self._client)
        drafts = {one: aliases[f"{one}{DRAFT}"] for one in MemoryType if f"{one}{DRAFT}" in aliases}
        if not drafts:
            return
        await self.prepare()
        originals = await self._originals(aliases)
        copies = await aliases_of(self._client)
        await self._rename(
            {f"{one}{FORMER}": copies[f"{one}{_COPY}"] for one in originals if f"{one}{_COPY}" in copies},
            [f"{one}{_COPY}" for one in originals if f"{one}{_COPY}" in copies],
        )
        await together(*(self._copy_recent(one) for one in originals))
        await together(*(self._client.delete_collection(one.value) for one in originals))
        replaced = {one: aliases[one] for one, name in drafts.items() if aliases.get(one, name) != name}
        await self._rename(
            {f"{one}{FORMER}": name for one, name in replaced.items()}
            | {one.value: name for one, name in drafts.items()},
            [f"{one}{DRAFT}" for one in drafts],
        )
        await self._clear()

    async def complete(self) -> bool:
        """Finishes an adoption that was stopped where a collection in use is missing; gives whether there was one."""
        aliases = await aliases_of(self._client)
        gone = [one for one in MemoryType if switching(aliases, one) and not await self._client.collection_exists(one)]
        if gone:
            await self.adopt()
        return bool(gone)

    async def drop(self, *endings: str) -> int:
        """Deletes the sets under these endings; gives how many points they had."""
        aliases = await aliases_of(self._client)
        names = {f"{one}{ending}" for one in MemoryType for ending in endings} & set(aliases)
        counts = [await self._client.count(aliases[name], exact=True) for name in names]
        await self._rename({}, sorted(names))
        await self._clear()
        return sum(one.count for one in counts)

    async def drop_draft(self) -> None:
        """The copies that were made for its adoption go with it."""
        await self.drop(DRAFT, _COPY)

    async def _originals(self, aliases: Mapping[str, str]) -> list[MemoryType]:
        """Those in use that are collections, not aliases."""
        return [one for one in MemoryType if one not in aliases and await self._client.collection_exists(one)]

    async def _copy(self, collection: MemoryType, number: int) -> None:
        """Brings the copy of a collection up to date: points that it lacks, that changed, that are gone."""
        name = await self._copy_of(collection) or await self._new_copy(collection, number)
        here, there = await self._dates(collection), await self._dates(name)
        await self._copy_points(collection, name, [one for one, date in here.items() if there.get(one, _NEVER) != date])
        gone = list(there.keys() - here.keys())
        if gone:
            await self._client.delete(name, points_selector=models.PointIdsList(points=gone), wait=True)

    async def _copy_recent(self, collection: MemoryType) -> None:
        """The same for what was changed in the last hours alone, which is quick."""
        if name := await self._copy_of(collection):
            since = (datetime.now(UTC) - _ANY_ZONE).replace(tzinfo=None)
            recent = models.FieldCondition(key="updated_at", range=models.DatetimeRange(gte=since))
            where = models.Filter(must=[recent])
            here, there = await self._dates(collection, where), await self._dates(name, where)
            changed = [one for one, date in here.items() if there.get(one, _NEVER) != date]
            await self._copy_points(collection, name, changed)

    async def _copy_of(self, collection: MemoryType) -> str | None:
        aliases = await aliases_of(self._client)
        return aliases.get(f"{collection}{_COPY}") or aliases.get(f"{collection}{FORMER}")

    async def _new_copy(self, collection: MemoryType, number: int) -> str:
        config = (await self._client.get_collection(collection)).config
        name = f"{collection}-{number}"
        await self._client.create_collection(
            name,
            vectors_config=models.VectorParams(
                size=_size(config, collection), distance=models.Distance.COSINE, on_disk=self._layout.on_disk
            ),
            shard_number=self._layout.shards,
            replication_factor=self._layout.replicas,
            on_disk_payload=self._layout.on_disk,
            metadata={**(config.metadata or {}), PURPOSE_KEY: ""},
        )
        await self._rename({f"{collection}{_COPY}": name})
        return name

    async def _dates(self, name: str, where: models.Filter | None = None) -> dict[models.ExtendedPointId, object]:
        """When each point was changed, by id."""
        found: dict[models.ExtendedPointId, object] = {}
        following = None
        while True:
            page, following = await self._client.scroll(
                name, where, limit=_IDS, offset=following, with_payload=["updated_at"], with_vectors=False
            )
            found |= {record.id: (record.payload or {}).get("updated_at") for record in page}
            if following is None:
                return found

    async def _copy_points(self, source: str, name: str, ids: list[models.ExtendedPointId]) -> None:
        """A vector of another size, which a collection that was made meanwhile may have, is left out."""
        dimensions = _size((await self._client.get_collection(name)).config, name)
        for batch in batches(ids, BATCH):
            records = await self._client.retrieve(source, batch, with_payload=True, with_vectors=True)
            points = [
                models.PointStruct(
                    id=record.id,
                    vector=record.vector
                    if isinstance(record.vector, list) and len(record.vector) == dimensions
                    else {},
                    payload=record.payload,
                )
                for record in records
            ]
            if points:
                await self._client.upsert(name, points, wait=True)

    async def _rename(self, given: Mapping[str, str], taken: list[str] | tuple[str, ...] = ()) -> None:
        """Gives aliases to collections and takes others away, in one request."""
        operations: list[models.AliasOperations] = [
            models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=name, alias_name=alias))
            for alias, name in given.items()
        ]
        operations += [
            models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias)) for alias in taken
        ]
        if operations:
            await self._client.update_collection_aliases(change_aliases_operations=operations)

    async def _numbered(self) -> dict[str, int]:
        """The collections of all sets, with their numbers."""
        names = [one.name for one in (await self._client.get_collections()).collections]
        return {name: int(found[2]) for name in names if (found := _NUMBERED.fullmatch(name))}

    async def _free_number(self) -> int:
        return max((await self._numbered()).values(), default=1) + 1

    async def _clear(self) -> None:
        """Deletes collections of ours that no alias names: dropped ones, and what a killed program left."""
        named = set((await aliases_of(self._client)).values())
        for name in (await self._numbered()).keys() - named:
            if PURPOSE_KEY in ((await self._client.get_collection(name)).config.metadata or {}):
                await self._client.delete_collection(name)


def _size(config: models.CollectionConfig, name: str) -> int:
    """Raises StoreMismatch for vectors that have names."""
    vectors = config.params.vectors
    if not isinstance(vectors, models.VectorParams):
        raise StoreMismatch(f"the collection {name} has named vectors, MCP Memoria's have one without a name")
    return vectors.size
