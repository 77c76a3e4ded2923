"""Suggested relations to decide on, with confidence and reason; one or many at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.binding import Binding
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from memoria_tui.present import clip, colour, labelled, line, score_bar
from services.graph.graph_values import Suggestion


class SuggestionList(OptionList):
    """Three lines a suggestion: source, relation and target, reason."""

    BINDINGS = [
        Binding("space", "mark", "Mark", show=False, id="suggestions.mark", tooltip="Mark it and go on"),
        Binding("a", "mark_all", "Mark all", show=False, id="suggestions.mark_all", tooltip="Mark all, or none"),
    ]

    def __init__(self, suggestions: Iterable[Suggestion] = (), *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._shown: list[Suggestion] = []
        self._marked: set[tuple[str, str]] = set()
        self.add(suggestions)

    @property
    def shown(self) -> Sequence[Suggestion]:
        """All in the list, in its order."""
        return self._shown

    @property
    def chosen(self) -> tuple[Suggestion, ...]:
        """The marked ones, else the one under the cursor."""
        if self._marked:
            return tuple(one for one in self._shown if _ends(one) in self._marked)
        return (self._shown[self.highlighted],) if self.highlighted is not None else ()

    def add(self, suggestions: Iterable[Suggestion]) -> None:
        """Puts suggestions at the end."""
        new = list(suggestions)
        self._shown += new
        self.add_options(Option(self._row(one)) for one in new)
        if self.highlighted is None and self._shown:
            self.highlighted = 0

    def drop(self, decided: Iterable[Suggestion]) -> None:
        """Takes out what was decided; the cursor stays where it is."""
        gone = {_ends(one) for one in decided}
        place = self.highlighted or 0
        place -= sum(_ends(one) in gone for one in self._shown[:place])
        self._shown = [one for one in self._shown if _ends(one) not in gone]
        self._marked -= gone
        self._redraw(place)

    def action_mark(self) -> None:
        if (place := self.highlighted) is not None:
            self._marked ^= {_ends(self._shown[place])}
            self.replace_option_prompt_at_index(place, self._row(self._shown[place]))
            self.highlighted = min(place + 1, len(self._shown) - 1)

    def action_mark_all(self) -> None:
        self._marked = set() if len(self._marked) == len(self._shown) else set(map(_ends, self._shown))
        self._redraw(self.highlighted or 0)

    def _redraw(self, place: int) -> None:
        self.set_options(Option(self._row(one)) for one in self._shown)
        self.highlighted = min(place, len(self._shown) - 1) if self._shown else None

    def _row(self, one: Suggestion) -> Content:
        mark = "✓" if _ends(one) in self._marked else " "
        return Content.assemble(
            (f" {mark} ", "$accent"),
            (f"{score_bar(one.confidence)} {one.confidence:>4.0%}  ", "$primary"),
            labelled(one.source, 62),
            "\n",
            " " * 10,
            (f"→ {one.type.label} ", colour(one.type)),
            " ",
            labelled(one.target, 62),
            "\n",
            " " * 12,
            (clip(line(one.reason), 76), "$foreground 60%"),
        )


def _ends(one: Suggestion) -> tuple[str, str]:
    return one.source.id, one.target.id
