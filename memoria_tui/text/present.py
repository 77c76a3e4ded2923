"""How values look in a terminal: safe text, glyphs, colours, ages, counts. Knows no widget and no service call."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from textual.content import Content, Span
from textual.strip import Strip
from textual.style import Style

from services.model import Memory, MemoryType, Query, RelationType, counted
from services.model.memories import SOON, TITLE_IN, title_of
from services.stop_words import STOP_WORDS

GLYPHS: Mapping[MemoryType, str] = {MemoryType.SEMANTIC: "◆", MemoryType.EPISODIC: "●", MemoryType.PROCEDURAL: "▲"}
UNTITLED = "(empty)"

_EMOJI = "(?:[©®\u2100-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]\ufe0f?[\U0001f3fb-\U0001f3ff]?)"
_JOINING = "[\u0620-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17b3\u17b6-\u17ff]"
_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_KEPT = (
    f"{_EMOJI}(?:\u200d{_EMOJI})+"  # families, professions
    "|\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f"  # flags of regions
    "|[\u3400-\u9fff\U00020000-\U0003ffff][\U000e0100-\U000e01ef]"  # variants of ideographs
    f"|{_JOINING}(?:[\u200c\u200d]{_JOINING})+"  # joiners that Persian and Indic spelling needs
    f"|[^\\s{_HIDDEN}][\ufe00-\ufe0f]"  # one variation selector
)
_SUSPECT = re.compile(f"(?P<kept>{_KEPT})|[{_HIDDEN}]")
_ANY_HIDDEN = re.compile(f"[{_HIDDEN}]")
_SUFFIX = re.compile(r"(?<=\w{3})(?:ing|ies|ied|ed|es|s|e|y)$")
_MOST_WORDS = 32
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff]")
"""Scripts without blanks between words."""
_BLOCK_MARKS = (
    (re.compile(r"^[ \t]*(?:(?:```|~~~).*|[-*_](?:[ \t]*[-*_]){2,}|\|?(?:[ \t]*:?-+:?[ \t]*\|)+[-: \t]*)$", re.M), ""),
    (re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+(?:\[[ xX]\][ \t]+)?)+", re.M), ""),
)
"""Marks of Markdown that begin lines, with what stays in their place."""
_INLINE_MARKS = (
    (re.compile(r"!?\[([^\[\]\n]*)\]\([^()\s]*\)"), r"\1"),
    (re.compile(r"(\*\*|~~|\*|`+|(?<!\w)_(?=[^\W_]))(?=\S)([^\n]{0,200}?\S)\1(?!\w)"), r"\2"),
)
"""Those of links, of emphasis and of code."""
_INLINE_SIGNS = frozenset("[*~`_")
"""A text that has none of them has no mark of those."""
_NARROW = frozenset(chr(one) for one in (*range(0x20, 0x7F), *range(0xA0, 0xAD), *range(0xAE, 0x300), 0x2026))
"""Characters of one cell: what most texts consist of, and the ellipsis, for which Rich cuts a text sign by sign."""
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def erased(number: int, left: int) -> str:
    """What a purge did; `left`: how many it left, since they were restored or changed while the person was asked."""
    stayed = f" · {counted(left)} restored or changed meanwhile stayed" if left else ""
    return f"erased {counted(number)} for good{stayed}"


def strip(line: Content, width: int, style: Style) -> Strip:
    """A line over a style, in exactly `width` cells, for widgets that draw themselves; colours are resolved."""
    spans = tuple([Span(one.start, one.end, _resolved(one.style)) for one in line.spans if one.end > one.start])
    return _strip(line.plain, spans, width, style)


@lru_cache(4096)
def _strip(text: str, spans: tuple[Span, ...], width: int, style: Style) -> Strip:
    """A strip keeps how it was cut and filtered, so that the same line is drawn in a fraction of the time."""
    cells = _cells(text)
    line = Content(text + " " * (width - cells), [*spans], strip_control_codes=False)
    return Strip(line.render_segments(style), max(cells, width)).adjust_cell_length(width, style.rich_style)


def _resolved(style: Style | str) -> Style:
    """With the colours that the theme has for it now."""
    return Style.parse(style) if isinstance(style, str) else style


def escape_control(text: str) -> str:
    """Text that no terminal can take for a command and that hides nothing; newlines and tabs stay.

    Controls become control pictures («␛»); bidi marks, lone surrogates and characters without a width become
    «‹U+202E›». Joiners and selectors stay where emoji and scripts need them.
    """
    return _without_hidden(text.replace("\r\n", "\n"), show_hidden)


def strip_hidden(text: str) -> str:
    """The text at the same length with a blank for every control, line break and hidden character: for input boxes."""
    return re.sub(r"\s", " ", _without_hidden(text, lambda character: " "))


def show_hidden(character: str) -> str:
    """What stands for a character that must not be drawn."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"‹U+{code:04X}›"


