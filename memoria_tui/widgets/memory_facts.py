"""What is told about a memory beside its text: head, metadata, relations, history."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from textual.content import Content

from memoria_tui import present
from services.model import AGENT, Action, Change, Kind, Memory, RelatedMemory

_MUTED = "$foreground 60%"
_LONGEST_VALUE = 400
_LONGEST_NAME = 30
_MOST_LINES = 200


def head(memory: Memory, now: datetime, changes: Sequence[Change] = ()) -> Content:
    """Type, project and importance; tags; dates, and who made it as far as that is known: a line each."""
    project = f" · {present.line(memory.project)}" if memory.project else ""
    states = "".join(
        f" · {word}" for word, holds in (("pending", memory.pending), ("headless", memory.headless)) if holds
    )
    kind = Content.assemble(
        (f"{present.glyph(memory.type)} {memory.type}", present.colour(memory.type)),
        (f"{project} · importance {memory.importance:g}", _MUTED),
        (states, "$warning"),
    )
    tags = Content.styled("  ".join(f"#{present.line(tag)}" for tag in memory.tags), "$primary")
    return Content("\n").join(
        line for line in (kind, tags, Content.styled(_dates(memory, now) + _author(changes), _MUTED)) if line
    )


def _dates(memory: Memory, now: datetime) -> str:
    if memory.created_at is None:
        return "no date"
    created = memory.created_at.astimezone(now.tzinfo)
    text = f"{created:%Y-%m-%d} · {_ago(memory.created_at, now)}"
    if memory.updated_at is not None and (memory.updated_at - memory.created_at).total_seconds() >= 60:
        text += f" · changed {_ago(memory.updated_at, now)}"
    return text


def _author(changes: Sequence[Change]) -> str:
    """« · by claude-code, an agent»; "" where the changes, the newest first, do not tell."""
    if not changes or changes[-1].action is not Action.CREATED or changes[-1].kind is Kind.OUTSIDE:
        return ""
    name = present.clip(present.line(changes[-1].actor.removeprefix(AGENT)), _LONGEST_NAME)
    return f" · by {name}" + (", an agent" if changes[-1].actor.startswith(AGENT) else "")


def _ago(when: datetime, now: datetime) -> str:
    age = present.age(when, now)
    return age if age == "now" else f"{age} ago"


def metadata(memory: Memory) -> Content:
    """Every other key with its value, names in a column, but a mark of agents that nobody takes away again."""
    shown = {name: value for name, value in memory.metadata.items() if name != "has_relations"}
    width = min(24, max((len(present.line(name)) for name in shown), default=0))
    return _lines(
        Content.assemble((present.fit(present.line(name), width), _MUTED), f"  {_value(value)}")
        for name, value in shown.items()
    )


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return present.clip(present.line(text[: 2 * _LONGEST_VALUE]), _LONGEST_VALUE)


def relations(related: tuple[RelatedMemory, ...]) -> Content:
    """«→ fixes    ● customers are signed out»."""
    names = [present.direction(one.relation.type, one.outgoing) for one in related]
    width = max((len(name) for name in names), default=0)
    return _lines(
        Content.assemble((f"{name:{width}}  ", present.colour(one.relation.type)), _other(one))
        for name, one in zip(names, related, strict=True)
    )


def _other(related: RelatedMemory) -> Content:
    memory = related.other
    chunk = Content.styled("! chunk  ", "$warning") if related.of_chunk else Content("")
    if memory is None:
        return chunk + Content.styled("missing memory", "$warning")
    return chunk + Content.assemble(
        (present.glyph(memory.type), present.colour(memory.type)), f" {present.title(memory)}"
    )


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
