"""What a new client or project may be called."""

from __future__ import annotations

from services.errors import Malformed
from services.storable_text import require_name, unseen

LONGEST_NAME = 500
"""Characters of a name that comes from elsewhere: an index of PostgreSQL holds no more than about 2,700 bytes."""


def read_tags(text: str) -> tuple[str, ...]:
    """The tags in «auth, #login page», each once. Raises InvalidInput for what cannot be a name."""
    given = (one.strip().removeprefix("#").strip() for one in text.split(","))
    return tuple(dict.fromkeys(checked_name(one) for one in given if one))


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
