"""The language of the search box: text in, one `Query` out.

    words "exact phrase" -word type:semantic -tag:old project:"two words" since:last-week importance:>0.7 has:relations

An operator is a known name and a colon, with or without a minus; any other text is searched for as it stands.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from services.errors import InvalidInput, QuerySyntaxError
from services.model import MISSING_IMPORTANCE, MemoryType, Query, SearchMode, SortKey, Subject, any_of
from services.model.memories import SOON, STALE_AFTER
from services.model.trust_keys import EXPIRES_AT, PINNED, VERIFIED_AT
from services.points import EVERYTHING, Between, Condition, DatedBetween, Filter, HasVector, Matches, Missing
from services.storable_text import quoted as as_given
from services.times import ALLOWED, SPAN_WORDS, parse_since, parse_until

_Dated = Callable[[datetime], datetime]
"""Makes of an instant what dates are compared with."""


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator of the search box: how it is read, completed, explained, and what it asks of a memory."""

    name: str
    values: tuple[str, ...] | None
    """What can follow the colon, when it is known beforehand; None: it depends on the memories, or is free."""
    help: str
    read: Callable[[_Reading, str, bool], None]
    """Takes a value and whether it has a minus. Raises ValueError, InvalidInput for one that cannot be understood."""
    negatable: bool = True
    keywords: tuple[str, ...] = ()
    """Words that stand for something else than what is called so, unless they are in quotes."""
    allowed: str = ""
    """What an error says can follow, where that is neither the values nor a name."""
    conditions: Callable[[Query, _Dated], Filter] = lambda query, dated: EVERYTHING
    """What every point of a matching memory meets, as far as its payload tells; `filters` asks the stores for more."""


Known = Literal["related", "superseded", "contradicting", "unreviewed"]
"""What PostgreSQL alone knows of memories; `filters` asks for them."""
CHANGES_WITH: Mapping[Known, Subject] = {
    "related": Subject.RELATIONS,
    "superseded": Subject.RELATIONS,
    "contradicting": Subject.HISTORY,
    "unreviewed": Subject.HISTORY,
}
"""What a list that is asked for them follows."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A value of `is:` or `has:`: how it is explained, and what holds for memories that are so."""

    help: str
    asks: Known | Callable[[datetime, _Dated], Condition]
    """Of the payload it is asked at an instant."""
    inverted: bool = False
    """True: what does not hold for them."""


_NO_PROJECT = "none"
"""What follows `project:` for memories without one; in quotes it is a name."""

_LOOKS_LIKE_OPERATOR = re.compile(r"(?P<name>[a-z]{2,}):(?!\d+$)[^\s:/]", re.IGNORECASE)
"""A web address, a path of C++ and a port do not."""
_NUMBER = r"(\d*\.?\d+)"
_BOUND = re.compile(rf"(>=?|<=?|=)?{_NUMBER}", re.ASCII)
_SPAN = re.compile(rf"{_NUMBER}\.\.{_NUMBER}", re.ASCII)
_PINNED = Matches(PINNED, (True,))
_IMPORTANCES = ">0.7, >=0.7, <0.3, <=0.3, 0.5 or 0.4..0.6, from 0 to 1"
_ID = re.compile(r"[0-9a-f][0-9a-f-]{0,35}", re.ASCII | re.IGNORECASE)
_SORTS: Mapping[str, SortKey] = MappingProxyType({key.word: key for key in SortKey})


def operators() -> tuple[Operator, ...]:
    """All operators, in the order in which the help shows them."""
    return _OPERATORS


def quoted(operator: str, value: str) -> str:
    """What follows the colon for a name as memories have it: in quotes where it would be read as something else."""
    ambiguous = not value or re.search(r'^-|[\s"]', value) or (operator == "project" and value.lower() == _NO_PROJECT)
    return in_quotes(value) if ambiguous else value


def in_quotes(value: str) -> str:
    """The value as it stands in quotes, in which a quotation mark is written twice."""
    return '"{}"'.format(value.replace('"', '""'))


def unquoted(written: str) -> str:
    """What stands in quotes, which are left out."""
    return written.replace('""', '"')


def parse_query(raw: str, *, now: datetime, week_begins: int, mode: SearchMode = SearchMode.HYBRID) -> Query:
    """Reads what a person typed; `now` is aware and in the person's zone, where days begin; weeks do on Monday (0).

    Raises QuerySyntaxError with the place of an operator that cannot be understood and what is allowed there.
    """
    reading = _Reading(now, week_begins)
    typed = raw.encode("utf-8", "replace").decode()  # a lone surrogate becomes "?": places stay where they are
    for token in _TOKEN.finditer(typed):
        if token["name"]:
            reading.operator(token)
        else:
            reading.words(token)
    return reading.query(raw, mode)


