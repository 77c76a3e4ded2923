"""Which vector store the settings name. Apart from all else, so that it can start before the rest is imported."""

from __future__ import annotations

from services.ports import SwitchableStore
from services.settings import Settings
from services.waits import Waits


def vector_store(settings: Settings, waits: Waits | None = None) -> SwitchableStore:
    if settings.qdrant_host is None:
        from services.adapters.daemon.client import DaemonClient
        from services.adapters.edge.edge_store import EdgeVectorStore

        client = DaemonClient(settings.home, linger=settings.linger, program=settings.program, waits=waits)
        return EdgeVectorStore(client)
    from services.adapters.server.server_store import ServerVectorStore

    return ServerVectorStore(
        settings.qdrant_host,
        settings.qdrant_port,
        settings.qdrant_api_key,
        shards=settings.qdrant_shards,
        replicas=settings.qdrant_replicas,
        on_disk=settings.qdrant_on_disk,
    )
