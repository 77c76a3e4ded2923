"""Relations in the history: as JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from services.model import Action, Change, Entity, Relation, RelationCreator, RelationType, net_changes
from services.ports import NewChange


def relation_state(relation: Relation) -> dict[str, object]:
    """The relation as the history keeps it."""
    return {
        "id": relation.id,
        "source_id": relation.source_id,
        "target_id": relation.target_id,
        "type": str(relation.type),
        "weight": relation.weight,
        "created_by": str(relation.created_by),
        "created_at": relation.created_at.isoformat() if relation.created_at else None,
        "metadata": dict(relation.metadata),
    }


def relation_of(state: Mapping[str, object]) -> Relation:
    created_at = state.get("created_at")
    metadata = state.get("metadata")
    return Relation(
        id=str(state["id"]),
        source_id=str(state["source_id"]),
        target_id=str(state["target_id"]),
        type=RelationType(str(state["type"])),
        weight=float(str(state.get("weight", 1.0))),
        created_by=RelationCreator(str(state.get("created_by", RelationCreator.USER))),
        created_at=datetime.fromisoformat(created_at) if isinstance(created_at, str) else None,
        metadata=metadata if isinstance(metadata, Mapping) else {},
    )


def relation_change(before: Relation | None, after: Relation | None, summary: str = "") -> NewChange:
    """The history row of a relation that was made, changed or removed."""
    known = after or before
    if known is None:
        raise ValueError("a change has a state before or after")
    action = Action.UPDATED if before and after else Action.CREATED if after else Action.DELETED
    return NewChange(
        Entity.RELATION,
        known.id,
        action,
        relation_state(before) if before else None,
        relation_state(after) if after else None,
        summary=summary or f"{'unlinked' if after is None else 'linked'} {known.type}",
    )


def net_relations(changes: Sequence[Change]) -> list[tuple[Relation | None, Relation | None]]:
    """Each relation that a group of changes touched: before the first and after the last of them."""
    return [
        (relation_of(one.before) if one.before else None, relation_of(one.after) if one.after else None)
        for one in net_changes(changes, Entity.RELATION)
    ]


def taken_back(inserted: Relation, summary: str) -> NewChange:
    """The history row of a relation that was brought back."""
    return replace(relation_change(None, inserted, summary), action=Action.RESTORED)


def same_relation(one: Relation, other: Relation) -> bool:
    """Whether a relation is as a person saw it, or as an act left it: ends, type, weight and metadata."""
    return replace(one, created_at=None, created_by=other.created_by) == replace(other, created_at=None)
