"""Puts the services together: which adapters stand behind the ports is decided here. Nothing connects until asked."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from services.adapters.daemon.client import DaemonClient
from services.adapters.daemon.wire import prepare
from services.adapters.database_upgrade import DatabaseService
from services.adapters.postgres.change_notifications import DatabaseFeed
from services.adapters.postgres.database import CheckedDatabase, Database
from services.adapters.postgres.embedded import EmbeddedPostgres
from services.adapters.postgres.schema import WARM_UP
from services.backup.backup_service import BackupService
from services.backup.daily_backups import DailyBackups
from services.errors import MemoriaError
from services.files import close_home
from services.graph.graph_service import GraphService
from services.memories.memory_service import MemoryService
from services.memories.write_barrier import WriteBarrier
from services.model import StoreKind
from services.model.database import Ask
from services.permitted_stores import PermittedDatabase, permitted_store
from services.ports import machine_clock
from services.records import Records
from services.records.backup_tables import BackupTables
from services.records.history import created_stamps
from services.records.stored_sessions import newest_stamps
from services.search.memory_counts import MemoryCounts
from services.search.search_service import SearchService
from services.store_watching import TOLD, LiveService, Rhythm
from services.vector_stores import vector_store
from services.waiting_notice import Waits
from services.work.store_zone import keep_zone, kept_zone, with_kept_zone
from services.work.writer_zone import Stamp, Zones, with_writer_zone

if TYPE_CHECKING:
    from services.access_tokens import AccessTokenService
    from services.backup.restore_service import RestoreService
    from services.connected_agents import ConnectedAgentService
    from services.curation.consolidation import ConsolidationService
    from services.curation.duplicate_scan import DuplicateScan
    from services.curation.duplicates import DuplicateService
    from services.curation.inbox import InboxService
    from services.curation.lineage import LineageService
    from services.curation.memory_health import MemoryHealthService
    from services.curation.reflection import ReflectionService
    from services.curation.tags_and_projects import NameService
    from services.curation.trust import TrustService
    from services.graph.suggestions import SuggestionService
    from services.health import HealthService
    from services.integrity.integrity_service import IntegrityService
    from services.model import DaemonStatus
    from services.ports import Chat, Clock, Embedder, SwitchableStore, WordEmbedder
    from services.reembedding.onnx_models import OnnxModel
    from services.reembedding.reembed_values import Target
    from services.reembedding.reembedding_service import ReembeddingService
    from services.settings import Settings
    from services.transfer.exporting import ExportService
    from services.transfer.importing import ImportService, RecordSource
    from services.transfer.syncing import SyncService
    from services.work.billing import BillingService
    from services.work.clients_and_projects import ClientService
    from services.work.reports import ReportService
    from services.work.work_service import WorkService

_log = logging.getLogger(__name__)
_PATIENCE = 3.0
"""Seconds in which a shared database has to say in which zone it is written."""
_PATIENCE_TO_START = 10.0
"""As `_PATIENCE`, for the embedded one, which is asked once, and may have to be started."""
_SECONDS_TO_LEAVE = 10.0
"""For what commands leave behind, such as a daily backup, when the stores are to be stopped."""


class Services:
    """All that can be done, over one set of stores.

    What the first screen does not use is a property, whose modules are loaded when it is first asked for.
    """

    def __init__(
        self,
        settings: Settings,
        zones: Zones,
        database: CheckedDatabase,
        vectors: SwitchableStore,
        embedder: Embedder,
        records: Records | None,
        clock: Clock,
        ask: Ask | None,
        waits: Waits,
        chat: Chat | None = None,
        words: WordEmbedder | None = None,
    ) -> None:
        self.settings, self.clock = settings, clock
        self.zones = zones
        """The person's, and that of stamps without one."""
        as_it_is = BackupTables(CheckedDatabase(database.database, as_it_is=True), settings)
        early = BackupService(vectors, as_it_is, embedder, settings, clock)
        kept = DailyBackups(early, as_it_is.newest_change, settings, clock)
        database.database.before_upgrade = partial(_keep_before_upgrade, kept, waits)
        self.vectors, self.embedder = vectors, embedder = permitted_store(vectors), embedder
        permitted = PermittedDatabase(database)
        self.records = records = records or Records(permitted, settings, clock)
        self._tables = tables = BackupTables(permitted, settings)
        self._chat = chat

        self.database = DatabaseService(database.database, vectors if settings.qdrant_host else None, embedder, ask)
        database.database.permit = self.database.permit
        self.search = SearchService(vectors, embedder, records, settings, clock, words)
        self._barrier = barrier = WriteBarrier(settings.vectors_dir if settings.qdrant_host is None else None, waits)
        self.memories = MemoryService(vectors, embedder, records, settings, clock, self.database.permit, barrier)
        self.memory_counts = MemoryCounts(vectors, records, settings)
        self.graph = GraphService(vectors, records, settings)
        self.backup = BackupService(vectors, tables, embedder, settings, clock)
        self.daily_backups = DailyBackups(
            self.backup, records.history.newest_number, settings, clock, records.history.began
        )
        rhythm, feed = Rhythm() if vectors.shared else TOLD, DatabaseFeed(database.database)
        told, started = not vectors.shared, _started(settings)
        self.live = LiveService(feed, vectors, records, embedder, clock, rhythm, started=started, told=told)

    @cached_property
    def suggestions(self) -> SuggestionService:
        from services.graph.suggestions import SuggestionService

        return SuggestionService(self.vectors, self.records, self.graph, self.clock)

    @cached_property
    def integrity(self) -> IntegrityService:
        from services.integrity.integrity_service import IntegrityService

        return IntegrityService(self.vectors, self.records, self.memories, self.settings)

    @cached_property
    def health(self) -> HealthService:
        from services.health import HealthService

        return HealthService(
            self.vectors,
            self.embedder,
            self.records,
            self.integrity,
            self.memories.outside,
            self.settings,
            lambda: self.restoring.unfinished(),
            partial(daemon_status, self.settings),
        )

    @cached_property
    def restoring(self) -> RestoreService:
        from services.backup.restore_run import RestoreTarget
        from services.backup.restore_service import RestoreService

        target = RestoreTarget(self.vectors, self._tables, self.memories, self.settings)
        return RestoreService(target, self.embedder, self.backup, self.settings, self.clock)

    @cached_property
    def reembedding(self) -> ReembeddingService:
        from services.reembedding.reembedding_service import ReembeddingService

        opened = partial(_opened_embedder, self.settings, self.embedder)
        return ReembeddingService(self.vectors, opened, self.settings, self._barrier)

    @cached_property
    def importing(self) -> ImportService:
        from services.transfer.importing import ImportService

        return ImportService(self.vectors, self.embedder, self.records, self.memories, self.settings, self.clock)

    @cached_property
    def syncing(self) -> SyncService:
        from services.transfer.syncing import SyncService

        return SyncService(self.importing, self.vectors, self.records, self.settings)

    @cached_property
    def exporting(self) -> ExportService:
        from services.transfer.exporting import ExportService

        return ExportService(self.vectors, self.records, self.settings, self.clock)

    @cached_property
    def consolidation(self) -> ConsolidationService:
        from services.curation.consolidation import ConsolidationService

        return ConsolidationService(self.vectors, self.records, self.memories, self.settings, self.clock)

    @cached_property
    def reflection(self) -> ReflectionService:
        from services.curation.reflection import ReflectionService

        return ReflectionService(self._chat, self.vectors, self.search, self.memories, self.settings)

    @cached_property
    def duplicate_scan(self) -> DuplicateScan:
        from services.curation.duplicate_scan import DuplicateScan

        return DuplicateScan(self.vectors, self.embedder, self.records, self.settings, self.clock)

    @cached_property
    def inbox(self) -> InboxService:
        from services.curation.inbox import InboxService

        return InboxService(self.vectors, self.records, self.memories, self.duplicate_scan, self.settings, self.clock)

    @cached_property
    def duplicates(self) -> DuplicateService:
        from services.curation.duplicates import DuplicateService

        return DuplicateService(self.vectors, self.records, self.memories, self.graph, self.settings)

    @cached_property
    def lineage(self) -> LineageService:
        from services.curation.lineage import LineageService

        return LineageService(self.vectors, self.records, self.settings)

    @cached_property
    def memory_health(self) -> MemoryHealthService:
        from services.curation.memory_health import MemoryHealthService

        return MemoryHealthService(self.search, self.records, self.settings, self.clock)

    @cached_property
    def names(self) -> NameService:
        from services.curation.tags_and_projects import NameService

        return NameService(self.vectors, self.search, self.memories)

    @cached_property
    def trust(self) -> TrustService:
        from services.curation.trust import TrustService

        return TrustService(self.vectors, self.records, self.memories, self.settings, self.clock)

    @cached_property
    def work(self) -> WorkService:
        from services.work.work_service import WorkService

        return WorkService(self.records, self.settings, self.clock, self.memories)

    @cached_property
    def reports(self) -> ReportService:
        from services.work.reports import ReportService

        return ReportService(self.records, self.settings, self.clock)

    @cached_property
    def clients(self) -> ClientService:
        from services.work.clients_and_projects import ClientService

        return ClientService(self.records)

    @cached_property
    def billing(self) -> BillingService:
        from services.work.billing import BillingService

        return BillingService(self.records, self.reports, self.clients)

    @cached_property
    def tokens(self) -> AccessTokenService:
        from services.access_tokens import AccessTokenService

        return AccessTokenService(self.records, self.settings, self.clock)

    @cached_property
    def agents(self) -> ConnectedAgentService:
        from services.connected_agents import ConnectedAgentService

        return ConnectedAgentService(self.records, self.settings)

    def load(self) -> None:
        """Loads all that is loaded when it is first used, so that the first use need not wait."""
        for name, member in vars(Services).items():
            if isinstance(member, cached_property):
                getattr(self, name)


