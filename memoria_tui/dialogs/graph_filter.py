"""What of the graph is shown: which types of relation are followed, and in a form all else that narrows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from textual.binding import Binding

from memoria_tui.dialogs.field_problems import FieldProblem, all_problems, at_field
from memoria_tui.dialogs.form import Field, FormDialog, Values
from memoria_tui.dialogs.multi_choice import MultiChoiceDialog
from memoria_tui.dialogs.relation_type import described, type_of_key
from memoria_tui.widgets.map_colours import ColourBy
from services.graph.graph_filter import AUTHORS, PARTS, GraphFilter
from services.model import RelationType, any_of
from services.ports import Clock
from services.times import parse_since

_ANYBODY = "anybody"
_SHOWN, _HIDDEN = "shown", "hidden"

GraphLook = tuple[GraphFilter, ColourBy]
MORE = (*(word for part, word in PARTS.items() if part != "types"), "colours")
"""What the form asks for, in a word each: all of a filter but its types, and what colours say."""


class TypeFilterDialog(MultiChoiceDialog[RelationType]):
    """Which types of relation to follow; none marked follows all."""

    KEYS = (
        ("key", "mark"),
        ("enter", "show"),
        ("backspace", "all"),
        ("tab", ", ".join(MORE)),
        ("esc", "cancel"),
    )
    BINDINGS = [
        Binding("backspace", "all", "All", id="types.all", tooltip="Follow all again, and leave nothing out"),
        Binding("tab", "more", "More", id="types.more", tooltip=f"By {any_of(MORE)}, too"),
    ]

    def __init__(self, chosen: Sequence[RelationType]) -> None:
        super().__init__("Follow only", tuple(RelationType), chosen, described)
        self.wants_more = False
        """Whether the person asks for what else can be filtered by."""
        self.wants_all = False
        """Whether nothing else is to be filtered by any more."""

    def action_all(self) -> None:
        self.wants_all = True
        super().action_all()

    def action_more(self) -> None:
        self.wants_more = True
        self.show()

    def value_of_key(self, character: str | None) -> RelationType | None:
        return type_of_key(character)


def graph_filter(clock: Clock, week_begins: int, where: GraphFilter, colour_by: ColourBy) -> FormDialog[GraphLook]:
    """Asks for all but the types."""

    async def read(values: Values) -> GraphLook:
        author = next((kind for kind, label in AUTHORS.items() if label == values["author"]), None)
        hides = values["hides_superseded"] == _HIDDEN
        with all_problems() as fields:
            weight = fields.read(lambda: _weight(values["least_weight"]), 0.0)
            since = fields.read(lambda: _since(values["since"], clock(), week_begins), None)
        narrowed = replace(where, least_weight=weight, since=since, author=author, hides_superseded=hides)
        return narrowed, ColourBy(values["colours"])

    since = f"{where.since:%Y-%m-%d}" if where.since is not None else ""
    replaced = _HIDDEN if where.hides_superseded else _SHOWN
    rows = (
        (
            Field("least_weight", "Weight", f"{where.least_weight:g}" if where.least_weight else "", "0.5: at least"),
            Field(
                "author",
                "Made by",
                AUTHORS.get(where.author, _ANYBODY) if where.author else _ANYBODY,
                choices=(_ANYBODY, *AUTHORS.values()),
            ),
        ),
        (
            Field("since", "Since", since, "2026-10, monday, 7d"),
            Field("hides_superseded", "Replaced", replaced, choices=(_SHOWN, _HIDDEN)),
        ),
        (Field("colours", "Colours", colour_by, choices=tuple(ColourBy)),),
    )
    return FormDialog("Which relations and memories", rows, read, verb="show")


def _weight(text: str) -> float:
    if not text:
        return 0.0
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 <= weight <= 1:
        raise FieldProblem("least_weight", "A weight is a number from 0 to 1")
    return weight


def _since(text: str, now: datetime, week_begins: int) -> datetime | None:
    if not text:
        return None
    with at_field("since"):
        return parse_since(text, now, week_begins)
