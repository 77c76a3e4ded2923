"""One rule for ids: which memory a record of another program is, the same one in every import. Pure."""

from __future__ import annotations

import hashlib
import uuid

from services.memories.stored_memories import canonical

ORIGINAL_ID = "original_id"
"""Key under which a memory keeps an id of its source that is no UUID."""
_LOCAL = 8
"""Ids shorter than this number of characters count within their file or folder alone."""


def id_of(origin: str) -> str:
    """An id that is always the same for one origin. Not a version 5: those are ids of chunks."""
    return str(uuid.UUID(bytes=hashlib.sha256(origin.encode("utf-8", "surrogatepass")).digest()[:16], version=4))


def file_id(folder: str, name: str) -> str:
    """The id of the memory of a file that gives none; `name` is its path in the folder, which is absolute."""
    return id_of(f"{folder}/{name}")


def memory_id(given: str | int | float, source: str) -> str:
    """The id of the memory that has this id in a source: a UUID itself, else one made of it.

    `source` names the file or folder: a short id such as `17` is that of another memory in another one.
    """
    text = str(given).strip()
    return canonical(text) or id_of(f"id\0{source if len(text) < _LOCAL else ''}\0{text}")
