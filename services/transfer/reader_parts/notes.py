"""Markdown and text: a note is a memory, what it links to a relation; of one file, or of all in a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from services.errors import UnreadableFile
from services.memories.editing import MOST_TEXT
from services.memories.stored_memories import canonical
from services.model import MemoryType, counted
from services.model.memories import first_line
from services.storable_text import has_word, quoted
from services.tags import read_tags
from services.transfer.reader_parts.dates import read_date
from services.transfer.reader_parts.field_aliases import date_keys
from services.transfer.reader_parts.folders import file_and_section, files_below, hash_of
from services.transfer.reader_parts.front_matter import OWN, Note, read_note
from services.transfer.reader_parts.imported_records import (
    BadRecord,
    MemoryRecord,
    Record,
    RecordNote,
    RelationRecord,
)
from services.transfer.reader_parts.opened_source import TEXT_SUFFIXES, Opened
from services.transfer.reader_parts.own_notes import NAMES, read_own
from services.transfer.reader_parts.record_reading import memory_record
from services.transfer.reader_parts.source_ids import file_id, memory_id
from services.transfer.reader_parts.text_decoding import NoText, decoded
from services.transfer.reader_parts.type_names import typed_relation
from services.transfer.reader_parts.wikilinks import Link, inline_tags, links, property_links, without_code

_MOST_BYTES = 4 * MOST_TEXT
"""Of a file; a character of UTF-8 has at most four."""
_PLAIN_TEXT = frozenset({".txt", ".text"})
_TAG_KEYS = ("tags", "tag", "keywords")
_TITLE_KEYS = ("title", "name")
_TEMPLATE = re.compile(r"<%[^%]{0,500}%>|\{\{\s*(?:title|date|time)\b[^{}\n]{0,80}\}\}", re.IGNORECASE)
_HEAD = re.compile(r"(?:---\r?\n.*?\n---[ \t]*\r?\n)?\s*[^\n]*", re.DOTALL)
"""Front matter and the first line: what only speaks of templates has their fields further down."""
_TEMPLATE_FOLDERS = frozenset({"template", "templates", "_templates"})
_MOST_NAMED = 3
"""Names that one remark lists."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a file that is a memory of its own."""

    note: Note
    name: str = ""
    """What tells it apart in its file; "" for the whole file."""
    links: tuple[Link, ...] = ()
    """To other notes, beside those in its text; `#name` is a section of the same file."""
    type: MemoryType | None = None
    """Where the front matter says none."""


Divide = Callable[[str, Note], Iterable[Section]]
"""The memories of a note, by the name of its file."""


def one_section(_: str, note: Note) -> Iterable[Section]:
    return (Section(note),)


def read_notes(opened: Opened, divide: Divide = one_section) -> Iterator[Record]:
    """The records of one file or of a folder. Raises UnreadableFile for a folder without notes."""
    if opened.path is None:
        raise UnreadableFile(f"{opened.name}: notes are read from a file or a folder")
    reading = _Reading(opened, divide)
    if not opened.is_folder:
        file = opened.path.resolve()
        yield from reading.file(file, file.name)
        yield from reading.relations()
        return
    files = opened.files_to_read(TEXT_SUFFIXES)
    if not files:
        names = ", ".join(sorted(TEXT_SUFFIXES))
        raise UnreadableFile(f"{opened.path}: holds no Markdown or text files ({names})")
    opened.progress.size = len(files)
    real = opened.path.resolve()
    read: set[str] = set()
    for found in files:
        name, path = found.name, real / found.name
        if found.is_link:
            path = path.resolve()
            if path.is_dir() or not path.is_relative_to(real):
                what = "a link to a folder" if path.is_dir() else "a link out of the folder"
                yield BadRecord(name, f"{what}; it is not followed")
                continue
            name = path.relative_to(real).as_posix()
            reading.file_links[found.name] = name
        if name not in read:
            read.add(name)
            yield from reading.file(path, name, by_link=found.is_link)
        opened.progress.done += 1
    yield from reading.relations()