@contextlib.asynccontextmanager
async def open_services(
    settings: Settings,
    *,
    vectors: SwitchableStore | None = None,
    embedder: Embedder | None = None,
    records: Records | None = None,
    chat: Chat | None = None,
    clock: Clock = machine_clock,
    ask: Ask | None = None,
    waits: Waits | None = None,
) -> AsyncIterator[Services]:
    """The services of the stores that the settings name; whatever was opened is closed at the end.

    A shared database is asked in which zone its stamps are written, unless the settings say that; a home keeps it.

    `ask` is how to ask before anything is added to a database or a Qdrant that other programs made; `waits` tells what
    is waited for of other programs.
    """
    close_home(settings.home)
    waits = waits or Waits()
    database = CheckedDatabase.of(settings, waits)
    settings, zones = await _with_zone(database, settings)
    daemon = _daemon(settings, waits)
    words = None if vectors or embedder else words_of(settings, daemon)
    vectors, embedder = vectors or vector_store(settings, waits, daemon), embedder or embedder_of(settings, daemon)
    chat = chat or _chat(settings)
    services = Services(settings, zones, database, vectors, embedder, records, clock, ask, waits, chat, words)
    async with contextlib.AsyncExitStack() as closing:
        for opened in (database, services.records, embedder, vectors, *((chat,) if chat else ())):
            closing.push_async_callback(opened.close)
        yield services


