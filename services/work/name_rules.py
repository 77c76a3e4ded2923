"""What a new client or project may be called."""

from __future__ import annotations

from collections.abc import Sequence

from services.errors import Malformed
from services.storable_text import require_name, unseen
from services.tags import read_tags

LONGEST_NAME = 500
"""Characters of a name that comes from elsewhere: an index of PostgreSQL holds no more than about 2,700 bytes."""


def checked_tags(typed: str | Sequence[str]) -> tuple[str, ...]:
    """The tags in «auth, #login page», as imports read them. Raises InvalidInput for what cannot be a name."""
    return tuple(map(checked_name, read_tags(typed)))


def cleaned_name(name: str) -> str:
    """A name of another program as `checked_name` takes it, with blanks for what it refuses; "" where none is left."""
    refused = unseen(name)
    return " ".join("".join(" " if at in refused else one for at, one in enumerate(name)).split())[:LONGEST_NAME]


def checked_name(name: str) -> str:
    """The name without blanks around. Raises InvalidInput for none, and for what no name has."""
    if not (given := name.strip()):
        raise Malformed("a name needs some text")
    require_name(given)
    return given