def hidden_characters(text: str) -> set[str]:
    """The characters of the text that `escape_control` replaces somewhere."""
    return {found[0] for found in _SUSPECT.finditer(text) if found["kept"] is None}


def _without_hidden(text: str, substitute: Callable[[str], str]) -> str:
    if not _ANY_HIDDEN.search(text):
        return text
    return _SUSPECT.sub(lambda found: found["kept"] or substitute(found[0]), text)


def clipboard_text(text: str) -> str:
    """The text as another program may get it from the clipboard: without controls that a terminal would obey."""
    return _CONTROLS.sub("", text).encode("utf-8", "replace").decode()


_ID = r"['\"]?(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})['\"]?"
_MEMORY_ID, _GONE = re.compile(_ID), re.compile(f"no memory has the id {_ID}.*")


def with_titles(message: str, title_of: Callable[[str], str | None]) -> str:
    """A message in which memories are named by their titles, where these are known, and not by their ids.

    One that nothing has the id of a known one any more says that this was deleted.
    """
    if (gone := _GONE.search(message)) and (title := title_of(gone["id"])):
        return f"{message[: gone.start()]}{title} was deleted; the trash may have it"
    return _MEMORY_ID.sub(lambda found: title_of(found["id"]) or found[0], message)


def line(text: str) -> str:
    """Safe text on one line, runs of blanks and line breaks as one blank."""
    return " ".join(escape_control(text).split())


def clip(text: str, cells: int) -> str:
    """The text cut to at most `cells` terminal cells, ending in «…» when something was cut."""
    # Measuring a whole long text to draw one line of it would make the list stutter.
    longer = len(text) > 4 * cells + 64
    text = text[: 4 * cells + 64]
    if not longer and _cells(text) <= cells:
        return text
    return _first_cells(text, cells - 1).rstrip() + "…" if cells > 0 else ""


def truncated(line: Content, cells: int) -> Content:
    """As `Content.truncate` with an ellipsis, in a fraction of the time where a text has an ellipsis already."""
    if _cells(line.plain) <= cells:
        return line
    text = _first_cells(line.plain, cells - 1) + "…" if cells > 0 else ""
    spans = [Span(one.start, min(one.end, len(text)), one.style) for one in line.spans if one.start < len(text)]
    return Content(text, spans)


def _cells(text: str) -> int:
    return len(text) if _NARROW.issuperset(text) else cell_len(text)


def _first_cells(text: str, cells: int) -> str:
    return text[:cells] if _NARROW.issuperset(text) else set_cell_size(text, cells)


def shortened(names: Sequence[str], cells: int, joint: str = " / ") -> list[str]:
    """Names for which there is that much room: those that would be the same then keep their ends.

    Of «client / project» the end tells more: there the middle gives way. `joint`: what stands between the two.
    """
    short = [_shortened(name, cells, joint) for name in names]
    times = Counter(short)
    return [
        f"{name[:1]}…{name[2 - cells :]}" if times[one] > 1 and len(name) > cells > 2 else one
        for name, one in zip(names, short, strict=True)
    ]


