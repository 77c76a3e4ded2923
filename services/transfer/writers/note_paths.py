"""Where notes lie in a folder of Markdown: as in the folder that they came from, else named by their titles."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from services.batches import batches
from services.model import Memory
from services.records.import_sources import NotePlace
from services.transfer.export_source import PAGE, ExportSource
from services.transfer.reader_parts.folders import file_and_section
from services.transfer.writers.unique_names import short_title, with_own_names

_UNSAFE = frozenset('\\/:*?"<>|#^[]%')
"""What a file system or a link of Obsidian takes for its own."""
_NO_LINK = frozenset("\\/|#^[]")
"""What no link to a note can have in it, though a file system may."""
_NO_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories of Unicode that no line has in it."""
_RESERVED = frozenset(
    f"{name}{number}" for name in ("con", "prn", "aux", "nul", "com", "lpt") for number in ("", *"123456789")
)
"""Names of devices on Windows."""
_MOST_BYTES = 180
"""Of a name; a file system takes 255, of which some are left for what tells same titles apart."""
_MOST_OF_SYSTEM = 255
_SUFFIX = ".md"


@dataclass(frozen=True, slots=True)
class NotePaths:
    """The places of all notes of an export."""

    paths: Mapping[str, str]
    """Below the folder, without suffix, by memory."""
    shared: frozenset[str]
    """Names, folded, that several notes have in different folders."""

    def link(self, memory_id: str) -> str:
        """The text of a link that means the note, whatever note it stands in."""
        path = self.paths[memory_id]
        name = PurePosixPath(path).name
        if _folded(name) not in self.shared:
            return name
        return path if "/" in path else f"/{path}"


async def note_paths(source: ExportSource) -> NotePaths:
    """Reads all memories once. Names do not depend on their order."""
    titles: dict[str, str] = {}
    async for page in source.memories():
        titles |= {memory.id: file_name(memory) or "untitled" for memory in page}
    places = [
        place for ids in batches(list(titles), PAGE) for place in await source.records.sources.note_places(list(ids))
    ]
    return _paths(titles, *_former(places))


def _paths(titles: Mapping[str, str], former: Mapping[str, str], folders: Mapping[str, str]) -> NotePaths:
    """`former` are the paths of notes that keep theirs, `folders` those of others that are named by their titles."""
    kept = with_own_names(former, _folded)
    taken = {end for path in kept.values() for end in (_folded(path), _folded(PurePosixPath(path).name))}
    named = {one: f"{folders.get(one, '')}{title}" for one, title in titles.items() if one not in kept}
    paths = kept | with_own_names(named, _folded, taken)
    counts = Counter(_folded(PurePosixPath(path).name) for path in paths.values())
    return NotePaths(paths, frozenset(name for name, number in counts.items() if number > 1))


def _former(places: Sequence[NotePlace]) -> tuple[dict[str, str], dict[str, str]]:
    """By memory, the path of its note, or else the folder, with a slash, of the file that it is a section of.

    Of a note that is in several sources, the one counts that has the most of them. Where the notes are of several
    folders, each of these is a folder of the export.
    """
    counts = Counter(one.source for one in places)
    chosen: dict[str, NotePlace] = {}
    for one in sorted(places, key=lambda one: (-counts[one.source], one.source)):
        chosen.setdefault(one.memory_id, one)
    prefixes = _prefixes(chosen.values())
    former, folders = dict[str, str](), dict[str, str]()
    for memory_id, one in chosen.items():
        file, section = file_and_section(one.file)
        *parts, name = file.split("/")
        folders[memory_id] = prefixes.get(one.source, "") + "".join(f"{_part(part)}/" for part in parts)
        if not section:
            former[memory_id] = folders[memory_id] + _part(name.removesuffix(_SUFFIX))
    return former, folders


def _prefixes(places: Iterable[NotePlace]) -> dict[int, str]:
    """By source, the folder of the export for its notes, where there are several."""
    roots = {one.source: one.path for one in places if one.path.rpartition("/")[2] != file_and_section(one.file)[0]}
    if len(roots) < 2:
        return {}
    taken: set[str] = set()
    prefixes: dict[int, str] = {}
    for source, path in sorted(roots.items()):
        name = bare = _part(PurePosixPath(path).name)
        number = 1
        while _folded(name) in taken:
            name = f"{bare} {(number := number + 1)}"
        taken.add(_folded(name))
        prefixes[source] = f"{name}/"
    return prefixes


def _part(name: str) -> str:
    """A name of a file or folder as it was, where links can have it in them and it leads nowhere else."""
    drawn = _NO_TEXT.isdisjoint(map(unicodedata.category, name))
    fits = drawn and _NO_LINK.isdisjoint(name) and len(f"{name}{_SUFFIX}".encode()) <= _MOST_OF_SYSTEM
    return name if fits and name.strip() and not name.startswith(".") else _cleaned(name) or "untitled"


def file_name(memory: Memory) -> str:
    """A name, without suffix, that every file system takes, and that a link can hold."""
    return _cleaned(short_title(memory))


def _cleaned(title: str) -> str:
    signs = (" " if sign in _UNSAFE or not sign.isprintable() else sign for sign in title)
    name = " ".join("".join(signs).split()).strip(". ")
    name = name.encode("utf-8", "replace")[:_MOST_BYTES].decode("utf-8", "ignore").strip(". ")
    return f"{name} note" if name.split(".")[0].casefold() in _RESERVED else name


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