@dataclass(slots=True)
class _Reading:
    """What has been read of the text so far."""

    now: datetime
    week_begins: int
    text: list[str] = field(default_factory=list)
    found: dict[str, list[str]] = field(default_factory=dict)
    """Values by the field of `Query` that collects them."""
    single: dict[str, object] = field(default_factory=dict)
    """Value by the field of `Query` that holds one; of several the last counts."""
    flags: dict[str, bool] = field(default_factory=dict)
    sorted_by: re.Match[str] | None = None
    """Where it says in which order."""

    def query(self, raw: str, mode: SearchMode) -> Query:
        collected = {name: tuple(dict.fromkeys(values)) for name, values in self.found.items()}
        if self.flags:
            self.single |= {"flags": tuple(self.flags.items()), "at": self.now}
        read = Query(raw=raw, text=" ".join(self.text), mode=mode, **collected, **self.single)  # type: ignore[arg-type]
        if read.like and self.sorted_by is not None and read.sort is not SortKey.RELEVANCE:
            message = "like: comes with the likest first; leave sort: out"
            raise QuerySyntaxError(message, self.sorted_by.start(), self.sorted_by.end())
        return read

    def words(self, token: re.Match[str]) -> None:
        if token["quoted"] is not None:
            self._quoted(token)
        elif token["bare"]:
            self.name_no_operator(token)
            if token["minus"]:
                self.collect("excluded_words", token["bare"])
            else:
                self.text.append(token["bare"])

    def name_no_operator(self, token: re.Match[str]) -> None:
        """What looks like an operator and is none. Raises QuerySyntaxError for one that is misspelt."""
        _refuse_misspelt(token)
        if written := _LOOKS_LIKE_OPERATOR.match(token["bare"]):
            self.collect("no_operators", written["name"])

    def _quoted(self, token: re.Match[str]) -> None:
        words = " ".join(unquoted(token["quoted"]).split())
        if not words:
            return
        if token["minus"]:
            self.collect("excluded_words", words)
            return
        self.text.append(words)
        if token["closed"]:  # until then it is being typed, and the end of it would match nothing
            self.collect("phrases", words)

    def operator(self, token: re.Match[str]) -> None:
        operator = _BY_NAME[token["name"].lower()]
        if token["minus"] and not operator.negatable:
            raise QuerySyntaxError(
                f"{operator.name}: cannot be excluded with a minus", token.start(), token.end("name")
            )
        if token["quoted"] is not None and not token["closed"]:
            raise QuerySyntaxError(f"{operator.name}: the closing quote is missing", token.end("name") + 1, token.end())
        value = (unquoted(token["quoted"]) if token["quoted"] is not None else token["bare"]).strip()
        if not value:
            raise QuerySyntaxError(f"{operator.name}: needs a value: {_allowed(operator)}", token.start(), token.end())
        if operator.negatable and token["quoted"] is None and value[0] == "-" != value:
            name = "" if operator.values else "; in quotes it is part of the name"
            message = f"{operator.name}: a minus is before the operator: -{operator.name}:{value[1:]}{name}"
            raise QuerySyntaxError(message, token.start(), token.end())
        if operator.name == "project" and value.lower() == _NO_PROJECT and token["quoted"] is None:
            self.single["unassigned"] = not token["minus"]
            return
        try:
            operator.read(self, value, bool(token["minus"]))
        except (ValueError, KeyError, InvalidInput) as error:
            message = f"{operator.name}: {as_given(value)} cannot be understood; allowed: {_allowed(operator)}"
            raise QuerySyntaxError(message, token.end("name") + 1, token.end()) from error
        if operator.name == "sort":
            self.sorted_by = token

    def importance(self, value: str, _: bool) -> None:
        low, high = _importance(value)
        if low is not None:
            self.single["min_importance"] = low
        if high is not None:
            self.single["max_importance"] = high

    def as_of_(self, value: str, _: bool) -> None:
        self.single["as_of"] = parse_until(value, self.now, self.week_begins)

    def id(self, value: str, _: bool) -> None:
        if not _ID.fullmatch(value):
            raise ValueError(value)
        self.collect("id_prefixes", value.lower())

    def like(self, value: str, _: bool) -> None:
        if not _ID.fullmatch(value):
            raise ValueError(value)
        self.single["like"] = value.lower()

    def sort(self, value: str, reversed_: bool) -> None:
        self.single["sort"] = _SORTS[value.lower()]
        self.single["descending"] = not reversed_

    def collect(self, name: str, value: str) -> None:
        self.found.setdefault(name, []).append(value)


def _collects(field: str, read: Callable[[str], str] = str) -> Callable[[_Reading, str, bool], None]:
    """Values go into this field of `Query`, excluded ones into the one beside it."""
    return lambda reading, value, excluded: reading.collect(f"{'excluded_' if excluded else ''}{field}", read(value))