def _shortened(name: str, cells: int, joint: str) -> str:
    if len(name) <= cells:
        return name
    if joint not in name:
        return clip(name, cells)
    tail = min(len(name.rpartition(joint)[2] + joint.lstrip()), cells * 2 // 3)
    return f"{name[: cells - tail - 1].rstrip()}…{name[-tail:]}"


def fit(text: str, cells: int, *, right: bool = False) -> str:
    """The text clipped and padded to exactly `cells` cells."""
    text = clip(text, cells)
    padding = " " * (cells - _cells(text))
    return padding + text if right else text + padding


def glyph(kind: MemoryType) -> str:
    """The sign of a memory type, one cell wide."""
    return GLYPHS[kind]


def colour(kind: MemoryType | RelationType) -> str:
    """The theme's colour of a memory or relation type, as a style: «$relation-part-of»."""
    return f"${'memory' if isinstance(kind, MemoryType) else 'relation'}-{kind.value.replace('_', '-')}"


def direction(kind: RelationType, outgoing: bool) -> str:
    """«→ fixes» for a relation that starts here, «← part of» for one that ends here."""
    return f"{'→' if outgoing else '←'} {kind.label}"


def age(when: datetime | None, now: datetime) -> str:
    """«now», «5 min», «3 h», «3 d», «3 w», «2 mo», «4 y»; "" without a date. A time to come counts as now."""
    if when is None:
        return ""
    seconds = (now - when).total_seconds()
    for unit, length in (("y", 365 * 86400), ("mo", 30 * 86400), ("w", 7 * 86400), ("d", 86400), ("h", 3600)):
        # Days are told up to two weeks: «9 d» says more than «1 w».
        if seconds >= length * (2 if unit == "w" else 1):
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds // 60)} min" if seconds >= 60 else "now"


def ago(when: datetime, now: datetime) -> str:
    """«now», «3 d ago»."""
    told = age(when, now)
    return told if told == "now" else f"{told} ago"


def expiry(memory: Memory, now: datetime) -> str:
    """«expired», «expires in 9 d»; "" for what does neither soon."""
    if (ends := memory.expires_at) is None or ends > now + SOON:
        return ""
    return "expired" if ends <= now else f"expires in {age(now, ends)}".replace("in now", "now")


def title(memory: Memory) -> str:
    """The memory's title, safe and without Markdown marks; «(empty)» when there is none."""
    return _title(memory.content[:TITLE_IN])


@lru_cache(maxsize=2048)
def _title(text: str) -> str:
    """Kept, for a map or a list asks for the same ones with each key."""
    return line(unmarked(title_of(text))) or UNTITLED


def unmarked(text: str) -> str:
    """A Markdown text without its marks: what a reader of one line needs of it."""
    inline = () if _INLINE_SIGNS.isdisjoint(text) else _INLINE_MARKS
    for mark, kept in (*_BLOCK_MARKS, *inline):
        text = mark.sub(kept, text)
    return text


def labelled(memory: Memory | None, cells: int) -> Content:
    """«◆ the first line», the title in at most so many cells; what is said where a relation ends at no memory."""
    if memory is None:
        return Content.styled("? missing memory", "$warning")
    return Content.assemble((f"{glyph(memory.type)} ", colour(memory.type)), clip(title(memory), cells))


def word_pattern(words: Iterable[str], phrases: Iterable[str] = ()) -> re.Pattern[str] | None:
    """Matches the phrases, and each whole word that begins with the rough stem of one of `words`.

    Stop words are left out, unless there is nothing else. None when there is nothing to match.
    """
    named = dict.fromkeys(word for text in words for word in re.findall(r"\w+", text.casefold()))
    stems = {_SUFFIX.sub("", word) for word in named if word not in STOP_WORDS} or set(named)
    longest_first = sorted(stems, key=lambda stem: (-len(stem), stem))[:_MOST_WORDS]
    as_they_stand = [r"\s+".join(map(re.escape, phrase.split())) for phrase in phrases if phrase.strip()]
    sought = [*as_they_stand, *(rf"\b{stem}\w*" if not _UNSPACED.match(stem) else stem for stem in longest_first)]
    return re.compile("|".join(sought), re.IGNORECASE) if sought else None


def sought(query: Query) -> re.Pattern[str] | None:
    """What of a text answers a search; None for a plain list."""
    text = query.text
    for phrase in query.phrases:
        text = text.replace(phrase, " ")
    return word_pattern([text], query.phrases)


def highlight(lines: Sequence[str], pattern: re.Pattern[str] | None, style: str, joint: str = "") -> Content:
    """Texts as `line` gives them, side by side; what the pattern finds in one is styled."""
    if pattern is None:
        return Content(joint.join(lines))
    spans, start = list[Span](), 0
    for text in lines:
        spans += [Span(start + found.start(), start + found.end(), style) for found in pattern.finditer(text)]
        start += len(text) + len(joint)
    return Content(joint.join(lines), spans)


def score_bar(score: float) -> str:
    """Three cells that fill from the left, «▇▇▅», for a score of 0..1."""
    steps = round(max(0.0, min(1.0, score)) * 21)
    return "".join(" ▁▂▃▄▅▆▇"[max(0, min(7, steps - 7 * cell))] for cell in range(3))


def count(number: int) -> str:
    """«950», «12.3k», «1.2M»: at most five cells."""
    if number < 10_000:
        return str(number)
    thousands = number / 1000
    if thousands < 999.95:
        return f"{thousands:.1f}k" if thousands < 99.95 else f"{thousands:.0f}k"
    return f"{thousands / 1000:.1f}M"
