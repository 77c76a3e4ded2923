"""The relation types as a person chooses and sees them: a key, a meaning and a colour each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from services.model import RelationType


class RelationLook(NamedTuple):
    """How a person chooses a relation type and sees it."""

    key: str
    meaning: str
    """What it says of the source."""
    dark: str
    """Its colour in the dark theme; the light one's are in `services/model/colours.py`."""
    built_in: str
    """The variable that colours it in themes of Textual's own."""
    distinct: str
    """Its colour for eyes that take red and green for one."""


LOOKS: Mapping[RelationType, RelationLook] = {
    RelationType.CAUSES: RelationLook("c", "brings the other about", "#ee8a8c", "text-warning", "#e8702a"),
    RelationType.FIXES: RelationLook("f", "solves the other's problem", "#8ecb9e", "text-success", "#1fb488"),
    RelationType.SUPPORTS: RelationLook("s", "speaks for the other", "#79c7c1", "text-primary", "#56b4e9"),
    RelationType.OPPOSES: RelationLook("o", "speaks against the other", "#e38fc0", "text-error", "#cc79a7"),
    RelationType.FOLLOWS: RelationLook("w", "comes after the other", "#86b3f5", "text-secondary", "#e8ecf6"),
    RelationType.SUPERSEDES: RelationLook("p", "replaces the other", "#e6b673", "text-accent", "#e69f00"),
    RelationType.DERIVES: RelationLook("d", "was made from the other", "#b79df0", "primary-lighten-2", "#8a9cff"),
    RelationType.PART_OF: RelationLook("P", "belongs to the other", "#d9cf8d", "secondary-lighten-2", "#f0e442"),
    RelationType.RELATED: RelationLook("r", "has to do with the other", "#98a1b8", "foreground-darken-1", "#98a1b8"),
}
