"""Draws what differs between two texts, and between two states of the history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from textual.content import Content

from memoria_tui.difference import DiffLine, compare
from memoria_tui.present import clip, line, safe
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


def changed_values(
    before: Mapping[str, object], after: Mapping[str, object], named: Sequence[str] = (), *, indent: str = ""
) -> Iterable[Content]:
    """The values in which two states of the history differ, texts line by line; only the named ones, if any differ."""
    was, will = _flat(before), _flat(after)
    differ = [key for key in sorted({*was, *will} - {"accessed_at", "updated_at"}) if was.get(key) != will.get(key)]
    chosen = [key for key in differ if key in named or key.replace("_", " ") in named] or differ
    for key in sorted(chosen, key=lambda one: one != "text"):
        one, other = was.get(key), will.get(key)
        if key == "text" and isinstance(one, str) and isinstance(other, str):
            yield difference(compare(one, other))
        else:
            yield _pair(indent, key.replace("_", " "), one, other)
    for name, (one, other) in of_chunks(before, after):
        yield _pair(indent, name, one, other)


def _pair(indent: str, name: str, before: object, after: object) -> Content:
    was, will = (clip(line(_shown(value)), 60) for value in (before, after))
    return Content.assemble(
        (f"{indent}{clip(line(name), 24)}  ", "$foreground 60%"), (was, "$error"), " → ", (will, "$success")
    )


def _flat(state: Mapping[str, object]) -> dict[str, object]:
    """A state of the history as keys and values, whatever it is of."""
    for key in ("payload", "row"):
        if isinstance(inner := state.get(key), Mapping):
            flat = {**inner, **{name: value for name, value in state.items() if name == "type"}}
            return {"text" if name == "content" else name: value for name, value in flat.items()}
    return dict(state)


def of_chunks(
    before: Mapping[str, object] | None, after: Mapping[str, object] | None
) -> Iterable[tuple[str, tuple[object, object]]]:
    """«tags of chunk 2» with both values, where a change of a memory made the chunks differ or alike."""
    if before and after and "payload" in before and "payload" in after:
        for (key, place), values in own_changes(before, after).items():
            yield f"{key} of chunk {place + 1}", values


def _shown(value: object) -> str:
    """A value of a memory for a person: lists without brackets, «—» for what is absent."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "—" if value is None else str(value)


def state_text(state: Mapping[str, object] | None) -> str | None:
    """The text in a state of a memory; None when it has none."""
    payload = (state or {}).get("payload")
    text = payload.get("content") if isinstance(payload, Mapping) else None
    return text if isinstance(text, str) else None


def excerpt(text: str) -> Content:
    """The beginning of a text, safe, as long as a dialog can show."""
    return Content(safe(text[:LONGEST]) + ("…" if len(text) > LONGEST else ""))
