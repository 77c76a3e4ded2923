"""What the services need from the outside, as narrow protocols. Adapters implement them; tests give their own."""

from __future__ import annotations

from services.ports.clock import Clock
from services.ports.embedding import Embedder, WordEmbedder
from services.ports.feed import Feed, Tell
from services.ports.records import Records, Transaction
from services.ports.values import (
    UNMARKED,
    Edge,
    FoundNode,
    FoundStep,
    KeptVectors,
    Mark,
    NewChange,
    NewRelation,
    Pulse,
    ScheduledWork,
    Waiting,
    WorkUndone,
)
from services.ports.vectors import Draft, Generations, Room, SwitchableStore, VectorStore

__all__ = [
    "UNMARKED",
    "Clock",
    "Draft",
    "Edge",
    "Embedder",
    "Feed",
    "FoundNode",
    "FoundStep",
    "Generations",
    "KeptVectors",
    "Mark",
    "NewChange",
    "NewRelation",
    "Pulse",
    "Records",
    "Room",
    "ScheduledWork",
    "SwitchableStore",
    "Tell",
    "Transaction",
    "VectorStore",
    "Waiting",
    "WordEmbedder",
    "WorkUndone",
]