@dataclass(slots=True)
class _Reading:
    """One file or folder on its way: which note has which name, and which links wait until all are known."""

    opened: Opened
    divide: Divide
    names: dict[str, str] = field(default_factory=dict)
    """Ids of memories by paths and names of their files."""
    aliases: dict[str, str] = field(default_factory=dict)
    """The same by other names, which count where no file has the name."""
    file_links: dict[str, str] = field(default_factory=dict)
    """Files by the links of the folder that lead to them."""
    ids: dict[str, str] = field(default_factory=dict)
    """The file of each memory."""
    waiting: list[tuple[str, str, Link]] = field(default_factory=list)
    """The file, its memory and a link."""
    made: set[tuple[str, str]] = field(default_factory=set)
    """The ends of relations that were read."""
    others: set[str] | None = None
    """Paths and names of the files that are no notes; None before they were asked for."""

    source: str = field(init=False)

    def __post_init__(self) -> None:
        self.source = self.opened.source

    def file(self, path: Path, name: str, *, by_link: bool = False) -> Iterator[Record]:
        """The memories of a file, whose path has no links in it and ends with `name`, its path as reported."""
        try:
            modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            with path.open("rb") as file:
                raw = file.read(_MOST_BYTES + 1)
            if len(raw) > _MOST_BYTES:
                yield BadRecord(name, f"longer than the {MOST_TEXT:,} characters that a memory has at most; divide it")
                return
            text, doubt = decoded(raw)
        except OSError as error:
            yield BadRecord(name, f"cannot be read: {error.strerror or error}")
            return
        except NoText as error:
            yield BadRecord(name, str(error))
            return
        note, hash_ = read_note(text), None if by_link else hash_of(raw)
        if own := read_own(name, note):
            for each in self._own(name, note, *own):
                yield replace(each, file_hash=hash_) if isinstance(each, MemoryRecord) else each
            return
        if not self.opened.options.templates and self._is_template(name, text):
            yield BadRecord(name, "a template; --templates imports it too")
            return
        folder = path.as_posix().removesuffix(f"/{name}")
        for section in self.divide(name, note):
            record = self._memory(section, name, folder, modified)
            if isinstance(record, MemoryRecord):
                doubts = tuple(filter(None, (doubt, note.doubt)))
                record = replace(record, notes=doubts + record.notes, file_hash=hash_)
            yield record

    def _own(
        self, name: str, note: Note, memory: MemoryRecord | BadRecord, relations: Sequence[RelationRecord | BadRecord]
    ) -> Iterator[Record]:
        """The records of a note that this program wrote; links that a person added to its properties are relations."""
        if isinstance(memory, MemoryRecord):
            self.ids[memory.id] = name
            self._remember(memory.id, Section(note), name)
            self.waiting += [(name, memory.id, link) for link in property_links(note.front)]
            memory = replace(memory, file=name, exported=True)
        ends = [one.relation for one in relations if isinstance(one, RelationRecord)]
        self.made |= {(one.source_id, one.target_id) for one in ends}
        yield memory
        for relation in relations:
            yield replace(relation, of_notes=True) if isinstance(relation, RelationRecord) else relation

    def _is_template(self, name: str, text: str) -> bool:
        folders = {part.casefold() for part in PurePosixPath(name).parts[:-1]}
        return not folders.isdisjoint(_TEMPLATE_FOLDERS) or _TEMPLATE.search(_head(text)) is not None

    def _memory(self, section: Section, name: str, folder: str, modified: datetime) -> MemoryRecord | BadRecord:
        note, stem = section.note, section.name or PurePosixPath(name).stem
        place = f"{name}#{section.name}" if section.name else name
        markdown = PurePosixPath(name).suffix.lower() not in _PLAIN_TEXT
        given, clash = self._given_id(section, place)
        copied = canonical(given) is not None
        content = note.body if copied or note.doubt or not markdown else _titled(note, stem)
        if not content.strip():
            return BadRecord(place, "empty: there is no text to remember")
        front, doubts = _checked_front_matter(note)
        bare = without_code(note.body) if markdown else ""
        front["tags"] = list(dict.fromkeys([*_tags(note), *inline_tags(bare)]))
        front.setdefault("updated_at", modified.isoformat())
        own_id = file_id(folder, place)
        kind = front.pop("type", None) or front.get("memory_type") or _nested_type(front) or section.type
        record = memory_record(
            place,
            given or own_id,
            front | {"content": content},
            source=self.source,
            collection=kind,
            whole=False,
        )
        if isinstance(record, BadRecord):
            return record
        self.ids[record.id] = place
        self._remember(record.id, section, name)
        found = [*section.links, *property_links(note.front), *(links(bare) if markdown else ())]
        self.waiting += [(place, record.id, one) for one in found]
        return replace(record, notes=record.notes + clash + doubts, file=place, by_file=not given)

    def _given_id(self, section: Section, place: str) -> tuple[str | None, tuple[str, ...]]:
        """The id that the front matter gives, unless another note of the folder has it, which is told."""
        given = section.note.written.get("id") if not section.name else None
        if not isinstance(given, str) or not given.strip():
            return None, ()
        other = self.ids.get(memory_id(given, self.source))
        if other not in (None, place):
            return None, (f"its id {quoted(given)} is also that of {other}; the file is taken for one",)
        return given.strip(), ()

    def _remember(self, found_id: str, section: Section, name: str) -> None:
        """By which names links can mean the memory."""
        if section.name:
            self.names[f"{name}#{section.name}".casefold()] = found_id
            return
        path = PurePosixPath(name)
        written = section.note.written
        self.names[name.casefold()] = self.names[str(path.with_suffix("")).casefold()] = found_id
        for end in _ends(path.with_suffix("")):
            self.names.setdefault(end, found_id)
        self.names.setdefault(path.stem.casefold(), found_id)
        bare = PurePosixPath(path.stem)
        others: list[object] = [bare.stem] if bare.suffix.lower() in TEXT_SUFFIXES else []
        for key in NAMES:
            value = written.get(key)
            others += value if isinstance(value, list) else [value]
        for other in others:
            if isinstance(other, str) and other.strip():
                self.aliases.setdefault(other.strip().casefold(), found_id)

    def _remember_file_links(self) -> None:
        for link, name in self.file_links.items():
            path = PurePosixPath(link)
            if found_id := self.names.get(name.casefold()):
                for other in (link, str(path.with_suffix("")), path.name, path.stem):
                    self.aliases.setdefault(other.casefold(), found_id)

    def relations(self) -> Iterator[Record]:
        """What the links of all notes are, and a remark for each note with links that lead to no note."""
        self._remember_file_links()
        made = self.made
        lost: dict[str, dict[str, bool]] = {}
        for place, source, link in sorted(self.waiting, key=lambda one: not one[2].kind):
            target = self._target(place, link)
            if target is None and not self._is_other_file(place, link.target):
                lost.setdefault(place, {})[link.target] = link.embeds
            elif target and target != source and (source, target) not in made:
                made.add((source, target))
                context = {"context": link.context, "heading": link.heading, "alias": link.alias}
                relation = typed_relation(source, target, link.kind, **context, embeds=link.embeds)
                yield RelationRecord(f"{place}: [[{link.target}]]", relation, of_notes=True)
        for place, names in lost.items():
            said = []
            for noun, why in (("link", "to no note of the import"), ("embed", "that cannot be followed")):
                some = [name for name, embeds in names.items() if embeds is (noun == "embed")]
                shown = ", ".join(one[:60] for one in some[:_MOST_NAMED]) + (", …" if len(some) > _MOST_NAMED else "")
                said += [f"{counted(len(some), noun)} {why}: {shown}"] if some else []
            alone = "" if self.opened.is_folder else "; an import of its folder follows those to other notes"
            yield RecordNote(place, f"{'; '.join(said)}{alone}")

    def _is_other_file(self, place: str, target: str) -> bool:
        """Whether it is a file of the folder that is no note, as a picture, by its path or by its name."""
        if self.others is None:
            folder = self.opened.path if self.opened.is_folder else None
            paths = [PurePosixPath(one.name.casefold()) for one in (files_below(folder, None) if folder else ())]
            files = [one for one in paths if one.suffix not in TEXT_SUFFIXES]
            self.others = {end for one in files for end in (str(one), one.name, *_ends(one))}
        name = target.strip("/").casefold()
        beside = os.path.normpath((PurePosixPath(file_and_section(place)[0].casefold()).parent / name).as_posix())
        return not self.others.isdisjoint((name, beside))

    def _target(self, place: str, link: Link) -> str | None:
        """The memory that a link means: by its path from the note or from the folder, or by its name.

        The folder may be a part of the one that a path is of, or have that one in it.
        """
        name = link.target.strip("/").casefold()
        file = file_and_section(place)[0].casefold()
        if name.startswith("#"):
            return self.names.get(f"{file}{name}")
        beside = os.path.normpath((PurePosixPath(file).parent / name).as_posix()) if name else file
        whole = PurePosixPath(name.removesuffix(".md"))
        here, below = (beside, beside.removesuffix(".md")), (name, str(whole))
        from_folder = link.target.startswith("/") or ("/" in name and not link.from_note)
        spelled = (*below, *here) if from_folder else (*here, *below)
        found = (self.names.get(one) for one in (*spelled, *_ends(whole), f"{whole.name}.md"))
        return next((one for one in (*found, *map(self.aliases.get, below)) if one), None)


