"""What is exported has what its format can hold, says what it lacks, and is read back."""

from __future__ import annotations

import base64
import csv
import hashlib
import html
import io
import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import networkx
import pytest
import yaml

from services.acting import Actor, Scope, acting_as
from services.container import Services
from services.errors import Forbidden, InvalidInput
from services.memories.chunking import chunk_id
from services.memories.payload import State, read_memory
from services.model import Memory, MemoryChanges, MemoryDraft, MemoryType, Relation, RelationType, SessionDraft
from services.ports import NewRelation
from services.search.query import parse_query
from services.settings import Settings
from services.times import WriterZone
from services.transfer.export_source import ExportSource, Selection
from services.transfer.reader_parts.front_matter import OWN, read_note
from services.transfer.reader_parts.imported_records import MemoryRecord, RelationRecord
from services.transfer.reader_parts.own_notes import NAMES, read_own
from services.transfer.reader_parts.source import Source
from services.transfer.writers import Format, format_of, html_page, svg_picture
from services.transfer.writers.writer import FileWriter, FolderWriter, NamedFile
from tests.services.edge_here import services_here

HOSTILE = (
    "=HYPERLINK(1)\n'second' line, with \"quotes\"",
    "- a list\n- of two\r\n\ttab",
    "'=quoted formula",
    "'quoted' word",
    "\n\n  \ttext below blank lines {{title}}  \n\n",
    "# </script><script>alert(1)</script> ]]> --> <!-- &amp; \x1b[31m \x07 \u2028 \u202eevil \U0001f9ea",
    "---\ntype: note\n---\nfront matter of its own",
    'back\\slash "dot" -> {node} [[wiki|link]] #tag `code` %% ; |pipe|',
    "../../etc/passwd\nCON\n.hidden",
    "same title\nfirst",
    "same title\nsecond",
    "SAME TITLE",
)
"""Texts of memories that formats could take for their own signs."""
HIDDEN = "a: b; 'c' \"d\" \\ \x7f \x85 \u2028 \ufeff \u202e \U0001f9ea # - x"
"""A tag, or a value, with what YAML, tables and pages take for something else, or cannot hold as it is."""


@pytest.fixture
async def services(tmp_path: Path, postgres_url: str) -> AsyncIterator[Services]:
    async with services_here(Settings(home=tmp_path / "home", database_url=postgres_url, zone="UTC")) as services:
        yield services


@pytest.fixture
async def seeded(services: Services) -> list[Memory]:
    """Hostile memories, each related to the next one."""
    types = tuple(MemoryType)
    metadata = {"source": HIDDEN, "type": "note", "steps": ["one", "two: 2"], "n": 0.1, "date": "2026-01-02"}
    drafts = [
        MemoryDraft(text, types[number % 3], tags=("x,y", "#z", f"n{number}"), project=f"p {number % 2}",
                    importance=number / 20, metadata=metadata if number % 2 else {})
        for number, text in enumerate(HOSTILE)
    ]  # fmt: skip
    made = [await services.memories.create(draft) for draft in drafts]
    for one in made:  # a tag that only other programs give
        await services.vectors.set_payload(one.type, [one.id], {"tags": [*one.tags, HIDDEN]})
    kinds = tuple(RelationType)
    pairs = [
        NewRelation(one.id, two.id, kinds[number % 9], weight=0.5) for number, (one, two) in enumerate(pairwise(made))
    ]
    await services.graph.link_many(pairs)
    return [await services.memories.get(one.id) for one in made]


async def written(services: Services, format_: Format, selection: Selection = Selection()) -> str:  # noqa: B008
    pieces: list[bytes] = []
    await services.exporting.stream(format_.writer, pieces.append, selection)
    return b"".join(pieces).decode()


def facts(memory: Memory, *, bare: bool = False) -> tuple[object, ...]:
    """What a format keeps that keeps all of a memory."""
    tags = [tag.removeprefix("#") if bare else tag for tag in memory.tags]
    about = (memory.id, memory.type, memory.content, tags, memory.project, memory.importance)
    return (*about, memory.created_at, dict(memory.metadata))


async def relations_of(services: Services) -> set[tuple[str, str, str, float]]:
    return {
        (one.source_id, one.target_id, one.type.value, one.weight)
        async for batch in services.records.relations.all()
        for one in batch
    }


