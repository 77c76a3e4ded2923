"""What a memory may be at most, so that reading, embedding and copying it stay quick. Checked where one is written."""

from __future__ import annotations

import json
from collections.abc import Mapping

from services.errors import InvalidInput

MOST_TEXT = 4_000_000
"""Characters of the text."""
MOST_TAGS = 2000
MOST_METADATA = 250_000
"""Characters of everything but the text, as JSON: each chunk has a copy of it."""


def checked_text(text: str) -> str:
    """The text as it is. Raises InvalidInput for one that says nothing, or that is too long."""
    if not text.strip():
        raise InvalidInput("the text is empty; nothing was written")
    if len(text) > MOST_TEXT:
        raise InvalidInput(f"the text has {len(text):,} characters, a memory at most {MOST_TEXT:,}; divide it")
    return text


def checked_payload(payload: Mapping[str, object]) -> Mapping[str, object]:
    """The payload as it is. Raises InvalidInput when it has more tags or metadata than a memory may have."""
    tags = payload.get("tags")
    if isinstance(tags, (list, tuple)) and len(tags) > MOST_TAGS:
        raise InvalidInput(f"{len(tags):,} tags; a memory has at most {MOST_TAGS:,}")
    rest = {key: value for key, value in payload.items() if key != "content"}
    if (size := len(json.dumps(rest, default=str))) > MOST_METADATA:
        raise InvalidInput(f"metadata of {size:,} characters; a memory has at most {MOST_METADATA:,}")
    return payload
