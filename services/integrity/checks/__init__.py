"""All integrity checks. Another one is another file with a `Check`, and a line here."""

from __future__ import annotations

from services.integrity.check import Check
from services.integrity.checks.behind_history import STALE
from services.integrity.checks.changed_outside import CHANGED
from services.integrity.checks.headless import HEADLESS
from services.integrity.checks.nested import NESTED
from services.integrity.checks.orphaned_relations import ORPHANS
from services.integrity.checks.relations_of_chunks import CHUNK_ENDS
from services.integrity.checks.secrets import SECRETS
from services.integrity.checks.uneven import UNEVEN

CHECKS: tuple[Check, ...] = (HEADLESS, NESTED, UNEVEN, STALE, CHUNK_ENDS, ORPHANS, SECRETS, CHANGED)
"""In the order in which all are repaired: a memory that has all its chunks again saves relations from being orphans."""
REPAIRABLE = tuple(check for check in CHECKS if check.repairable)

__all__ = [
    "CHANGED",
    "CHECKS",
    "CHUNK_ENDS",
    "HEADLESS",
    "NESTED",
    "ORPHANS",
    "REPAIRABLE",
    "SECRETS",
    "STALE",
    "UNEVEN",
]