@pytest.mark.parametrize(
    ("format_", "relations"),
    [(Format.JSONL, 11), (Format.JSON, 11), (Format.MEMORIA_JSONL, 0), (Format.MARKDOWN, 11), (Format.CSV, 0)],
)
async def test_what_is_exported_makes_the_same_memories_in_an_empty_store(
    services: Services, seeded: list[Memory], tmp_path: Path, second_url: str, format_: Format, relations: int
) -> None:
    path = tmp_path / f"out{format_.writer.suffix}"
    made = await services.exporting.write(path, format_.writer)
    assert (made.counts["memories"], made.counts.get("relations", 0)) == (len(seeded), relations)
    assert bool(made.lost) is (format_ is not Format.JSONL)
    async with services_here(Settings(home=tmp_path / "other", database_url=second_url, zone="UTC")) as other:
        report = await other.importing.import_files([path])
        assert (report.memories, report.relations, report.failed) == (len(seeded), relations, [])
        found = [await other.memories.get(one.id) for one in seeded]
        bare = format_ is Format.CSV  # an import takes the `#` from tags of tables
        assert [facts(one, bare=bare) for one in found] == [facts(one, bare=bare) for one in seeded]
        if relations:
            assert await relations_of(other) == await relations_of(services)
        assert (await other.importing.import_files([path])).memories == 0


async def test_a_note_that_was_changed_in_an_editor_changes_its_memory_and_adds_relations(
    services: Services, seeded: list[Memory], tmp_path: Path
) -> None:
    vault, (one, two, *_) = tmp_path / "vault", seeded
    await services.exporting.write(vault, Format.MARKDOWN.writer)
    again = await services.importing.import_files([vault])
    assert (again.memories, again.relations, again.failed, again.kept) == (0, 0, [], [])
    notes = {
        yaml.safe_load(text.split("---\n")[1])["id"]: path for path in vault.iterdir() for text in [path.read_text()]
    }
    text = notes[one.id].read_bytes().decode()
    changed = text.replace("---\nid:", f"---\nopposes: ['[[{notes[seeded[5].id].stem}]]']\nid:", 1).replace("n0", "new")
    notes[one.id].write_bytes(f"{changed} and more".encode())
    report = await services.importing.import_files([vault])
    assert (report.memories, report.relations, report.failed) == (1, 1, [])
    found = await services.memories.get(one.id)
    assert (found.content, found.tags) == (f"{one.content} and more", ("x,y", "#z", "new", HIDDEN))
    assert (one.id, "opposes", seeded[5].id) in await ends_of(services)
    assert facts(await services.memories.get(two.id)) == facts(two)


async def test_every_property_of_a_note_counts_when_it_was_changed(services: Services, tmp_path: Path) -> None:
    """Whichever property the note of a memory has: what a person writes there is read."""
    named = dict.fromkeys(NAMES, "as it was")
    one = await services.memories.create(MemoryDraft("text", tags=("tag",), project="api", metadata=named))
    await services.exporting.write(tmp_path / "vault", Format.MARKDOWN.writer, Selection((one.id,)))
    (path,) = (tmp_path / "vault").iterdir()
    note = read_note(path.read_text("utf-8"))
    shown = note.front.keys() - {OWN, "id"}
    others: dict[str, object] = {
        "type": "episodic",
        "tags": ["b"],
        "created": "2020-01-02T03:04:05Z",
        "updated": "2021-01-02T03:04:05Z",
    }
    others |= {"project": "other", "importance": 0.123, **dict.fromkeys(NAMES, "another")}
    assert shown == others.keys()
    before = read_own("note", note)
    assert before is not None
    unread = [key for key in shown if read_own("note", replace(note, front={**note.front, key: others[key]})) == before]
    assert unread == []


async def test_a_table_has_a_row_a_memory_no_formula_and_every_text(services: Services, seeded: list[Memory]) -> None:
    rows = list(csv.DictReader(io.StringIO(await written(services, Format.CSV), newline="")))
    texts = {row["id"]: row["content"] for row in rows}
    assert not [text for text in texts.values() if text.startswith(("=", "-", "+", "@"))]
    assert {one: text.removeprefix("'") for one, text in texts.items()} == {one.id: one.content for one in seeded}
    by_id = {row["id"]: row for row in rows}
    for one in seeded:
        row = by_id[one.id]
        assert (row["type"], tuple(json.loads(row["tags"])), row["project"]) == (one.type, one.tags, one.project)
        assert (float(row["importance"]), json.loads(row["metadata"] or "{}")) == (one.importance, dict(one.metadata))
        assert one.created_at is not None
        assert row["created_at"] == one.created_at.isoformat()


