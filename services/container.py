"""Puts the services together: which adapters stand behind the ports is decided here. Nothing connects until asked."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from services.adapters.database_upgrade import DatabaseService
from services.adapters.postgres.checked_database import CheckedDatabase
from services.adapters.postgres.database import Database
from services.adapters.postgres.embedded import EmbeddedPostgres
from services.adapters.postgres.listening import DatabaseFeed
from services.backup.backup_service import BackupService
from services.backup.restore_run import RestoreTarget
from services.backup.restoring import RestoreService
from services.errors import MemoriaError
from services.files import close_home
from services.graph.graph_service import GraphService
from services.graph.suggestions import SuggestionService
from services.health import HealthService
from services.integrity.integrity_service import IntegrityService
from services.live import ALONE, LiveService
from services.memories.memory_service import MemoryService
from services.model import StoreKind
from services.model.database import Ask
from services.ports import machine_clock
from services.records import Records
from services.records.backup_tables import BackupTables
from services.records.pause_stamps import newest_stamps
from services.reembedding.reembedding_service import ReembeddingService
from services.search.memory_counts import MemoryCounts
from services.search.search_service import SearchService
from services.transfer.exporting import ExportService
from services.transfer.importing import ImportService
from services.vector_stores import vector_store
from services.work.clients import ClientService
from services.work.reports import ReportService
from services.work.stamps import Stamp, Zones, with_writer_zone
from services.work.work_service import WorkService

if TYPE_CHECKING:
    from services.ports import Clock, Embedder, SwitchableStore
    from services.reembedding.reembed_values import Target
    from services.settings import Settings
    from services.transfer.importing import RecordSource

_log = logging.getLogger(__name__)
_PATIENCE = 3.0
"""Seconds in which a shared database has to say in which zone it is written."""


@dataclass(frozen=True, slots=True)
class Services:
    """All that can be done, over one set of stores."""

    settings: Settings
    clock: Clock
    vectors: SwitchableStore
    embedder: Embedder
    records: Records
    database: DatabaseService
    search: SearchService
    memories: MemoryService
    memory_counts: MemoryCounts
    graph: GraphService
    suggestions: SuggestionService
    health: HealthService
    integrity: IntegrityService
    reembedding: ReembeddingService
    importing: ImportService
    exporting: ExportService
    work: WorkService
    reports: ReportService
    clients: ClientService
    backup: BackupService
    restoring: RestoreService
    live: LiveService
    zones: Zones
    """The person's, and that of stamps without one."""


@contextlib.asynccontextmanager
async def open_services(
    settings: Settings,
    *,
    vectors: SwitchableStore | None = None,
    embedder: Embedder | None = None,
    records: Records | None = None,
    clock: Clock | None = None,
    ask: Ask | None = None,
) -> AsyncIterator[Services]:
    """The services of the stores that the settings name; whatever was opened is closed at the end.

    A shared database is asked in which zone its stamps are written, unless the settings say that.

    `ask` is how to ask before anything is added to a database or a Qdrant that other programs made.
    """
    await asyncio.to_thread(close_home, settings.home)
    database = Database.of(settings)
    checked = CheckedDatabase(database)
    settings, zones = with_writer_zone(settings, await _stamps(database, checked, settings))
    services = _services(
        settings,
        zones,
        database,
        checked,
        vectors or vector_store(settings),
        embedder or _embedder(settings),
        records or Records(checked, settings, clock or machine_clock),
        clock or machine_clock,
        ask,
    )
    async with contextlib.AsyncExitStack() as closing:
        for opened in (database, services.records, services.embedder, services.vectors):
            closing.push_async_callback(opened.close)
        yield services


async def erase_database(settings: Settings) -> None:
    """Stops the embedded database of a home and throws it away. Raises StoreInUse while another program has it open."""
    await EmbeddedPostgres(settings.postgres_dir).erase()


