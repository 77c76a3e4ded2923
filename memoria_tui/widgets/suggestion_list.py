"""Suggested relations to decide on, with confidence and reason; one or many at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.binding import Binding
from textual.content import Content
from textual.widgets.option_list import Option

from memoria_tui.text.present import clip, colour, labelled, line, score_bar
from memoria_tui.widgets.choice_list import KeyedList
from services.graph.graph_values import Suggestion


class SuggestionList(KeyedList):
    """Three lines a suggestion: source, relation and target, reason."""

    BINDINGS = [
        Binding("space", "mark", "Mark", show=False, id="suggestions.mark", tooltip="Mark it and go on"),
        Binding("a", "mark_all", "Mark all", show=False, id="suggestions.mark_all", tooltip="Mark all, or none"),
    ]

    def __init__(self, suggestions: Iterable[Suggestion] = ()) -> None:
        super().__init__()
        self._all: list[Suggestion] = []
        self._shown: list[Suggestion] = []
        self._marked: set[tuple[str, str]] = set()
        self._least, self._project = 0.0, ""
        self.add(sorted(suggestions, key=_surest))

    @property
    def shown(self) -> Sequence[Suggestion]:
        """Those in the list, in its order."""
        return self._shown

    @property
    def all(self) -> Sequence[Suggestion]:
        """With those that the threshold or the project hides."""
        return self._all

    @property
    def current(self) -> Suggestion | None:
        """The one under the cursor."""
        return self._shown[self.highlighted] if self.highlighted is not None and self._shown else None

    @property
    def chosen(self) -> tuple[Suggestion, ...]:
        """The marked ones, else the one under the cursor."""
        if marked := tuple(one for one in self._shown if _ends(one) in self._marked):
            return marked
        return (self.current,) if self.current is not None else ()

    def narrow(self, least: float, project: str) -> None:
        """Shows only those of at least this confidence, and with a memory of this project; "" for all."""
        self._least, self._project = least, project
        here = self.current
        self._redraw(self.highlighted or 0)
        if here is not None:
            self.go_to(_ends(here))

    def go_to(self, ends: tuple[str, str]) -> bool:
        """Puts the cursor on the suggestion with these ends; False when it is not shown."""
        place = next((place for place, one in enumerate(self._shown) if _ends(one) == ends), None)
        if place is not None:
            self.highlighted = place
        return place is not None

    def add(self, suggestions: Iterable[Suggestion]) -> None:
        """Puts suggestions at the end."""
        new = list(suggestions)
        self._all += new
        seen = [one for one in new if self._is_wanted(one)]
        self._shown += seen
        self.add_options(Option(self._row(one)) for one in seen)
        if self.highlighted is None and self._shown:
            self.highlighted = 0

    def sort(self) -> None:
        """Puts the surest first; the cursor stays on its suggestion."""
        here = self.current
        self._all.sort(key=_surest)
        self._redraw(0)
        if here is not None:
            self.go_to(_ends(here))

    def drop(self, decided: Iterable[Suggestion]) -> int:
        """Takes out what was decided, the cursor stays where it is; gives the place of the first among all."""
        gone = {_ends(one) for one in decided}
        first = next((place for place, one in enumerate(self._all) if _ends(one) in gone), len(self._all))
        place = self.highlighted or 0
        place -= sum(_ends(one) in gone for one in self._shown[:place])
        self._all = [one for one in self._all if _ends(one) not in gone]
        self._marked -= gone
        self._redraw(place)
        return first

    def bring_back(self, suggestions: Sequence[Suggestion], place: int) -> None:
        """Puts suggestions where they were taken out, with the cursor on the first."""
        self._all[place:place] = suggestions
        self._redraw(0)
        if suggestions:
            self.go_to(_ends(suggestions[0]))

    def _is_wanted(self, one: Suggestion) -> bool:
        of_project = not self._project or self._project in (one.source.project, one.target.project)
        return of_project and one.confidence >= self._least

    def action_mark(self) -> None:
        if (place := self.highlighted) is not None:
            self._marked ^= {_ends(self._shown[place])}
            self.replace_option_prompt_at_index(place, self._row(self._shown[place]))
            self.highlighted = min(place + 1, len(self._shown) - 1)

    def action_mark_all(self) -> None:
        self._marked = set() if len(self._marked) == len(self._shown) else set(map(_ends, self._shown))
        self._redraw(self.highlighted or 0)

    def _redraw(self, place: int) -> None:
        self._shown = [one for one in self._all if self._is_wanted(one)]
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


def _surest(one: Suggestion) -> float:
    return -one.confidence


def _ends(one: Suggestion) -> tuple[str, str]:
    return one.source.id, one.target.id