async def test_the_file_of_the_memory_server_has_an_entity_a_memory_with_a_name_of_its_own(
    services: Services, seeded: list[Memory]
) -> None:
    lines = [json.loads(line) for line in (await written(services, Format.MEMORY_JSONL)).splitlines()]
    entities = [line for line in lines if line["type"] == "entity"]
    relations = [line for line in lines if line["type"] == "relation"]
    names = {entity["observations"][0]: entity["name"] for entity in entities}
    assert set(names) == set(HOSTILE)
    assert len(set(names.values())) == len(entities)
    assert all(set(one) == {"type", "name", "entityType", "observations"} for one in entities)
    assert {(one["from"], one["relationType"], one["to"]) for one in relations} == {
        (names[one], kind.value, names[two])
        for one, two, kind in zip(HOSTILE, HOSTILE[1:], [*RelationType, *RelationType], strict=False)
    }


async def test_no_text_of_a_memory_adds_markup_to_the_page_and_all_of_it_is_there(
    services: Services, seeded: list[Memory]
) -> None:
    page, empty = await written(services, Format.HTML), await written(services, Format.HTML, Selection([]))
    parts = re.fullmatch(
        r"(.*?id=\"memories\">)(.*?)(</script>.*?id=\"relations\">)(.*?)(</script>.*)", page, re.DOTALL
    )
    assert parts is not None
    data, relations = json.loads(parts[2]), json.loads(parts[4])
    assert f"{parts[1]}[]{parts[3]}[]{parts[5]}" == empty
    assert not set(parts[2] + parts[4]) & set("<>&")
    assert {one["id"]: (one["content"], tuple(one["tags"]), one["metadata"]) for one in data} == {
        one.id: (one.content, one.tags, dict(one.metadata)) for one in seeded
    }
    assert {(one["source"], one["type"], one["target"]) for one in relations} == await ends_of(services)


async def test_the_page_allows_its_own_script_and_style_and_loads_nothing(services: Services) -> None:
    page = await written(services, Format.HTML)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    own = {tag: re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL) for tag in ("style", "script")}
    digests = {
        f"{tag}-src 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for tag, (text,) in own.items()
    }
    assert set(policy.split("; ")) == digests | {"default-src 'none'", "base-uri 'none'", "form-action 'none'"}
    assert not re.search(r"""https?:|url\(|\bimport\b|src="|innerHTML|insertAdjacent|document\.write|eval""", page)


def test_the_script_of_the_page_reads_what_is_written_for_it_and_finds_its_elements() -> None:
    script = Path(html_page.__file__).with_suffix(".js").read_text("utf-8")
    own = set(re.findall(r"memory\.(\w+)(?: \?\?=| =) ", script))
    (shown,) = re.findall(r"const known = (\[.*?\])", script)
    read = {*re.findall(r"memory\.(\w+)", script), *json.loads(shown)} - own
    assert read == html_page.of_memory(read_memory("id", State(MemoryType.SEMANTIC, {}), WriterZone(UTC))).keys()
    (ends,) = re.findall(r"const \{ (.*?) \} of read\(\"relations\"\)", script)
    assert set(ends.split(", ")) == html_page.of_relation(Relation("", "one", "other", RelationType.FIXES)).keys()
    elements = set(re.findall(r'(?:at|read)\("(\w+)"\)', script)) | set(
        re.findall(r"^  (\w+): \(memory\)", script, re.M)
    )
    assert elements == set(re.findall(r'id="(\w+)"', Path(html_page.__file__).read_text("utf-8")))


