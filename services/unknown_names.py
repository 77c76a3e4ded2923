"""What is said where a name names nothing: which ones are near to it, or which there are."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from services.storable_text import quoted, shortened

_LISTED = 10
"""Names that a message lists."""


def near_names(given: str, known: Iterable[str]) -> list[str]:
    """The known names that are most like the given one, at most three, whatever the case of letters."""
    from difflib import get_close_matches  # later: hardly any command needs it

    spelled = {shortened(one).casefold(): one for one in reversed([*known])}
    return [spelled[one] for one in get_close_matches(shortened(given).casefold(), spelled, n=3, cutoff=0.7)]


def instead(given: str, known: Collection[str]) -> str:
    """What could be meant by a name that is not known: «did you mean 'acme'?», else «there are 'acme', 'birch'»."""
    if near := near_names(given, known):
        return f"did you mean {' or '.join(map(quoted, near))}?"
    named = [quoted(one) for one in known][:_LISTED]
    more = f" and {len(known) - _LISTED:,} more" if len(known) > _LISTED else ""
    return f"there are {', '.join(named)}{more}" if named else "there are none yet"
