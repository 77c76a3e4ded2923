"""A copy of the store, before a wheel of another version of Qdrant Edge opens it and perhaps writes it otherwise."""

from __future__ import annotations

import logging
import re
import shutil
from importlib.metadata import version
from pathlib import Path

from services.files import copy_sparsely, rename_folder, write_file

_log = logging.getLogger(__name__)
_FILE = "edge.version"
_VERSION = re.compile(r"\d[\w.+-]*")


def keep_for_other_wheel(folder: Path, wheel: str | None = None) -> None:
    """The copy has the former version in its name, and stays; of the first wheel that is known there is none.

    A note that is no version, as a crash may leave it, counts as another wheel's. The caller holds the folder's lock.
    Raises OSError, StorageFull.
    """
    now, noted = wheel or version("qdrant-edge-py"), folder / _FILE
    before = noted.read_text("utf-8", "replace").strip() if noted.exists() else now
    before = before if _VERSION.fullmatch(before) else "unknown"
    if before != now and not (kept := folder.with_name(f"{folder.name}-{before}")).exists():
        making = folder.with_name(f"{folder.name}.copy")
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(folder, making, copy_function=copy_sparsely)
        making.chmod(0o700)
        rename_folder(making, kept)
        _log.info("kept the store as Qdrant Edge %s left it in %s", before, kept)
    if before != now or not noted.exists():
        write_file(noted, now)