def _nested_type(front: dict[str, object]) -> object:
    """The type that stands under `metadata`, as Claude Code writes it, taken out of there."""
    nested = front.get("metadata")
    if not isinstance(nested, dict) or not isinstance(nested.get("type"), str):
        return None
    front["metadata"] = {key: value for key, value in nested.items() if key != "type"}
    return nested["type"]


def content_of(note: Note, name: str) -> str:
    """The text of the memory of a whole note, whose file has this name."""
    given = note.written.get("id")
    copied = OWN in note.front or (isinstance(given, str) and canonical(given.strip()) is not None)
    path = PurePosixPath(name)
    plain = copied or note.doubt or path.suffix.lower() in _PLAIN_TEXT
    return note.body if plain else _titled(note, path.stem)


def _ends(path: PurePosixPath) -> list[str]:
    """The ends of a path that still name a folder, the longest first, in lower case."""
    parts = [one.casefold() for one in path.parts]
    return ["/".join(parts[start:]) for start in range(1, len(parts) - 1)]


def _head(text: str) -> str:
    found = _HEAD.match(text)
    return found[0] if found else ""


def _titled(note: Note, stem: str) -> str:
    """The text with its title above it, where it does not begin with it: a title must be found by its words.

    A note that has properties alone has them as its text.
    """
    body, named = note.body, next((one for key in _TITLE_KEYS if isinstance(one := note.written.get(key), str)), None)
    title = " ".join((named or stem).split())
    if not body.strip():
        lines = [f"{key}: {_line(value)}" for key, value in note.written.items() if value not in (None, "", [])]
        return f"# {title}\n\n" + "\n".join(lines) if lines else ""
    first = first_line(body)
    headed = body.lstrip().startswith("# ") and named is None
    if headed or not has_word(title) or _begins(first.casefold(), title.casefold()):
        return body
    return f"# {title}\n\n{body}"


