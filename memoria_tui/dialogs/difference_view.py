"""Draws a comparison of two texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual.content import Content

from memoria_tui.difference import DiffLine
from memoria_tui.present import clip, safe
from services.memories.point_layout import own_changes

LONGEST = 20_000
"""Characters of a text that a dialog shows."""

_MOST_LINES = 600
_STYLES = {"same": ("  ", ""), "removed": ("− ", "$error"), "added": ("+ ", "$success")}


def difference(lines: Iterable[DiffLine]) -> Content:
    """The lines with their signs and colours, cut where nobody reads on."""
    drawn: list[Content] = []
    for number, part in enumerate(lines):
        if number == _MOST_LINES:
            drawn.append(Content.styled("  … cut here", "$foreground 60%"))
            break
        if part.kind == "skipped":
            drawn.append(Content.styled(f"  ⋯ {part.text} the same", "$foreground 60%"))
        else:
            sign, style = _STYLES[part.kind]
            drawn.append(Content.styled(sign + clip(safe(part.text), 2_000), style))
    return Content("\n").join(drawn) if drawn else Content.styled("  nothing differs", "$foreground 60%")


def of_chunks(
    before: Mapping[str, object] | None, after: Mapping[str, object] | None
) -> Iterable[tuple[str, tuple[object, object]]]:
    """«tags of chunk 2» with both values, where a change of a memory made the chunks differ or alike."""
    if before and after and "payload" in before and "payload" in after:
        for (key, place), values in own_changes(before, after).items():
            yield f"{key} of chunk {place + 1}", values


def shown(value: object) -> str:
    """A value of a memory for a person: lists without brackets, «—» for what is absent."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "—" if value is None else str(value)


def excerpt(text: str) -> Content:
    """The beginning of a text, safe, as long as a dialog can show."""
    return Content(safe(text[:LONGEST]) + ("…" if len(text) > LONGEST else ""))
