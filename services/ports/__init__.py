"""What the services need from the outside, as narrow protocols. Adapters implement them; tests give their own."""

from __future__ import annotations

from services.ports.chat import Chat
from services.ports.embedder import Embedder, Nearness, WordEmbedder
from services.ports.feed import Feed, Tell
from services.ports.record_values import (
    UNMARKED,
    FoundNode,
    FoundStep,
    KeptVectors,
    Link,
    Mark,
    NewChange,
    NewRelation,
    OutboxEntry,
    PendingReview,
    Pulse,
    RelationSummary,
    Review,
    Waiting,
    WorkUndone,
)
from services.ports.sql import SqlConnection, SqlDatabase, SqlFeatures, SqlTransaction
from services.ports.vectors import Draft, Room, SwitchableStore, VectorStore, WordStore
from services.times import Clock, machine_clock
