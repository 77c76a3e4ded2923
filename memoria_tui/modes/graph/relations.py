"""Changing the relation by which the selected memory of the graph is reached."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual.content import Content

from memoria_tui.dialogs.choice import Choice, ChoiceDialog
from memoria_tui.dialogs.line_prompt import PromptDialog, share_check
from memoria_tui.dialogs.relation_type import RelationTypeDialog
from memoria_tui.modes.linking import turned
from memoria_tui.text import present
from memoria_tui.text.neighbor_tree import name, node_end
from services.graph.graph_values import Neighborhood, Node
from services.model import Relation

if TYPE_CHECKING:
    from memoria_tui.modes.mode import ModeScreen


SETTABLE = (Choice("t", "type", Content("type or direction")), Choice("w", "weight", Content("weight")))
"""What can be set on a relation."""


class Relations:
    """Takes a relation away, or changes its type, direction or weight; every method is awaited in a worker."""

    def __init__(self, screen: ModeScreen) -> None:
        self._screen = screen

    async def unlink(self, around: Neighborhood | None, node: Node | None, chosen: Relation | None) -> None:
        """`chosen`: the relation that is chosen on the map, else the one that leads to the node."""
        relation = chosen or await self._relation(around, node)
        if relation is None or node is None:
            return
        what = f'{relation.type.label}: "{present.clip(name(node), 36)}"'
        act = self._screen.services.graph.unlink([relation.id], [relation])
        if await self._screen.write(f"unlink {what}", act, once=[relation.id, relation.source_id, relation.target_id]):
            self._screen.say_done(f"Unlinked {what}")
            self._screen.changed()

    async def set(self, around: Neighborhood | None, node: Node | None, chosen: Relation | None) -> None:
        """Asks what to set, then its value; `chosen` as for `unlink`."""
        relation = chosen or await self._relation(around, node)
        if relation is None or around is None:
            return
        match await self._screen.ask(ChoiceDialog(f"Set on {_told(relation, around)}", SETTABLE)):
            case "type":
                await self._retype(around, relation)
            case "weight":
                await self._weigh(around, relation)

    async def _retype(self, around: Neighborhood, relation: Relation) -> None:
        source, target = around.node(relation.source_id), around.node(relation.target_id)
        if source is None or target is None:
            return
        dialog = RelationTypeDialog("Type and direction", node_end(source), node_end(target), relation.type)
        if (choice := await self._screen.ask(dialog)) is not None:
            after = replace(turned(relation) if choice.turned else relation, type=choice.type)
            await self._change(relation, after)

    async def _weigh(self, around: Neighborhood, relation: Relation) -> None:
        title, check = f"Weight of {_told(relation, around)}", share_check("A weight")
        dialog = PromptDialog(title, hint="From 0 to 1", check=check, value=f"{relation.weight:g}")
        if (text := await self._screen.ask(dialog)) is not None:
            await self._change(relation, replace(relation, weight=float(text)))

    async def _relation(self, around: Neighborhood | None, node: Node | None) -> Relation | None:
        """The relation that leads to the node, on the centre one of its own; asks which when there are several."""
        if around is None or node is None:
            return None
        ends = set(node.path[-2:])
        found = [edge for edge in around.edges if ends <= {edge.source_id, edge.target_id}]
        if not found:
            self._screen.say("It has no relation here: l links it to another memory")
            return None
        if len(found) < 2 and node.depth:
            return found[0]
        choices = [
            Choice(str(place) if place < 10 else "", edge.id, _label(edge, node, around))
            for place, edge in enumerate(found, 1)
        ]
        chosen = await self._screen.ask(ChoiceDialog("Which relation", choices, first=True))
        return next((edge for edge in found if edge.id == chosen), None)

    async def _change(self, before: Relation, after: Relation) -> None:
        if after == before:
            return
        act = self._screen.services.graph.change(before, after)
        what = f"change {before.type.label}"
        if await self._screen.write(what, act, once=[before.id]) is not None:
            way = " reversed" if after.source_id != before.source_id else ""
            self._screen.say_done(f"Now {after.type.label}{way}, weight {after.weight:g}")
            self._screen.changed()


def _told(relation: Relation, around: Neighborhood) -> str:
    """«"one" fixes "other"», short enough for a title."""
    ends = (around.node(relation.source_id), around.node(relation.target_id))
    source, target = (f'"{present.clip(name(end), 20)}"' if end else "?" for end in ends)
    return f"{source} {relation.type.label} {target}"


def _label(relation: Relation, node: Node, around: Neighborhood) -> Content:
    """«→ fixes  0.5  ● the other end»."""
    outgoing = relation.source_id == node.id
    other = around.node(relation.target_id if outgoing else relation.source_id)
    way = present.direction(relation.type, outgoing if not node.depth else relation.target_id == node.id)
    end = Content.assemble("  ", node_end(other)) if other is not None and not node.depth else Content("")
    return Content.assemble((way, present.colour(relation.type)), f"  {relation.weight:g}", end)
