"""YAML front matter of a note: what it says, and the text below it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from services.transfer.reader_parts.json_reading import DECODER, TOO_DEEP

_FRONT_MATTER = re.compile(
    r"\A---[ \t]*\r?\n(.*?)(?:^|\r?\n)(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
MOST_FRONT = 1 << 16
"""Characters of front matter."""
OWN = "memoria-tui"
"""The property of notes that this program wrote: what follows their front matter is the text, to the last sign."""
_MOST_LEVELS = 20
_MOST_BITS = 64
"""Of a number; a longer one stays as it is written in hexadecimal digits."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml's, where there is one
    """YAML in which a date is a text: one date that is none is no reason to refuse all the others."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Note:
    """A text with what stands above it."""

    body: str
    front: Mapping[str, object] = field(default_factory=dict)
    """Values as JSON has them."""
    written: Mapping[str, object] = field(default_factory=dict)
    """The same with every single value as it is written: `1.50`, `0123`."""
    doubt: str = ""
    """Why what looks like front matter is part of the text."""


def read_note(text: str) -> Note:
    """The note; two blocks of front matter count as one, of which the upper one comes first."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return Note(text)
    try:
        front, written = _values(match[1])
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        return Note(text, doubt=f"its front matter cannot be read, so all of it is text: {_reason(error)}")
    if OWN in front:
        return Note(text[match.end() :], front, written)
    body = text[match.end() :].lstrip("\r\n")
    if second := _FRONT_MATTER.match(body):
        try:
            more, more_written = _values(second[1])
        except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
            more, more_written = {}, {}
        if more:
            front, written = _joined(front, more), _joined(written, more_written)
            body = body[second.end() :].lstrip("\r\n")
    return Note(body, front, written)


def _joined(one: Mapping[str, object], other: Mapping[str, object]) -> dict[str, object]:
    """What either has: what both have as the first has it, but of a list what stands in either."""
    joined = {**other, **one}
    for key in one.keys() & other.keys():
        if isinstance(one[key], list) or isinstance(other[key], list):
            this, that = (has if isinstance(has, list) else [has] for has in (one[key], other[key]))
            joined[key] = [*this, *(item for item in that if item not in this)]
    return joined


def _reason(error: Exception) -> str:
    """One line; YAML's own messages show the place over several."""
    said = str(error)
    if isinstance(error, yaml.MarkedYAMLError) and error.problem and error.problem_mark:
        said = f"{error.problem}, line {error.problem_mark.line + 2}"
    return " ".join(said.split())[:120]


def _values(text: str) -> tuple[dict[str, object], dict[str, object]]:
    """The keys and values of front matter. Raises ValueError for what is none, or asks for more than it is worth."""
    if len(text) > MOST_FRONT:
        raise ValueError(f"it is longer than {MOST_FRONT:,} characters")
    if (own := _own(text)) is not None:
        return own, own
    levels = 0
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ValueError("anchors and aliases (& and *) are not taken; write the value out")
        if getattr(event, "tag", None):
            raise ValueError("tags (!) are not taken; write the value alone")
        levels += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if levels > _MOST_LEVELS:
            raise ValueError(TOO_DEEP)
    loader = _Loader(text)
    node = loader.get_single_node()
    if node is None:
        return {}, {}
    written = _written(node)
    found = loader.construct_document(node)
    if not isinstance(found, dict) or not isinstance(written, dict):
        raise ValueError("it must be `key: value` lines")
    return {str(key): _plain(value) for key, value in found.items()}, written


def _own(text: str) -> dict[str, object] | None:
    """The properties as this program writes them, each a line of JSON, which is a hundred times faster; else None."""
    if f"\n{OWN}: " not in text:
        return None
    found: dict[str, object] = {}
    for line in text.split("\n"):
        name, _, value = line.partition(": ")
        try:
            found[name] = DECODER.decode(value)
        except (ValueError, RecursionError):
            return None
    return found


def _written(node: yaml.Node) -> Any:
    """A node of YAML with its single values as they are written; None for one that is empty."""
    match node:
        case yaml.MappingNode():
            return {str(_written(key)): _written(value) for key, value in node.value}
        case yaml.SequenceNode():
            return [_written(one) for one in node.value]
        case _:
            return None if node.tag == "tag:yaml.org,2002:null" else node.value


def _plain(value: object) -> object:
    """A YAML value as JSON can hold it."""
    match value:
        case dict():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple() | set():
            return [_plain(inner) for inner in value]
        case int() if value.bit_length() > _MOST_BITS:
            return hex(value)
        case _:
            return value
