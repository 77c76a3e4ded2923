"""All tools of the agents, in the order in which they are listed. The first 25 have the names of MCP Memoria's."""

from __future__ import annotations

from collections.abc import Sequence

from memoria_tui.agents.tool import Tool
from memoria_tui.agents.tools import curating, history, memories, relations, search, transfer, work

TOOLS: Sequence[Tool] = (
    Tool("memoria_store", memories.store, "Store a memory"),
    Tool("memoria_get", memories.get, "Get a memory", writes=False),
    Tool("memoria_recall", search.recall, "Recall memories", writes=False),
    Tool("memoria_search", search.search, "Search and list memories", writes=False),
    Tool("memoria_update", memories.update, "Update a memory", destructive=True, idempotent=True),
    Tool("memoria_delete", memories.delete, "Delete memories", destructive=True, idempotent=True),
    Tool("memoria_consolidate", curating.consolidate, "Consolidate memories", destructive=True, idempotent=True),
    Tool("memoria_export", transfer.export, "Export memories to a file"),
    Tool("memoria_import", transfer.import_, "Import memories from a file", idempotent=True),
    Tool("memoria_stats", memories.stats, "Count what there is", writes=False),
    Tool("memoria_set_context", memories.set_context, "Set project and file", idempotent=True),
    Tool("memoria_reflect", curating.reflect, "Reflect on memories", writes=False),
    Tool("memoria_observe", curating.observe, "Observe clusters of memories"),
    Tool("memoria_link", relations.link, "Relate two memories"),
    Tool("memoria_unlink", relations.unlink, "Remove relations", destructive=True, idempotent=True),
    Tool("memoria_related", relations.related, "List related memories", writes=False),
    Tool("memoria_path", relations.path, "Find a path between memories", writes=False),
    Tool("memoria_suggest_links", relations.suggest_links, "Suggest relations", writes=False),
    Tool("memoria_work_start", work.work_start, "Start to track work"),
    Tool("memoria_work_stop", work.work_stop, "Stop a work session"),
    Tool("memoria_work_status", work.work_status, "List open work sessions", writes=False),
    Tool("memoria_work_pause", work.work_pause, "Pause a work session"),
    Tool("memoria_work_resume", work.work_resume, "Resume a work session"),
    Tool("memoria_work_note", work.work_note, "Add a note to a work session"),
    Tool("memoria_work_report", work.work_report, "Add up worked time", writes=False),
    Tool("memoria_history", history.history, "Show what was changed", writes=False),
    Tool("memoria_undo", history.undo, "Undo an act of yours", destructive=True),
    Tool("memoria_tags", memories.tags, "List tags or projects in use", writes=False),
    Tool("memoria_why", search.why, "Explain a hit", writes=False),
    Tool("search", search.connector_search, "Search", writes=False),
    Tool("fetch", search.connector_fetch, "Fetch", writes=False),
)
