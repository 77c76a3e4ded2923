"""Which vector store the settings name. Apart from all else, so that it can start before the rest is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.ports import SwitchableStore
from services.settings import Settings
from services.waiting_notice import Waits

if TYPE_CHECKING:
    from services.adapters.daemon.client import DaemonClient
    from services.adapters.postgres.embedded import EmbeddedPostgres


def vector_store(settings: Settings, waits: Waits | None = None, daemon: DaemonClient | None = None) -> SwitchableStore:
    """`daemon`: the connection to use for embedded stores, where there is one already."""
    if settings.qdrant_host is None:
        from services.adapters.daemon.client import DaemonClient
        from services.adapters.edge.edge_store import EdgeVectorStore

        if daemon is None:
            daemon = DaemonClient(settings.home, linger=settings.linger, program=settings.program, waits=waits)
        return EdgeVectorStore(daemon)
    from services.adapters.server.server_store import ServerVectorStore

    return ServerVectorStore(
        settings.qdrant_host,
        settings.qdrant_port,
        settings.qdrant_api_key,
        shards=settings.qdrant_shards,
        replicas=settings.qdrant_replicas,
        on_disk=settings.qdrant_on_disk,
    )


def embedded_postgres(settings: Settings) -> EmbeddedPostgres | None:
    """The embedded PostgreSQL, where there is one that stays after its last program."""
    from services.adapters.postgres.embedded import EmbeddedPostgres

    there = settings.database_url is None and settings.linger and settings.postgres_dir.is_dir()
    return EmbeddedPostgres(settings.postgres_dir, linger=settings.linger) if there else None