def _begins(text: str, title: str) -> bool:
    """Whether the title stands at the beginning, as whole words."""
    return text.startswith(title) and not text[len(title) : len(title) + 1].isalnum()


def _line(value: object) -> str:
    return ", ".join(map(_line, value)) if isinstance(value, list) else str(value)


def _tags(note: Note) -> list[str]:
    return [
        tag
        for key, value in note.written.items()
        if key.casefold() in _TAG_KEYS
        for tag in read_tags(value, by_words=True)
    ]


def _checked_front_matter(note: Note) -> tuple[dict[str, object], tuple[str, ...]]:
    """What the front matter says, under the names that memories have, and what a person must know of it."""
    front = {key: value for key, value in note.front.items() if key != "id" and key.casefold() not in _TAG_KEYS}
    doubts: list[str] = []
    for name in ("created_at", "updated_at"):
        for key in date_keys(front, name):
            found = read_date(value := front[key])
            if found.iso is not None:
                del front[key]
                front[name] = found.iso
                doubts += [f"its {key} {found.doubt}"] if found.doubt else []
                break
            if key != name:
                doubts.append(f"its {key} {quoted(value)} is no date; it stays in the metadata")
    if isinstance(front.get("project"), list) or str(front.get("project", "")).startswith("[["):
        front["project"] = next(iter(read_tags(front["project"])), None)
    return front, tuple(doubts)
