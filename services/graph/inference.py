"""Which relation two similar memories probably have, and in which direction: cues in their words, kinds and dates.

Each rule reads like a sentence: a memory with the `source` cues stands in this relation to one with the `target` cues.
Both directions are weighed; the stronger one wins, and without any cue the two are merely `related`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from services.model import Memory, MemoryType, RelationType

_READ = 2000
"""Characters of a memory that are searched for cues; what it is about is said early."""
_OPENING = 120
"""Characters in which a memory says its version or its day."""
_LONG = 240
"""Characters for each of which a text has to have a cue, unless its title has one.

A lone word of a long text tells nothing.
"""
_VERSION = re.compile(
    r"(?<![\w.])v?(\d+\.\d+(?:\.\d+)*(?:[-.]?(?:alpha|beta|rc|dev|a|b)[-.]?\d*)?)(?![\w.]*\d)", re.IGNORECASE
)
_DAY = re.compile(r"(?<!\d)\d{4}-[01]\d-[0-3]\d(?!\d)")


@dataclass(frozen=True, slots=True)
class Inference:
    """A relation from one memory to another, as far as their words tell."""

    type: RelationType
    forward: bool
    """True: from the first memory given to the second; False: the other way round."""
    strength: float
    """0..1: how clearly the cues speak; 0 for `related` without any cue."""
    reason: str
    """What it was read from, for a person."""


@dataclass(frozen=True, slots=True)
class _Rule:
    type: RelationType
    source: re.Pattern[str]
    target: re.Pattern[str] | None
    source_kind: MemoryType | None = None
    later: bool = False
    """The source must not be older than the target."""
    base: float = 0.45


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(alternatives) + r")\b", re.IGNORECASE)


_PROBLEM = _words(
    r"bugs?", r"errors?", r"crash(?:es|ed)?", r"fail(?:s|ed|ure|ures|ing)?", r"broken", r"breaks?", r"regression",
    r"leak(?:s|ed|ing)?", r"outage", r"incident", r"slow", r"hangs?", r"stuck", r"wrong", r"lost",
    r"missing", r"died",
    r"complain(?:s|ed|t|ts)?", r"signed out", r"duplicates?", r"double[- ]charged", r"timeouts?", r"cannot",
    r"can't",
    r"problem", r"issue", r"flaky", r"deadlocks?", r"corrupt(?:ed|ion)?", r"too early", r"exceeded", r"denied",
)  # fmt: skip
_RULES = (
    _Rule(RelationType.SUPERSEDES, _words(
        r"supersed(?:es|ed|ing)", r"replac(?:es|ed|ing)", r"instead of", r"no longer", r"deprecat(?:es|ed|ing)",
        r"obsoletes?", r"from now on", r"we (?:now|switched|moved)", r"migrated (?:from|away|off)",
        r"new (?:policy|version|rule|standard)",
        r"anymore", r"dropped in favou?r", r"overrides?", r"updated decision",
    ), None, later=True, base=0.5),
    _Rule(RelationType.FIXES, _words(
        r"fix(?:es|ed|ing)?", r"hotfix", r"resolv(?:es|ed|ing)", r"solv(?:es|ed|ing)", r"patch(?:es|ed)?",
        r"workaround",
        r"repair(?:s|ed)?", r"mitigat(?:es|ed|ion)", r"rolled back", r"restored", r"corrected",
        r"remed(?:y|ied|ies)", r"raised the limit",
    ), _PROBLEM, base=0.55),
    _Rule(RelationType.CAUSES, _words(
        r"root cause", r"caus(?:es|ed|ing)", r"led to", r"leads to", r"result(?:s|ed)? in", r"trigger(?:s|ed)?",
        r"misconfigur(?:ed|ation)", r"is why", r"the reason", r"responsible for",
        r"made .{1,40} (?:fail|crash|slow)", r"brought down", r"introduced",
    ), _PROBLEM, base=0.5),
    _Rule(RelationType.OPPOSES, _words(
        r"contradict(?:s|ed)?", r"disagrees?", r"(?:argues?|argued|speaks?|decided|evidence|reasons?) against",
        r"opposes?", r"not true", r"disproves?", r"refutes?", r"on the contrary",
        r"objections?", r"objects? to", r"does not hold", r"myth", r"bad idea",
        r"but measurements show",
    ), None, base=0.5),
    _Rule(RelationType.SUPPORTS, _words(
        r"confirms?", r"confirmed", r"supports (?:the|this|our)", r"evidence",
        r"benchmarks? (?:show|shows|showed|confirm)", r"proves?", r"proved",
        r"measur(?:ed|ements?)", r"agrees?", r"backs up", r"as expected", r"in line with",
        r"customers (?:like|prefer|asked)", r"survey",
    ), None, base=0.42),
    _Rule(RelationType.PART_OF, _words(
        r"part of", r"belongs to", r"component of", r"step \d+", r"phase \d+", r"chapter", r"section of",
        r"sub-?task", r"module of",
        r"milestone", r"one of the", r"within the",
    ), None, base=0.42),
    _Rule(RelationType.DERIVES, _words(
        r"based on", r"derived from", r"lessons? (?:from|learned)", r"learned from",
        r"summar(?:y of|ises|izes|ised|ized)", r"distilled",
        r"follows from", r"conclusion", r"inspired by", r"extracted from",
        r"after the (?:incident|outage|review|post-?mortem)", r"runbook",
    ), None, base=0.45),
    _Rule(RelationType.FOLLOWS, _words(
        r"afterwards?", r"then", r"next day", r"later", r"follow(?:s|ed)?[- ]up",
        r"continu(?:es|ed|ing|ation)", r"second (?:call|meeting|session)",
        r"the day after", r"subsequently", r"as agreed", r"resumed",
    ), None, source_kind=MemoryType.EPISODIC, later=True, base=0.42),
)  # fmt: skip

_TO_EARLIER = (RelationType.SUPERSEDES, RelationType.FIXES, RelationType.FOLLOWS)
"""Types that lead from what came later to what was there before."""


def infer_relation(first: Memory, second: Memory) -> Inference:
    """The likeliest relation between two memories that are about the same thing."""
    best = Inference(RelationType.RELATED, True, 0.0, "similar text")
    for rule in _RULES:
        for source, target, forward in ((first, second, True), (second, first, False)):
            strength, cue = _weigh(rule, source, target)
            if strength > best.strength:
                best = Inference(rule.type, forward, strength, f'"{cue}" in the source')
    return best


def _weigh(rule: _Rule, source: Memory, target: Memory) -> tuple[float, str]:
    text, other = source.content[:_READ], target.content[:_READ]
    cues = [match.group().lower() for match in rule.source.finditer(text)]
    if not cues or (rule.target is not None and not rule.target.search(other[:_LONG])):
        return 0.0, ""
    if len(set(cues)) * _LONG < len(text) and not rule.source.search(source.title):
        return 0.0, ""
    if rule.source_kind is not None and not (source.type is target.type is rule.source_kind):
        return 0.0, ""
    if rule.type in _TO_EARLIER and _says_earlier(text, other):
        return 0.0, ""
    if rule.later and source.created_at and target.created_at and source.created_at < target.created_at:
        return 0.0, ""
    strength = rule.base + 0.1 * min(len(set(cues)) - 1, 2)
    echoed = len(rule.source.findall(other))
    opening = rule.source.search(text[:_OPENING]) is not None
    strength += 0.1 * opening - 0.15 * min(echoed, 2)
    if rule.target is not None and _PROBLEM.search(other[:160]):
        strength += 0.1
    if rule.type is RelationType.DERIVES and source.type is MemoryType.PROCEDURAL and target.type is not source.type:
        strength += 0.15
    return max(0.0, min(1.0, strength)), cues[0]


def _says_earlier(source: str, target: str) -> bool:
    """Whether the version or the day that both texts open with puts the source before the target."""
    source, target = source[:_OPENING], target[:_OPENING]
    if (version := _version(source)) and (other := _version(target)) and version != other:
        return version < other
    day, other_day = _DAY.search(source), _DAY.search(target)
    return bool(day and other_day and day[0] < other_day[0])


def _version(text: str) -> Version | None:
    """The first version that a text names: "1.2.0-alpha.1" comes before "1.2.0"."""
    found = _VERSION.search(text)
    if found is None:
        return None
    try:
        return Version(found[1])
    except InvalidVersion:
        return None
