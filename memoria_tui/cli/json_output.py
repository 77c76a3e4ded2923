"""What `--json` prints: one function a kind of value, so that a value looks the same from every command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime

    from services.backup.backup_values import Archive, Comparison
    from services.graph.graph_values import Node, PathStep, Suggestion
    from services.integrity.defects import Survey
    from services.model import (
        Act,
        Hit,
        Memory,
        RelatedMemory,
        Relation,
        StoreStatus,
        TrashedMemory,
        UndoPreview,
        WorkSession,
    )
    from services.transfer.import_run import ImportReport, Remark
    from services.work.work_values import ClientTotal, Flaw, ProjectTotal, Report, WorkWarning

Json = dict[str, object]


def memory_json(memory: Memory) -> Json:
    """What `import -` reads back."""
    return {
        "id": memory.id,
        "type": memory.type,
        "content": memory.content,
        "tags": memory.tags,
        "project": memory.project,
        "importance": memory.importance,
        "created_at": _time(memory.created_at),
        "updated_at": _time(memory.updated_at),
        "accessed_at": _time(memory.accessed_at),
        "access_count": memory.access_count,
        "metadata": dict(memory.metadata),
        "chunks": memory.chunk_count,
        "headless": memory.headless,
        "pending": memory.pending,
    }


def trashed_json(trashed: TrashedMemory) -> Json:
    deleted = {"deleted_at": _time(trashed.deleted_at), "deleted_by": trashed.actor, "relations": trashed.relations}
    return memory_json(trashed.memory) | deleted


def hit_json(hit: Hit) -> Json:
    memory = hit.memory
    return {
        "id": memory.id,
        "type": memory.type,
        "score": round(hit.score, 4),
        "content": memory.content,
        "tags": memory.tags,
        "project": memory.project,
        "created_at": _time(memory.created_at),
        "why": {"dense": hit.why.dense, "keyword": hit.why.keyword, "graph": hit.why.graph},
    }


def relation_json(relation: Relation) -> Json:
    return {
        "id": relation.id,
        "source_id": relation.source_id,
        "target_id": relation.target_id,
        "type": relation.type,
        "weight": relation.weight,
        "created_by": relation.created_by,
    }


def related_json(related: RelatedMemory) -> Json:
    """A relation as one of its memories has it; `content` is the other's."""
    return relation_json(related.relation) | {
        "direction": _direction(related.outgoing),
        "content": _content(related.other),
        "orphaned": related.other is None,
        "of_chunk": related.of_chunk,
    }


def neighbor_json(node: Node) -> Json:
    """`relation` is the type of the last relation of the path."""
    return {
        "id": node.id,
        "depth": node.depth,
        "path": node.path,
        "relation": node.relation,
        "content": _content(node.memory),
    }


def step_json(step: PathStep) -> Json:
    """`relation` and `direction` are those of the relation to the next memory."""
    return {
        "step": step.step,
        "id": step.id,
        "relation": step.relation,
        "direction": None if step.outgoing is None else _direction(step.outgoing),
        "content": _content(step.memory),
    }


def suggestion_json(suggestion: Suggestion, memory_id: str) -> Json:
    """As a suggestion for that memory; `content` is the other's."""
    other = suggestion.target if suggestion.source.id == memory_id else suggestion.source
    return {
        "source_id": suggestion.source.id,
        "target_id": suggestion.target.id,
        "type": suggestion.type,
        "confidence": round(suggestion.confidence, 4),
        "reason": suggestion.reason,
        "content": other.content,
    }


def act_json(act: Act) -> Json:
    return {
        "id": act.group,
        "kind": act.kind,
        "actor": act.actor,
        "program": act.program,
        "at": _time(act.at),
        "summary": act.summary,
        "counts": act.counts,
        "titles": act.titles,
        "undone": act.undone,
    }


def undo_preview_json(preview: UndoPreview, reasons: Sequence[str]) -> Json:
    """`reasons`: why a person is asked first."""
    return act_json(preview.act) | {
        "redo": preview.redo,
        "asks_because": reasons,
        "changed_since": [
            {"entity": one.entity, "id": one.entity_id, "what": one.what, "now": one.now, "goal": one.goal}
            for one in preview.changed
        ],
        "stays": [one.line for one in preview.kept],
    }


