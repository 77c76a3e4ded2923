"""Edge and the model in the process that asks, as before there was a daemon.

`python -m tests.benchmarks.one_process search WORDS` runs a command so: what it needs is imported, started, opened and
asked one after the other.

As what a cold start is compared with it asks for more than the goal, which was set against the code before there was a
daemon: what was made quicker for all since then, such as what is imported, is quicker here too. Of the two this one can
be run by anybody, in turns with what is measured, so the goal stays where it is.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria_tui.cli import main
from memoria_tui.cli.terminal import Terminal

if TYPE_CHECKING:
    from services.container import Services
    from services.settings import Settings


class Bare:
    """Edge and the model in this process, asked without anything in between."""

    def __init__(self, folder: Path) -> None:
        from services.adapters.bundled_model import BundledModel
        from services.adapters.daemon.wire import IN_USE
        from services.adapters.edge.edge_folder import EdgeFolder
        from services.adapters.edge.edge_store import EdgeSet
        from services.adapters.edge.folder_locks import take_folder
        from services.search.vocabulary import Vocabulary

        self._lock = take_folder(folder)
        self._sets, self._model = EdgeFolder(folder), BundledModel()
        self._words = Vocabulary(EdgeSet(partial(self.call, IN_USE)))

    async def call(self, target: str, method: str, *arguments: object) -> Any:
        from services.adapters.daemon.wire import MODEL, WORDS

        if target == WORDS:
            return await getattr(self._words, method)(*arguments)
        if target != MODEL:
            return getattr(self._sets.of(target), method)(*arguments)
        ask = getattr(self._model, method)
        return ask(*arguments) if method != "closeness" else await asyncio.to_thread(ask, *arguments)

    async def close(self) -> None:
        """The store and the model are closed together; the second time there is nothing to do."""
        self._sets.close()
        with suppress(OSError):
            os.close(self._lock)


@asynccontextmanager
async def open_services(settings: Settings, **options: Any) -> AsyncIterator[Services]:
    """As that of the container, but for the stores' place."""
    from services import container
    from services.adapters.bundled_embedder import BundledEmbedder
    from services.adapters.edge.edge_store import EdgeVectorStore

    bare = Bare(settings.vectors_dir)
    vectors, embedder = EdgeVectorStore(bare), BundledEmbedder(bare)
    async with container.open_services(settings, vectors=vectors, embedder=embedder, **options) as services:
        yield services


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], replace(Terminal.of_process(), open_services=open_services)))
