"""The values that several subjects exchange. All frozen; none is a row, a response or a Qdrant point.

What one subject alone tells is in its own folder: `services.work.report_values`, `services.graph.graph_values`, …
Ids are UUIDs as canonical lowercase strings. Datetimes are aware. Scores have no unit, higher is better.
"""

from __future__ import annotations

from services.model.history import (
    AGENT,
    TOKEN,
    Act,
    Action,
    Change,
    ChangedSince,
    Entity,
    IfChanged,
    Kind,
    Undone,
    UndoPreview,
    net_changes,
    plain_summary,
    undone_summary,
)
from services.model.memories import (
    DEFAULT_IMPORTANCE,
    MISSING_IMPORTANCE,
    Memory,
    MemoryChanges,
    MemoryDraft,
    MemoryType,
    TrashedMemory,
    any_of,
    content_hash,
    counted,
    counted_each,
    quoted_title,
    title_of,
)
from services.model.relations import RelatedMemory, Relation, RelationCreator, RelationType
from services.model.search import (
    GOOD_RELEVANCE,
    LONGEST_QUERY,
    NO_GOOD_MATCH,
    FacetCount,
    Facets,
    Hit,
    Query,
    SearchMode,
    SearchResult,
    SortKey,
    Why,
)
from services.model.sessions import (
    DEFAULT_CATEGORY,
    OURS,
    SEARCHED,
    SEARCHED_PARTS,
    SESSION_DETAILS,
    DetailValue,
    Flaw,
    Pause,
    ReportBy,
    SessionCategory,
    SessionChanges,
    SessionDetail,
    SessionDraft,
    SessionStatus,
    WorkSession,
)
from services.model.stores import (
    MOST_UNREVIEWED,
    Advance,
    DaemonStatus,
    Progress,
    StatusSnapshot,
    StoreKind,
    StoreStatus,
    Subject,
    counting,
    no_progress,
)