def _dates(field: str) -> Callable[[_Reading, str, bool], None]:
    def read(reading: _Reading, value: str, _: bool) -> None:
        reading.single[field] = parse_since(value, reading.now, reading.week_begins)

    return read


def _tags(query: Query, _: _Dated) -> Filter:
    all_ = tuple(Matches("tags", (tag,)) for tag in query.tags)
    return Filter(all_ + _any_of("tags", query.any_tags), _any_of("tags", query.excluded_tags))


def _projects(query: Query, _: _Dated) -> Filter:
    here, others = _any_of("project", query.projects), _any_of("project", query.excluded_projects)
    nowhere = () if query.unassigned is None else (_empty("project"),)
    return Filter(here + nowhere, others) if query.unassigned else Filter(here, others + nowhere)


def _flagged(query: Query, dated: _Dated) -> Filter:
    """What the values of `is:` and `has:` ask of the payload."""
    asked: dict[bool, list[Condition]] = {True: [], False: []}
    for flag, wanted in flags_of(query):
        if not isinstance(flag.asks, str):
            assert query.at is not None
            asked[wanted].append(flag.asks(query.at, dated))
    return Filter(tuple(asked[True]), tuple(asked[False]))


def _stale(since: datetime, dated: _Dated) -> Filter:
    return Filter((DatedBetween("updated_at", lt=dated(since)),), (_PINNED, DatedBetween(VERIFIED_AT, gte=since)))


def _as_of(query: Query, dated: _Dated) -> Filter:
    if query.as_of is None:
        return EVERYTHING
    return Filter((DatedBetween("created_at", lt=dated(query.as_of)),), (DatedBetween(EXPIRES_AT, lt=query.as_of),))


def _since(query: Query, dated: _Dated) -> Filter:
    return Filter((DatedBetween("created_at", gte=dated(query.since)),) if query.since else ())


def _before(query: Query, dated: _Dated) -> Filter:
    return Filter((DatedBetween("created_at", lt=dated(query.before)),) if query.before else ())


def _importances(query: Query, _: _Dated) -> Filter:
    low, high = query.min_importance, query.max_importance
    if low is high is None:
        return EVERYTHING
    stored = Between("importance", gte=low, lte=high)
    counts_missing = (low or 0) <= MISSING_IMPORTANCE <= (1 if high is None else high)
    return Filter((Filter(any_of=(stored, Missing("importance"))) if counts_missing else stored,))


def _empty(key: str) -> Condition:
    """No text is under the key; a number or a bool there, which no index tells, counts as one."""
    return Filter(any_of=(Missing(key), Matches(key, ("",))))


def _any_of(key: str, values: tuple[str, ...]) -> tuple[Condition, ...]:
    return (Matches(key, values),) if values else ()


_HAS: Mapping[str, Flag] = {"relations": Flag("is linked to other memories", "related")}
_IS: Mapping[str, Flag] = {
    "pending": Flag("waits for its vectors", lambda at, dated: HasVector(), inverted=True),
    "orphan": Flag("is linked to nothing", "related", inverted=True),
    "untagged": Flag("has no tag", lambda at, dated: _empty("tags")),
    "unreviewed": Flag("was written by agents and not reviewed", "unreviewed"),
    "reviewed": Flag("was reviewed, or written by no agent", "unreviewed", inverted=True),
    "superseded": Flag("is superseded by another", "superseded"),
    "expired": Flag("is outdated", lambda at, dated: DatedBetween(EXPIRES_AT, lt=at)),
    "expiring": Flag(
        f"will be outdated within {SOON.days} days", lambda at, dated: DatedBetween(EXPIRES_AT, gte=at, lt=at + SOON)
    ),
    "pinned": Flag("is pinned", lambda at, dated: _PINNED),
    "stale": Flag(
        f"was not changed or confirmed for {STALE_AFTER.days} days", lambda at, dated: _stale(at - STALE_AFTER, dated)
    ),
    "contradicting": Flag("says the same as another one but for a fact", "contradicting"),
}
_FLAGS: Mapping[str, Flag] = {**_HAS, **_IS}


def flags_of(query: Query) -> Iterator[tuple[Flag, bool]]:
    """Those that it asks for, each with whether what it asks must hold, or must not."""
    return ((_FLAGS[word], wanted is not _FLAGS[word].inverted) for word, wanted in query.flags)


def _flags(known: Mapping[str, Flag]) -> Callable[[_Reading, str, bool], None]:
    def read(reading: _Reading, value: str, excluded: bool) -> None:
        if (word := value.lower()) not in known:
            raise ValueError(value)
        reading.flags[word] = not excluded

    return read


