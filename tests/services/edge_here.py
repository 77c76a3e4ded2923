"""Qdrant Edge and the bundled model in the process of the tests: the daemon, which some tests are about, takes a while.

What crosses is written and read as it is on the socket.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from services.adapters.bundled_embedder import BundledEmbedder
from services.adapters.bundled_model import BundledModel
from services.adapters.daemon.wire import DRAFT, IN_USE, METHODS, MODEL, WORDS
from services.adapters.edge.edge_errors import translated
from services.adapters.edge.edge_folder import EdgeDraft, EdgeFolder
from services.adapters.edge.edge_store import EdgeSet, EdgeVectorStore
from services.adapters.edge.folder_locks import take_draft, take_folder
from services.adapters.ollama import OllamaEmbedder
from services.container import Services, open_services
from services.model import MemoryType
from services.model.database import Ask
from services.ports import Embedder, SwitchableStore
from services.search.vocabulary import Vocabulary
from services.settings import Settings
from services.waiting_notice import Waits
from tests.services.ready_shards import ReadySets

_MODEL = BundledModel()


class Here:
    """Stands where the client of the daemon stands."""

    def __init__(self, folder: Path, open_sets: Callable[[Path], EdgeFolder] = EdgeFolder) -> None:
        self._folder = folder
        self._open_sets = open_sets
        self._sets: EdgeFolder | None = None
        self._drafts: dict[str, EdgeDraft] = {}
        self._open, self._open_drafts = ExitStack(), ExitStack()
        self._words = Vocabulary(EdgeSet(partial(self.call, IN_USE)))

    async def call(self, target: str, method: str, *arguments: object) -> Any:
        await asyncio.sleep(0)
        known = METHODS[method]
        given = known.read_arguments(known.write_arguments(arguments))
        if method in ("adopt_draft", "drop_draft"):
            self._close_drafts()
        try:
            if target == WORDS:
                return await getattr(self._words, method)(*given)
            answer = getattr(self._served(target), method)(*given)
        except Exception as error:
            raise translated(error, self._folder) from error
        self._tidy(target)
        return known.read_answer(list(known.write_answer(answer)))

    async def close(self) -> None:
        self._close_drafts()
        self._open.close()
        self._sets = None

    def _served(self, target: str) -> Any:
        if target == MODEL:
            return _MODEL
        if target.startswith(DRAFT):
            return self._draft(target).of(target)
        if self._sets is None:
            with ExitStack() as opened:
                opened.callback(os.close, take_folder(self._folder))
                self._sets = self._open_sets(self._folder)
                opened.callback(self._sets.close)
                self._open = opened.pop_all()
        return self._sets.of(target)

    def _draft(self, target: str) -> EdgeDraft:
        if target not in self._drafts:
            collection = MemoryType(target.removeprefix(f"{DRAFT} "))
            lock = take_draft(self._folder, collection)
            try:
                self._drafts[target] = EdgeDraft(self._folder, collection)
            except BaseException:
                os.close(lock)
                raise
            self._open_drafts.callback(os.close, lock)
            self._open_drafts.callback(self._drafts[target].close)
        return self._drafts[target]

    def _tidy(self, target: str) -> None:
        tidied = self._drafts.get(target) or self._sets
        if tidied is not None and target != MODEL:
            tidied.tidy()

    def _close_drafts(self) -> None:
        self._open_drafts.close()
        self._drafts.clear()


def edge_here(folder: Path, open_sets: Callable[[Path], EdgeFolder] = ReadySets) -> EdgeVectorStore:
    """An embedded store that this process serves."""
    return EdgeVectorStore(Here(folder, open_sets))


def model_here() -> BundledEmbedder:
    """The bundled model in this process."""
    return BundledEmbedder(Here(Path()))


def services_here(
    settings: Settings,
    *,
    vectors: SwitchableStore | None = None,
    embedder: Embedder | None = None,
    ask: Ask | None = None,
    waits: Waits | None = None,
) -> AbstractAsyncContextManager[Services]:
    """The services, with what is embedded of vectors and models in this process; Ollama is asked again at once."""
    if vectors is None and settings.qdrant_host is None:
        vectors = edge_here(settings.vectors_dir)
    if embedder is None:
        embedder = model_here() if settings.ollama_host is None else _impatient(settings, settings.ollama_host)
    return open_services(settings, vectors=vectors, embedder=embedder, ask=ask, waits=waits)


def _impatient(settings: Settings, host: str) -> OllamaEmbedder:
    return OllamaEmbedder(host, settings.embedding_model, settings.embedding_dimensions, first_wait=0.01)
