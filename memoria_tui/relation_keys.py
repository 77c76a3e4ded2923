"""The relation types as a person chooses them: a key and a meaning each."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content

from memoria_tui.present import colour
from services.model import RelationType

KEYS: Mapping[RelationType, tuple[str, str]] = {
    RelationType.CAUSES: ("c", "brings the other about"),
    RelationType.FIXES: ("f", "solves the other's problem"),
    RelationType.SUPPORTS: ("s", "speaks for the other"),
    RelationType.OPPOSES: ("o", "speaks against the other"),
    RelationType.FOLLOWS: ("w", "comes after the other"),
    RelationType.SUPERSEDES: ("p", "replaces the other"),
    RelationType.DERIVES: ("d", "was made from the other"),
    RelationType.PART_OF: ("P", "belongs to the other"),
    RelationType.RELATED: ("r", "has to do with the other"),
}
"""Type → its key and what it says of the source."""


def type_of_key(character: str | None) -> RelationType | None:
    """The type of a pressed key."""
    return next((kind for kind, (key, _) in KEYS.items() if key == character), None)


def described(kind: RelationType, mark: str = "") -> Content:
    """« f  fixes       solves the other's problem»; `mark` stands before it."""
    key, meaning = KEYS[kind]
    return Content.assemble(
        (mark, "$accent"),
        (f" {key}  ", "bold $accent"),
        (f"{kind.label:<11}", colour(kind)),
        (f" {meaning}", "$foreground 60%"),
    )
