"""What a new client or project may be called."""

from __future__ import annotations

import re
import unicodedata

from services.errors import InvalidInput

_JOINED = re.compile("(?<=[^\x00-\x7f])[\u200c\u200d](?=[^\x00-\x7f])")
"""Joiners where scripts and emoji need them."""
LONGEST_NAME = 500
"""Characters of a name that comes from elsewhere: an index of PostgreSQL holds no more than about 2,700 bytes."""
_UNSEEN = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_REFUSED = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))


def read_tags(text: str) -> tuple[str, ...]:
    """The tags in «auth, #login page», each once. Raises InvalidInput for what cannot be a name."""
    given = (one.strip().removeprefix("#").strip() for one in text.split(","))
    return tuple(dict.fromkeys(checked_name(one) for one in given if one))


def cleaned_name(name: str) -> str:
    """A name of another program as `checked_name` takes it, with blanks for what it refuses; "" where none is left."""
    joined = "".join(" " if unicodedata.category(one) in _REFUSED or one in _UNSEEN else one for one in name)
    return " ".join(joined.split())[:LONGEST_NAME]


def checked_name(name: str) -> str:
    """The name without blanks around. Raises InvalidInput for none, and for line breaks and what nobody sees."""
    if not (given := name.strip()):
        raise InvalidInput("a name needs some text")
    wrong = [one for one in _JOINED.sub("", given) if unicodedata.category(one) in _REFUSED or one in _UNSEEN]
    if wrong:
        codes = ", ".join(dict.fromkeys(f"U+{ord(one):04X}" for one in wrong[:3]))
        raise InvalidInput(f"a name takes no line breaks, controls or invisible characters: it has {codes}")
    return given
