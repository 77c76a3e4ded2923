"""What the Memories screen draws, how it is told, and what a facet makes of a query."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from textual.content import Content

from memoria_tui.modes.mode import Failed, Idle, Loadable, Loaded, Loading
from memoria_tui.modes.notices import key
from memoria_tui.modes.registry import MODES
from memoria_tui.text.present import clip, escape_control, title
from memoria_tui.widgets.facets import KINDS, FacetKind
from services.model import NO_GOOD_MATCH, Hit, Memory, Query, SearchMode, counted
from services.search.facets import OLDER, SPANS
from services.search.query import in_quotes, quoted

_TOUR = (
    "Agents write too: memoria-tui connect says how",
    f"/ finds by meaning and words · {MODES[0].key} to {MODES[-1].key} are the modes",
    "u undoes whatever was done · ? has all keys",
)


@dataclass(frozen=True, slots=True)
class Found:
    """What answers `query`."""

    query: Query
    total: int
    took_ms: float
    notices: tuple[str, ...] = ()
    answered: bool = True
    """False where the hits are only the nearest."""
    trashed: int = 0
    """Memories in the trash, where the store has no others."""

    @property
    def empty_store(self) -> bool:
        """True when the unfiltered list is empty: a person's first start."""
        return self.total == 0 and not self.query.raw.strip()


def result_line(state: Loadable[Found], marked: int) -> str:
    """«hybrid · 38 hits · 21 ms · 3 marked»."""
    match state:
        case Idle():
            return "opening"
        case Loading():
            return "searching"
        case Failed():
            return "no answer"
        case Loaded(Found(query, total, took_ms, notices, answered)):
            noun = ("hit" if total == 1 else "hits") if query.ranked else ("memory" if total == 1 else "memories")
            mode = [query.mode.value] if query.ranked or query.mode is not SearchMode.HYBRID else []
            mode += [] if answered else [f"{NO_GOOD_MATCH}; nearest below"]
            told = [*filter(None, (query.notice,)), *notices]
            marks = [f"{marked:,} marked"] if marked else []
            return " · ".join([*mode, f"{total:,} {noun}", f"{took_ms:.0f} ms", *marks, *map(escape_control, told)])


def greeting(*, demo: bool, trashed: int) -> Content:
    """What an empty store says; `demo`: demo data can be loaded, `trashed`: memories in the trash."""
    are = "1 is" if trashed == 1 else f"{trashed:,} are"
    lines = [
        Content.styled(f"No memories: {are} in the trash." if trashed else "No memories yet.", "bold $foreground"),
        Content(""),
        *([key("T", "see the trash")] if trashed else []),
        key("n", "write a memory"),
        key("i", "import a file"),
    ]
    if demo:
        lines.append(key("D", "load the demo data; u removes it"))
    return Content("\n").join([*lines, Content(""), *(Content.styled(one, "$foreground 60%") for one in _TOUR)])


@dataclass(frozen=True, slots=True)
class Targets:
    """The memories that an action is for."""

    ids: tuple[str, ...]
    loaded: Mapping[str, Memory]
    """Those that the list has read, by id."""

    def without(self, ids: set[str]) -> Targets:
        """The same without some; all of them when none would be left."""
        return Targets(tuple(one for one in self.ids if one not in ids) or self.ids, self.loaded)

    @property
    def subject(self) -> str:
        """«"the first line"», «3 memories»."""
        return self.describe() if len(self.ids) == 1 else counted(len(self.ids))

    def describe(self) -> str:
        """«"the first line"», «3 memories: "one", "two", …»."""
        names = [named(self.loaded[one]) for one in self.ids if one in self.loaded]
        if len(self.ids) == 1:
            return names[0] if names else counted(1)
        some = ", ".join([*names[:2], *(["…"] if len(self.ids) > min(2, len(names)) else [])])
        return f"{counted(len(self.ids))}: {some}" if names else counted(len(self.ids))

    def common(self, what: Callable[[Memory], str]) -> str:
        """What all of them have; "" when they differ or are not in the list."""
        found = {what(self.loaded[one]) if one in self.loaded else "" for one in self.ids}
        return found.pop() if len(found) == 1 else ""


def named(memory: Memory) -> str:
    """«the first line», short enough for a toast."""
    return f'"{clip(title(memory), 36)}"'


def nearest(hits: Sequence[Hit], current: Hit | None, without: set[str]) -> list[Memory]:
    """The memories in the list, those nearest to the cursor first."""
    here = next((place for place, hit in enumerate(hits) if current and hit.memory.id == current.memory.id), 0)
    places = sorted(range(len(hits)), key=lambda place: abs(place - here))
    return [hits[place].memory for place in places if hits[place].memory.id not in without]


_DATES = {**{name: f"since:{word}" for name, word in SPANS.items()}, OLDER: f"before:{SPANS['this year']}"}
"""What asks for a facet of dates."""
_TOKEN = re.compile(r'(?:[^\s":]+:)?"[^"]*"?|\S+')


def toggled(raw: str, kind: FacetKind, value: str) -> str:
    """The text with the operator of a facet added, or without it when it was there."""
    operator, *others = _spellings(kind, value)
    tokens = _TOKEN.findall(raw)
    left = [token for token in tokens if token.casefold() not in (operator.casefold(), *others)]
    if len(left) < len(tokens):
        return " ".join(left)
    if kind == "date":
        tokens = [token for token in tokens if not token.lower().startswith(("since:", "before:"))]
    return " ".join([*tokens, operator])


def active(query: Query) -> frozenset[tuple[FacetKind, str]]:
    """The facets, as (kind, value), that a query asks for."""
    return frozenset((kind, value) for kind in KINDS for value in _asked(query, kind))


def _asked(query: Query, kind: FacetKind) -> Sequence[str]:
    match kind:
        case "type":
            return query.types
        case "tag":
            return query.tags
        case "project":
            return query.projects
        case "date":
            tokens = {token.casefold() for token in _TOKEN.findall(query.raw)}
            return [value for value in _DATES if tokens.intersection(_spellings(kind, value))]
    assert_never(kind)


def _spellings(kind: FacetKind, value: str) -> tuple[str, ...]:
    """How a facet is asked for, and how it may stand there else, in small letters."""
    match kind:
        case "date":
            name, _, value = _DATES[value].partition(":")
            return f"{name}:{value}", f'{name}:"{value}"'
        case "type" | "tag" | "project":
            return f"{kind}:{quoted(kind, value)}", f"{kind}:{in_quotes(value)}".casefold()
    assert_never(kind)
