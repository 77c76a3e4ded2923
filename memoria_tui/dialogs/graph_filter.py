"""The form that narrows the graph by weight, age and author, and chooses what colours say."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time

from memoria_tui.dialogs.field_problems import FieldProblem, all_problems, at_field
from memoria_tui.dialogs.form import Field, FormDialog, Values
from memoria_tui.widgets.map_colours import ColourBy
from services.graph.graph_filter import AUTHORS, GraphFilter
from services.ports import Clock
from services.times import parse_days

_ANYBODY = "anybody"
_SHOWN, _HIDDEN = "shown", "hidden"

GraphLook = tuple[GraphFilter, ColourBy]


def graph_filter(clock: Clock, where: GraphFilter, colour_by: ColourBy) -> FormDialog[GraphLook]:
    """Asks for all but the types."""

    async def read(values: Values) -> GraphLook:
        author = next((kind for kind, label in AUTHORS.items() if label == values["author"]), None)
        hides = values["superseded"] == _HIDDEN
        with all_problems() as fields:
            weight = fields.read(lambda: _weight(values["weight"]), 0.0)
            since = fields.read(lambda: _since(values["since"], clock()), None)
        narrowed = replace(where, least_weight=weight, since=since, author=author, hides_superseded=hides)
        return narrowed, ColourBy(values["colours"])

    since = f"{where.since:%Y-%m-%d}" if where.since is not None else ""
    rows = (
        (
            Field("weight", "Weight", f"{where.least_weight:g}" if where.least_weight else "", "0.5: at least"),
            Field(
                "author",
                "Made by",
                AUTHORS.get(where.author, _ANYBODY) if where.author else _ANYBODY,
                choices=(_ANYBODY, *AUTHORS.values()),
            ),
        ),
        (
            Field("since", "Since", since, "2026-10, monday, 7d"),
            Field("superseded", "Replaced", _HIDDEN if where.hides_superseded else _SHOWN, choices=(_SHOWN, _HIDDEN)),
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
        raise FieldProblem("weight", "A weight is a number from 0 to 1")
    return weight


def _since(text: str, now: datetime) -> datetime | None:
    if not text:
        return None
    with at_field("since"):
        return datetime.combine(parse_days(text, now.date()).first, time(), now.tzinfo)
