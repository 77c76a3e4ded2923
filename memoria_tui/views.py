"""Views: searches with a name, in `[views]` of the file of settings, numbered in the order that they have there."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.errors import InvalidInput
from services.files import write_file
from services.model import SearchMode

_SECTION = re.compile(r"""\s*\[\s*(?:views|"views"|'views')\s*[\].]""")
_BEHIND = re.compile(r"(?:^[ \t]*(?:#.*)?\n)*\Z", re.MULTILINE)
"""Empty lines and comments at the end of a section: they are about what follows."""


@dataclass(frozen=True, slots=True)
class View:
    """A search that was saved."""

    name: str
    query: str
    """As it is typed into the search box."""
    mode: SearchMode = SearchMode.HYBRID


def views_of(table: Mapping[str, object]) -> tuple[tuple[View, ...], tuple[str, ...]]:
    """Those of a file of settings that was read, and what is wrong with the others."""
    named = table.get("views", {})
    if not isinstance(named, dict):
        return (), ("views must be a table, written [views]",)
    read = {name: _view(name, value) for name, value in named.items()}
    wrong = [f'views.{name} must be a search: {name} = "tag:auth"' for name, view in read.items() if view is None]
    return tuple(view for view in read.values() if view is not None), tuple(wrong)


def _view(name: str, value: object) -> View | None:
    match value:
        case str() as query if query.strip():
            return View(name, query)
        case {"query": str() as query, "mode": str() as mode} if query.strip() and mode in [*SearchMode]:
            return View(name, query, SearchMode(mode))
    return None


def read_views(file: Path | None) -> tuple[View, ...]:
    """Those that can be used, in their order. Raises InvalidInput when the file cannot be read."""
    if file is None or not file.exists():
        return ()
    return views_of(_table(_text(file), file))[0]


def write_views(file: Path, views: Sequence[View]) -> None:
    """Writes them into the file of settings, and leaves all else in it as it stands.

    Raises InvalidInput when that cannot be done, StorageFull.
    """
    text = _text(file) if file.exists() else ""
    before = _table(text, file)
    sections = re.split(r"^(?=[ \t]*\[)", text if text.endswith("\n") or not text else text + "\n", flags=re.MULTILINE)
    kept = list[str]()
    place: int | None = None
    for section in sections:
        if _SECTION.match(section):
            place = len(kept) if place is None else place
            behind = _BEHIND.search(section)
            kept.append(behind[0] if behind else "")
        else:
            kept.append(section)
    lines = [f"{_toml(one.name)} = {_value(one)}\n" for one in views]
    gap = "\n" if "".join(kept).strip() and place is None else ""
    kept.insert(len(kept) if place is None else place, f"{gap}[views]\n{''.join(lines)}" if lines else "")
    after = "".join(kept)
    wanted = {name: value for name, value in before.items() if name != "views"}
    wanted |= {"views": {one.name: _plain(one) for one in views}} if views else {}
    if not _says(after, wanted):
        raise InvalidInput(f"{file}: its views are written in a way that cannot be replaced; change them there")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_file(file, after)
    except OSError as error:
        raise InvalidInput(f"{file} cannot be written: {error.strerror}") from error


def _says(text: str, wanted: Mapping[str, object]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _plain(view: View) -> object:
    return view.query if view.mode is SearchMode.HYBRID else {"query": view.query, "mode": view.mode.value}


def _value(view: View) -> str:
    if view.mode is SearchMode.HYBRID:
        return _toml(view.query)
    return f"{{query = {_toml(view.query)}, mode = {_toml(view.mode.value)}}}"


def _toml(text: str) -> str:
    """A basic string of TOML, whose escapes are those of JSON; DEL, which JSON leaves, is none of a search."""
    return json.dumps(text.replace("\x7f", " "), ensure_ascii=False)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file}: cannot be read: {error}") from error


def _table(text: str, file: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{file}: cannot be read: {error}") from error
