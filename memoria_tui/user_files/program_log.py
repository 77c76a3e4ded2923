"""The log file: what was done at length and what stores refused; never a memory's text, a question or a password."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

from services.errors import EmbeddingFailed, MemoriaError, StoreMismatch, StoreUnavailable
from services.files import make_private, private

if TYPE_CHECKING:
    from io import TextIOWrapper

    from services.model import StoreStatus

_OURS = ("memoria_tui", "services")
"""Loggers that are written; those of libraries would show statements with all their values."""
_BYTES, _KEPT = 1 << 20, 3
_log = logging.getLogger(__name__)


class LogFile(RotatingFileHandler):
    """Made with the first line; a log that cannot be written keeps nobody from working."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            file, maxBytes=_BYTES, backupCount=_KEPT, encoding="utf-8", errors="backslashreplace", delay=True
        )
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self.failed = False

    def _open(self) -> TextIOWrapper:
        make_private(Path(self.baseFilename).parent)
        return open(self.baseFilename, "a", encoding=self.encoding, errors=self.errors, opener=private)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - named by logging
        self.failed = True


def keep_log(file: Path, level: str) -> LogFile:
    """Writes lines of this level and above to the file, in the place of the one before."""
    handler = LogFile(file)
    for name in _OURS:
        logger = logging.getLogger(name)
        for former in logger.handlers[:]:
            logger.removeHandler(former)
            former.close()
        logger.addHandler(handler)
        logger.setLevel(level)
        logger.propagate = False
    return handler


def refused(error: MemoriaError) -> None:
    """Notes what a store said; errors about what a person typed are for that person only."""
    if isinstance(error, StoreUnavailable | StoreMismatch | EmbeddingFailed):
        _log.warning("%s", error)


def crashed(error: BaseException) -> str:
    """Writes the traceback to the log; gives one line that says where, with nothing that may be a memory's text."""
    _log.critical("this should not have happened", exc_info=error)
    files = [one for one in logging.getLogger(_OURS[0]).handlers if isinstance(one, LogFile) and not one.failed]
    details = f" (details in {files[0].baseFilename})" if files else ""
    return f"this should not have happened: {type(error).__name__}{details}"


def log_status_change(before: Iterable[StoreStatus], now: Iterable[StoreStatus]) -> None:
    """Notes which stores went away and came back."""
    were = {store.kind: store.ok for store in before}
    for store in now:
        if were.get(store.kind, True) and not store.ok:
            _log.warning("%s (%s) is away: %s", store.kind, store.label, "; ".join(store.problems))
        elif store.ok and not were.get(store.kind, True):
            _log.info("%s (%s) is back", store.kind, store.label)
