"""The one reader of tags that people type and other programs write. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_SEPARATOR = re.compile(r"[,\n]")
_NAMES = ("name", "tag", "label", "title")
"""Keys under which a tag that is an object says its name."""


def read_tags(value: object, *, by_words: bool = False) -> list[str]:
    """The tags of a list or a text, each once, without `#`, blanks around them and the brackets of a link.

    An object says its name, or has tags as keys. A text is a JSON list, or is divided at commas; at blanks too where
    all words begin with `#`, and with `by_words`, as Obsidian reads it.
    """
    return list(dict.fromkeys(filter(None, map(_bare, _named(value, by_words)))))


def _named(value: object, by_words: bool) -> Iterator[str]:
    match value:
        case bool():
            yield str(value).lower()
        case int() | float():
            yield str(value)
        case str():
            yield from _divided(value, by_words)
        case list() | tuple():
            for one in value:
                yield from _named(one, False)
        case dict():
            named = next((name for key in _NAMES if isinstance(name := value.get(key), str)), None)
            yield from map(str, [one for one, has in value.items() if has]) if named is None else (named,)


def _divided(text: str, by_words: bool) -> Iterator[str]:
    if text.lstrip().startswith("["):
        try:
            listed = json.loads(text)
        except (ValueError, RecursionError):
            listed = None
        if isinstance(listed, list) and all(isinstance(one, (str, int, float)) for one in listed):
            yield from map(str, listed)
            return
    for part in _SEPARATOR.split(text):
        words = part.split()
        yield from words if by_words or all(word.startswith("#") for word in words) else [part]


def _bare(tag: str) -> str:
    return tag.strip().removeprefix("[[").removesuffix("]]").lstrip("#").strip()
