"""What programs write that know of no form: every store, and what is read of it, say the same of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from services.acting import Actor, acting_as, may_see
from services.memories.payload import State, read_memory
from services.model import Memory, MemoryType
from services.points import Filter, HasVector, Scroll
from services.ports import VectorStore
from services.search.filters import meets, payload_conditions
from services.search.query import operators, parse_query
from services.times import WriterZone, to_wall_clock
from tests.services.stores import DIMENSIONS, MODEL, opened_store, point

S = MemoryType.SEMANTIC
ZONE = WriterZone(ZoneInfo("Europe/Rome"))
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ODD: tuple[object, ...] = (False, 0, "", "false", [], None, 2, True, {})
EMPTY: tuple[object, ...] = ("", "false", [], None)
NAMES = ("tags", "project")
KEYS = ("pinned", "expires_at", "last_verified", "updated_at", "created_at", "importance")
OLD: dict[str, object] = {"created_at": "2026-01-01T00:00:00", "updated_at": "2026-01-01T00:00:00", "content": "text"}
PAYLOADS = [
    OLD,
    *({**OLD, key: odd} for key in NAMES for odd in EMPTY),
    *({**OLD, key: odd} for key in KEYS for odd in ODD),
    {**OLD, "pinned": True, "expires_at": "2026-11-30"},
    {**OLD, "last_verified": "2026-11-19T00:00:00Z", "tags": ["a", "b"], "project": "api"},
    {**OLD, "expires_at": "2026-11-01T00:00:00+01:00", "importance": 1},
    {**OLD, "updated_at": "2026-11-19T00:00:00"},
]

MEANING: dict[str, Callable[[Memory], bool]] = {
    "project:none": lambda memory: memory.project is None,
    "is:untagged": lambda memory: not memory.tags,
    "is:pinned": lambda memory: memory.pinned,
    "is:expired": lambda memory: memory.expires_at is not None and memory.expires_at < NOW,
    "is:expiring": lambda memory: memory.expires_at is not None and NOW <= memory.expires_at < NOW + timedelta(days=30),
    "is:stale": lambda memory: (
        memory.updated_at is not None
        and memory.updated_at < NOW - timedelta(days=180)
        and not memory.pinned
        and (memory.last_verified is None or memory.last_verified < NOW - timedelta(days=180))
    ),
}
"""What a query asks of a memory as a person sees it."""
QUERIES = (
    *(f"{sign}{text}" for text in MEANING for sign in ("", "-")),
    *("project:api", "-tag:a", "tag:false", "importance:>=0.4", "importance:<0.4"),
    *("since:2026-02-01", "before:2026-02-01", "as-of:2026-11-10"),
)
MEMORIES = [read_memory(str(number), State(S, payload), ZONE) for number, payload in enumerate(PAYLOADS)]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["edge", "server"])
async def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[VectorStore]:
    async with opened_store(request.param, tmp_path_factory.mktemp("odd") / "qdrant") as opened:
        await opened.ensure(DIMENSIONS, MODEL)
        await opened.upsert(S, [point(number, **payload) for number, payload in enumerate(PAYLOADS)])  # type: ignore[arg-type]
        yield opened


async def found(store: VectorStore, where: Filter) -> list[int]:
    return [int(one.id.replace("-", ""), 16) for one in await store.scroll(Scroll(S, 1000, where, payload_keys=()))]


def as_read(accepts: Callable[[Memory], bool]) -> list[int]:
    return [number for number, memory in enumerate(MEMORIES) if accepts(memory)]


def payloads(numbers: Sequence[int]) -> list[object]:
    return [PAYLOADS[one] for one in numbers]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("text", QUERIES)
async def test_a_store_and_what_is_read_of_it_answer_alike(store: VectorStore, text: str) -> None:
    query = parse_query(text, now=NOW, week_begins=0)
    stored = await found(store, payload_conditions(query, partial(to_wall_clock, zone=ZONE)))
    where = payload_conditions(query, lambda instant: instant)
    assert payloads(stored) == payloads(as_read(lambda memory: meets(memory, where)))
    if meaning := MEANING.get(text.removeprefix("-")):
        wanted = not text.startswith("-")
        assert payloads(stored) == payloads(as_read(lambda memory: meaning(memory) is wanted))


def test_every_value_of_is_and_has_says_here_what_it_asks() -> None:
    typed = [f"{one.name}:{value}" for one in operators() if one.name in ("is", "has") for value in one.values or ()]
    asked = {
        text: payload_conditions(parse_query(text, now=NOW, week_begins=0), lambda instant: instant) for text in typed
    }
    of_payload = {text for text, where in asked.items() if where and where != Filter((), (HasVector(),))}
    assert of_payload == MEANING.keys() - {"project:none"}


def test_who_is_kept_to_projects_sees_no_memory_whose_project_is_no_text() -> None:
    with acting_as(Actor("agent:x", projects=frozenset({"api"}))):
        assert may_see({"project": "api"})
        for odd in (*ODD, ["api"], {"api": 1}):
            assert not may_see({"project": odd})
