"""What is told about a memory beside its text: head, metadata, relations, history; and what of it leads further."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from textual.content import Content

from memoria_tui.text import present
from services.curation.provenance import Provenance
from services.model import Change, Memory, RelatedMemory
from services.search.query import quoted

_MUTED = "$foreground 60%"
_LONGEST_VALUE, _SHORT_VALUE = 4_000, 200
_MOST_KEYS, _MOST_TAGS = 6, 100
"""Shown while the rest is folded."""
_LONGEST_NAME, _LONGEST_PART = 40, 80
_MOST_LINES = 200
_UNKNOWN = Provenance()


@dataclass(frozen=True, slots=True)
class Link:
    """Something beside a memory that can be followed."""

    kind: Literal["memory", "project", "tag", "more"]
    """«more»: the rest of what is folded."""
    value: str
    """Id of the memory, name of the project or tag."""

    @property
    def search(self) -> str:
        """What finds all memories that have it."""
        return f"id:{self.value}" if self.kind == "memory" else f"{self.kind}:{quoted(self.kind, self.value)}"


Look = Callable[[Link, Content], Content]
"""How the text of a link is drawn."""


def links(memory: Memory, related: Sequence[RelatedMemory], *, folded: bool) -> tuple[Link, ...]:
    """What can be followed, in the order in which it is drawn."""
    project = [Link("project", memory.project)] if memory.project else []
    tags = [Link("tag", tag) for tag in _shown_tags(memory, folded)]
    more = [Link("more", "")] if folded and _folds(memory) else []
    ends = [Link("memory", one.other.id) for one in related[:_MOST_LINES] if one.other is not None]
    return (*project, *tags, *more, *ends)


def _shown_tags(memory: Memory, folded: bool) -> Sequence[str]:
    return memory.tags[:_MOST_TAGS] if folded else memory.tags


def _folds(memory: Memory) -> bool:
    return len(memory.tags) > _MOST_TAGS or len(_shown_keys(memory)) > _MOST_KEYS


def head(
    memory: Memory,
    now: datetime,
    look: Look,
    known: Provenance = _UNKNOWN,
    *,
    superseded: bool = False,
    folded: bool = True,
) -> Content:
    """Type, project and importance; tags; dates, and who made, reviewed and changed it, as far as that is known."""
    holding = (("pending", memory.pending), ("headless", memory.headless), ("superseded", superseded))
    states = "".join(f" · {word}" for word, holds in holding if holds)
    kept = " · pinned" if memory.pinned else ""
    states += f" · {expiry}" if (expiry := present.expiry(memory, now)) else ""
    project = memory.project and look(Link("project", memory.project), Content(present.line(memory.project)))
    kind = Content.assemble(
        (f"{present.glyph(memory.type)} {memory.type}", present.colour(memory.type)),
        *((" · ", project) if project else ()),
        (f" · importance {memory.importance:g}{kept}", _MUTED),
        (states, "$warning"),
    )
    shown = _shown_tags(memory, folded)
    tags = Content("  ").join(
        look(Link("tag", tag), Content.styled(f"#{present.line(tag)}".replace(" ", "\xa0"), "$primary"))
        for tag in shown
    )
    if len(shown) < len(memory.tags):
        tags += Content.styled(f"  … {len(memory.tags) - len(shown):,} more", _MUTED)
    dates = Content.styled(_dates(memory, now) + _author(known), _MUTED)
    parts = (present.clip(present.line(one), _LONGEST_PART) for one in known.parts(lambda when: _ago(when, now)))
    rest = " · ".join(parts)
    return Content("\n").join(line for line in (kind, tags, dates, Content.styled(rest, _MUTED)) if line)


def _dates(memory: Memory, now: datetime) -> str:
    if memory.created_at is None:
        return "no date"
    created = memory.created_at.astimezone(now.tzinfo)
    text = f"{created:%Y-%m-%d} · {_ago(memory.created_at, now)}"
    if memory.updated_at is not None and (memory.updated_at - memory.created_at).total_seconds() >= 60:
        text += f" · changed {_ago(memory.updated_at, now)}"
    return text


def _author(known: Provenance) -> str:
    """« · by claude-code, an agent»; "" where nobody knows."""
    return f" · by {present.clip(present.line(known.written.name), _LONGEST_NAME)}" if known.written else ""


def _ago(when: datetime, now: datetime) -> str:
    age = present.age(when, now)
    return age if age == "now" else f"{age} ago"


def metadata(memory: Memory, look: Look, *, folded: bool = True) -> Content:
    """Every other key with its value, names in a column, but a mark of agents that nobody takes away again.

    `folded`: the first ones, and a link to the others.
    """
    keys = _shown_keys(memory)
    shown = keys[:_MOST_KEYS] if folded else keys
    width = min(24, max((len(present.line(name)) for name in shown), default=0))
    rows = [
        Content.assemble((present.fit(present.line(name), width), _MUTED), f"  {_value(memory.metadata[name], folded)}")
        for name in shown
    ]
    if folded and _folds(memory):
        rest = f"… {len(keys) - len(shown):,} more" if len(shown) < len(keys) else "… all tags"
        rows.append(look(Link("more", ""), Content.styled(rest, "$primary")))
    return _lines(rows)


def _shown_keys(memory: Memory) -> list[str]:
    return [name for name in memory.metadata if name != "has_relations"]


def _value(value: object, folded: bool) -> str:
    most = _SHORT_VALUE if folded else _LONGEST_VALUE
    return present.clip(present.line(_plain(value)[: 2 * most]), most)


def _plain(value: object) -> str:
    """A value as a person writes it: lists and keys with commas, no quotes and brackets around."""
    match value:
        case str():
            return value
        case list() if value and not any(isinstance(one, list | dict) for one in value):
            return ", ".join(map(_plain, value))
        case dict() if value and not any(isinstance(one, list | dict) for one in value.values()):
            return ", ".join(f"{key}: {_plain(one)}" for key, one in value.items())
    return json.dumps(value, ensure_ascii=False, default=str)


def relations(related: tuple[RelatedMemory, ...], look: Look) -> Content:
    """«→ fixes    ● customers are signed out»."""
    names = [present.direction(one.relation.type, one.outgoing) for one in related]
    width = max((len(name) for name in names), default=0)
    return _lines(
        Content.assemble((f"{name:{width}}  ", present.colour(one.relation.type)), _other(one, look))
        for name, one in zip(names, related, strict=True)
    )


def _other(related: RelatedMemory, look: Look) -> Content:
    memory = related.other
    chunk = Content.styled("! chunk  ", "$warning") if related.of_chunk else Content("")
    if memory is None:
        return chunk + Content.styled("missing memory", "$warning")
    named = look(Link("memory", memory.id), Content(present.title(memory)))
    return chunk + Content.assemble((present.glyph(memory.type), present.colour(memory.type)), " ", named)


def history(changes: tuple[Change, ...], now: datetime) -> Content:
    """«3 d ago  anna  edited text»."""
    ages = [_ago(change.at, now) for change in changes]
    actors = [present.clip(present.line(change.actor), 12) for change in changes]
    age_width = max(map(len, ages), default=0)
    return _lines(
        Content.assemble(
            (f"{age:{age_width}}  {present.fit(actor, min(12, max(map(len, actors))))}  ", _MUTED),
            present.line(change.summary or change.action.value),
        )
        for age, actor, change in zip(ages, actors, changes, strict=True)
    )


def _lines(lines: Iterable[Content]) -> Content:
    listed = list(lines)
    return Content("\n").join(listed[:_MOST_LINES])
