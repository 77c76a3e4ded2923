"""Says why a memory was found: the parts of its score."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding
from textual.content import Content

from memoria_tui.dialogs.dialog import Dialog
from memoria_tui.text.present import clip, line, title
from services.model import GOOD_RELEVANCE, Hit, Query

_NAME, _WIDTH = 10, 24
_PARTS = (
    ("meaning", "dense", "how close the text is to the question"),
    ("words", "keyword", "how well its words and tags match"),
    ("graph", "graph", "linked to other good hits"),
)
_NOT_RANKED = Content(
    "It is in a plain list, newest first: no words were asked for, so nothing was ranked. "
    "Search for words to see their parts."
)


class WhyDialog(Dialog[None]):
    """A bar for each leg of the search, the sum, and the passage that matched best."""

    KEYS = (("esc", "close"),)
    BINDINGS = [Binding("w,enter", "leave", "Close", id="why.close", show=False, tooltip="Close")]

    def __init__(self, hit: Hit, query: Query) -> None:
        lines = _parts(hit, query) if query.ranked else (_NOT_RANKED,)
        super().__init__(f"Why: {title(hit.memory)}", Content("\n").join(lines))


def _parts(hit: Hit, query: Query) -> Iterable[Content]:
    for name, field, meaning in _PARTS:
        yield from _part(name, getattr(hit.why, field), meaning)
    yield Content("")
    weak = query.judged and hit.relevance < GOOD_RELEVANCE
    told = "weak: it hardly answers" if weak else "means the same in every search"
    yield from _part("relevance", hit.relevance, told, "bold")
    yield from _part("score", hit.score, "as a share of the best hit's", "bold")
    if hit.passage:
        yield Content("")
        yield Content.styled("best passage", "$foreground 60%")
        yield Content(clip(line(hit.passage), 280))


def _part(name: str, value: float | None, meaning: str, style: str = "") -> Iterable[Content]:
    told = Content.styled("─ not found by this".ljust(_WIDTH + 5), "$foreground 60%")
    if value is not None:
        told = Content.assemble(_bar(value), f" {value:.2f}")
    yield Content.assemble((f"{name:<{_NAME}}", style), told)
    yield Content.styled(f"{'':<{_NAME}}{meaning}", "$foreground 60%")


def _bar(value: float) -> Content:
    full = round(max(0.0, min(1.0, value)) * _WIDTH)
    return Content.assemble(("━" * full, "$primary"), ("━" * (_WIDTH - full), "$border"))
