"""What a Qdrant server refuses and how: the stand-in of the tests does the same as a real one."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable

import pytest
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from tests.qdrant_server import Qdrant, lacks_keys, running_qdrant

NAME = "semantic"
SIZE = models.VectorParams(size=2, distance=models.Distance.COSINE)
TEXT = models.TextIndexParams(type=models.TextIndexType.TEXT, tokenizer=models.TokenizerType.WORD, lowercase=True)
POINT = models.PointStruct(
    id=1, vector=[1.0, 0.0], payload={"content": "A Quick fox", "date": "2026-01-01T00:00:00", "tag": "a"}
)


@contextlib.asynccontextmanager
async def filled(qdrant: Qdrant) -> AsyncIterator[AsyncQdrantClient]:
    """A collection of one point without an index."""
    client = qdrant.client()
    await client.create_collection(NAME, vectors_config=SIZE)
    await client.upsert(NAME, [POINT])
    yield client
    await client.close()


async def refused(asked: Awaitable[object]) -> tuple[int | None, str]:
    """Status and message of the refusal."""
    with pytest.raises(UnexpectedResponse) as caught:
        await asked
    answer = json.loads(caught.value.content)
    return caught.value.status_code, answer["status"]["error"]


async def count(client: AsyncQdrantClient, match: models.Match) -> int:
    where = models.Filter(must=[models.FieldCondition(key="content", match=match)])
    return (await client.count(NAME, where)).count


async def test_an_order_and_a_facet_need_an_index_of_the_right_kind(qdrant: Qdrant) -> None:
    async with filled(qdrant) as client:
        await client.create_payload_index(NAME, "date", models.PayloadSchemaType.KEYWORD)
        await client.create_payload_index(NAME, "tag", models.PayloadSchemaType.DATETIME)
        for key in ("date", "absent"):
            status, told = await refused(client.scroll(NAME, order_by=key))
            assert (status, told.split(".")[0]) == (400, f"Wrong input: No range index for `order_by` key: `{key}`")
        for key in ("tag", "absent"):
            status, told = await refused(client.facet(NAME, key))
            assert (status, told.split(".")[0]) == (400, f"Wrong input: No appropriate index for faceting: `{key}`")
        await client.create_payload_index(NAME, "date", models.PayloadSchemaType.DATETIME)
        await client.create_payload_index(NAME, "tag", models.PayloadSchemaType.KEYWORD)
        assert len((await client.scroll(NAME, order_by="date"))[0]) == 1
        assert [hit.value for hit in (await client.facet(NAME, "tag")).hits] == ["a"]


async def test_text_without_an_index_is_matched_as_a_piece_in_its_very_case(qdrant: Qdrant) -> None:
    async with filled(qdrant) as client:
        for match in (models.MatchText(text="Quick f"), models.MatchPhrase(phrase="ick"), models.MatchText(text="A")):
            assert await count(client, match) == 1
        for match in (models.MatchText(text="quick"), models.MatchText(text="fox Quick")):
            assert await count(client, match) == 0
        await client.create_payload_index(NAME, "content", TEXT)
        assert await count(client, models.MatchText(text="fox quick")) == 1
        assert await count(client, models.MatchText(text="Quick f")) == 0


async def test_a_phrase_needs_an_index_that_knows_places(qdrant: Qdrant) -> None:
    async with filled(qdrant) as client:
        await client.create_payload_index(NAME, "content", TEXT)
        assert await count(client, models.MatchPhrase(phrase="quick fox")) == 0
        await client.create_payload_index(NAME, "content", TEXT.model_copy(update={"phrase_matching": True}))
        assert await count(client, models.MatchPhrase(phrase="quick fox")) == 1
        assert await count(client, models.MatchPhrase(phrase="fox quick")) == 0


async def test_a_word_outside_the_lengths_of_the_index_is_not_there(qdrant: Qdrant) -> None:
    async with filled(qdrant) as client:
        index = TEXT.model_copy(update={"min_token_len": 2, "max_token_len": 4})
        await client.create_payload_index(NAME, "content", index)
        assert await count(client, models.MatchText(text="fox quick")) == 1
        assert await count(client, models.MatchText(text="quick")) == 0
        assert await count(client, models.MatchText(text="?")) == 0


async def test_a_collection_that_exists_or_is_gone_is_told(qdrant: Qdrant) -> None:
    async with filled(qdrant) as client:
        there = (409, f"Wrong input: Collection `{NAME}` already exists!")
        gone = (404, f"Not found: Collection `{NAME}` doesn't exist!")
        assert await refused(client.create_collection(NAME, vectors_config=SIZE)) == there
        await client.delete_collection(NAME)
        assert await refused(client.count(NAME)) == gone
        assert await refused(client.upsert(NAME, [POINT])) == gone
        assert await refused(client.get_collection(NAME)) == gone
        assert await refused(client.create_payload_index(NAME, "tag", models.PayloadSchemaType.KEYWORD)) == gone
        assert not await client.collection_exists(NAME)


async def test_a_vector_of_another_size_and_an_unknown_field_are_refused(qdrant: Qdrant) -> None:
    async with filled(qdrant) as client:
        status, told = await refused(client.upsert(NAME, [POINT.model_copy(update={"vector": [1, 0, 0]})]))
        assert (status, "Vector dimension error" in told) == (400, True)
        status, told = await refused(client.query_points(NAME, [1.0, 0, 0]))
        assert (status, "Vector dimension error" in told) == (400, True)
        query = models.TextQuery(text=models.TextQueryInput(query="fox"))
        status, told = await refused(client.query_points(NAME, query, using="content"))
        assert (status, told.startswith("Format error in JSON body")) == (400, True)


async def test_a_write_is_done_when_the_answer_comes_only_for_who_waits(qdrant: Qdrant) -> None:
    async with filled(qdrant) as client:
        answer = await client.upsert(NAME, [POINT.model_copy(update={"id": 2})], wait=False)
        assert answer.status is models.UpdateStatus.ACKNOWLEDGED
        answer = await client.upsert(NAME, [POINT.model_copy(update={"id": 3})], wait=True)
        assert answer.status is models.UpdateStatus.COMPLETED
        assert {one.id for one in await client.retrieve(NAME, [1, 3])} == {1, 3}


async def test_names_of_aliases_and_collections_do_not_meet(qdrant: Qdrant) -> None:
    async with filled(qdrant) as client:
        alias = models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=NAME, alias_name="other"))
        await client.update_collection_aliases([alias])
        status, told = await refused(client.create_collection("other", vectors_config=SIZE))
        assert (status, "Alias with the same name already exists" in told) == (400, True)
        alias = models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name="no", alias_name="another"))
        assert await refused(client.update_collection_aliases([alias])) == (
            404,
            "Not found: Collection `no` doesn't exist!",
        )
        assert (await client.count("other")).count == 1


@pytest.mark.skipif(lacks_keys(), reason="needs the keys of the server in MEMORIA_TEST_QDRANT")
async def test_a_key_that_may_only_read_and_a_wrong_one_are_refused() -> None:
    with running_qdrant("writer", "reader") as qdrant:
        async with filled(qdrant):
            reader = AsyncQdrantClient(url=qdrant.url, api_key=qdrant.reading_key, check_compatibility=False)
            assert (await reader.count(NAME)).count == 1
            forbidden = (403, "Forbidden: Global manage access is required")
            assert await refused(reader.upsert(NAME, [POINT])) == forbidden
            assert await refused(reader.create_collection("new", vectors_config=SIZE)) == forbidden
            assert await refused(reader.update_collection_aliases([])) == forbidden
            assert (await refused(reader.delete("absent", points_selector=[])))[0] == 404
            stranger = AsyncQdrantClient(url=qdrant.url, api_key="wrong", check_compatibility=False)
            with pytest.raises(UnexpectedResponse) as caught:
                await stranger.count(NAME)
            assert (caught.value.status_code, caught.value.content) == (401, b"Invalid API key or JWT")
