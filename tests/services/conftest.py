"""What tests of several services ask for."""

from __future__ import annotations

import pytest

from services.memories import saving
from services.records import outbox
from services.transfer.reader_parts import imported_records


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of them everywhere, so that few records are many."""
    monkeypatch.setattr(imported_records, "BATCH", 20)
    monkeypatch.setattr(saving, "BATCH", 10)
    monkeypatch.setattr(outbox, "_MOST_LOCKS", 20)