async def test_a_format_loses_what_it_says_and_nothing_else(services: Services, tmp_path: Path) -> None:
    made = [
        await services.memories.create(
            MemoryDraft(
                f"{title}\nand then zanzibar",
                tags=("tagibex",),
                importance=0.8125,
                project="projkudu",
                created_at=datetime(2019, 3, 4, tzinfo=UTC),
                metadata={"keygnu": 1},
            )
        )
        for title in ("an earlier titlezebra", "other titlezebra")
    ]
    await services.memories.update(made[0], MemoryChanges(content=made[0].content.replace("an earlier", "a later")))
    await services.graph.link_many([NewRelation(made[0].id, made[1].id, RelationType.FIXES, weight=0.4375)])
    await services.work.start(SessionDraft("notequagga"))
    signs = {
        "texts": "zanzibar",
        "tags": "tagibex",
        "importance": "0.8125",
        "projects": "projkudu",
        "ids": made[1].id,
        "dates": "2019-03-04",
        "metadata": "keygnu",
        "weights": "0.4375",
        "relations": "fixes",
        "history": "an earlier",
        "work time": "notequagga",
    }
    wrong = {}
    for format_ in Format:
        await services.exporting.write(path := tmp_path / format_, format_.writer)
        files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
        text = "".join(one.read_text("utf-8") for one in files)
        said = format_.writer.lost.partition(";")[0].removesuffix(", which an import makes again")
        lost = {what for what, sign in signs.items() if sign not in text}
        said_lost = set(re.split(", | and ", said)) - {"vectors", ""}
        if lost != said_lost | ({"weights"} & lost if "relations" in lost else set()):
            wrong[format_] = (lost, said)
    assert wrong == {}


async def test_notes_have_names_that_every_system_takes_and_links_that_lead_to_them(
    services: Services, seeded: list[Memory], tmp_path: Path
) -> None:
    made = await services.exporting.write(tmp_path / "vault", Format.MARKDOWN.writer)
    assert made.counts == {"memories": len(seeded), "relations": len(seeded) - 1}
    notes = {path.stem: path.read_bytes().decode() for path in (tmp_path / "vault").iterdir()}
    assert len({name.casefold() for name in notes}) == len(seeded)
    assert not [name for name in notes if re.search(r'[\\/:*?"<>|#^\[\]\x00-\x1f]|^[. ]|[. ]$|^CON$', name)]
    front = {name: yaml.safe_load(text.split("---\n")[1]) for name, text in notes.items()}
    names = {about["id"]: name for name, about in front.items()}
    for one in seeded:
        about = front[names[one.id]]
        assert notes[names[one.id]].endswith(f"\n---\n{one.content}")
        assert (about["type"], tuple(about["tags"]), about["project"]) == (one.type, one.tags, one.project)
    links = {
        (about["id"], kind.value, link)
        for about in front.values()
        for kind in RelationType
        for link in about.get(kind, ())
    }
    assert links == {(source, kind, f"[[{names[target]}]]") for source, kind, target in await ends_of(services)}


VAULT = {
    "Index.md": "[[plans/Load tests]] ![[Harbour crane]] [[LT#Limits|limits]] [a](plans/Load%20tests.md) "
    "[t](notes.txt)",
    "cranes/Harbour crane.md": "---\naliases: [Big one, 'HC: 2']\nalias: solo\n---\n# Another title\n\n"
    "[up](../plans/Load%20tests.md#Limits) ![[plans/Twin]] [[solo]]",
    "plans/Load tests.md": "---\naliases: LT\ntitle: Tests under load\ncover:\n---\n"
    "- requires [[HC: 2]]\n[[cranes/Twin]] [[notes]]",
    "plans/Twin.md": "one [[Tests under load]] ![[picture.png]]",
    "cranes/Twin.md": "two [[Big one]] [[plans/Twin]]",
    "cranes/plans/Twin.md": "three [[Index]]",
    "C# 100%.md": "[[Index]] [[nobody]]",
    "notes.txt": "four",
    f"{'long ' * 40}\u200d\ue00aend..md": "five [[Index]]",
}


def links_of(folder: Path) -> set[tuple[str, str]]:
    """Which note links to which, by what distinguishes their texts."""
    found = list(Source(folder).records())
    texts = {
        one.id: str(one.payload["content"]).removeprefix("# notes.txt\n\n")[-30:]
        for one in found
        if isinstance(one, MemoryRecord)
    }
    ends = [one.relation for one in found if isinstance(one, RelationRecord)]
    return {(texts[one.source_id], texts[one.target_id]) for one in ends}