async def _keep_before_upgrade(backups: DailyBackups, waits: Waits) -> None:
    async with waits.maybe(lambda: "the stores are backed up before the upgrade of their schema …"):
        await backups.before_upgrade()


async def rehearse(settings: Settings) -> None:
    """Does what a command does before it asks a store, so that a process that waits for one has it behind it."""
    prepare()
    async with open_services(replace(settings, writer_zone="UTC", zone="UTC")) as services:  # no store is asked
        services.load()
        await Database.of(settings).rehearse()


async def connect_ahead(settings: Settings) -> None:
    """Connects to what runs for a home, for the command that this process is to become."""
    await Database.of(settings).open_ahead(WARM_UP)


async def daemon_status(settings: Settings) -> DaemonStatus | None:
    """How the process that holds the embedded stores is; None when none runs."""
    client = _daemon(settings)
    try:
        return await client.status()
    finally:
        await client.close()


async def stop_stores(settings: Settings, *, force: bool = False, waits: Waits | None = None) -> tuple[str, ...]:
    """Ends what runs for the embedded stores of a home; gives what that was. Raises StoreInUse unless `force`."""
    postgres = EmbeddedPostgres(settings.postgres_dir)
    if not force:
        await postgres.wait_for_left_behind(_SECONDS_TO_LEAVE)
    pid = await _daemon(settings, waits).stop(force=force)
    stopped = await postgres.stop(force=force)
    return (*([f"the store daemon (process {pid})"] if pid else []), *(["PostgreSQL"] if stopped else []))


