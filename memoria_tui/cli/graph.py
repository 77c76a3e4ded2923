"""Commands about relations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from memoria_tui.cli.terminal import Terminal, relation_json
from memoria_tui.present import clip, direction, fit, line
from services.errors import Ambiguous, InvalidInput, NotFound
from services.model import Memory, Relation, RelationType

if TYPE_CHECKING:
    from services.container import Services
    from services.graph.model import PathStep

_TITLE = 100


def link(terminal: Terminal, source: str, target: str, type_: RelationType, weight: float, *, as_json: bool) -> int:
    async def act(services: Services) -> int:
        ends = await _id(services, source), await _id(services, target)
        made = await services.graph.link(*ends, type_, weight)
        if as_json:
            terminal.print_json(relation_json(made))
        else:
            terminal.print(f"{made.id}  {_arrow(made)}")
        return 0

    return terminal.run(act)


def unlink(terminal: Terminal, source: str, target: str | None, type_: RelationType | None, *, as_json: bool) -> int:
    async def act(services: Services) -> int:
        if target is None:
            ids = [_relation_id(source)]
        else:
            ids = await _relations_from(services, await _id(services, source), await _id(services, target), type_)
        gone = await services.graph.unlink(ids)
        if not gone:
            raise NotFound(f"no relation has the id {source}")
        if as_json:
            terminal.print_json({"unlinked": [relation_json(relation) for relation in gone]})
        else:
            for relation in gone:
                terminal.print(f"unlinked {_arrow(relation)} · undo with: memoria-tui undo")
        return 0

    return terminal.run(act)


def neighbors(terminal: Terminal, memory_id: str, depth: int, types: Sequence[RelationType], *, as_json: bool) -> int:
    from memoria_tui.branches import branch_out, name, sign

    async def act(services: Services) -> int:
        around = await services.graph.neighborhood(await _id(services, memory_id), depth, types)
        if as_json:
            nodes = [
                {
                    "id": node.id,
                    "depth": node.depth,
                    "path": list(node.path),
                    "relation": node.relation,
                    "content": node.memory.content if node.memory else None,
                }
                for node in around.nodes
            ]
            edges = [
                {
                    "source_id": edge.source_id,
                    "target_id": edge.target_id,
                    "type": edge.type,
                    "weight": edge.weight,
                }
                for edge in around.edges
            ]
            terminal.print_json({"center": around.center, "depth": depth, "nodes": nodes, "edges": edges})
            return 0
        branches = list(branch_out(around).walk())
        told = [
            f"{'  ' * (branch.node.depth - 1)}{direction(branch.type, branch.outgoing) if branch.type else ''}"
            for branch in branches
        ]
        width = max(map(len, told))
        for branch, way in zip(branches, told, strict=True):
            lead = f"{way:{width}}  " if width else ""
            terminal.print(f"{lead}{branch.id[:8]}  {sign(branch.node)} {clip(name(branch.node), _TITLE)}")
        if around.more:
            terminal.complain(f"only the nearest {len(around.nodes)} memories are shown; give --type or less --depth")
        return 0

    return terminal.run(act)


def path(terminal: Terminal, start: str, goal: str, depth: int, *, as_json: bool) -> int:
    async def act(services: Services) -> int:
        steps = await services.graph.path(await _id(services, start), await _id(services, goal), depth)
        if as_json:
            terminal.print_json({"steps": [_step_json(step) for step in steps]})
            return 0
        for step in steps:
            terminal.print(f"{step.step:>3}  {step.id[:8]}  {_title(step.memory)}")
            if step.relation is not None:
                terminal.print(f"       {'↓' if step.outgoing else '↑'} {step.relation.value.replace('_', ' ')}")
        return 0

    return terminal.run(act)


def suggest(terminal: Terminal, memory_id: str, limit: int, *, as_json: bool) -> int:
    async def act(services: Services) -> int:
        memory = await services.memories.get(memory_id)
        found = await services.suggestions.suggest(memory.id, limit)
        if as_json:
            suggestions = [
                {
                    "source_id": one.source.id,
                    "target_id": one.target.id,
                    "type": one.type,
                    "confidence": round(one.confidence, 4),
                    "reason": one.reason,
                    "content": (one.target if one.source.id == memory.id else one.source).content,
                }
                for one in found
            ]
            terminal.print_json({"id": memory.id, "suggestions": suggestions})
            return 0
        for one in found:
            outgoing = one.source.id == memory.id
            other = one.target if outgoing else one.source
            way = fit(direction(one.type, outgoing), 12)
            terminal.print(f"{one.confidence:>4.0%}  {way}  {other.id[:8]}  {clip(_title(other), 60)}")
            terminal.print(f"      {line(one.reason)}")
        if not found:
            terminal.complain("nothing to suggest")
        return 0

    return terminal.run(act)


def relations(terminal: Terminal, memory_id: str, *, as_json: bool) -> int:
    async def act(services: Services) -> int:
        center = await _id(services, memory_id)
        related = await services.memories.relations(center)
        if as_json:
            found = [
                relation_json(one.relation)
                | {
                    "direction": "out" if one.outgoing else "in",
                    "content": one.other.content if one.other else None,
                }
                for one in related
            ]
            terminal.print_json({"id": center, "relations": found})
            return 0
        for one in related:
            relation = one.relation
            other = relation.target_id if one.outgoing else relation.source_id
            way = fit(direction(relation.type, one.outgoing), 12)
            terminal.print(f"{relation.id}  {way}  {relation.weight:<4g}  {other[:8]}  {_title(one.other)}")
        if not related:
            terminal.complain("it has no relations")
        return 0

    return terminal.run(act)


async def _id(services: Services, given: str) -> str:
    """The memory's id; a whole id that only relations know stands for itself."""
    try:
        return (await services.memories.get(given)).id
    except Ambiguous:
        raise
    except NotFound:
        try:
            return str(UUID(given))
        except ValueError:
            pass
        raise


async def _relations_from(services: Services, source: str, target: str, type_: RelationType | None) -> list[str]:
    between = await services.graph.between(source, target)
    meant = [one for one in between if type_ is None or one.type is type_]
    if ids := [one.id for one in meant if one.source_id == source]:
        return ids
    kind = f" {type_.value}" if type_ else ""
    back = f"; there is one from {target[:8]} to {source[:8]}" if meant else ""
    raise NotFound(f"there is no{kind} relation from {source[:8]} to {target[:8]}{back}")


def _relation_id(given: str) -> str:
    try:
        return str(UUID(given))
    except ValueError:
        raise InvalidInput(f"{given!r} is no id of a relation; give two memories, or see: relations ID") from None


def _arrow(relation: Relation) -> str:
    return f"{relation.source_id[:8]} → {relation.type.value} → {relation.target_id[:8]}"


def _title(memory: Memory | None) -> str:
    return clip(line(memory.title), _TITLE) if memory is not None else "missing memory"


def _step_json(step: PathStep) -> dict[str, object]:
    return {
        "step": step.step,
        "id": step.id,
        "relation": step.relation,
        "direction": None if step.relation is None else "out" if step.outgoing else "in",
        "content": step.memory.content if step.memory else None,
    }