async def test_a_vault_that_is_exported_has_the_folders_names_and_aliases_that_its_links_need(
    services: Services, tmp_path: Path, second_url: str
) -> None:
    vault, out = tmp_path / "vault", tmp_path / "out"
    for name, text in VAULT.items():
        (vault / name).parent.mkdir(parents=True, exist_ok=True)
        (vault / name).write_text(text)
    await services.importing.import_files([vault])
    own = await services.memories.create(MemoryDraft("twin"))
    await services.exporting.write(out, Format.MARKDOWN.writer)
    names = {path.relative_to(out).as_posix() for path in out.rglob("*.md")}
    kept = {"C 100.md" if "#" in name else name.replace(".txt", ".txt.md") for name in VAULT}
    assert names == {*kept, f"twin {own.id[:8]}.md"}
    front = yaml.safe_load((out / "cranes/Harbour crane.md").read_text().split("---\n")[1])
    assert (front["aliases"], front["alias"]) == (["Big one", "HC: 2"], "solo")

    bare = tmp_path / "bare"  # the texts alone, as another program sees them
    for name in names:
        (bare / name).parent.mkdir(parents=True, exist_ok=True)
        _, above, text = (out / name).read_text().split("---\n", 2)
        lines = [line for line in above.splitlines() if line.startswith(("alias", "title"))]
        (bare / name).write_text("\n".join(["---", *lines, "---", text]))
    assert links_of(bare) == links_of(vault)
    assert len(links_of(vault)) == 14

    async with services_here(Settings(home=tmp_path / "other", database_url=second_url, zone="UTC")) as other:
        report = await other.importing.import_files([out])
        assert (report.memories, report.failed, report.notes) == (len(names), [], [])
        for memory_id in await services.search.ids(parse_query("", now=services.clock(), week_begins=0)):
            assert facts(await other.memories.get(memory_id)) == facts(await services.memories.get(memory_id))
        assert await relations_of(other) == await relations_of(services)
        await other.exporting.write(tmp_path / "again", Format.MARKDOWN.writer)
    assert {path.relative_to(tmp_path / "again").as_posix() for path in (tmp_path / "again").rglob("*.md")} == names


