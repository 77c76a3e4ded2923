"""What other programs call their memories and relations, as the types that there are here. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

from services.model import MemoryType, RelationCreator, RelationType
from services.ports import NewRelation

Meaning = TypeVar("Meaning")

ORIGINAL_TYPE = "original_type"
"""Key under which memories and relations keep the name that their type has in the source."""
_CATEGORIES: Mapping[MemoryType, str] = {
    MemoryType.PROCEDURAL: "rule skill procedure procedural process how_to howto instruction workflow guideline step "
    "recipe playbook runbook policy convention practice best_practice habit routine tool command",
    MemoryType.EPISODIC: "event context conversation conversational conscious_info episode episodic experience session "
    "interaction observation task activity meeting incident decision message chat short_term log history",
}
"""By type, the categories that become it; every other one (fact, preference, identity, …) becomes semantic."""
_RELATIONS: Mapping[RelationType, str] = {
    RelationType.CAUSES: "causes cause leads_to results_in triggers creates produces enables affects influences",
    RelationType.FIXES: "fixes fix solves resolves repairs corrects addresses mitigates",
    RelationType.SUPPORTS: "supports support helps confirms backs assists recommends agrees_with endorses proves",
    RelationType.OPPOSES: "opposes contradicts conflicts_with disagrees_with blocks prevents dislikes hates rejects "
    "competes_with refutes avoids",
    RelationType.FOLLOWS: "follows comes_after after next succeeds",
    RelationType.SUPERSEDES: "supersedes replaces overrides updates obsoletes deprecates",
    RelationType.DERIVES: "derives derives_from derived_from based_on comes_from extends inherits inherits_from "
    "inferred_from implements built_on built_with uses depends_on requires instance_of is_a",
    RelationType.PART_OF: "part_of belongs_to member_of in child_of works_for works_at works_on works_in employed_by "
    "located_in lives_in component_of subset_of",
}
_TURNED: Mapping[RelationType, str] = {
    RelationType.CAUSES: "caused_by triggered_by created_by produced_by made_by affected_by",
    RelationType.FIXES: "fixed_by solved_by resolved_by",
    RelationType.SUPPORTS: "supported_by helped_by recommended_by",
    RelationType.OPPOSES: "opposed_by blocked_by",
    RelationType.FOLLOWS: "precedes before followed_by leads",
    RelationType.SUPERSEDES: "superseded_by replaced_by",
    RelationType.DERIVES: "used_by required_by extended_by",
    RelationType.PART_OF: "contains includes has has_part has_member owns parent_of employs consists_of",
}
"""What is the same relation seen from its other end."""


def by_name(meanings: Iterable[tuple[Meaning, str]]) -> Mapping[str, Meaning]:
    """From meanings with their names. Raises ValueError for a name that has two, of which one would be lost."""
    known: dict[str, Meaning] = {}
    for meaning, names in meanings:
        for name in names.split():
            if known.setdefault(name, meaning) != meaning:
                raise ValueError(f"{name} means both {known[name]} and {meaning}")
    return known


_TYPES = by_name(_CATEGORIES.items())
_KNOWN = by_name(
    ((kind, turned), names) for table, turned in ((_RELATIONS, False), (_TURNED, True)) for kind, names in table.items()
)


def memory_type(category: object) -> MemoryType:
    """The type that a category of Memori becomes."""
    name = _key(category)
    return _TYPES.get(name) or _TYPES.get(name.removesuffix("s"), MemoryType.SEMANTIC)


def relation_type(name: object) -> tuple[RelationType, bool]:
    """The type that a relationship becomes, and whether it points the other way."""
    return _KNOWN.get(_key(name), (RelationType.RELATED, False))


def _key(name: object) -> str:
    """«Works-At», «works at» and «worksAt» are one name."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name) if isinstance(name, str) else ""
    return re.sub(r"[\W_]+", "_", words).strip("_").casefold()


def typed_relation(source: str, target: str, name: str, **context: object) -> NewRelation:
    """A relation of the type that the name becomes, reversed where the name says the same from the other end.

    The name stays in its metadata, with what is known of the `context`; "" is a mere link.
    """
    kind, turned = relation_type(name)
    if turned:
        source, target = target, source
    named = {} if not name or _key(name) == kind else {ORIGINAL_TYPE: name}
    metadata = {**named, **{key: value for key, value in context.items() if value}}
    return NewRelation(source, target, kind, created_by=RelationCreator.SYSTEM, metadata=metadata)
