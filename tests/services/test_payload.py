"""Payloads of any shape become memories and come back whole."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.memories.payload import (
    CHUNK_KEYS,
    State,
    drafted,
    logical,
    read_memory,
    same_state,
    with_defaults,
    write_payload,
)
from services.model import MISSING_IMPORTANCE, Memory, MemoryDraft, MemoryType
from services.times import WriterZone

ROME = WriterZone(ZoneInfo("Europe/Rome"))
ID = "5fb66a64-fc17-40a0-9052-fa0d9035e93c"
TEXT = st.text(st.characters() | st.sampled_from("\0\ud800\udfff\u2028"), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
KNOWN = st.sampled_from(
    ("content", "created_at", "updated_at", "accessed_at", "access_count", "importance", "tags", "project", *CHUNK_KEYS)
)
DATE = st.datetimes().map(lambda date: date.isoformat()) | st.sampled_from(["2026-03-29T02:30:00Z", "20260101", "0001"])
PAYLOADS = st.dictionaries(KNOWN | TEXT, JSON | DATE | st.lists(TEXT, max_size=3), max_size=10)


def read(payload: dict[str, object], type_: MemoryType = MemoryType.SEMANTIC) -> Memory:
    return read_memory(ID, State(type_, payload), ROME)


@given(PAYLOADS, st.sampled_from(MemoryType))
def test_any_payload_is_read_and_no_key_is_lost(payload: dict[str, object], type_: MemoryType) -> None:
    memory = read(payload, type_)
    written = write_payload(memory, ROME)
    assert read(written, type_) == memory
    kept = logical(payload) | {"memory_type": str(type_)}
    assert {key: written[key] for key in kept} == kept


def test_a_memory_written_by_upstream_is_read() -> None:
    memory = read(
        {
            "content": "piece",
            "full_content": "piece and the rest",
            "memory_type": "semantic",
            "created_at": "2026-09-14T14:04:58.649308",
            "updated_at": "2026-09-14T14:04:58",
            "accessed_at": "2026-01-14T14:04:58+00:00",
            "access_count": 3,
            "importance": 1,
            "tags": ["auth", "jwt"],
            "project": "api",
            "confidence": 0.9,
            "metadata": {"ticket": "OPS-1"},
            "is_chunk": True,
            "parent_id": ID,
            "chunk_index": 1,
            "chunk_count": 2,
        }
    )
    assert memory.content == "piece and the rest"
    assert memory.created_at == datetime(2026, 9, 14, 12, 4, 58, 649308, UTC)
    assert memory.accessed_at == datetime(2026, 1, 14, 14, 4, 58, tzinfo=UTC)
    assert (memory.access_count, memory.importance, memory.tags, memory.project) == (3, 1.0, ("auth", "jwt"), "api")
    assert memory.metadata == {
        "confidence": 0.9,
        "metadata": {"ticket": "OPS-1"},
        "accessed_at": "2026-01-14T14:04:58+00:00",
    }


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("tags", "auth", ("auth",)),
        ("tags", ["a", 1, None, "b"], ("a", "b")),
        ("tags", {"a": 1}, ()),
        ("importance", "0.8", 0.8),
        ("importance", "high", 0.5),
        ("importance", 7, 1.0),
        ("importance", True, 0.5),
        ("importance", 10**400, 0.5),
        ("access_count", -1, 0),
        ("access_count", "12", 12),
        ("created_at", "yesterday", None),
        ("created_at", 1700000000, None),
        ("created_at", "0001-01-01T00:00:00+14:00", None),
        ("project", ["api"], None),
        ("content", 7, ""),
    ],
)
def test_a_key_of_the_wrong_type_is_read_as_well_as_can_be_and_kept(key: str, value: object, expected: object) -> None:
    memory = read({key: value})
    assert getattr(memory, key) == expected
    assert write_payload(memory, ROME)[key] == value


def test_a_memory_without_an_importance_counts_as_upstream_has_it() -> None:
    assert read({}).importance == Memory(ID, MemoryType.SEMANTIC, "").importance == MISSING_IMPORTANCE == 0.5


def test_dates_are_written_without_a_zone_in_the_writers_time() -> None:
    memory = Memory(ID, MemoryType.EPISODIC, "x", created_at=datetime(2026, 7, 1, 12, tzinfo=UTC))
    assert write_payload(memory, ROME)["created_at"] == "2026-07-01T14:00:00"


def test_a_new_memory_has_the_keys_that_upstream_always_writes() -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    semantic = drafted(MemoryDraft("x", metadata={"domain": "auth"}), ID, now, ROME).payload
    assert semantic["confidence"] == 0.8
    assert semantic["domain"] == "auth"
    assert semantic["created_at"] == semantic["updated_at"] == semantic["accessed_at"] == "2026-11-20T13:00:00"
    procedural = with_defaults(State(MemoryType.PROCEDURAL, {"execution_count": 4})).payload
    assert procedural == {
        "success_rate": 1.0,
        "execution_count": 4,
        "frequency": 0,
        "memory_type": "procedural",
    }
    assert "project" not in semantic


def test_states_are_the_same_when_only_their_writing_differs() -> None:
    assert same_state(
        State(MemoryType.SEMANTIC, {"content": "x"}), State(MemoryType.SEMANTIC, {"content": "x", "tags": []}), ID, ROME
    )
    assert not same_state(State(MemoryType.SEMANTIC, {"a": 1}), State(MemoryType.EPISODIC, {"a": 1}), ID, ROME)
    assert not same_state(State(MemoryType.SEMANTIC, {"a": 1}), State(MemoryType.SEMANTIC, {"a": "1"}), ID, ROME)