async def test_notes_of_several_folders_lie_in_a_folder_each_and_none_leads_out(
    services: Services, tmp_path: Path
) -> None:
    for folder in ("a/vault", "b/Vault"):
        (tmp_path / folder / "sub").mkdir(parents=True)
        (tmp_path / folder / "sub" / "Note.md").write_text(f"text of {folder}")
    (tmp_path / "single.md").write_text("alone")
    (tmp_path / "AGENTS.md").write_text("# One\n\nfirst\n\n# Two\n\nsecond\n")
    paths = [tmp_path / one for one in ("a/vault", "b/Vault", "single.md", "AGENTS.md")]
    await services.importing.import_files(paths)
    async with services.records.transaction() as transaction:
        first = await services.records.sources.find(services.records.sources.machine(), str(paths[0]))
        assert first is not None
        (item,) = [one async for page in services.records.sources.all_items(first.id) for one in page]
        await transaction.sources.put(first.id, "x", [replace(item, file="../../etc/./.hidden/Note|.md")])
    out = tmp_path / "out"
    await services.exporting.write(out, Format.MARKDOWN.writer)
    assert {path.relative_to(out).as_posix() for path in out.rglob("*.md")} == {
        "vault/untitled/untitled/etc/untitled/hidden/Note.md", "Vault 2/sub/Note.md", "single.md",
        "One.md", "Two.md",
    }  # fmt: skip
    (out / "single.md").unlink()
    (out / "Vault 2" / "sub").rename(tmp_path / "elsewhere")
    (out / "Vault 2" / "sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidInput, match="no folder"):
        await services.exporting.write(out, Format.MARKDOWN.writer)
    assert not (out / "single.md").exists()


async def test_a_folder_is_complete_or_not_there_and_what_is_in_one_stays(
    services: Services, seeded: list[Memory], tmp_path: Path
) -> None:
    vault = tmp_path / "vault"
    vault.mkdir()  # an empty one is as good as none
    await services.exporting.write(vault, Format.MARKDOWN.writer, Selection([seeded[0].id]), replace=False)
    (vault / "mine.md").write_text("mine")
    with pytest.raises(InvalidInput, match="is there already"):
        await services.exporting.write(vault, Format.MARKDOWN.writer, replace=False)
    await services.exporting.write(vault, Format.MARKDOWN.writer)
    assert len(files_in(vault)) == len(seeded) + 1
    assert (vault / "mine.md").read_text() == "mine"

    async def breaking(source: ExportSource) -> AsyncIterator[NamedFile]:
        yield NamedFile("half.md", b"half")
        raise InvalidInput("broken")

    with pytest.raises(InvalidInput, match="broken"):
        await services.exporting.write(tmp_path / "other", FolderWriter("", breaking))
    assert [name for name in files_in(tmp_path) if name != "home"] == ["vault"]
    for taken in (vault / "mine.md", tmp_path / "none" / "x"):
        with pytest.raises(InvalidInput, match="folder"):
            await services.exporting.write(taken, Format.MARKDOWN.writer)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def titles(seeded: Sequence[Memory]) -> dict[str, str]:
    return {one.id: "".join(sign if sign.isprintable() else " " for sign in one.title) for one in seeded}


async def ends_of(services: Services) -> set[tuple[str, str, str]]:
    return {(source, kind, target) for source, target, kind, _ in await relations_of(services)}


async def test_in_dot_every_title_is_one_string_that_comes_back(services: Services, seeded: list[Memory]) -> None:
    lines = (await written(services, Format.DOT)).splitlines()
    string = r'"((?:[^"\\]|\\.)*)"'
    node = re.compile(rf"  {string} \[(\w+={string}(?:, \w+={string})*)\];")
    edge = re.compile(rf"  {string} -> {string} \[label={string}, type={string}, strength=\"0.5\"\];")
    assert (lines[0], lines[-1]) == ("digraph memories {", "}")
    nodes = [found for line in lines[2:-1] if (found := node.fullmatch(line))]
    edges = [found for line in lines[2:-1] if (found := edge.fullmatch(line))]
    assert len(nodes) + len(edges) == len(lines) - 3
    labels = {found[1]: re.findall(rf"label={string}", found[2])[0] for found in nodes}
    assert {one: html.unescape(re.sub(r"\\(.)", r"\1", text)) for one, text in labels.items()} == titles(seeded)
    assert {(found[1], found[4], found[2]) for found in edges} == await ends_of(services)


async def test_graphml_is_read_back_with_every_text_that_xml_can_hold(services: Services, seeded: list[Memory]) -> None:
    graph = networkx.parse_graphml(await written(services, Format.GRAPHML))
    assert {one: values["text"] for one, values in graph.nodes(data=True)} == {
        one.id: one.content.replace("\x1b", "\ufffd").replace("\x07", "\ufffd") for one in seeded
    }
    assert {(one, values["type"], two, values["weight"]) for one, two, values in graph.edges(data=True)} == {
        (source, kind, target, weight) for source, target, kind, weight in await relations_of(services)
    }


async def test_in_mermaid_a_title_is_letters_and_numbered_signs(services: Services, seeded: list[Memory]) -> None:
    first, *lines = (await written(services, Format.MERMAID)).splitlines()
    assert first == "flowchart LR"
    nodes = [found for line in lines if (found := re.fullmatch(r'  (n\d+)\["((?:[\w ]|#\d+;)+)"\]:::(\w+)', line))]
    edges = [found for line in lines if (found := re.fullmatch(r"  (n\d+) -->\|([a-z ]+)\| (n\d+)", line))]
    assert len(nodes) + len(edges) == len(lines)
    labels = {found[1]: re.sub(r"#(\d+);", lambda one: chr(int(one[1])), found[2]) for found in nodes}
    assert sorted(labels.values()) == sorted(titles(seeded).values())
    known = titles(seeded)
    assert {(labels[found[1]], found[2], labels[found[3]]) for found in edges} == {
        (known[source], kind.replace("_", " "), known[target]) for source, kind, target in await ends_of(services)
    }


async def test_a_picture_has_a_box_a_memory_an_arrow_a_relation_and_nothing_that_runs_and_counts_what_it_leaves_out(
    services: Services, seeded: list[Memory], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = await written(services, Format.SVG)
    root = ElementTree.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    boxes = [one for one in root.iter(f"{space}g") if one.get("class") == "memory"]
    assert len(boxes) == len(seeded)
    assert {one for one in titles(seeded).values() if one.isalnum()} <= {one.findtext(f"{space}title") for one in boxes}
    places = [(float(one[1].get("x", "")), float(one[1].get("y", ""))) for one in boxes]
    assert len(set(places)) == len(seeded)
    arrows = [one for one in root.iter(f"{space}path") if one.get("class") == "relation"]
    assert len(arrows) == len(await ends_of(services))
    assert "<script" not in text
    monkeypatch.setattr(svg_picture, "_MOST", 3)
    made = await services.exporting.stream(svg_picture.WRITER, bytes)
    others = len(seeded) - 3
    lost = f"; {others} memories beyond the first 3; {len(arrows) - made.counts['relations']} relations of those"
    assert (made.counts["memories"], made.lost.endswith(lost)) == (3, True)


async def test_of_chosen_memories_only_these_and_the_relations_among_them_are_written(
    services: Services, seeded: list[Memory], tmp_path: Path
) -> None:
    some = [seeded[2].id, seeded[0].id, seeded[1].id]
    made = await services.exporting.write(tmp_path / "some.jsonl", Format.MEMORY_JSONL.writer, Selection(some))
    assert made.counts == {"memories": 3, "relations": 2}
    assert "1 relation to memories that are not among them" in made.lost
    causes = {one.id for one in await services.records.relations.touching(some) if one.type is RelationType.CAUSES}
    only = Selection(some, relation_ids=causes)
    assert (await services.exporting.write(tmp_path / "o", Format.JSON.writer, only)).counts["relations"] == 1


async def test_a_relation_that_names_a_chunk_is_written_once_with_its_memory(services: Services) -> None:
    long = await services.memories.create(MemoryDraft("a long text " * 200))
    other = await services.memories.create(MemoryDraft("other"))
    async with services.records.transaction() as transaction:
        pairs = [(chunk_id(long.id, 1), other.id), (long.id, other.id), (chunk_id(long.id, 0), chunk_id(long.id, 1))]
        await transaction.relations.insert([NewRelation(*ends, RelationType.FIXES) for ends in pairs])
    (relation,) = json.loads(await written(services, Format.JSON))["relations"]
    assert (relation["source_id"], relation["target_id"]) == (long.id, other.id)


async def test_a_query_finds_all_in_which_its_words_occur(services: Services) -> None:
    ids = [(await services.memories.create(MemoryDraft(f"needle {one}", tags=("t",)))).id for one in range(30)]
    await services.memories.create(MemoryDraft("hay", tags=("t",)))
    now = services.clock()
    assert set(await services.search.ids(parse_query("needle tag:t", now=now, week_begins=0))) == set(ids)
    assert len(await services.search.ids(parse_query("tag:t", now=now, week_begins=0))) == 31
    assert await services.search.ids(parse_query("needle tag:other", now=now, week_begins=0)) == []
    assert ids[0] not in await services.search.ids(parse_query(f"like:{ids[0]}", now=now, week_begins=0))


async def test_a_token_exports_no_more_than_it_may_see_and_writes_no_file(
    services: Services, seeded: list[Memory], tmp_path: Path
) -> None:
    with acting_as(Actor("agent:x", Scope.READ, frozenset({"p 0"}))):
        text = await written(services, Format.JSON)
        assert [text.count(f'"n{number}"') for number in range(len(seeded))] == [1, 0] * 6
        assert json.loads(text)["relations"] == []
        with pytest.raises(Forbidden):
            await services.exporting.write(tmp_path / "x", Format.CSV.writer)
        with pytest.raises(Forbidden):
            await written(services, Format.JSONL)


async def test_a_file_is_complete_or_not_there(services: Services, seeded: list[Memory], tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    with pytest.raises(InvalidInput, match="is there already"):
        await services.exporting.write(taken, Format.CSV.writer, replace=False)
    with pytest.raises(InvalidInput, match="folder"):
        await services.exporting.write(tmp_path / "none" / "x", Format.CSV.writer)

    async def breaking(source: ExportSource) -> AsyncIterator[bytes]:
        yield b"half"
        raise InvalidInput("broken")

    with pytest.raises(InvalidInput, match="broken"):
        await services.exporting.write(taken, FileWriter(".x", "", breaking))
    assert [name for name in files_in(tmp_path) if name != "home"] == ["taken"]
    assert taken.read_text() == "mine"


def test_a_format_is_known_by_the_suffix_of_its_files() -> None:
    known = {suffix: format_of(Path(f"a{suffix}")) for suffix in (".jsonl", ".JSON", ".csv", ".x")}
    assert known == {".jsonl": Format.JSONL, ".JSON": Format.JSON, ".csv": Format.CSV, ".x": None}
