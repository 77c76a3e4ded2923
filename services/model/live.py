"""What other programs change."""

from __future__ import annotations

from enum import StrEnum


class Subject(StrEnum):
    """What a change made meanwhile is about."""

    MEMORIES = "memories"
    DELETIONS = "deletions"
    """Points of memories that are gone, whoever deleted them; told together with the memories."""
    RELATIONS = "relations"
    SESSIONS = "sessions"
    NAMES = "names"
    """Clients and projects."""
    SETTINGS = "settings"
    HISTORY = "history"
    """What programs like this one noted of their changes and undos."""
