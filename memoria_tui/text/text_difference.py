"""Two texts side by side: what was taken away, what was added, and both in one text for a person to merge."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

_CONTEXT = 2
_SIGNS = {"same": "  ", "removed": "- ", "added": "+ ", "skipped": "… "}
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_LONGEST_LINE = 1_000
"""Characters of a line whose words are compared."""
_ALIKE = 0.4
"""Share of the words that two lines have in common at least, where one took the place of the other."""
_LONGEST = 4_000
"""Lines of a text up to which lines are matched one by one; the comparison takes quadratic time."""


@dataclass(frozen=True, slots=True)
class DiffLine:
    kind: Literal["same", "removed", "added", "skipped"]
    text: str

    @property
    def plain(self) -> str:
        """With the sign of its kind, without colours."""
        return _SIGNS[self.kind] + self.text


def compare(before: str, after: str) -> tuple[DiffLine, ...]:
    """The changed lines with two lines around them; «skipped» stands for the unchanged ones between."""
    return tuple(_with_context(list(_lines(before, after))))


def differing(
    before: Mapping[str, object], after: Mapping[str, object], named: Sequence[str]
) -> Iterator[tuple[str, object, object]]:
    """Keys with both values in which two states of the history differ, the text first; only `named` ones, if any do."""
    was, will = _flat(before), _flat(after)
    differ = [key for key in sorted({*was, *will} - {"accessed_at", "updated_at"}) if was.get(key) != will.get(key)]
    chosen = [key for key in differ if key in named or key.replace("_", " ") in named] or differ
    for key in sorted(chosen, key=lambda one: one != "text"):
        yield key.replace("_", " "), was.get(key), will.get(key)


def _flat(state: Mapping[str, object]) -> dict[str, object]:
    """A state of the history as keys and values, whatever it is of."""
    for key in ("payload", "row"):
        if isinstance(inner := state.get(key), Mapping):
            flat = {**inner, **{name: value for name, value in state.items() if name == "type"}}
            return {"text" if name == "content" else name: value for name, value in flat.items()}
    return dict(state)


def shown_value(value: object) -> str:
    """A value of a memory for a person: lists without brackets, «—» for what is absent."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "—" if value is None else str(value)


def changed_words(lines: Sequence[DiffLine]) -> dict[int, list[tuple[int, int]]]:
    """Where the words are, by the number of the line, in which a removed line and the one in its place differ.

    Lines that have little in common have none, unless that is for their capitals alone.
    """
    found: dict[int, list[tuple[int, int]]] = {}
    for kind, group in groupby(enumerate(lines), key=lambda one: one[1].kind in ("removed", "added")):
        changed = list(group) if kind else []
        sides = ([one for one in changed if one[1].kind == side] for side in ("removed", "added"))
        for (old, before), (new, after) in zip(*sides, strict=False):
            one, other = (_WORDS.findall(part.text[:_LONGEST_LINE]) for part in (before, after))
            small = ([word.casefold() for word in words] for words in (one, other))
            if differ := _differ(one, other) or _differ(*small):
                found[old] = [_span(one, i1, i2) for _, i1, i2, _, _ in differ if i2 > i1]
                found[new] = [_span(other, j1, j2) for _, _, _, j1, j2 in differ if j2 > j1]
    return found


def _differ(one: Sequence[str], other: Sequence[str]) -> list[tuple[str, int, int, int, int]]:
    """Where the words of two lines differ; [] where they have little in common."""
    codes = SequenceMatcher(a=one, b=other, autojunk=False).get_opcodes()
    common = sum(_count(one[i1:i2]) for tag, i1, i2, _, _ in codes if tag == "equal")
    if 2 * common <= _ALIKE * (_count(one) + _count(other)):
        return []
    return [code for code in codes if code[0] != "equal"]


def _count(words: Sequence[str]) -> int:
    """Without blanks."""
    return sum(not word.isspace() for word in words)


def _span(words: Sequence[str], start: int, end: int) -> tuple[int, int]:
    before = sum(map(len, words[:start]))
    return before, before + sum(map(len, words[start:end]))


def merged(theirs: str, mine: str, *, marked: bool = True) -> str:
    """One text with the common lines once and both versions, between marks if `marked`, where they differ."""
    out: list[str] = []
    one, other = theirs.split("\n"), mine.split("\n")
    for tag, i1, i2, j1, j2 in _opcodes(one, other):
        if tag == "equal":
            out += one[i1:i2]
        else:
            here, there = one[i1:i2], other[j1:j2]
            out += ["<<<<<<< theirs", *here, "=======", *there, ">>>>>>> mine"] if marked else [*here, *there]
    return "\n".join(out)


def _opcodes(one: list[str], other: list[str]) -> Sequence[tuple[str, int, int, int, int]]:
    if max(len(one), len(other)) > _LONGEST:
        return [("replace", 0, len(one), 0, len(other))]
    return SequenceMatcher(a=one, b=other, autojunk=False).get_opcodes()


def _lines(before: str, after: str) -> Iterator[DiffLine]:
    one, other = before.split("\n"), after.split("\n")
    for tag, i1, i2, j1, j2 in _opcodes(one, other):
        if tag == "equal":
            yield from (DiffLine("same", line) for line in one[i1:i2])
        else:
            yield from (DiffLine("removed", line) for line in one[i1:i2])
            yield from (DiffLine("added", line) for line in other[j1:j2])


def _with_context(lines: list[DiffLine]) -> Iterator[DiffLine]:
    changed = [index for index, line in enumerate(lines) if line.kind != "same"]
    near = {index + offset for index in changed for offset in range(-_CONTEXT, _CONTEXT + 1)}
    skipped = 0
    for index, line in enumerate(lines):
        if index not in near:
            skipped += 1
            continue
        if skipped:
            yield DiffLine("skipped", str(skipped))
            skipped = 0
        yield line
    if skipped:
        yield DiffLine("skipped", str(skipped))
