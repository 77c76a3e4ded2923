"""What people bring from other programs comes in with what it holds, and what does not is told."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import zipfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import fields
from functools import partial
from inspect import signature
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoria_tui.cli.import_options import reading
from services.errors import InvalidInput, UnreadableFile
from services.model import MemoryType, RelationType
from services.storable_text import is_blank
from services.tags import read_tags
from services.transfer.reader_parts.dates import read_date
from services.transfer.reader_parts.imported_records import BadRecord, MemoryRecord, Record, RecordNote, RelationRecord
from services.transfer.reader_parts.opened_source import Opened
from services.transfer.reader_parts.reading_options import ReadingOptions
from services.transfer.reader_parts.several_files import Part, records_of_parts
from services.transfer.reader_parts.source import Source
from services.transfer.reader_parts.source_ids import memory_id
from services.transfer.readers import READERS, slack
from services.work.name_rules import checked_tags

ID = "a1b2c3d4-0000-4000-8000-000000000000"


def read(path: Path, text: str | bytes | object) -> list[Record]:
    """The records of a file with that text, or that value as JSON."""
    if not isinstance(text, (str, bytes)):
        text = json.dumps(text)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(Source(path).records())


def folder(root: Path, **files: str) -> list[Record]:
    """The records of a folder with these notes, named without their suffix."""
    for name, text in files.items():
        (root / f"{name}.md").parent.mkdir(parents=True, exist_ok=True)
        (root / f"{name}.md").write_text(text, "utf-8")
    return list(Source(root).records())


def memories(records: list[Record]) -> list[MemoryRecord]:
    return [one for one in records if isinstance(one, MemoryRecord)]


def only(records: list[Record]) -> MemoryRecord:
    (found,) = memories(records)
    return found


def told(records: list[Record]) -> list[str]:
    return [one.reason for one in records if isinstance(one, (BadRecord, RecordNote))]


def places(records: list[Record]) -> list[str]:
    return [one.where for one in records if isinstance(one, BadRecord)]


def relations(records: list[Record]) -> list[tuple[str, RelationType, str, object]]:
    """Source, type, target and the name of the type, with the titles of memories."""
    names = {one.id: str(one.payload["content"]).splitlines()[0].lstrip("# ") for one in memories(records)}
    found = [one.relation for one in records if isinstance(one, RelationRecord)]
    return [(names[one.source_id], one.type, names[one.target_id], one.metadata.get("original_type")) for one in found]


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("note", MemoryType.SEMANTIC),
        ("project", MemoryType.SEMANTIC),
        ('["[[UI]]"]', MemoryType.SEMANTIC),
        ("event", MemoryType.EPISODIC),
        ("decision", MemoryType.EPISODIC),
        ("how-to", MemoryType.PROCEDURAL),
        ("runbook", MemoryType.PROCEDURAL),
        ("procedural", MemoryType.PROCEDURAL),
    ],
)
def test_a_type_of_another_program_becomes_a_known_one_and_can_be_found_by_its_word(
    tmp_path: Path, word: str, kind: MemoryType
) -> None:
    memory = only(read(tmp_path / "a.md", f"---\ntype: {word}\n---\nBody"))
    assert (memory.type, memory.payload["content"]) == (kind, "Body")
    name = {'["[[UI]]"]': "UI", "procedural": None}.get(word, word)
    assert memory.payload.get("original_type") == name
    assert memory.payload["tags"] == ([name] if name else [])


@pytest.mark.parametrize("front", ["**NORTHWIND**\nAda, Esq.", "a list of words", "- one\n- two", "a: [", "a: {{b}}"])
def test_what_only_looks_like_front_matter_is_text_and_told(tmp_path: Path, front: str) -> None:
    text = f"---\n{front}\n---\n\nText"
    memory = only(read(tmp_path / "a.md", text))
    assert memory.payload["content"] == text
    assert "so all of it is text" in memory.notes[0]


def test_two_blocks_of_front_matter_are_both_read(tmp_path: Path) -> None:
    upper, lower = "status: open\na: 1\ntags: [one]", "a: 2\nowner: Ada\ntags: [two, one]"
    memory = only(read(tmp_path / "a.md", f"---\n{upper}\n---\n\n---\n{lower}\n---\nText"))
    assert memory.payload["content"] == "Text"
    assert [memory.payload[key] for key in ("status", "a", "owner", "tags")] == ["open", 1, "Ada", ["one", "two"]]


@pytest.mark.parametrize("given_id", ["202608151030", "21a1", "1758908292-NZNT", "0123"])
def test_an_id_that_is_no_uuid_makes_one_and_is_kept_as_it_is_written(tmp_path: Path, given_id: str) -> None:
    first, again = (only(read(tmp_path / "a.md", f"---\nid: {given_id}\n---\nText {n}")) for n in range(2))
    assert first.id == again.id == memory_id(given_id, str(tmp_path / "a.md"))
    assert first.payload["original_id"] == given_id
    line = only(read(tmp_path / "b.jsonl", {"id": given_id, "content": "x"}))
    assert line.payload["original_id"] == given_id


def test_a_short_id_counts_in_its_file_alone_and_a_long_one_everywhere() -> None:
    assert memory_id(17, "/a.json") != memory_id(17, "/b.json")
    assert memory_id("1758908292-NZNT", "/a.json") == memory_id("1758908292-NZNT", "/b.json")
    assert memory_id(ID.upper(), "") == ID


def test_two_notes_of_one_id_are_two_memories_and_told(tmp_path: Path) -> None:
    records = folder(tmp_path, one="---\nid: 20260815\n---\nText", two="---\nid: 20260815\n---\nOther")
    first, second = memories(records)
    assert first.id != second.id
    assert "also that of one.md" in second.notes[0]


def test_mem0_memories_come_in_and_relations_between_names_are_told(tmp_path: Path) -> None:
    memory = {"id": ID, "memory": "x", "user_id": "ada", "created_at": "2026-02-01T08:00:00-08:00", "categories": ["c"]}
    records = read(tmp_path / "a.json", {"results": [memory], "relations": [{"source": "a", "target": "b"}]})
    found = only(records)
    assert (found.id, found.payload["content"], found.payload["user_id"]) == (ID, "x", "ada")
    assert (found.payload["created_at"], found.payload["tags"]) == ("2026-02-01T08:00:00-08:00", ["c"])
    assert told(records) == ["1 object under 'relations' left out: no list of memories"]


def test_deleted_memories_of_openmemory_are_left_out_and_archived_ones_tagged(tmp_path: Path) -> None:
    items = [
        {"id": ID, "content": state, "state": state, "user_id": "u"} for state in ("active", "deleted", "archived")
    ]
    bare = [{"content": one["state"], "state": one["state"]} for one in items]
    for layout in ({"items": items}, {"memories": items}, items, {"memories": bare}, bare):
        records = read(tmp_path / "a.json", layout)
        assert [(one.payload["content"], one.payload["tags"]) for one in memories(records)] == [
            ("active", []),
            ("archived", ["archived"]),
        ]
        assert told(records) == ["it is deleted in its source"]


def test_what_is_deleted_or_set_aside_is_told_from_what_is_not_however_it_is_written(tmp_path: Path) -> None:
    says: list[dict[str, object]] = [{"state": "DELETED"}, {"is_deleted": True}, {"deleted": 1}, {"is_deleted": False}]
    says += [{"deleted_at": ""}, {"archived": True}, {"state": "Paused"}, {"archived": False}]
    says += [{"is_deleted": "No"}, {"deleted": []}, {"deleted_at": "null"}, {"is_deleted": "yes"}]
    records = read(tmp_path / "a.json", [{"content": str(at), **one} for at, one in enumerate(says)])
    assert [(one.payload["content"], one.payload["tags"]) for one in memories(records)] == [
        ("3", []),
        ("4", []),
        ("5", ["archived"]),
        ("6", ["paused"]),
        ("7", []),
        *((number, []) for number in ("8", "9", "10")),
    ]


@pytest.mark.parametrize(
    ("given", "type_", "tags"),
    [
        (["a", "episodic"], MemoryType.SEMANTIC, ["a", "episodic"]),
        (["episodic"], MemoryType.EPISODIC, []),
        (["episodic", "a"], MemoryType.EPISODIC, ["episodic", "a"]),
        ({"a": 1}, MemoryType.SEMANTIC, ["a"]),
    ],
)
def test_of_several_types_none_is_lost(tmp_path: Path, given: object, type_: MemoryType, tags: list[str]) -> None:
    memory = only(read(tmp_path / "a.json", [{"content": "x", "memory_type": given}]))
    assert (memory.type, memory.payload["tags"]) == (type_, tags)


@pytest.mark.parametrize("names_first", [True, False])
def test_the_zip_of_openmemory_gives_names_of_categories_apps_and_user(tmp_path: Path, names_first: bool) -> None:
    ids = [ID[:-1] + str(number) for number in range(2)]
    lists: dict[str, object] = {
        "apps": [{"id": "app-1", "name": "cursor"}],
        "categories": [{"id": "cat-1", "name": "personal"}, {"id": "cat-2", "name": "tea"}],
        "memories": [
            {
                "id": ids[0],
                "app_id": "app-1",
                "content": "Likes tea",
                "state": "active",
                "category_ids": ["cat-1"],
                "user_id": "u",
            },
            {"id": ids[1], "app_id": "app-9", "content": "Hates tea", "state": "paused", "category_ids": []},
        ],
        "memory_categories": [{"memory_id": ids[0], "category_id": one} for one in ("cat-1", "cat-2")],
    }
    user, last = {"id": "u", "user_id": "ada", "name": "Ada L", "email": None}, not names_first
    if last:
        lists = dict(reversed(lists.items()))
    file = zipped(
        tmp_path / "export.zip", **{"memories.json": {**lists, "user": user} if last else {"user": user, **lists}}
    )
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("memories.jsonl.gz", b"the same, packed")
    records = list(Source(file).records())
    tea, hate = sorted(memories(records), key=lambda one: one.id)
    assert tea.payload["tags"] == (["personal"] if names_first else ["personal", "tea"])
    assert (tea.payload["app_name"], tea.payload.get("category_ids")) == ("cursor", None)
    assert (hate.payload["tags"], hate.payload["app_id"], hate.payload.get("user_name")) == (["paused"], "app-9", None)
    assert [tea.payload[key] for key in ("user_name", "user_handle", "user_id")] == ["Ada L", "ada", "u"]
    assert told(records) == ["'Ada L' is kept with each memory, as user_name"]


def test_lists_of_objects_that_are_no_memories_are_told_with_their_number(tmp_path: Path) -> None:
    value = {"apps": [{"name": "a"}, {"name": "b"}], "data": {"users": [{"n": 1}]}, "notes": [{"text": "x"}], "n": [1]}
    records = read(tmp_path / "a.json", value)
    assert only(records).payload["content"] == "x"
    assert told(records) == [
        "2 objects under 'apps' left out: no list of memories",
        "1 object under 'data.users' left out: no list of memories",
    ]


GRAPH: list[dict[str, object]] = [
    {"type": "entity", "name": "Crane", "entityType": "Machine", "observations": ["lifts 40 t", None, "is blue"]},
    {"type": "entity", "name": "Harbour", "entityType": "decision", "observations": []},
    {"type": "relation", "from": "Crane", "to": "Harbour", "relationType": "located_in"},
    {"type": "relation", "from": "Harbour", "to": "Crane", "relationType": "is lit by"},
]


@pytest.mark.parametrize("form", ["lines", "document", "relation first"])
def test_a_graph_of_the_memory_server_becomes_memories_and_typed_relations(tmp_path: Path, form: str) -> None:
    if form == "document":
        bare = [{key: value for key, value in one.items() if key != "type"} for one in GRAPH]
        text = json.dumps({"entities": bare[:2], "relations": bare[2:]})
    else:
        lines = GRAPH if form == "lines" else [GRAPH[2], *GRAPH[:2], GRAPH[3]]
        text = "\n".join(map(json.dumps, lines))
    records = read(tmp_path / "memory.json", text)
    crane, harbour = memories(records)
    assert crane.payload["content"] == "# Crane\n\n- lifts 40 t\n- is blue"
    assert (crane.payload["tags"], crane.type, harbour.type) == (["Machine"], MemoryType.SEMANTIC, MemoryType.EPISODIC)
    assert relations(records) == [
        ("Crane", RelationType.PART_OF, "Harbour", "located_in"),
        ("Harbour", RelationType.RELATED, "Crane", "is lit by"),
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-05", "2026-01-05"),
        ("2026-02-01T08:00:00-08:00", "2026-02-01T08:00:00-08:00"),
        ("January 5, 2026", "2026-01-05T00:00:00"),
        ("5 Jan 2026 10:30 PM", "2026-01-05T22:30:00"),
        ("25/12/2026", "2026-12-25T00:00:00"),
        ("12/25/2026", "2026-12-25T00:00:00"),
        ("2026/01/05", "2026-01-05T00:00:00"),
        ("[[2026-01-05]]", "2026-01-05"),
        ("20260105", "2026-01-05T00:00:00"),
        (202601051030, "2026-01-05T10:30:00"),
        (1735689600, "2025-01-01T00:00:00+00:00"),
        (1735689600.5, "2025-01-01T00:00:00.500000+00:00"),
        (1735689600500, "2025-01-01T00:00:00.500000+00:00"),
        ("1735689600", "2025-01-01T00:00:00+00:00"),
        ("2026-13-45", None),
        ("January 2026", None),
        ("soon", None),
        ("10", None),
        (12, None),
        (float("nan"), None),
        (True, None),
        (None, None),
        (["2026-01-05"], None),
    ],
)
def test_dates_are_read_however_they_are_written(value: object, expected: str | None) -> None:
    assert read_date(value).iso == expected
    assert not read_date(value).doubt


def test_a_date_that_can_be_two_days_has_the_day_first_and_is_told() -> None:
    found = read_date("05/01/2026")
    assert found.iso == "2026-01-05T00:00:00"
    assert found.doubt == "'05/01/2026' can be two days; it is read with the day first, as 2026-01-05"


@given(st.one_of(st.text(), st.integers(), st.floats(), st.from_regex(r"[0-9/.: -]{1,20}", fullmatch=True)))
def test_no_value_breaks_the_reading_of_dates(value: object) -> None:
    read_date(value)


@pytest.mark.parametrize("key", ["created", "date created", "date", "createdAt", "Created", "creation_date"])
def test_dates_are_found_under_their_many_names(tmp_path: Path, key: str) -> None:
    memory = only(read(tmp_path / "a.md", f"---\n{key}: January 5, 2026\nmodified: 1767700000\n---\nText"))
    assert memory.payload["created_at"] == "2026-01-05T00:00:00"
    assert str(memory.payload["updated_at"]).startswith("2026-01-06T")


def test_one_bad_date_is_told_and_does_not_refuse_the_note(tmp_path: Path) -> None:
    memory = only(read(tmp_path / "a.md", "---\ncreated: 2026-13-45\ndate: 2026-01-05\n---\nText"))
    assert memory.notes == ("its created '2026-13-45' is no date; it stays in the metadata",)
    assert (memory.payload["created"], memory.payload["created_at"]) == ("2026-13-45", "2026-01-05")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["#basic"], ["basic"]),
        ("gamma delta", ["gamma", "delta"]),
        ("#a #b", ["a", "b"]),
        ("a, b c", ["a", "b", "c"]),
        ('["x","y"]', ["x", "y"]),
        (["x y", " spaced ", 1.5, None, {"name": "n"}, ["in"]], ["x y", "spaced", "1.5", "n", "in"]),
        (["[[Link]]", "C#", "", "#", "a", "a"], ["Link", "C#", "a"]),
        ({"a": 1, "b": False, "c": "x"}, ["a", "c"]),
    ],
)
def test_tags_are_read_as_obsidian_reads_them(value: object, expected: list[str]) -> None:
    assert read_tags(value, by_words=True) == expected


def test_tags_of_other_programs_are_divided_at_commas_alone_and_those_that_are_typed_as_they_are() -> None:
    assert read_tags("machine learning, ops") == ["machine learning", "ops"]
    assert checked_tags("machine learning, #ops") == checked_tags(["machine learning", "#ops, "])
    assert checked_tags("#login page, #ops, [[Link]], ##a") == ("login page", "ops", "Link", "a")
    assert checked_tags("#a #b") == ("a", "b")
    with pytest.raises(InvalidInput, match=r"U\+001B"):
        checked_tags("a\x1bb")


def test_front_matter_tags_keep_their_writing_and_the_singular_key_counts(tmp_path: Path) -> None:
    memory = only(read(tmp_path / "a.md", "---\ntag: solo\ntags:\n- 1.50\n- yes\n- '#basic'\n---\nText #in/line `#no`"))
    assert memory.payload["tags"] == ["solo", "1.50", "yes", "basic", "in/line"]


def test_a_folder_of_notes_keeps_titles_tags_and_links(tmp_path: Path) -> None:
    records = folder(
        tmp_path / "vault",
        **{
            "Harbour crane": "See [[Load tests]] #heavy\n\n```\n[[not a link]] #nor-a-tag\n```",
            "sub/Load tests": "---\naliases: [LT]\nup: '[[Harbour crane|crane]]'\n---\n# Load tests\n\nText",
            "plan": "- requires [[LT#Setup]] (before winter)\n- a whole sentence with some [[Harbour crane]]\n",
            "lost": "[[nowhere]] ![[photo.png]] [web](https://example.org/a.md) [file](sub/Load%20tests.md)",
        },
    )
    texts = {one.where: str(one.payload["content"]).splitlines()[0] for one in memories(records)}
    assert texts["Harbour crane.md"] == "# Harbour crane"
    assert texts["plan.md"] == "# plan"
    tags = {one.where: one.payload["tags"] for one in memories(records)}
    assert tags["Harbour crane.md"] == ["heavy"]
    assert sorted(relations(records)) == [
        ("Harbour crane", RelationType.RELATED, "Load tests", None),
        ("Load tests", RelationType.RELATED, "Harbour crane", "up"),
        ("lost", RelationType.RELATED, "Load tests", None),
        ("plan", RelationType.DERIVES, "Load tests", "requires"),
        ("plan", RelationType.RELATED, "Harbour crane", None),
    ]
    (typed,) = (
        one.relation for one in records
        if isinstance(one, RelationRecord) and one.relation.metadata.get("original_type") == "requires"
    )  # fmt: skip
    assert typed.metadata == {"original_type": "requires", "context": "before winter", "heading": "Setup"}
    missing = "1 link to no note of the import: nowhere; 1 embed that cannot be followed: photo.png"
    assert told(records) == [missing]


def test_an_embed_of_a_file_of_the_folder_is_no_broken_link(tmp_path: Path) -> None:
    (tmp_path / "sub" / "files").mkdir(parents=True)
    for name in ("pic.png", "sub/files/Plan.pdf"):
        (tmp_path / name).touch()
    text = "![[pic.png]] [[plan.pdf#page=2]] [a](files/Plan.pdf) [b](../pic.png) ![[gone.png]] [[../../secret.png]]"
    assert told(folder(tmp_path, **{"sub/One": text})) == [
        "1 link to no note of the import: ../../secret.png; 1 embed that cannot be followed: gone.png"
    ]


def test_of_a_note_alone_it_is_told_which_embeds_cannot_be_followed_and_what_would(tmp_path: Path) -> None:
    (tmp_path / "pic.png").touch()
    (reason,) = told(read(tmp_path / "a.md", "![[pic.png]] ![[Other]] [[Third]]"))
    assert reason == (
        "1 link to no note of the import: Third; 2 embeds that cannot be followed: pic.png, Other; "
        "an import of its folder follows those to other notes"
    )


def test_a_file_name_comes_before_an_alias_and_a_path_before_one_from_the_note(tmp_path: Path) -> None:
    notes = {
        "A": "---\naliases: [Beta, Gamma]\n---\nalias",
        "sub/Beta": "file",
        "sub/x/Beta": "below",
        "sub/From": "[[Beta]] [[Gamma]] [[x/Beta]] [[/sub/Beta]] [w](x/C%23%20notes.md#h)",
        "x/Beta": "at the top",
        "sub/x/C# notes": "sharp",
    }
    found = folder(tmp_path, **notes)
    names = {one.id: one.where for one in memories(found)}
    ends = [names[one.relation.target_id] for one in found if isinstance(one, RelationRecord)]
    assert sorted(ends) == ["A.md", "sub/Beta.md", "sub/x/C# notes.md", "x/Beta.md"]


def test_a_note_keeps_its_name_unless_its_text_begins_with_it(tmp_path: Path) -> None:
    texts = {"Linked": "notes for Linked people", "Al": "Alias of al", "Crane": "Crane: lifts", "Plan B": "# plan b\n"}
    found = {one.where[:-3]: one.payload["content"] for one in memories(folder(tmp_path, **texts))}
    assert found == {**texts, "Linked": "# Linked\n\nnotes for Linked people", "Al": "# Al\n\nAlias of al"}


def test_notes_with_properties_alone_come_in_and_templates_when_asked(tmp_path: Path) -> None:
    (tmp_path / "Templates").mkdir()
    (tmp_path / "Templates" / "daily.md").write_text("## {{date}}", "utf-8")
    records = folder(tmp_path, Ada="---\nrole: owner\nteams: [a, b]\n---\n", empty="---\n---\n")
    assert only(records).payload["content"] == "# Ada\n\nrole: owner\nteams: a, b"
    assert told(records) == ["a template; --templates imports it too", "empty: there is no text to remember"]
    asked = list(Source(tmp_path, options=ReadingOptions(templates=True)).records())
    assert [one.where for one in memories(asked)] == ["Ada.md", "Templates/daily.md"]


def test_a_copy_of_a_memory_keeps_its_text_as_it_is(tmp_path: Path) -> None:
    memory = only(read(tmp_path / "other name.md", f"---\nid: {ID}\ntitle: T\n---\nText"))
    assert (memory.id, memory.payload["content"]) == (ID, "Text")


def test_observations_and_relations_of_basic_memory_are_read(tmp_path: Path) -> None:
    head = "---\ntitle: {}\ntype: note\npermalink: main/{}\ntags:\n- port\n---\n\n# {}\n\n"
    records = folder(
        tmp_path,
        crane=head.format("Crane", "crane", "Crane")
        + "- [decision] use cranes #heavy (because of weight)\n- [ ] to do\n- [x] done\n- [link](http://a.b) text\n"
        + "\n## Relations\n- part_of [[Harbour]]\n- requires [[main/power]] (at night)\n- [[Power]]\n",
        harbour=head.format("Harbour", "harbour", "Harbour") + "Text",
        power=head.format("Power", "power", "Power") + "Text",
    )
    crane = memories(records)[0]
    assert crane.payload["tags"] == ["port", "decision", "heavy", "note"]
    assert crane.payload["observations"] == [
        {"category": "decision", "text": "use cranes #heavy", "context": "because of weight", "tags": ["heavy"]}
    ]
    assert relations(records) == [
        ("Crane", RelationType.PART_OF, "Harbour", None),
        ("Crane", RelationType.DERIVES, "Power", "requires"),
    ]


def test_the_memory_of_claude_code_is_linked_from_its_index(tmp_path: Path) -> None:
    records = folder(
        tmp_path,
        MEMORY="- [Cranes](project_cranes.md) - what we lift\n",
        project_cranes="---\nname: cranes\ndescription: d\ntype: project\n---\nCranes lift.",
    )
    index, cranes = memories(records)
    assert (cranes.payload["original_type"], cranes.payload["content"]) == ("project", "Cranes lift.")
    assert relations(records) == [("MEMORY", RelationType.RELATED, "Cranes lift.", None)]
    assert index.where == "MEMORY.md"


def test_the_kind_of_a_memory_of_claude_code_counts_below_its_metadata_too(tmp_path: Path) -> None:
    text = "---\nname: Tests\nmetadata:\n  type: feedback\n  node: memory\n---\nTests first."
    memory = memories(folder(tmp_path, MEMORY="- [Tests](tests.md)", tests=text))[1]
    assert (memory.payload["original_type"], memory.payload["tags"]) == ("feedback", ["feedback"])
    assert (memory.payload["node"], "type" in memory.payload) == ("memory", False)


@pytest.mark.parametrize("name", ["CLAUDE.md", "AGENTS.md"])
def test_instructions_come_in_by_section(tmp_path: Path, name: str) -> None:
    text = "# Port\n\nAbout it.\n\n## Build\n\n```sh\n# not a heading\nmake\n```\n\n## Empty\n\n## Test\n\nRun it.\n"
    records = read(tmp_path / name, text)
    assert [(one.where, one.type) for one in memories(records)] == [
        (f"{name}#Port", MemoryType.PROCEDURAL),
        (f"{name}#Build", MemoryType.PROCEDURAL),
        (f"{name}#Test", MemoryType.PROCEDURAL),
    ]
    assert relations(records) == [
        ("Build", RelationType.PART_OF, "Port", None),
        ("Test", RelationType.PART_OF, "Port", None),
    ]


def test_an_export_of_mcp_memory_service_is_read(tmp_path: Path) -> None:
    memory = {
        "content": "x", "content_hash": "ab" * 32, "tags": ["t"], "created_at": 1735689600.5, "updated_at": None,
        "memory_type": "decision", "metadata": {"host": "h"}, "export_source": "m",
    }  # fmt: skip
    records = read(tmp_path / "a.json", {"export_metadata": {"total_memories": 1}, "memories": [memory]})
    found = only(records)
    assert (found.type, found.payload["original_type"], found.payload["host"]) == (MemoryType.EPISODIC, "decision", "h")
    assert found.payload["created_at"] == "2025-01-01T00:00:00.500000+00:00"
    assert (found.payload["original_id"], found.payload["tags"]) == ("ab" * 32, ["t", "decision"])
    assert (found.notes, told(records)) == ((), [])


def test_the_sqlite_file_of_mcp_memory_service_is_read_and_not_written(tmp_path: Path) -> None:
    file = tmp_path / "sqlite_vec.db"
    with closing(sqlite3.connect(file)) as database, database:
        columns = "id, content_hash, content, tags, memory_type, metadata, created_at, updated_at, deleted_at"
        database.execute(f"CREATE TABLE memories ({columns})")
        for number, deleted in ((1, None), (2, None), (3, 1.7e9)):
            kept = (number, f"{number}" * 64, f"text {number}", "a,b", "note", '{"k": 1}', 1735689600.0, None, deleted)
            database.execute(f"INSERT INTO memories VALUES ({','.join('?' * len(kept))})", kept)
        database.execute("CREATE TABLE memory_graph (source_hash TEXT, target_hash TEXT, relationship_type TEXT)")
        database.execute("INSERT INTO memory_graph VALUES (?, ?, 'contradicts')", ("1" * 64, "2" * 64))
    before = file.read_bytes()
    records = list(Source(file).records())
    assert [one.payload["content"] for one in memories(records)] == ["text 1", "text 2"]
    assert (memories(records)[0].payload["tags"], memories(records)[0].payload["k"]) == (["a", "b", "note"], 1)
    assert relations(records) == [("text 1", RelationType.OPPOSES, "text 2", "contradicts")]
    assert told(records) == ["it is deleted in its source"]
    assert (file.read_bytes(), list(tmp_path.iterdir())) == (before, [file])


def chat(number: int, *said: tuple[str, str], **keys: object) -> dict[str, object]:
    """A conversation as ChatGPT exports it: a root without a message, and a branch that was left."""
    nodes: dict[str, object] = {"root": {"id": "root", "message": None, "parent": None, "children": ["0", "left"]}}
    nodes["left"] = node("left", "root", "user", "never mind")
    for place, (who, text) in enumerate(said):
        nodes[str(place)] = node(str(place), str(place - 1) if place else "root", who, text)
    return {
        "title": f"Talk {number}", "create_time": 1735689600.5 + number, "update_time": 1735689700 + number,
        "mapping": nodes, "conversation_id": f"00000000-0000-4000-8000-00000000000{number}",
        "current_node": str(len(said) - 1), **keys,
    }  # fmt: skip


def node(own: str, parent: str, who: str, text: str) -> dict[str, object]:
    message = {"author": {"role": who}, "content": {"content_type": "text", "parts": [text]}, "metadata": {}}
    return {"id": own, "message": message, "parent": parent, "children": []}


@pytest.mark.parametrize("broken", [{"current_node": {}}, {"current_node": []}])
def test_a_conversation_whose_end_is_no_name_is_read_to_its_newest_turn(tmp_path: Path, broken: object) -> None:
    turn = {"author": {"role": "user"}, "content": {"parts": ["Which crane?"]}}
    odd = {"author": {"role": []}, "content": {"parts": ["left out"]}}
    mapping = {"a": {"message": turn, "children": ["b"]}, "b": {"message": odd, "parent": "a"}}
    conversation = {"title": "Cranes", "mapping": mapping, "create_time": 1735689600.0, **dict(broken)}  # type: ignore[call-overload]
    assert "Which crane?" in str(only(read(tmp_path / "conversations.json", [conversation])).payload["content"])


@pytest.mark.parametrize("number", ["0x" + "f" * 5000, "1" + ":1" * 3000])
def test_a_number_without_an_end_refuses_no_note(tmp_path: Path, number: str) -> None:
    assert only(read(tmp_path / "a.md", f"---\nx: {number}\n---\nText")).payload["content"]


def test_a_table_as_spreadsheets_of_europe_write_it_is_read_and_what_is_no_text_refused(tmp_path: Path) -> None:
    table = 'Überschrift;content\r\nä;"Käse; alt"\r\né;ü\r\n'.encode("cp1252")
    records = read(tmp_path / "a.csv", table)
    assert [one.payload["content"] for one in memories(records)] == ["Käse; alt", "ü"]
    assert told(records) == ["it is no UTF-8; it was read as Windows-1252"]
    (tmp_path / "b.csv").write_bytes(b"said;who\nhot;Ada\n")
    mapped = Source(tmp_path / "b.csv", options=ReadingOptions(names={"content": "said"}))
    assert only(list(mapped.records())).payload["content"] == "hot"
    with pytest.raises(UnreadableFile, match="save it as CSV UTF-8"):
        read(tmp_path / "c.csv", b"content\x81\x8d,a\nx,y\n")
    with pytest.raises(UnreadableFile, match="no table of text, for it has NUL bytes"):
        read(tmp_path / "d.csv", b"content,n\na\0b,1\n")
    records = read(tmp_path / "e.csv", b"content\n" + (b"plain" * 200 + b"\n") * 200 + b"a\0b\n")
    assert (len(memories(records)), len(places(records))) == (200, 1)


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_a_device_is_refused_in_one_line_instead_of_waited_for(tmp_path: Path, kind: str) -> None:
    pipe = tmp_path / "pipe.md"
    os.mkfifo(pipe)
    with pytest.raises(UnreadableFile, match="a pipe or a device"):
        list(Source(pipe if kind == "pipe" else Path("/dev/zero")).records())
    (tmp_path / "Note.md").write_text("text")
    assert only(list(Source(tmp_path).records())).file == "Note.md"


def test_a_line_of_a_table_that_is_no_utf_8_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    table = "content\nGrüße\n".encode() + "Käse\nÖl\n".encode("cp1252") + "Mädchen\n".encode()
    records = read(tmp_path / "a.csv", table)
    assert [one.payload["content"] for one in memories(records)] == ["Grüße", "Käse", "Öl", "Mädchen"]
    assert told(records) == ["it is no UTF-8; it was read as Windows-1252"]


def test_conversations_of_chatgpt_are_episodic_turn_by_turn_and_follow_each_other(tmp_path: Path) -> None:
    first = chat(1, ("system", "be brief"), ("user", "How heavy?"), ("assistant", "40 t"), ("tool", "{}"))
    second = chat(2, ("user", "And now?"), ("assistant", ""), title=None)
    empty = chat(3, ("user", ""))
    records = read(tmp_path / "conversations.json", [second, first, empty])
    later, earlier = memories(records)
    assert earlier.payload["content"] == "# Talk 1\n\nuser: How heavy?\n\nassistant: 40 t"
    assert later.payload["content"] == "# Conversation\n\nuser: And now?"
    assert (earlier.type, earlier.id) == (MemoryType.EPISODIC, first["conversation_id"])
    assert earlier.payload["created_at"] == "2025-01-01T00:00:01.500000+00:00"
    assert relations(records) == [("Conversation", RelationType.FOLLOWS, "Talk 1", None)]
    assert told(records) == ["nothing is said in it"]


def test_a_long_conversation_is_divided_between_turns_and_a_cycle_ends(tmp_path: Path) -> None:
    long = chat(1, *[("user", f"{number} " + "word " * 3000) for number in range(4)])
    records = read(tmp_path / "a.json", [long])
    parts = [str(one.payload["content"]).splitlines()[0] for one in memories(records)]
    assert parts == ["# Talk 1 (1/4)", "# Talk 1 (2/4)", "# Talk 1 (3/4)", "# Talk 1 (4/4)"]
    assert len([one for one in records if isinstance(one, RelationRecord)]) == len(parts) - 1
    nodes = long["mapping"]
    assert isinstance(nodes, dict)
    nodes["0"]["parent"] = "3"
    assert len(memories(read(tmp_path / "b.json", [long]))) == len(parts)


CLAUDE = {
    "conversations.json": [
        {
            "uuid": ID, "name": "Cranes", "created_at": "2026-01-05T10:00:00Z", "updated_at": "2026-01-05T11:00:00Z",
            "chat_messages": [
                {"sender": "human", "text": "x", "content": [{"type": "text", "text": "How heavy?"}],
                 "attachments": [{"file_name": "plan.txt"}]},
                {"sender": "assistant", "text": "40 t", "content": [{"type": "thinking", "thinking": "hm"}]},
            ],
        }
    ],
    "memories.json": [{"conversations_memory": "**Work** cranes", "project_memories": {"p1": "Port"}}],
    "projects.json": [{"uuid": "p1" * 8, "name": "Port", "prompt_template": "Be brief", "docs": [
        {"uuid": "d1" * 8, "filename": "plan.md", "content": "The plan"}]}],
    "users.json": [{"uuid": "u", "full_name": "Ada"}],
}  # fmt: skip


def zipped(path: Path, **files: object) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in files.items():
            archive.writestr(name, value if isinstance(value, (str, bytes)) else json.dumps(value))
    return path


def test_the_zip_that_claude_exports_is_read_as_it_is(tmp_path: Path) -> None:
    records = list(Source(zipped(tmp_path / "data.zip", **CLAUDE)).records())
    texts = {str(one.payload["content"]): str(one.type) for one in memories(records)}
    assert texts == {
        "# Cranes\n\nhuman: How heavy?\n\n[plan.txt]\n\nassistant: 40 t": "episodic",
        "**Work** cranes": "semantic",
        "Port": "semantic",
        "# Port\n\nBe brief": "procedural",
        "# plan.md\n\nThe plan": "semantic",
    }
    assert memories(records)[0].where == "conversations.json: record 1"


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("../evil.json", b"[]", "leads out of the archive"),
        ("/etc/evil.json", b"[]", "leads out of the archive"),
        ("C:\\evil.json", b"[]", "leads out of the archive"),
        (link("evil.json"), b"/etc/passwd", "is a link"),
        ("bomb.json", b" " * (4 << 20), "would become 4,194,304 bytes"),
    ],
)
def test_an_archive_that_was_made_to_do_harm_is_refused_in_one_line(
    tmp_path: Path, name: str | zipfile.ZipInfo, content: bytes, reason: str
) -> None:
    path = zipped(tmp_path / "a.zip", **CLAUDE)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    with pytest.raises(UnreadableFile, match=reason) as refused:
        list(Source(path).records())
    assert "\n" not in str(refused.value)


def test_a_damaged_archive_and_one_without_memories_are_told(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", **{"a.txt": "x"})
    with pytest.raises(UnreadableFile, match="holds no memories"):
        list(Source(path).records())
    whole = zipped(path, **CLAUDE).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableFile, match="a damaged archive"):
        list(Source(path).records())


@pytest.mark.parametrize(
    ("dates", "days", "said"),
    [
        ("02.03.2026 04.05.2026 31.12.2025", "2026-03-02 2026-05-04 2025-12-31", []),
        ("02/03/2026 04/05/2026 12/31/2025", "2026-02-03 2026-04-05 2025-12-31", []),
        ("02.03.2026 04.05.2026 05.05.2026", "2026-03-02 2026-05-04 2026-05-05",
         ["2 dates of created_at can be two days, as '02.03.2026'; the day is read first"]),
    ],
)  # fmt: skip
def test_one_date_that_can_be_only_one_day_settles_its_column(
    tmp_path: Path, dates: str, days: str, said: list[str]
) -> None:
    table = "text;created;importance\n" + "".join(f"a;{one};0,7\n" for one in dates.split())
    records = read(tmp_path / "a.csv", table)
    assert [str(one.payload["created_at"])[:10] for one in memories(records)] == days.split()
    assert {one.payload["importance"] for one in memories(records)} == {0.7}
    assert (told(records), [one.notes for one in memories(records)]) == (said, [()] * 3)


def test_a_table_gives_a_memory_a_row_and_keeps_other_columns(tmp_path: Path) -> None:
    text = 'uuid,Text,labels,Created,mood\r\n7,"two\nlines","x,y",05/13/2026,calm\r\n,,,,\r\n8,b,,,,extra\r\n'
    records = read(tmp_path / "a.csv", text)
    memory = only(records)
    assert (memory.payload["content"], memory.payload["tags"]) == ("two\nlines", ["x", "y"])
    assert (memory.payload["created_at"], memory.payload["mood"]) == ("2026-05-13T00:00:00", "calm")
    assert told(records) == ["it has 6 cells, the table 5 columns"]


def test_each_option_of_reading_can_be_given_and_is_remembered_and_one_of_another_version_is_no_fault() -> None:
    assert {name.rstrip("_") for name in signature(reading).parameters} == {one.name for one in fields(ReadingOptions)}
    asked = ReadingOptions("csv", templates=True, names={"tags": "labels", "content": "said"})
    assert ReadingOptions.from_json(asked.as_json()) == asked
    assert ReadingOptions.from_json('{"names":{"id":"key"},"of_later":1}') == ReadingOptions(names={"id": "key"})


def test_fields_that_cannot_be_guessed_are_mapped(tmp_path: Path) -> None:
    options = ReadingOptions(names={"content": "said", "created_at": "seen"})
    (tmp_path / "a.json").write_text('{"rows": [{"said": "x", "seen": "5 Jan 2026", "text": "kept"}]}', "utf-8")
    (tmp_path / "a.csv").write_text("said,seen,text\nx,5 Jan 2026,kept\n", "utf-8")
    for name in ("a.json", "a.csv"):
        memory = only(list(Source(tmp_path / name, options=options).records()))
        assert (memory.payload["content"], memory.payload["created_at"]) == ("x", "2026-01-05T00:00:00")
        assert memory.payload["text"] == "kept"


TEXTS = st.text(min_size=1).filter(lambda text: "\0" not in text and not is_blank(text))


@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
def test_any_text_comes_back_out_of_a_table(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    file = tmp_path_factory.mktemp("table") / "a.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([["text"], *([text.encode("utf-8", "replace").decode()] for text in texts)])
    found = [one.payload["content"] for one in memories(list(Source(file).records()))]
    assert found == [text.encode("utf-8", "replace").decode() for text in texts]


def test_what_a_running_mcp_memory_service_wrote_last_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "sqlite_vec.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE memories (id INTEGER PRIMARY KEY, content_hash TEXT, content TEXT)")
        database.execute("INSERT INTO memories VALUES (1, ?, 'new')", ("1" * 64,))
        database.commit()
        assert only(list(Source(file).records())).payload["content"] == "new"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("lines", [False, True])
def test_json_is_read_in_its_encoding(tmp_path: Path, encoding: str, *, lines: bool) -> None:
    texts = ["plain" * 20_000, "Über den Kran – ein Vermerk", "naïve café"]
    values = [json.dumps({"content": one}, ensure_ascii=False) for one in texts]
    records = read(tmp_path / "a.json", ("\n".join(values) if lines else f"[{','.join(values)}]").encode(encoding))
    assert [one.payload["content"] for one in memories(records)] == texts
    assert told(records) == (["it is no UTF-8; it was read as Windows-1252"] if encoding == "cp1252" else [])


@pytest.mark.parametrize("at", [-1, 0, 1])
def test_latin_1_is_read_also_where_a_piece_of_the_file_ends_after_what_could_begin_a_sign_of_utf_8(
    tmp_path: Path, at: int
) -> None:
    start = '[{"content": "'
    text = "x" * ((1 << 16) - len(start) - 1 + at) + "é voilà"
    records = read(tmp_path / "a.json", f'{start}{text}"}}]'.encode("latin-1"))
    assert only(records).payload["content"] == text
    assert told(records) == ["it is no UTF-8; it was read as Windows-1252"]


def test_a_link_with_a_path_means_no_note_of_another_folder(tmp_path: Path) -> None:
    notes = {"b/Note": "other", "x/a/Plan": "the plan", "Top": "top", "Start": "", "c/d/Deep": "deep"}
    linking = {"b/Note": [], "x/a/Plan": ["a/Plan"], "Top": ["Vault/Top"], "c/d/Deep": ["Vault/c/d/Deep.md"]}
    notes["Start"] = (
        " ".join(f"[[{one}]]" for targets in linking.values() for one in targets) + " [[a/Note]] [[e/Deep]]"
    )
    records = folder(tmp_path, **notes)
    ids = {str(one.payload["content"]).splitlines()[-1]: one.id for one in memories(records)}
    ends = {one.relation.target_id for one in records if isinstance(one, RelationRecord)}
    assert ends == {ids["the plan"], ids["top"], ids["deep"]}
    assert told(records) == ["2 links to no note of the import: a/Note, e/Deep"]


def test_utf_8_with_a_defect_is_not_taken_for_another_encoding(tmp_path: Path) -> None:
    text = "Né en été, passé à la fête".encode()
    assert memories(read(tmp_path / "a.md", text + b" \xe9")) == []
    records = read(tmp_path / "a.jsonl", b'{"content": "' + text + b'"}\n{"content": "caf\xe9"}\n{"content": "x"}\n')
    assert [one.payload["content"] for one in memories(records)] == [text.decode(), "x"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_note_is_read_in_its_encoding(tmp_path: Path, encoding: str) -> None:
    memory = only(read(tmp_path / "a.md", "Über den Kran – ein Vermerk über Lasten".encode(encoding)))
    assert memory.payload["content"] == "Über den Kran – ein Vermerk über Lasten"
    assert memory.notes == (("it is no UTF-8; it was read as Windows-1252",) if encoding == "cp1252" else ())


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (bad,) = read(tmp_path / "a.md", bytes(range(128, 256)) * 4)
    assert isinstance(bad, BadRecord)
    assert "not UTF-8 text" in bad.reason


def test_json_in_utf16_is_read(tmp_path: Path) -> None:
    assert only(read(tmp_path / "a.json", '[{"content": "Über"}]'.encode("utf-16"))).payload["content"] == "Über"


def test_every_reader_says_what_it_keeps_and_has_a_name_of_its_own() -> None:
    assert all(one.what and one.kept and one.lost for one in READERS)
    assert len({one.name for one in READERS}) == len(READERS)


def test_a_format_can_be_named_and_an_unknown_name_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text('{"content": "x"}\n', "utf-8")
    (memory,) = Source(file, options=ReadingOptions(format="json")).records()
    assert isinstance(memory, MemoryRecord)
    assert memory.payload["content"] == "x"
    with pytest.raises(InvalidInput, match="no format; known are zip, memoria-tui"):
        list(Source(file, options=ReadingOptions(format="dream")).records())
    with pytest.raises(UnreadableFile):
        list(Source(tmp_path, options=ReadingOptions(format="json")).records())


SLACK: dict[str, object] = {
    "users.json": [{"id": "U1", "name": "anna", "profile": {"display_name": "Anna"}}, {"id": "U2", "name": "ben"}],
    "channels.json": [{"id": "C1", "name": "general", "members": ["U1", "U2"]}],
    "dms.json": [{"id": "D1", "members": ["U1", "U2"]}],
    "general/2026-01-02.json": [
        {"type": "message", "subtype": "channel_join", "user": "U1", "text": "joined", "ts": "1767312000.0"},
        {
            "type": "message",
            "user": "U1",
            "text": "<@U2> see <#C1|general> &amp; <https://a.b|docs>",
            "ts": "1767312001.0",
        },
        {"type": "message", "user": "U2", "text": "Which?", "ts": "1767312002.0", "thread_ts": "1767312002.0"},
    ],
    "general/2026-01-03.json": [
        {"type": "message", "user": "U1", "text": "These", "ts": "1767398400.0", "thread_ts": "1767312002.0"},
        {"type": "message", "username": "bot", "text": "", "files": [{"name": "plan.pdf"}], "ts": "1767398401.0"},
        {"type": "message", "user": "U2", "text": "Late", "ts": "1767398402.0", "thread_ts": "1767200000.0"},
    ],
    "D1/2026-01-02.json": [{"type": "message", "user": "U2", "text": "hi", "ts": "1767312003.0"}],
}


@pytest.mark.parametrize("packed", [True, False])
def test_an_export_of_slack_is_read_by_days_and_threads(tmp_path: Path, packed: bool) -> None:
    place = tmp_path / ("team.zip" if packed else "team")
    if packed:
        with zipfile.ZipFile(place, "w") as archive:
            for name, value in SLACK.items():
                archive.writestr(f"team/{name}", json.dumps(value))
    else:
        for name, value in SLACK.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(json.dumps(value))
    records = list(Source(place).records())
    assert told(records) == []
    assert [record.payload["content"] for record in memories(records)] == [
        "# Anna, ben 2026-01-02\n\nben: hi",
        "# #general 2026-01-02\n\nAnna: @ben see #general & docs (https://a.b)\n\nben: Which?",
        "# #general 2026-01-03\n\nbot: [plan.pdf]",
        "# #general thread 2025-12-31\n\nben: Late",
        "# #general thread 2026-01-02\n\nben: Which?\n\nAnna: These",
    ]
    assert [kind for _, kind, *_ in relations(records)] == [RelationType.FOLLOWS, RelationType.PART_OF]


def test_what_programs_post_to_slack_without_a_text_is_read_and_strangers_keep_their_ids(tmp_path: Path) -> None:
    words = [{"type": "text", "text": "Ship "}, {"type": "user", "user_id": "U1"}, {"type": "emoji", "name": "tada"}]
    said: list[dict[str, object]] = [
        {"bot_profile": {"name": "GitHub"}, "text": "", "attachments": [
            {"pretext": "Pull request", "title": "Mend it", "text": "by <@U1>", "fallback": "short",
             "fields": [{"title": "State", "value": "open"}]},
            {"fallback": "only this"},
        ]},
        {"user": "U2", "text": "", "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "Alert"}},
            {"type": "section", "fields": [{"type": "mrkdwn", "text": "disk"}, {"type": "mrkdwn", "text": "full"}]},
            {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": words}]},
            {"type": "actions", "elements": [{"type": "button", "text": {"text": "Press"}}]},
        ]},
        {"user": "U8", "text": "see", "attachments": [{"from_url": "https://a.b", "text": "preview"}]},
        {"user": "U9", "text": "so", "blocks": [{"type": "section", "text": {"text": "so"}}]},
        {"bot_id": "B1", "text": "beep"},
    ]  # fmt: skip
    day = [{"type": "message", "ts": f"17673120{number:02}.0", **one} for number, one in enumerate(said)]
    export: dict[str, object] = {**SLACK, "general/2026-01-02.json": day}
    parts = [Part(name, partial(BytesIO, json.dumps(value).encode())) for name, value in export.items()]
    texts = [str(one.payload["content"]) for one in memories(list(slack.records_of_export(Opened("x", None), parts)))]
    assert next(one for one in texts if one.startswith("# #general 2026-01-02")).split("\n\n")[1:] == [
        "GitHub: Pull request\nMend it\nby @Anna\nState: open\nonly this",
        "ben: Alert\ndisk\nfull\nShip @Anna:tada:",
        "unknown U8: see",
        "unknown U9: so",
        "unknown B1: beep",
    ]


def test_an_export_that_was_unpacked_by_hand_is_read_like_its_zip(tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "conversations.json").write_text(json.dumps([chat(1, ("user", "hello"))]))
    (tmp_path / "export" / "shop.json").write_text('{"price": 1}')
    (tmp_path / "export" / "out.json").symlink_to("/etc/hostname")
    records = list(Source(tmp_path / "export").records())
    assert len(memories(records)) == 1
    link, other = told(records)
    assert link == "a link; it is not followed"
    assert other.endswith("shop.json: JSON, but neither an export nor a backup of memories")


def test_a_file_of_an_export_that_cannot_be_read_keeps_no_other_out(tmp_path: Path) -> None:
    def refused() -> BinaryIO:
        raise PermissionError(13, "Permission denied")

    def parts(files: Mapping[str, object], broken: str) -> list[Part]:
        texts = {name: json.dumps(value).encode() for name, value in files.items()}
        return [Part(name, refused if name == broken else partial(BytesIO, text)) for name, text in texts.items()]

    export = Opened("export", tmp_path)
    for broken in ("general/2026-01-03.json", "users.json"):
        records = list(slack.records_of_export(export, parts(SLACK, broken)))
        assert ([broken], ["cannot be read: Permission denied"]) == (places(records), told(records))
        assert len(memories(records)) >= 2
    files: dict[str, object] = {"conversations.json": [chat(1, ("user", "hello"))], "config.json": {}}
    records = list(records_of_parts(export, parts(files, "config.json"), READERS, 0))
    assert (places(records), len(memories(records))) == (["config.json"], 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_with_a_file_that_cannot_be_read_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "a.json").touch(0)
    (tmp_path / "sub").mkdir()
    assert len(memories(folder(tmp_path / "sub", note="# One") and list(Source(tmp_path).records()))) == 1
