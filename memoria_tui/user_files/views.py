"""Views: searches with a name, in `[views]` of the file of settings, numbered in the order that they have there."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from services.errors import InvalidInput, QuerySyntaxError
from services.file_locks import only_writer
from services.files import write_file
from services.model import SearchMode
from services.settings import settings_table, settings_text
from services.storable_text import quoted, shortened

_SECTION = re.compile(r"""\s*\[\s*(?:views|"views"|'views')\s*[\].]""")
_BEHIND = re.compile(r"(?:^[ \t]*(?:#.*)?\n)*\Z", re.MULTILINE)
"""Empty lines and comments at the end of a section: they are about what follows."""
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
"""Whether a query can be understood is the same on any."""


@dataclass(frozen=True, slots=True)
class View:
    """A search that was saved."""

    name: str
    query: str
    """As it is typed into the search box."""
    mode: SearchMode = SearchMode.HYBRID


_KEYS = tuple(one.name for one in fields(View) if one.name != "name")


def views_of(table: Mapping[str, object]) -> tuple[tuple[View, ...], tuple[str, ...]]:
    """Those of a file of settings that was read, and what is wrong with the others, by their names."""
    named = table.get("views", {})
    if not isinstance(named, dict):
        return (), (f"views is {quoted(named)}; it must be a table, written [views]",)
    views, wrong = list[View](), list[str]()
    for name, value in named.items():
        try:
            views.append(_view(name, value))
        except ValueError as error:
            wrong.append(f"views.{shortened(name)}{error}")
    return tuple(views), tuple(wrong)


def _view(name: str, value: object) -> View:
    """Raises ValueError with what is wrong, to be read behind the name."""
    given: dict[str, object] = value if isinstance(value, dict) else {"query": value}
    if unknown := given.keys() - {*_KEYS}:
        raise ValueError(f" has {quoted(min(unknown))}, which no view has; known are {', '.join(_KEYS)}")
    query, mode = given.get("query"), given.get("mode", SearchMode.HYBRID.value)
    if not isinstance(query, str) or not query.strip():
        place = ".query" if given is value else ""
        wrong = f"{place} is missing" if query is None else f"{place} is {quoted(query)}"
        raise ValueError(f'{wrong}; it must be a search, such as "tag:auth"')
    if mode not in [*SearchMode]:
        raise ValueError(f".mode is {quoted(mode)}; it must be one of {', '.join(SearchMode)}")
    return View(name, query, SearchMode(str(mode)))


def unreadable(views: Sequence[View]) -> Mapping[str, str]:
    """What is wrong with the queries that cannot be understood, a line each, by the names of their views."""
    if not views:
        return {}
    from services.search.query import parse_query  # later: commands that search for nothing read the file, too

    found = dict[str, str]()
    for view in views:
        try:
            parse_query(view.query, now=_SOME_DAY, week_begins=0, mode=view.mode)
        except QuerySyntaxError as error:
            found[view.name] = f"views.{shortened(view.name)} cannot be searched for: {error}"
    return found


def read_views(file: Path | None, tell: Callable[[str], None] = lambda _: None) -> tuple[View, ...]:
    """Those that can be used, in their order; `tell` gets a line for each other. Raises InvalidInput."""
    if file is None:
        return ()
    known, wrong = views_of(settings_table(settings_text(file), file))
    for line in wrong:
        tell(f"{file}: {line}")
    return known


def change_views(file: Path, change: Callable[[tuple[View, ...]], Sequence[View]]) -> tuple[View, ...]:
    """Has `change` make of those that are there the ones to write; leaves all else in the file as it stands.

    Gives those that are there then. Raises InvalidInput when that cannot be done, StorageFull, and what `change` does.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with only_writer(file):
            text, views = _changed(file, change)
            write_file(file, text)
    except OSError as error:
        raise InvalidInput(f"{file} cannot be written: {error.strerror}") from error
    return views


def _changed(file: Path, change: Callable[[tuple[View, ...]], Sequence[View]]) -> tuple[str, tuple[View, ...]]:
    """What is to be written, and the views in it."""
    text = settings_text(file)
    before = settings_table(text, file)
    known, wrong = views_of(before)
    if wrong:  # it would be lost
        raise InvalidInput(f"{file}: {wrong[0]}; repair or delete that first")
    views = tuple(change(known))
    after = _with(text, views)
    wanted = {name: value for name, value in before.items() if name != "views"}
    wanted |= {"views": {one.name: plain_view(one) for one in views}} if views else {}
    if not _says(after, wanted):
        raise InvalidInput(f"{file}: its views are written in a way that cannot be replaced; change them there")
    return after, views


def _with(text: str, views: Sequence[View]) -> str:
    """A file of settings that has these views, where it had its own."""
    sections = re.split(r"^(?=[ \t]*\[)", text if text.endswith("\n") or not text else text + "\n", flags=re.MULTILINE)
    kept, stood = list[str](), dict[str, str]()
    place: int | None = None
    head = "[views]\n"
    for section in sections:
        if _SECTION.match(section):
            place = len(kept) if place is None else place
            first = section.partition("\n")[0] + "\n"
            head = first if _says(first, {"views": {}}) else head
            behind = _BEHIND.search(section)
            kept.append(behind[0] if behind else "")
            stood |= _entries(section)
        else:
            kept.append(section)
    lines = [_line(one, stood.get(one.name, "")) for one in views]
    gap = "\n" if "".join(kept).strip() and place is None else ""
    kept.insert(len(kept) if place is None else place, f"{gap}{head}{''.join(lines)}" if lines else "")
    return "".join(kept)


def _entries(section: str) -> dict[str, str]:
    """What stands in a section of each name, with the comments above it."""
    found, text = dict[str, str](), ""
    for line in section.splitlines(keepends=True)[1:]:
        text += line
        with suppress(tomllib.TOMLDecodeError):  # it goes on in the next line
            if table := tomllib.loads(text):
                found[next(iter(table))], text = text, ""
    return found


def _line(view: View, stood: str) -> str:
    """As it stood, where that says the same; else below the comments that it had."""
    if _says(stood, {view.name: plain_view(view)}):
        return stood
    comments = [line for line in stood.splitlines(keepends=True) if line.lstrip().startswith("#")]
    return "".join([*comments, f"{_toml(view.name)} = {_value(view)}\n"])


def _says(text: str, wanted: Mapping[str, object]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def plain_view(view: View) -> str | dict[str, str]:
    """The value that the file of settings has under its name."""
    return view.query if view.mode is SearchMode.HYBRID else {"query": view.query, "mode": view.mode.value}


def _value(view: View) -> str:
    match plain_view(view):
        case str() as query:
            return _toml(query)
        case named:
            return f"{{{', '.join(f'{key} = {_toml(value)}' for key, value in named.items())}}}"


def _toml(text: str) -> str:
    """A basic string of TOML, whose escapes are those of JSON, which leaves DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
