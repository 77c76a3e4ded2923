"""What a note of Obsidian or of basic-memory says in its text: tags, links, typed relations. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

_FENCE = re.compile(r"^(?P<fence>`{3,9}|~{3,9}).*?^(?P=fence)[^\n]*$|^(?:```|~~~).*\Z", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")
_COMMENT = re.compile(r"%%.*?%%", re.DOTALL)
_TAG = re.compile(r"#([\w/-]+)")
_LINK = re.compile(r"(?P<embed>!?)\[\[(?P<target>[^\[\]\n]{1,500})\]\]")
_FILE_LINK = re.compile(
    r"(?P<embed>!?)\[(?P<shown>[^\[\]\n]{0,200})\]\(<?(?P<target>[^()<>\n]{1,500}?)>?(?:\s+\"[^\"\n]*\")?\)"
)
_TYPED = re.compile(
    r"[ \t]{0,40}[-*+][ \t]{1,8}(?P<kind>[^\[\]\n(){}#|!]{1,60}?)[ \t]{0,4}:{0,2}[ \t]{0,4}"
    r"\[\[(?P<target>[^\[\]\n]{1,500})\]\][ \t]{0,8}(?:\((?P<context>[^\n]*)\))?\s*\Z"
    r"|[ \t]{0,40}(?:[-*+][ \t]{1,8})?(?P<field>[\w -]{1,60})::[ \t]{0,8}\[\[(?P<value>[^\[\]\n]{1,500})\]\]"
)
"""A line that says a relation. Every repetition is bounded, so that no line takes more than its length."""
_MOST_WORDS = 4
"""Of the name of a relation: more of them are a sentence with a link in it."""
_SCHEME = re.compile(r"^[a-z][\w+.-]*:|^#|^//", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Link:
    target: str
    """The note as it is named, without heading and alias."""
    kind: str = ""
    """The name of the relation; "" for a mere link."""
    heading: str = ""
    alias: str = ""
    context: str = ""
    embeds: bool = False
    from_note: bool = False
    """Whether a path is meant from the note rather than from the folder, if both lead somewhere."""


def without_code(text: str) -> str:
    """The text without code and comments, in which nothing is a tag or a link."""
    for pattern in (_FENCE, _COMMENT, _CODE):
        text = pattern.sub(" ", text)
    return text


def inline_tags(text: str) -> list[str]:
    """`#tags` of a text without code, each once; a mere number is none."""
    found = []
    for match in _TAG.finditer(text):
        start = match.start()
        if (start == 0 or text[start - 1].isspace()) and any(map(str.isalpha, match[1])):
            found.append(match[1].strip("/"))
    return list(dict.fromkeys(found))


def links(text: str) -> Iterator[Link]:
    """The links of a text without code, typed ones with their type."""
    for line in text.splitlines():
        if "[[" in line:
            yield from _wikilinks(line)
    for found in _FILE_LINK.finditer(text):
        if not _SCHEME.match(found["target"]):
            target, _, heading = (unquote(one) for one in found["target"].partition("#"))
            yield Link(target.strip(), "", heading, found["shown"], embeds=bool(found["embed"]), from_note=True)


def _wikilinks(line: str) -> Iterator[Link]:
    typed = _TYPED.match(line)
    kind = (typed["kind"] or typed["field"]).strip(" *_") if typed else ""
    if typed is None or not kind or len(kind.split()) > _MOST_WORDS:
        start = 0
    else:
        start = typed.end("target") if typed["target"] else typed.end("value")
        yield _link(typed["target"] or typed["value"], kind, typed["context"] or "")
    for found in _LINK.finditer(line, start):
        yield _link(found["target"], embeds=bool(found["embed"]))


def property_links(front: Mapping[str, object]) -> Iterator[Link]:
    """Links in properties, typed by the name of their property."""
    for key, value in front.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str) and (found := _LINK.fullmatch(one.strip())):
                yield _link(found["target"], key)


def _link(text: str, kind: str = "", context: str = "", *, embeds: bool = False) -> Link:
    named, _, alias = text.partition("|")
    target, _, heading = named.partition("#")
    return Link(
        target.strip().removesuffix("\\"),
        kind,
        heading.strip().removesuffix("\\"),
        alias.strip(),
        context.strip(),
        embeds,
    )
