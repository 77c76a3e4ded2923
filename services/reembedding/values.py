"""What re-embedding is asked for, and what it tells about itself."""

from __future__ import annotations

from dataclasses import dataclass

from services.ports import Draft, Room


@dataclass(frozen=True, slots=True)
class ReembedState:
    """Which vectors the store has."""

    model: str | None
    """None when another program made them, or there are none."""
    dimensions: int
    """0 while there are no collections."""
    memories: int
    draft: Draft | None
    """A next set of collections that is being filled, also by a restore."""
    done: int
    """Memories in the draft of a re-embedding."""
    former: Draft | None
    """What was in use before, until it is dropped."""


@dataclass(frozen=True, slots=True)
class ReembedPlan:
    """What a re-embedding would do; the embedder was tried."""

    model: str
    dimensions: int
    memories: int
    needless: bool
    """The store is with this model already."""
    room: Room | None
    """None when the disk of the store cannot be asked."""


@dataclass(frozen=True, slots=True)
class ReembedReport:
    """What a re-embedding did."""

    model: str
    dimensions: int
    memories: int
    embedded: int
    """Memories whose vectors this run made; the others were made by an earlier run that was stopped."""
    seconds: float
    switched: bool
    """False when the store was with this model already."""
    settings: tuple[str, ...]
    """What has to be set for this program to go on with the model; empty when all is set."""
