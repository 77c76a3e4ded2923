"""Memories of the graph to walk to: the best-connected ones, and those on a path."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from memoria_tui.dialogs.choice import Choice, ChoiceDialog
from memoria_tui.text.present import colour, count, labelled
from services.graph.graph_values import Connected, PathStep
from services.model import counted

_BAR = 16


class WalkDialog(ChoiceDialog):
    """Rows of memories; the answer is an id."""

    KEYS = (("enter", "walk there"), ("esc", "close"))


def best_connected(best: Sequence[Connected]) -> WalkDialog:
    """Memories with a bar for the number of their relations."""
    most = best[0].degree if best else 0
    choices = [Choice("", one.memory_id, _connected(one, most)) for one in best]
    return WalkDialog("Best-connected memories", choices, about="" if best else "There are no relations yet.")


def _connected(one: Connected, most: int) -> Content:
    full = max(1, round(one.degree / most * _BAR))
    bar = ("━" * full, "$primary")
    return Content.assemble(f" {count(one.degree):>5} ", bar, " " * (_BAR - full + 1), labelled(one.memory, 62))


def path(steps: Sequence[PathStep]) -> WalkDialog:
    """Every memory on the way as a chain, with the relation that leads on."""
    title = f"Path of {counted(len(steps) - 1, 'relation')}"
    return WalkDialog(title, [Choice("", step.id, _step(step)) for step in steps], steps[-1].id)


def _step(step: PathStep) -> Content:
    row = Content.assemble((f"{step.step:>3}  ", "$foreground 60%"), labelled(step.memory, 76))
    if step.relation is None:
        return row
    way = f"{'↓' if step.outgoing else '↑'} {step.relation.label}"
    return Content.assemble(row, "\n", "     │ ", (way, colour(step.relation)))
