"""The keys of a memory's payload that tell how far it is trusted, beside those of MCP Memoria."""

from __future__ import annotations

EXPIRES_AT = "expires_at"
"""When it is outdated, an instant in ISO form; without a zone it is UTC."""
VERIFIED_AT = "last_verified"
"""When somebody last said that it is true still, as `expires_at`."""
VERIFIED_BY = "verified_by"
PINNED = "pinned"
"""True: it is to stay whatever its age; any other value is none."""
CONFIDENCE = "confidence"
"""0..1."""
OWN_TRUST_KEYS = frozenset({VERIFIED_AT, VERIFIED_BY, PINNED, CONFIDENCE})
"""Those that are about one text: no memory takes them over from another one."""
TRUST_KEYS = OWN_TRUST_KEYS | {EXPIRES_AT}
