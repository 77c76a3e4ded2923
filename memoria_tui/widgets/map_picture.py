"""A neighbourhood as it is seen on the map: what is drawn, where, and what keeps its place from one to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from memoria_tui.text.neighbor_tree import Branch, Surroundings
from memoria_tui.widgets.map_canvas import Canvas, Cell, Colouring, paint, selection
from memoria_tui.widgets.map_layout import Box, Frame, Layout, Place, framed, lay_out, neighbour, rows_in, stacked
from memoria_tui.widgets.map_layout import settled as settle
from memoria_tui.widgets.map_overview import marked, nearest, overview, timeline
from memoria_tui.widgets.map_routes import Route, plan
from memoria_tui.widgets.map_spots import Spot, fold_to_fit, spots_of
from services.graph.graph_values import Neighborhood
from services.model import Relation


class View(StrEnum):
    """How a neighbourhood is drawn."""

    BOXES = "boxes"
    OVERVIEW = "overview"
    TIMELINE = "timeline"


@dataclass(frozen=True, slots=True)
class Folds:
    """Groups that a person opened or folded; the others are folded where there is no room."""

    opened: frozenset[str] = frozenset()
    folded: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Picture:
    """What is drawn of a neighbourhood."""

    around: Neighborhood
    view: View
    size: tuple[int, int]
    layout: Layout
    canvas: Canvas
    colouring: Colouring
    folded: frozenset[str] = frozenset()
    folds: Folds = Folds()
    routes: Sequence[Route] = ()
    by_id: Mapping[str, Box] = field(default_factory=dict)
    """The box of each memory, of one in a group the group's."""

    def box(self, memory_id: str) -> Box | None:
        return self.by_id.get(memory_id)

    def box_at(self, x: int, y: int) -> Box | None:
        return next((box for box in self.layout.boxes if box.has(x, y)), None)

    def step(self, selected: str, dx: int, dy: int) -> str | None:
        """The id of the box that an arrow key leads to."""
        here = self.box(selected)
        if here is None:
            return None
        return (neighbour if self.view is View.BOXES else nearest)(self.layout, here.id, dx, dy)

    def marks(self, selected: str, chosen: str = "") -> Mapping[int, Mapping[int, Cell]]:
        """The cells that a selection changes; `chosen`: the id of a relation."""
        here = self.box(selected)
        if here is None:
            return {}
        if self.view is not View.BOXES:
            return marked(self.layout, self.canvas, here.id, self.around.edges)
        return selection(self.layout, self.routes, here.id, self.around.edges, self.colouring, chosen)

    def is_like(self, around: Neighborhood, view: View, size: tuple[int, int]) -> bool:
        """Whether what is drawn next is the same look at the same place, which others may have changed."""
        mine = self.around
        same = (mine.center, mine.depth) == (around.center, around.depth)
        narrowed = (mine.types, mine.narrowed_by) != (around.types, around.narrowed_by)
        return same and not narrowed and (self.view, self.size) == (view, size)


def drawn(
    shown: Surroundings,
    view: View,
    size: tuple[int, int],
    colouring: Colouring,
    folds: Folds,
    before: Picture | None,
) -> Picture:
    """Draws a neighbourhood; what `before` shows of the same one keeps its place."""
    around, root = shown.around, shown.root
    if view is not View.BOXES:
        layout, canvas = (overview if view is View.OVERVIEW else timeline)(root, *size, colouring)
        boxes = {box.id: box for box in layout.boxes}
        return Picture(around, view, size, layout, canvas, colouring, folds=folds, by_id=boxes)
    last = before if before is not None and before.is_like(around, view, size) else None
    if last is None:
        folded = fold_to_fit(root, rows_in(size[1])) - folds.opened | folds.folded
    else:
        folded = last.folded - folds.opened | folds.folded
    spots = spots_of(root, folded)
    layout, routes = _laid_out(spots, around.edges, size, last, kept=last is not None and last.folds == folds)
    canvas = paint(layout, routes, colouring)
    by_id = {memory_id: box for box in layout.boxes for memory_id in _ids(box)}
    return Picture(around, view, size, layout, canvas, colouring, folded, folds, routes, by_id)


def _laid_out(
    spots: Spot, relations: Sequence[Relation], size: tuple[int, int], last: Picture | None, *, kept: bool
) -> tuple[Layout, tuple[Route, ...]]:
    known = last.layout.places if last is not None else {}
    places = settle(spots, known) if kept else stacked(spots, known)
    routes, lanes = plan(_outside_the_tree(spots, relations, places), places)
    frame = last.layout.frame if last is not None else framed(places, lanes, *size)
    if frame.height == 1:
        routes, lanes = (), {}
        frame = frame if last is not None else framed(places, lanes, *size)
    layout = lay_out(spots, places, frame, lanes, *size)
    return Layout(layout.boxes, layout.width, layout.height, _frame(layout, frame), {**known, **places}), routes


def _frame(layout: Layout, frame: Frame) -> Frame:
    """Where the centre is drawn from now on."""
    return Frame(frame.width, frame.height, layout.boxes[0].x, frame.top)


def _outside_the_tree(spots: Spot, relations: Sequence[Relation], places: Mapping[str, Place]) -> list[Relation]:
    """Relations between boxes that are nobody's way from the centre."""
    tree = {frozenset((spot.id, spot.parent_id)) for spot in spots.walk()}
    ends = ((one, one.source_id, one.target_id) for one in relations)
    return [
        one
        for one, source, target in ends
        if source != target and source in places and target in places and frozenset((source, target)) not in tree
    ]


def _ids(box: Box) -> list[str]:
    members: Sequence[Branch] = box.spot.members
    return [box.id, *(one.id for member in members for one in member.walk())]