def _explained(known: Mapping[str, Flag]) -> str:
    """What each value asks."""
    return "; ".join(f"{word}: {flag.help}" for word, flag in known.items())


_OPERATORS = (
    Operator(
        "type",
        tuple(MemoryType),
        f"kind of memory: {any_of(MemoryType)}",
        _collects("types", lambda value: MemoryType(value.lower())),
    ),
    Operator(
        "tag",
        None,
        "has this tag; several: all of them",
        _collects("tags"),
        conditions=_tags,
    ),
    Operator(
        "project",
        None,
        "belongs to this project (none: to no project); several: any of them",
        _collects("projects"),
        keywords=(_NO_PROJECT,),
        conditions=_projects,
    ),
    Operator(
        "since",
        SPAN_WORDS,
        f"created then or later: {ALLOWED}",
        _dates("since"),
        negatable=False,
        allowed=ALLOWED,
        conditions=_since,
    ),
    Operator(
        "before",
        SPAN_WORDS,
        f"created earlier: {ALLOWED}",
        _dates("before"),
        negatable=False,
        allowed=ALLOWED,
        conditions=_before,
    ),
    Operator(
        "as-of",
        SPAN_WORDS,
        f"as it was at the end of then: created, not expired and not superseded yet: {ALLOWED}",
        _Reading.as_of_,
        negatable=False,
        allowed=ALLOWED,
        conditions=_as_of,
    ),
    Operator(
        "importance",
        (">0.7", ">=0.5", "<0.3", "0.4..0.6"),
        _IMPORTANCES,
        _Reading.importance,
        negatable=False,
        allowed=_IMPORTANCES,
        conditions=_importances,
    ),
    Operator("by", None, "made or changed by this person or agent (agent: by any agent)", _collects("authors")),
    Operator("has", tuple(_HAS), _explained(_HAS), _flags(_HAS)),
    Operator("is", tuple(_IS), _explained(_IS), _flags(_IS), conditions=_flagged),
    Operator(
        "id",
        None,
        "its id begins so",
        _Reading.id,
        negatable=False,
        allowed="the first characters of an id (0-9, a-f, -)",
    ),
    Operator(
        "like",
        None,
        "more like the memory of this id",
        _Reading.like,
        negatable=False,
        allowed="an id, or a beginning that fits one memory only",
    ),
    Operator(
        "sort",
        tuple(_SORTS),
        f"by {any_of(_SORTS)}, greatest or newest first; last with a minus before it, as -sort:created; "
        "unless it is by relevance, words must occur",
        _Reading.sort,
    ),
)
_BY_NAME: Mapping[str, Operator] = MappingProxyType({operator.name: operator for operator in _OPERATORS})
_TOKEN = re.compile(
    rf"""(?=\S)
    (?P<minus>-(?=[^\s-]))?
    (?:(?P<name>{"|".join(_BY_NAME)}):)?
    (?: "(?P<quoted>[^"]*(?:""[^"]*)*)(?P<closed>"?) | (?P<bare>\S*) )""",
    re.VERBOSE | re.IGNORECASE,
)


def _importance(value: str) -> tuple[float | None, float | None]:
    """Least and greatest importance; a bound that is itself left out is moved to the next number."""
    if span := _SPAN.fullmatch(value):
        low, high = _share(span[1]), _share(span[2])
        if low > high:
            raise ValueError(value)
        return low, high
    if not (bound := _BOUND.fullmatch(value)):
        raise ValueError(value)
    number = _share(bound[2])
    match bound[1]:
        case ">":
            return math.nextafter(number, math.inf), None
        case ">=":
            return number, None
        case "<":
            return None, math.nextafter(number, -math.inf)
        case "<=":
            return None, number
        case _:
            return number, number


def _share(text: str) -> float:
    number = float(text)
    if number > 1:
        raise ValueError(text)
    return number


def _allowed(operator: Operator) -> str:
    named = f'a name, in quotes if it has spaces: {operator.name}:"two words"'
    return operator.allowed or " or ".join(operator.values or ()) or named


_GUESSED = tuple(name for name in _BY_NAME if name not in ("by", "has", "id", "is"))
"""Names that are recognised misspelt: the others are so short that other words come near them (`hash:`, `idx:`)."""


def _refuse_misspelt(token: re.Match[str]) -> None:
    """`tags:auth` would be searched for as text and find nothing: say so instead."""
    if (written := _LOOKS_LIKE_OPERATOR.match(token["bare"])) and (
        near := difflib.get_close_matches(written["name"].lower(), _GUESSED, n=1, cutoff=0.8)
    ):
        start = token.start("bare")
        message = f"{written['name']}: is no operator; {near[0]}: is. In quotes it is searched for as text"
        raise QuerySyntaxError(message, start, start + len(written["name"]) + 1)
