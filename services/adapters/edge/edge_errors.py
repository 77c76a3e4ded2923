"""What failures of Qdrant Edge and of the disk under it mean for a person."""

from __future__ import annotations

from pathlib import Path

from services.adapters.collections import storable_text
from services.errors import MAKE_ROOM, MemoriaError, StorageFull, StoreInUse, StoreMismatch, StoreUnavailable
from services.files import FULL


def translated(error: BaseException, folder: Path) -> MemoriaError:
    """What a failure of Edge or of the file system means for a person, in one line."""
    if isinstance(error, MemoriaError):
        return error
    text = storable_text(str(error)).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if _is_full(error, text):
        return StorageFull(f"cannot write to {folder} ({text}); {MAKE_ROOM}")
    if "WouldBlock" in text:
        return StoreInUse(f"another process holds the memories in {folder}; close it first")
    return StoreUnavailable(f"the store in {folder} failed: {text}")


def open_error(error: BaseException, path: Path) -> MemoriaError:
    """The same for a shard that could not be opened."""
    known = translated(error, path)
    if isinstance(known, StorageFull | StoreInUse):
        return known
    return StoreMismatch(f"the vectors in {path} are damaged ({known}); restore a backup, or move the folder away")


def _is_full(error: BaseException, text: str) -> bool:
    """Edge tells errors of the system only by text, in two spellings."""
    spellings = (spelling for code in FULL for spelling in (f"os error {code})", f"code: {code},"))
    return (isinstance(error, OSError) and error.errno in FULL) or any(spelling in text for spelling in spellings)