async def erase_stores(settings: Settings) -> None:
    """Ends what runs for a home and throws its database away. Raises StoreInUse while another program uses it."""
    await _daemon(settings).stop()
    await EmbeddedPostgres(settings.postgres_dir).erase()


def _daemon(settings: Settings, waits: Waits | None = None) -> DaemonClient:
    return DaemonClient(settings.home, linger=settings.linger, program=settings.program, waits=waits)


def memori_source(url: str) -> RecordSource:
    """What Memori keeps in a PostgreSQL, to be imported. Raises InvalidInput when the URL cannot be read."""
    from services.adapters.memori_database import MemoriDatabase, MemoriSource

    return MemoriSource(MemoriDatabase(url), machine_clock)


async def _with_zone(database: CheckedDatabase, settings: Settings) -> tuple[Settings, Zones]:
    """The settings with the zone of stamps: what is set, what an embedded store keeps, or what a shared one shows."""
    if settings.writer_zone is not None:
        return with_writer_zone(settings, ())
    if database.database.embedded is None:
        return with_writer_zone(settings, await _answer_in_time(newest_stamps(database), _PATIENCE) or ())
    if kept_zone(settings.home) is None:
        stamps: Sequence[Stamp] | None = ()
        if settings.postgres_dir.exists():
            as_it_is = CheckedDatabase(database.database, as_it_is=True)
            stamps = await _answer_in_time(created_stamps(as_it_is), _PATIENCE_TO_START)
        if stamps is not None:
            await asyncio.to_thread(keep_zone, settings, stamps)
    return with_kept_zone(settings)


async def _answer_in_time(asked: Awaitable[Sequence[Stamp]], patience: float) -> Sequence[Stamp] | None:
    """What tells of the zone of stamps; None where the database does not answer within so many seconds."""
    try:
        async with asyncio.timeout(patience):
            return await asked
    except (MemoriaError, TimeoutError) as error:
        _log.debug("the zone of stamps is not known: %s", error)
        return None


def _started(settings: Settings) -> frozenset[StoreKind]:
    """The stores that are part of the program, and start with it."""
    hosts = {
        StoreKind.QDRANT: settings.qdrant_host,
        StoreKind.POSTGRES: settings.database_url,
        StoreKind.EMBEDDER: settings.ollama_host,
    }
    return frozenset(kind for kind, host in hosts.items() if host is None)


@contextlib.asynccontextmanager
async def _opened_embedder(settings: Settings, own: Embedder, target: Target) -> AsyncIterator[Embedder]:
    """The embedder that a store is to be moved to: our own, whose model is loaded, where that is the one."""
    if (wanted := target.settings(settings)) == settings:
        yield own
        return
    embedder = embedder_of(wanted, _daemon(wanted))
    try:
        yield embedder
    finally:
        await embedder.close()


def embedder_of(settings: Settings, daemon: DaemonClient) -> Embedder:
    """The one that the settings name. Raises InvalidInput."""
    if settings.onnx_model is not None:
        from services.adapters.onnx_embedder import OnnxEmbedder
        from services.adapters.onnx_runtime import OnnxRuntime
        from services.reembedding.onnx_models import onnx_model

        model = onnx_model(settings.onnx_model)
        return OnnxEmbedder(model, OnnxRuntime(model, settings.home).embed)
    if settings.ollama_host is None:
        from services.adapters.bundled_embedder import BundledEmbedder

        return BundledEmbedder(daemon)
    from services.adapters.ollama import OllamaEmbedder

    return OllamaEmbedder(settings.ollama_host, settings.embedding_model, settings.embedding_dimensions)


def words_of(settings: Settings, daemon: DaemonClient) -> WordEmbedder | None:
    """The bundled model, to read hits word by word where another makes the vectors and the daemon runs anyway."""
    from services.adapters.bundled_embedder import BundledEmbedder

    return BundledEmbedder(daemon) if settings.qdrant_host is None and not settings.is_bundled else None


def download_model(model: OnnxModel, home: Path) -> None:
    """Fetches what is not here yet of its files, and checks them; shows how far it is. Raises EmbeddingFailed."""
    from services.adapters.onnx_runtime import download

    download(model, home)


def _chat(settings: Settings) -> Chat | None:
    if settings.ollama_host is None:
        return None
    from services.adapters.ollama_chat import OllamaChat

    return OllamaChat(settings.ollama_host, settings.llm_model)
