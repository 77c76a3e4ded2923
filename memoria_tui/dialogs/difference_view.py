"""Draws what differs between two texts, and between two states of the history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from textual.content import Content

from memoria_tui.text.present import clip, escape_control, line
from memoria_tui.text.text_difference import DiffLine, changed_words, compare, differing, shown_value
from services.memories.point_layout import own_changes

LONGEST = 20_000
"""Characters of a text that a dialog shows."""

_MOST_LINES, _LONGEST_LINE = 600, 2_000
_STYLES = {"same": ("  ", ""), "removed": ("− ", "$error"), "added": ("+ ", "$success")}


def sides(before: str, after: str) -> tuple[Content, Content]:
    """Two texts to be seen side by side, each with what the other has not."""
    lines = compare(before, after)
    return difference(lines, without="added"), difference(lines, without="removed")


def difference(lines: Iterable[DiffLine], without: str = "") -> Content:
    """The lines with their signs and colours, words that differ set off, cut where nobody reads on.

    `without`: lines of this kind are not drawn.
    """
    drawn: list[Content] = []
    shown = [
        replace(part, text=clip(escape_control(part.text), _LONGEST_LINE)) for part in islice(lines, _MOST_LINES + 1)
    ]
    words = changed_words(shown)
    for number, part in enumerate(shown):
        if number == _MOST_LINES:
            drawn.append(Content.styled("  … cut here", "$foreground 60%"))
            break
        if part.kind == without:
            continue
        if part.kind == "skipped":
            drawn.append(Content.styled(f"  ⋯ {part.text} the same", "$foreground 60%"))
        else:
            sign, style = _STYLES[part.kind]
            text = Content.styled(sign + part.text, style)
            for start, end in words.get(number, ()):
                text = text.stylize("bold reverse", start + len(sign), end + len(sign))
            drawn.append(text)
    return Content("\n").join(drawn) if drawn else Content.styled("  nothing differs", "$foreground 60%")


def changed_values(
    before: Mapping[str, object], after: Mapping[str, object], named: Sequence[str] = (), *, indent: str = ""
) -> Iterable[Content]:
    """The values in which two states of the history differ, texts line by line; only the named ones, if any differ."""
    for key, one, other in differing(before, after, named):
        if key == "text" and isinstance(one, str) and isinstance(other, str):
            yield difference(compare(one, other))
        else:
            yield _pair(indent, key, one, other)
    for name, (one, other) in of_chunks(before, after):
        yield _pair(indent, name, one, other)


def _pair(indent: str, name: str, before: object, after: object) -> Content:
    """«tags  − old  + new» of lists, «importance  0.5 → 0.8» of all else."""
    if isinstance(before, list) and isinstance(after, list) and (gone := _changes(before, after)):
        return Content.assemble((f"{indent}{clip(line(name), 24)}", "$foreground 60%"), *gone)
    was, will = (clip(line(shown_value(value)), 60) for value in (before, after))
    return Content.assemble(
        (f"{indent}{clip(line(name), 24)}  ", "$foreground 60%"), (was, "$error"), " → ", (will, "$success")
    )


def _changes(before: list[object], after: list[object]) -> list[tuple[str, str]]:
    gone = [("− ", "$error", one) for one in before if one not in after]
    new = [("+ ", "$success", one) for one in after if one not in before]
    return [(f"  {sign}{clip(line(str(one)), 60)}", style) for sign, style, one in (*gone, *new)]


def of_chunks(
    before: Mapping[str, object] | None, after: Mapping[str, object] | None
) -> Iterable[tuple[str, tuple[object, object]]]:
    """«tags of chunk 2» with both values, where a change of a memory made the chunks differ or alike."""
    if before and after and "payload" in before and "payload" in after:
        for (key, place), values in own_changes(before, after).items():
            yield f"{key} of chunk {place + 1}", values


def state_text(state: Mapping[str, object] | None) -> str | None:
    """The text in a state of a memory; None when it has none."""
    payload = (state or {}).get("payload")
    text = payload.get("content") if isinstance(payload, Mapping) else None
    return text if isinstance(text, str) else None


def excerpt(text: str) -> Content:
    """The beginning of a text, safe, as long as a dialog can show."""
    return Content(escape_control(text[:LONGEST]) + ("…" if len(text) > LONGEST else ""))
