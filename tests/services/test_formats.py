"""Files are told apart by content, read record by record, and never break an import."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import StoreTooNew, UnreadableFile
from services.model import MemoryType
from services.transfer.reader_parts.imported_records import BadRecord, MemoryRecord, Record, RelationRecord
from services.transfer.reader_parts.json_reading import BrokenJson, JsonStream
from services.transfer.reader_parts.source import Source

ID = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def read(path: Path, text: str | bytes) -> list[Record]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return list(Source(path).records())


def memories(records: list[Record]) -> list[MemoryRecord]:
    return [record for record in records if isinstance(record, MemoryRecord)]


def point(content: str, **payload: object) -> dict[str, object]:
    return {"id": ID, "payload": {"content": content, **payload}}


def export(*points: Mapping[str, object], collection: str = "semantic") -> dict[str, object]:
    return {"version": "1.0", "collections": {collection: list(points)}}


@pytest.mark.parametrize("indent", [None, 2])
def test_an_export_is_known_by_its_keys_however_it_is_laid_out(tmp_path: Path, indent: int | None) -> None:
    (memory,) = memories(read(tmp_path / "a", json.dumps(export(point("text"), collection="episodic"), indent=indent)))
    assert (memory.id, memory.type, memory.payload["content"]) == (ID, MemoryType.EPISODIC, "text")


def test_a_rest_backup_gives_memories_and_relations(tmp_path: Path) -> None:
    relation = {"source_id": ID, "target_id": OTHER, "relation_type": "fixes", "weight": 7, "created_by": "robot"}
    backup = {"version": "1.0", "memories": [{"id": ID, "content": "x"}], "relations": [relation]}
    memory, found = read(tmp_path / "backup.json", json.dumps(backup))
    assert isinstance(memory, MemoryRecord)
    assert isinstance(found, RelationRecord)
    assert not memory.whole
    assert (found.relation.weight, str(found.relation.created_by)) == (1.0, "user")


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    lines = [json.dumps(point(f"a\u2028b\u2029c\x85d{number}"), ensure_ascii=False) for number in range(3)]
    assert len(memories(read(tmp_path / "a.jsonl", "\n".join(lines)))) == 3


def test_chunks_come_together_in_any_order(tmp_path: Path) -> None:
    chunk = {
        "is_chunk": True,
        "parent_id": ID,
        "chunk_count": 2,
        "full_content": "one two",
        "tags": ["later"],
    }
    second = {
        "id": OTHER,
        "payload": {**chunk, "content": "two", "chunk_index": 1},
        "vector": [0.0, 1.0],
    }
    first = {
        "id": ID,
        "payload": {**chunk, "content": "one", "chunk_index": 0, "tags": ["t"]},
        "vector": [1.0, 0.0],
    }
    (memory,) = memories(read(tmp_path / "a.json", json.dumps(export(second, first))))
    assert memory.payload == {
        "content": "one two", "tags": ["t"], "importance": 0.5, "access_count": 0, "memory_type": "semantic",
    }  # fmt: skip
    assert (memory.texts, memory.vectors) == (("one", "two"), ([1.0, 0.0], [0.0, 1.0]))


def test_a_headless_group_is_a_memory_with_its_whole_text(tmp_path: Path) -> None:
    chunk = {
        "is_chunk": True,
        "parent_id": ID,
        "chunk_count": 2,
        "full_content": "one two",
        "chunk_index": 1,
    }
    points = export({"id": OTHER, "payload": {**chunk, "content": "two"}, "vector": [1.0]})
    (memory,) = memories(read(tmp_path / "a.json", json.dumps(points)))
    assert (memory.id, memory.payload["content"], memory.vectors) == (ID, "one two", ())


def test_nested_metadata_comes_back_to_the_top_below_what_is_newer(tmp_path: Path) -> None:
    nested = point("x", id=ID, project=None, attendees=5, metadata={"project": "api", "attendees": 4, "user": "ana"})
    (memory,) = memories(read(tmp_path / "a.json", json.dumps(export(nested))))
    assert {key: memory.payload[key] for key in ("project", "attendees", "user")} == {
        "project": "api", "attendees": 5, "user": "ana",
    }  # fmt: skip
    assert "metadata" not in memory.payload
    assert "id" not in memory.payload


def test_wrongly_typed_details_give_way_and_the_text_stays(tmp_path: Path) -> None:
    payload = {"importance": "high", "tags": "a, b", "created_at": 12, "access_count": -3, "project": 7}
    (memory,) = memories(read(tmp_path / "a.jsonl", json.dumps(point("kept", **payload))))
    assert memory.payload["content"] == "kept"
    assert memory.payload["tags"] == ["a", "b"]
    assert memory.payload["importance"] == 0.5
    assert memory.payload["project"] == "7"
    assert "created_at" not in memory.payload


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (json.dumps({"id": ID, "payload": 3}), "no payload"),
        (json.dumps({"id": ID, "payload": {}}), "content is missing"),
        (json.dumps({"id": ID, "payload": {"content": 3}}), "content is no text"),
        (json.dumps({"source_id": ID, "relation_type": "fixes"}), "end of the relation"),
        (json.dumps({"source_id": ID, "target_id": OTHER, "relation_type": 7}), "relation type is 7"),
        ("[1, 2]", "JSON object"),
        ("nonsense", "no JSON"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_bad_line_is_reported_with_its_number_and_the_rest_is_read(tmp_path: Path, line: str, reason: str) -> None:
    good = json.dumps(point("good"))
    first, bad, last = read(tmp_path / "a.jsonl", f"{good}\n{line}\n{good}\n")
    assert isinstance(first, MemoryRecord)
    assert isinstance(last, MemoryRecord)
    assert isinstance(bad, BadRecord)
    assert bad.where == "line 2"
    assert reason in bad.reason


def test_bytes_that_are_no_utf8_spoil_their_line_only(tmp_path: Path) -> None:
    good = json.dumps(point("good")).encode()
    bad, kept = read(tmp_path / "a.jsonl", b'{"id": "\x81"}\n' + good)
    assert isinstance(bad, BadRecord)
    assert "UTF-8" in bad.reason
    assert isinstance(kept, MemoryRecord)


@pytest.mark.parametrize("lines", [True, False])
def test_of_a_truncated_file_what_is_whole_is_read_and_the_place_is_told(tmp_path: Path, lines: bool) -> None:
    points = [{**point(f"text {number}"), "id": str(number) * 8 + ID[8:]} for number in range(1, 4)]
    text = "\n".join(map(json.dumps, points)) if lines else json.dumps(export(*points), indent=1)
    *whole, bad = read(tmp_path / "a.json", text[: text.index("text 3") + 2])
    assert [memory.payload["content"] for memory in memories(whole)] == ["text 1", "text 2"]
    assert isinstance(bad, BadRecord)
    assert bad.damaged
    assert "line" in bad.where + bad.reason


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", ""),
        ("a.json", "{}"),
        ("a.json", '{"version": "1.0", "coll'),
        ("a.json", '{\n"a": 1}'),
        ("a.json", "hello"),
        ("a.bin", "\x00\x01\x02"),
        ("a", "\x00\x01\x02"),
        ("a.sql", "CREATE TABLE x ();"),
    ],
)
def test_a_file_of_no_known_kind_is_one_line_that_names_it(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(UnreadableFile) as raised:
        read(tmp_path / name, content)
    assert str(tmp_path / name) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_absent_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="No such file"):
        list(Source(tmp_path / "absent.json").records())


def test_standard_input_is_read_as_lines_and_ids_made_of_the_text_are_stable() -> None:
    text = b'{"content": "a", "tags": ["t"], "type": "episodic"}\n{"content": "b"}\n'
    first, second = memories(list(Source(None, io.BytesIO(text)).records()))
    again, _ = memories(list(Source(None, io.BytesIO(text)).records()))
    assert (first.type, second.type) == (MemoryType.EPISODIC, MemoryType.SEMANTIC)
    assert first.id == again.id != second.id


def test_front_matter_becomes_metadata(tmp_path: Path) -> None:
    text = "---\ntags: [a, b]\ntype: procedural\nproject: api\ndate: 2026-01-02\nauthor: Ana\n---\n\n# Title\n\nBody.\n"
    (memory,) = memories(read(tmp_path / "note.md", text))
    assert memory.type is MemoryType.PROCEDURAL
    assert memory.payload["content"] == "# Title\n\nBody.\n"
    assert memory.payload["tags"] == ["a", "b"]
    assert (memory.payload["project"], memory.payload["created_at"]) == ("api", "2026-01-02")
    assert memory.payload["author"] == "Ana"


def test_a_folder_gives_a_memory_a_text_and_reports_the_rest(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.md").write_text("one", "utf-8")
    (tmp_path / "b.txt").write_text("two", "utf-8")
    (tmp_path / "c.md").write_text("---\n: : :\n  - [\n---\ntext", "utf-8")
    (tmp_path / "d.md").write_bytes(b"\xff\xfe")
    (tmp_path / "e.md").write_text(" \n", "utf-8")
    (tmp_path / ".hidden.md").write_text("no", "utf-8")
    (tmp_path / "f.png").write_bytes(b"no")
    records = list(Source(tmp_path).records())
    texts = {memory.where: memory.payload["content"] for memory in memories(records)}
    assert texts == {"deep/a.md": "one", "b.txt": "two", "c.md": "---\n: : :\n  - [\n---\ntext"}
    assert [record.where for record in records if isinstance(record, BadRecord)] == ["d.md", "e.md"]


def test_links_out_of_a_folder_are_told_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret", "utf-8")
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.md").write_text("one", "utf-8")
    (folder / "again.md").symlink_to(folder / "a.md")
    (folder / "Earlier.md").symlink_to(folder / "a.md")
    (folder / "out.md").symlink_to(tmp_path / "secret.md")
    (folder / "b.md").write_text("See [[Earlier]]", "utf-8")
    records = list(Source(folder).records())
    assert {str(memory.payload["content"]) for memory in memories(records)} == {"one", "See [[Earlier]]"}
    assert [one.where for one in records if isinstance(one, RelationRecord)] == ["b.md: [[Earlier]]"]
    assert [record.where for record in records if isinstance(record, BadRecord)] == ["out.md"]


def test_an_export_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreTooNew, match="newer memoria-tui"):
        read(tmp_path / "a.jsonl", '{"format": "memoria-tui", "version": 2}\n')


def test_an_own_export_that_was_cut_off_is_told(tmp_path: Path) -> None:
    head = json.dumps({"format": "memoria-tui", "version": 1})
    memory = json.dumps({"memory": {"id": ID, "type": "semantic", "payload": {"content": "x"}}})
    kept, bad = read(tmp_path / "a.jsonl", f"{head}\n{memory}\n")
    assert isinstance(kept, MemoryRecord)
    assert isinstance(bad, BadRecord)
    assert bad.damaged


class Trickle(io.BytesIO):
    """Gives a few bytes at a time, as a pipe may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(3)


@given(values=st.lists(JSON, max_size=6), indent=st.sampled_from([None, 1]), ascii_only=st.booleans())
def test_a_stream_gives_what_the_whole_document_holds(
    values: list[object], indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert list(JsonStream(Trickle(text)).items()) == values


@given(junk=st.binary(max_size=60))
def test_junk_ends_in_an_error_that_is_told_never_in_a_crash(junk: bytes) -> None:
    with contextlib.suppress(BrokenJson):
        assert next(JsonStream(io.BytesIO(b'[{"a": 1},' + junk)).items()) == {"a": 1}
