"""Files that were made to break a reader end in lines for a person, in moments, and never in what a store refuses."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from services.errors import StoreTooNew, UnreadableFile
from services.memories.editing import MOST_METADATA, MOST_TAGS, MOST_TEXT
from services.transfer.reader_parts.imported_records import BadRecord, MemoryRecord, Record, RelationRecord, RowRecord
from services.transfer.reader_parts.json_reading import MOST_BYTES
from services.transfer.reader_parts.own_rows import change_of
from services.transfer.reader_parts.source import Source
from services.transfer.writers import own_export

ID = "11111111-1111-4111-8111-111111111111"
HEAD = {"format": "memoria-tui", "version": 1, "model": "m", "chunk_size": 500, "chunk_overlap": 50}
DIGITS = "9" * 5000

TEXT = st.text(st.characters() | st.sampled_from("\0\ud800\udfff\u2028"), max_size=8)
KEYS = st.sampled_from(
    (
        *("id", "payload", "content", "metadata", "tags", "importance", "memory_type", "created_at", "project"),
        *("is_chunk", "parent_id", "chunk_index", "chunk_count", "full_content", "vector", "vectors", "texts", "type"),
        *("source_id", "target_id", "relation_type", "weight", "name", "key", "value", "start_time", "description"),
        *("group", "entity", "entity_id", "action", "actor", "program", "at", "before", "after", "undoes", "summary"),
    )
)
LEAVES = st.sampled_from(
    (None, True, 0, -1, 7, 10**400, 1e308, float("nan"), float("inf"), ID, "semantic", "fixes", "memory", "created",
     "2026-01-02T03:04:05", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "\ud800", "nul\0")
)  # fmt: skip
VALUES = st.recursive(
    LEAVES | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | TEXT, inner, max_size=8),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS | TEXT, VALUES, max_size=10)
LINES = (
    "memory",
    "relation",
    "history",
    "clients",
    "projects",
    "user_settings",
    "rejected_suggestions",
    "work_sessions",
)
FORMATS = ("lines", "own", "export", "rest", "list")


def laid_out(form: str, values: list[dict[str, object]]) -> str:
    """A file of that format that holds the values where it has records."""
    match form:
        case "lines":
            return "\n".join(map(json.dumps, values))
        case "own":
            lines = [{LINES[number % len(LINES)]: value} for number, value in enumerate(values)]
            return "\n".join(map(json.dumps, [HEAD, *lines, {"end": {}}]))
        case "export":
            return json.dumps({"version": "1.0", "collections": {"semantic": values}})
        case "rest":
            return json.dumps({"version": "1.0", "memories": values, "relations": values})
        case _:
            return json.dumps(values)


def strings(value: object) -> Iterator[str]:
    """Every string in a record, keys included."""
    if isinstance(value, str) and not isinstance(value, Enum):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from strings(getattr(value, field.name))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from strings(key)
            yield from strings(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from strings(inner)


def read(path: Path, text: str | bytes) -> list[Record]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return list(Source(path).records())


def reasons(records: list[Record]) -> list[str]:
    return [f"{record.where}: {record.reason}" for record in records if isinstance(record, BadRecord)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(OBJECTS, max_size=8))
def test_any_values_become_records_that_every_store_takes(tmp_path: Path, values: list[dict[str, object]]) -> None:
    for form in FORMATS:
        note(form)
        records: list[Record] = []
        with suppress(UnreadableFile, StoreTooNew):
            records = read(tmp_path / "file.json", laid_out(form, values))
        for record in records:
            assert_storable(record)


def assert_storable(record: Record) -> None:
    if isinstance(record, RowRecord) and record.table == "history":
        for text in strings(change_of(record.row) and []):
            text.encode()
        return
    for text in strings(record):
        text.encode()
    if isinstance(record, MemoryRecord):
        json.dumps(record.payload, allow_nan=False)
        assert record.payload["content"] or record.notes
    if isinstance(record, RelationRecord):
        json.dumps(record.relation.metadata, allow_nan=False)
        assert 0 <= record.relation.weight <= 1


@settings(deadline=None)
@given(row=OBJECTS)
def test_a_row_of_the_history_becomes_a_change_that_the_database_takes_or_none(row: dict[str, object]) -> None:
    whole = {"group": "g", "entity": "memory", "entity_id": ID, "action": "created", "actor": "a", "program": "p",
             "at": "2026-01-02T03:04:05+00:00"}  # fmt: skip
    if (change := change_of({**whole, **row})) is not None:
        columns = (change.group, change.actor, change.program, change.content_hash, change.undoes, change.summary)
        for text in filter(None, columns):
            assert "\0" not in text
            text.encode()
        json.dumps([change.before, change.after], allow_nan=False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(front=st.text(st.sampled_from("&*!<>?:|-[]{}, \n#'\"0ab._e1\t\ud800"), max_size=60), body=TEXT)
def test_any_front_matter_is_read_or_told(tmp_path: Path, front: str, body: str) -> None:
    (record,) = read(tmp_path / "a.md", f"---\n{front}\n---\n{body}")
    for text in strings(record):
        text.encode()


@pytest.mark.parametrize("number", [DIGITS, f"-{DIGITS}", f"1.{DIGITS}", "1e999999", "NaN", "-Infinity"])
@pytest.mark.parametrize("key", ["importance", "x", "content", "access_count", "id", "tags"])
def test_no_number_is_too_long_to_be_told(tmp_path: Path, number: str, key: str) -> None:
    line = f'{{"id": "{ID}", "content": "text", "{key}": {number}}}'
    good = json.dumps({"content": "good"})
    for name, text in (("a.jsonl", f"{line}\n{good}\n"), ("a.json", f'{{"memories": [{line}, {good}]}}')):
        *_, last = read(tmp_path / name, text)
        assert isinstance(last, MemoryRecord)
        assert last.payload["content"] == "good"


@pytest.mark.parametrize("size", [0, -5, 1, 10**9, "500", None])
@pytest.mark.parametrize("overlap", [0, -1, 499, 10**9])
def test_no_size_in_the_head_of_an_export_makes_the_reading_endless(tmp_path: Path, size: object, overlap: int) -> None:
    head = {**HEAD, "chunk_size": size, "chunk_overlap": overlap}
    memory = {"memory": {"id": ID, "type": "semantic", "payload": {"content": "word " * 20_000}, "vectors": ["AAAA"]}}
    started = time.monotonic()
    (record,) = read(tmp_path / "a.jsonl", "\n".join(map(json.dumps, [head, memory, {"end": {}}])))
    assert isinstance(record, MemoryRecord)
    assert time.monotonic() - started < 20


def test_front_matter_takes_no_aliases_no_tags_and_no_depth(tmp_path: Path) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
        f"{chr(97 + number)}: &{chr(97 + number)} [{', '.join([f'*{chr(96 + number)}'] * 9)}]"
        for number in range(1, 20)
    )
    cases = {
        bomb: "aliases",
        "a: &x 1": "aliases",
        "a: !!python/object/apply:os.system [echo]": "tags",
        "a: !!binary aGk=": "tags",
        "a: " + "[" * 1000 + "]" * 1000: "nest",
        "a: " + "x" * 70_000: "longer than",
        "a: " + DIGITS: "cannot be read",
    }
    for front, reason in cases.items():
        started = time.monotonic()
        (record,) = read(tmp_path / "a.md", f"---\n{front}\n---\ntext")
        assert isinstance(record, MemoryRecord)
        assert reason in record.notes[0]
        assert time.monotonic() - started < 20


LONG_LINES = (
    "- a" + " " * 500_000, "- [ab] " + " " * 500_000 + "x", "`" * 500_000, "[[" * 250_000, "<%" * 250_000,
    "#" * 500_000, "%%" * 250_001, "- a [[b]] (" + ") " * 250_000 + "x", "[](" * 150_000, "#1/" * 150_000,
    "a::" * 150_000,
)  # fmt: skip


@pytest.mark.parametrize("text", LONG_LINES, ids=range(len(LONG_LINES)))
def test_no_note_takes_longer_than_its_length_is_worth(tmp_path: Path, text: str) -> None:
    started = time.monotonic()
    (record, *_) = read(tmp_path / "a.md", f"---\ntitle: a\npermalink: a\n---\n{text}")
    assert isinstance(record, MemoryRecord)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("levels", [200, 900, 100_000])
def test_what_is_nested_too_deeply_is_one_record_and_the_rest_goes_on(tmp_path: Path, levels: int) -> None:
    deep = f'{{"id": "{ID}", "content": "text", "x": {"[" * levels}{"]" * levels}}}'
    good = json.dumps({"content": "good"})
    bad, kept = read(tmp_path / "a.jsonl", f"{deep}\n{good}\n")
    assert isinstance(kept, MemoryRecord)
    assert reasons([bad])[0].endswith("nested too deeply")
    if levels < 300:  # a document is lost from the place on where Python's own reader gives up
        bad, kept = read(tmp_path / "a.json", f"[{deep}, {good}]")
        assert (isinstance(kept, MemoryRecord), reasons([bad])) == (True, ["record 1: nested too deeply"])


def test_what_follows_the_end_of_a_document_is_told(tmp_path: Path) -> None:
    one = json.dumps({"content": "one"})
    frame = json.dumps({"id": "a", "project": "p", "start": "2026-01-01T09:00:00Z", "stop": "2026-01-01T10:00:00Z"})
    for first in (f"[{one}]", f'{{"memories": [{one}]}}', f"[{frame}]", '{"collections": {"semantic": []}}'):
        *_, last = read(tmp_path / "joined.json", f"{first}\n[{one}]")
        assert isinstance(last, BadRecord)
        assert last.damaged
        assert "more follows" in last.reason
    assert reasons(read(tmp_path / "joined.json", one + one)) == ["line 1: no JSON: extra data at character 19"]


def test_a_line_or_a_text_that_is_too_long_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = json.dumps({"content": "good"})
    text = json.dumps({"content": "x" * (MOST_TEXT + 1)})
    started = time.monotonic()
    long, longer, kept = read(tmp_path / "a.jsonl", f"{text}\n{'y' * (MOST_BYTES + 10)}\n{good}\n")
    assert reasons([long, longer]) == [
        f"line 1: the text has {MOST_TEXT + 1:,} characters, a memory at most {MOST_TEXT:,}; divide it",
        f"line 2: it is longer than {MOST_BYTES >> 20} MiB",
    ]
    assert isinstance(kept, MemoryRecord)
    bad, kept = read(tmp_path / "a.json", f"[{text}, {good}]")
    assert (len(reasons([bad])), isinstance(kept, MemoryRecord)) == (1, True)
    assert "characters" in reasons(read(tmp_path / "a.md", "x" * (4 * MOST_TEXT + 1)))[0]
    assert time.monotonic() - started < 60


def test_tags_and_metadata_are_bounded_for_each_chunk_has_a_copy_of_them(tmp_path: Path) -> None:
    many = {"content": "text", "tags": [f"t{number}" for number in range(MOST_TAGS + 1)]}
    much = {"content": "text", "context": "x" * MOST_METADATA}
    told = reasons(read(tmp_path / "a.json", json.dumps({"memories": [many, much, {"content": "good"}]})))
    assert [one.split(":")[0] for one in told] == ["memories 1", "memories 2"]
    assert "tags" in told[0]
    assert "metadata" in told[1]


def test_an_empty_text_makes_no_memory_and_a_copy_of_one_is_told(tmp_path: Path) -> None:
    assert reasons(read(tmp_path / "a.jsonl", '{"content": " \\n"}')) == ["line 1: its text is empty"]
    (copy,) = read(
        tmp_path / "b.json", json.dumps({"collections": {"semantic": [{"id": ID, "payload": {"content": ""}}]}})
    )
    assert isinstance(copy, MemoryRecord)
    assert copy.notes == ("its text is empty",)


def test_what_is_not_taken_as_it_stands_is_told(tmp_path: Path) -> None:
    line = {"content": "text", "importance": 7, "project": {"id": 5}, "created_at": "2026-13-45", "updated_at": None}
    (record,) = read(tmp_path / "a.jsonl", json.dumps(line))
    assert isinstance(record, MemoryRecord)
    assert record.notes == (
        "its importance 7 is no number from 0 to 1; 1 is taken",
        "its project is a dict and no name; it is left out",
        "its created_at '2026-13-45' is no date; it is left out",
    )
    assert "project" not in record.payload


def test_a_row_that_no_table_holds_is_told_with_its_column(tmp_path: Path) -> None:
    rows: list[object] = [
        {"clients": {"id": ID, "name": "x" * 3000}},
        {"projects": {"id": "no", "name": "p"}},
        {"work_sessions": {"id": ID, "description": "d", "start_time": "2026-01-01", "status": "asleep"}},
        {"work_sessions": {"id": ID, "description": "d", "start_time": "1026-01-01", "end_time": "2026-01-01"}},
        {"user_settings": {"key": "k"}},
    ]
    told = reasons(read(tmp_path / "a.jsonl", "\n".join(map(json.dumps, [HEAD, *rows, {"end": {}}]))))
    assert len(told) == len(rows)
    for line, word in zip(told, ("name", "id", "status", "lasts", "value"), strict=True):
        assert word in line


def test_where_the_name_of_a_file_cannot_be_there_is_none() -> None:
    too_long = Path("x" * 300)
    assert Source(too_long).origin() is None
    assert not own_export.WRITER.is_taken(too_long)
    with pytest.raises(UnreadableFile, match="File name too long"):
        list(Source(too_long).records())
