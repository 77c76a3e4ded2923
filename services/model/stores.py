"""How the stores are, and how far a long run is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class StoreKind(StrEnum):
    """The three stores of the top line."""

    QDRANT = "qdrant"
    POSTGRES = "postgres"
    EMBEDDER = "embedder"


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """Health of one store."""

    kind: StoreKind
    ok: bool
    label: str
    """«embedded», «bundled» or the host, never a password."""
    version: str = ""
    latency_ms: float | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    """One line each: what is wrong and what to do."""
    read_only: str = ""
    """Why it can be read but not written, one line, also among the problems; "" when it takes writes."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long run is."""

    done: int
    total: int | None
    """None while it is not known."""
    what: str = ""
