"""Points for tests of the stores."""

from __future__ import annotations

import uuid
from pathlib import Path

from services.points import Point

DIMENSIONS = 4
MODEL = "test-model"


def ident(number: int) -> str:
    """The same id for the same number; ids sort as their numbers do."""
    return str(uuid.UUID(int=number))


def point(number: int, content: object = "text", vector: list[float] | None = None, **payload: object) -> Point:
    """A point as upstream writes a plain memory, with what the test cares about."""
    name = ident(number)
    base: dict[str, object] = {"content": content, "parent_id": name, "is_chunk": False, "chunk_index": 0}
    return Point(name, {**base, **payload}, vector)


def sparse_copy(source: str, target: str) -> None:
    """Edge's files are 33 MB long and hold next to nothing: holes stay holes."""
    content = Path(source).read_bytes() if Path(source).stat().st_blocks else b""
    with open(target, "wb") as file:
        file.write(content.rstrip(b"\0"))
        file.truncate(Path(source).stat().st_size)