def memori_source(url: str) -> RecordSource:
    """What Memori keeps in a PostgreSQL, to be imported. Raises InvalidInput when the URL cannot be read."""
    from services.adapters.memori_database import MemoriDatabase
    from services.adapters.memori_source import MemoriSource

    return MemoriSource(MemoriDatabase(url), machine_clock)


async def _stamps(database: Database, checked: CheckedDatabase, settings: Settings) -> Sequence[Stamp]:
    """What tells of the zone in which others write; nothing where that is set, and where nobody else writes."""
    if settings.writer_zone is not None or database.embedded is not None:
        return ()
    try:
        async with asyncio.timeout(_PATIENCE):
            return await newest_stamps(checked)
    except (MemoriaError, TimeoutError) as error:
        _log.debug("the zone of stamps is not known: %s", error)
        return ()


def _services(
    settings: Settings,
    zones: Zones,
    database: Database,
    checked: CheckedDatabase,
    vectors: SwitchableStore,
    embedder: Embedder,
    records: Records,
    clock: Clock,
    ask: Ask | None,
) -> Services:
    schema = DatabaseService(database, vectors if settings.qdrant_host else None, embedder, ask)
    database.permit = schema.permit
    memories = MemoryService(vectors, embedder, records, settings, clock, schema.permit)
    graph = GraphService(vectors, records, settings)
    integrity = IntegrityService(vectors, records, memories, settings)
    tables = BackupTables(checked, settings)
    backup = BackupService(vectors, tables, embedder, settings, clock)
    restoring = RestoreService(RestoreTarget(vectors, tables, memories, settings), embedder, backup, settings, clock)
    return Services(
        settings=settings,
        clock=clock,
        vectors=vectors,
        embedder=embedder,
        records=records,
        database=schema,
        search=SearchService(vectors, embedder, records, settings, clock),
        memories=memories,
        memory_counts=MemoryCounts(vectors, records, settings),
        graph=graph,
        suggestions=SuggestionService(vectors, records, graph),
        health=HealthService(vectors, embedder, records, integrity, memories.outside, settings, restoring.unfinished),
        integrity=integrity,
        reembedding=ReembeddingService(vectors, partial(_target, settings, embedder), settings, memories.barrier),
        importing=ImportService(vectors, embedder, records, memories, settings, clock),
        exporting=ExportService(vectors, records, settings, clock),
        work=WorkService(records, settings, clock, memories),
        reports=ReportService(records, settings, clock),
        clients=ClientService(records),
        backup=backup,
        restoring=restoring,
        zones=zones,
        live=LiveService(
            DatabaseFeed(database),
            vectors,
            records,
            embedder,
            clock,
            ALONE if settings.qdrant_host is None else None,
            started=_started(settings),
        ),
    )


def _started(settings: Settings) -> frozenset[StoreKind]:
    """The stores that are part of the program, and start with it."""
    hosts = {
        StoreKind.QDRANT: settings.qdrant_host,
        StoreKind.POSTGRES: settings.database_url,
        StoreKind.EMBEDDER: settings.ollama_host,
    }
    return frozenset(kind for kind, host in hosts.items() if host is None)


@contextlib.asynccontextmanager
async def _target(settings: Settings, own: Embedder, target: Target) -> AsyncIterator[Embedder]:
    """The embedder that a store is to be moved to: our own, whose model is loaded, where that is the one."""
    if (wanted := target.settings(settings)) == settings:
        yield own
        return
    embedder = _embedder(wanted)
    try:
        yield embedder
    finally:
        await embedder.close()


def _embedder(settings: Settings) -> Embedder:
    if settings.ollama_host is None:
        from services.adapters.bundled_embedder import BundledEmbedder

        return BundledEmbedder()
    from services.adapters.ollama import OllamaEmbedder

    return OllamaEmbedder(settings.ollama_host, settings.embedding_model, settings.embedding_dimensions)