def session_json(session: WorkSession, now: datetime) -> Json:
    """Times are in UTC."""
    return {
        "id": session.id,
        "description": session.description,
        "status": session.status,
        "elapsed_seconds": session.elapsed_seconds(now),
        "paused_seconds": session.paused_seconds(now),
        "client": session.client,
        "project": session.project,
        "category": session.category,
        "started_at": _time(session.start),
    }


def logged_session_json(
    session: WorkSession, now: datetime, days: Sequence[tuple[date, float]], flaws: Sequence[Flaw]
) -> Json:
    """`days`: seconds by day."""
    return session_json(session, now) | {
        "ended_at": _time(session.end),
        "days": [{"day": day, "seconds": seconds} for day, seconds in days],
        "issue": session.issue_number,
        "pr": session.pr_number,
        "branch": session.branch,
        "notes": session.notes,
        "memory_id": session.memory_id,
        "flaws": flaws,
    }


def warning_json(warning: WorkWarning) -> Json:
    return {"kind": warning.kind, "session_ids": warning.session_ids, "message": warning.message}


def report_json(report: Report) -> Json:
    """Both days are included."""
    return {
        "from": report.period.first,
        "to": report.period.last,
        "zone": report.zone,
        "by": report.by,
        "groups": [
            {"name": group.name, "seconds": group.seconds, "sessions": group.sessions, "days": group.days}
            for group in report.groups
        ],
        "total_seconds": report.total_seconds,
        "open_sessions": report.open_sessions,
        "open_seconds": report.open_seconds,
    }


def client_total_json(total: ClientTotal, seconds: float) -> Json:
    """`id` and `name` are null for sessions without a client."""
    return {
        "id": total.client and total.client.id,
        "name": total.client and total.client.name,
        "seconds": seconds,
        "minutes": total.minutes,
        "sessions": total.sessions,
        "projects": total.projects,
        "last": _time(total.last),
    }


def project_total_json(total: ProjectTotal, seconds: float) -> Json:
    """`id` and `name` are null for sessions without a project."""
    return {
        "id": total.project and total.project.id,
        "name": total.project and total.project.name,
        "client": total.project and total.project.client,
        "repo": total.project and total.project.repo,
        "seconds": seconds,
        "minutes": total.minutes,
        "sessions": total.sessions,
        "last": _time(total.last),
    }


def archive_json(archive: Archive) -> Json:
    return {
        "file": archive.path,
        "made_at": _time(archive.made_at),
        "bytes": archive.bytes,
        "counts": dict(archive.counts),
        "model": archive.model,
        "dimensions": archive.dimensions,
        "sha256": archive.digest,
    }


def comparison_json(comparison: Comparison) -> Json:
    """An archive and what restoring it would change."""
    return archive_json(comparison.archive) | {
        "empty": comparison.empty,
        "re_embed": comparison.re_embed,
        "continues": comparison.continues,
        "differences": {
            one.kind: {
                "new": one.new,
                "newer": one.newer,
                "older": one.older,
                "same": one.same,
                "only_here": one.only_here,
            }
            for one in comparison.differences
        },
    }


def import_json(report: ImportReport, *, dry_run: bool) -> Json:
    return {
        "dry_run": dry_run,
        "memories": report.memories,
        "relations": report.relations,
        "sessions": report.sessions,
        "unchanged": report.unchanged,
        "failed": remarks_json(report.failed),
        "kept": remarks_json(report.kept),
        "notes": remarks_json(report.notes),
    }


def remarks_json(remarks: Sequence[Remark]) -> list[Json]:
    return [{"source": one.source, "record": one.record, "reason": one.reason} for one in remarks]


def store_json(store: StoreStatus) -> Json:
    return {
        "ok": store.ok,
        "label": store.label,
        "version": store.version,
        "latency_ms": None if store.latency_ms is None else round(store.latency_ms, 2),
        "counts": dict(store.counts),
        "read_only": store.read_only or None,
    }


def survey_json(survey: Survey) -> Json:
    return {
        "memories": survey.memories,
        "relations": survey.relations,
        "found": {str(kind): [one.id for one in found] for kind, found in survey.found.items()},
    }


def _time(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()


def _direction(outgoing: bool) -> str:
    return "out" if outgoing else "in"


def _content(memory: Memory | None) -> str | None:
    return None if memory is None else memory.content
