"""What `--json` prints: one function a kind of value, so that a value looks the same from every command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, timedelta

    from services.backup.backup_values import Archive, Comparison
    from services.curation.duplicates import Cluster
    from services.curation.inbox import InboxItem
    from services.curation.lineage import LineageStep
    from services.curation.provenance import Provenance
    from services.graph.graph_values import Node, PathStep, Suggestion
    from services.health import Waiting
    from services.integrity.defects import Survey
    from services.model import (
        Act,
        Change,
        DaemonStatus,
        Flaw,
        Hit,
        Memory,
        RelatedMemory,
        Relation,
        SearchResult,
        StoreStatus,
        TrashedMemory,
        UndoPreview,
        WorkSession,
    )
    from services.records.access_tokens import AccessToken
    from services.transfer.import_run import ImportReport, Remark
    from services.work.billing_values import BudgetUse, Terms, Timesheet
    from services.work.report_values import ClientTotal, ProjectTotal, Report, WorkWarning

Json = dict[str, object]


def _fields(value: object, *names: str) -> Json:
    """Attributes under their own names, dates in ISO form."""
    return {name: _plain(getattr(value, name)) for name in names}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    return value.isoformat() if isinstance(value, datetime) else value


def memory_json(memory: Memory) -> Json:
    """What `import -` reads back."""
    text = _fields(memory, "id", "type", "content", "tags", "project", "importance")
    dates = _fields(memory, "created_at", "updated_at", "accessed_at", "access_count", "metadata")
    return text | dates | {"chunks": memory.chunk_count} | _fields(memory, "headless", "pending")


def lineage_json(step: LineageStep) -> Json:
    replaced = {"superseded_at": _plain(step.superseded_at), "replaced": [one.id for one in step.replaced]}
    return memory_json(step.memory) | replaced


def provenance_json(known: Provenance) -> Json:
    """`version`: which a person looked at last, counted from 1; 0: the history does not tell."""
    marks = {
        "written": known.written,
        "last_review": known.reviewed,
        "confirmed": known.confirmed,
        "changed": known.changed,
    }
    told = {name: mark and {"by": mark.actor, "at": _plain(mark.at)} for name, mark in marks.items()}
    return told | _fields(known, "version", "versions") | {"reviewed": not known.waits}


def token_json(token: AccessToken) -> Json:
    """`projects`: null for all memories."""
    projects = None if token.projects is None else sorted(token.projects)
    return _fields(token, "name", "scope", "created_by", "created_at", "expires_at", "revoked_at", "used_at") | {
        "projects": projects
    }


def trashed_json(trashed: TrashedMemory) -> Json:
    deleted = {"deleted_at": _plain(trashed.deleted_at), "deleted_by": trashed.actor, "relations": trashed.relations}
    return memory_json(trashed.memory) | deleted


def pending_json(item: InboxItem) -> Json:
    """`before`: the text as a person knows it, null for a new memory."""
    memory = _fields(item.memory, "id", "type", "content", "tags", "project")
    written = _fields(item.pending, "actor", "program", "at", "reviewed_by", "reviewed_at")
    return memory | {"change": item.change, "before": _content(item.before)} | written


def cluster_json(cluster: Cluster) -> Json:
    """`shared`: share of the words of both, in the same order; `kind`: same, near or meaning."""
    others = [memory_json(one.memory) | _fields(one, "kind", "cosine", "shared") for one in cluster.others]
    return {"kept": memory_json(cluster.kept), "others": others}


def waiting_json(waiting: Waiting) -> Json:
    """`content` null: the memory is to be deleted."""
    content = waiting.memory and waiting.memory.content
    return {"id": waiting.memory_id, "content": content} | _fields(waiting, "attempts", "last_error", "next_attempt")


def hit_json(hit: Hit) -> Json:
    score = {
        "id": hit.memory.id,
        "type": hit.memory.type,
        "score": round(hit.score, 4),
        "relevance": round(hit.relevance, 4),
    }
    memory = _fields(hit.memory, "content", "tags", "project", "created_at")
    return score | memory | {"why": _fields(hit.why, "dense", "keyword", "graph"), "superseded": hit.superseded}


def found_json(result: SearchResult) -> Json:
    asked = {"query": result.query.raw, "mode": result.query.mode}
    found = _fields(result, "total", "answered") | {"hits": [hit_json(hit) for hit in result.hits]}
    rest = {"took_ms": round(result.took_ms, 2), "notices": result.notices}
    return asked | found | rest


def relation_json(relation: Relation) -> Json:
    return _fields(relation, "id", "source_id", "target_id", "type", "weight", "created_by")


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
    return _fields(node, "id", "depth", "path", "relation") | {"content": _content(node.memory)}


def step_json(step: PathStep) -> Json:
    """`relation` and `direction` are those of the relation to the next memory."""
    direction = None if step.outgoing is None else _direction(step.outgoing)
    return _fields(step, "step", "id", "relation") | {"direction": direction, "content": _content(step.memory)}


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
    return {"id": act.group} | _fields(act, "kind", "actor", "program", "at", "summary", "counts", "titles", "undone")


def change_json(change: Change) -> Json:
    """A change of the history; `act` is what `undo` takes."""
    return {"act": change.group} | _fields(change, "at", "actor", "program", "action", "kind", "summary")


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
    from services.model import SESSION_DETAILS

    times = {"elapsed_seconds": session.elapsed_seconds(now), "paused_seconds": session.paused_seconds(now)}
    return (
        _fields(session, "id", "description", "status")
        | times
        | {
            **_fields(session, "client", "project", "category"),
            "started_at": _plain(session.start),
            "ended_at": _plain(session.end),
            "pauses": [
                {"started_at": _plain(one.start), "ended_at": _plain(one.end), "reason": one.reason}
                for one in session.pauses
            ],
            **{detail.json: detail.of(session) for detail in SESSION_DETAILS},
            **_fields(session, "billable", "billed", "notes", "memory_id"),
        }
    )


def logged_session_json(
    session: WorkSession, now: datetime, days: Sequence[tuple[date, float]], flaws: Sequence[Flaw]
) -> Json:
    worked = [{"day": day, "seconds": seconds} for day, seconds in days]
    return session_json(session, now) | {"days": worked, "flaws": flaws}


def overlaps_json(found: Sequence[tuple[WorkSession, timedelta]]) -> Json:
    """Other sessions that were worked on at the same time, with the seconds."""
    return {"overlaps": [{"session_id": one.id, "seconds": int(both.total_seconds())} for one, both in found]}


def warning_json(warning: WorkWarning) -> Json:
    return _fields(warning, "kind", "session_ids", "message")


def report_json(report: Report) -> Json:
    """Both days are included."""
    return {
        "from": report.period.first,
        "to": report.period.last,
        **_fields(report, "zone", "by"),
        "groups": [_fields(group, "name", "seconds", "sessions", "days") for group in report.groups],
        **_fields(report, "total_seconds", "sessions", "days", "open_sessions", "paused_sessions", "open_seconds"),
        "day_begins": report.day_begins,
    }


def client_total_json(total: ClientTotal, seconds: float, budget: BudgetUse | None) -> Json:
    """`id` and `name` are null for sessions without a client."""
    client = {name: total.client and getattr(total.client, name) for name in ("id", "name")}
    worked = {"seconds": seconds} | _fields(total, "minutes", "sessions", "open", "projects", "last")
    return client | worked | {"budget": budget and budget_json(budget)}


def budget_json(use: BudgetUse) -> Json:
    """Seconds used and left of a budget."""
    return {
        "budget": str(use.budget),
        "hours": f"{use.budget.hours:f}",
        "used_seconds": use.used,
        "left_seconds": use.left,
    }


def terms_json(terms: Terms) -> Json:
    """As they are typed, `rates` as a list; null for what was not agreed."""
    from services.work.billing_values import TERMS

    nothing: Json = {term.name: [] if term.lines else None for term in TERMS}
    return nothing | terms.json()


def timesheet_json(sheet: Timesheet) -> Json:
    """Amounts are strings, so that none of them is rounded; `seconds` are those that are billed.

    `budgets`: those of which little is left.
    """
    lines = [
        {
            **_fields(line, "day", "description", "project", "category", "session_ids"),
            "worked_seconds": line.worked.total_seconds(),
            "seconds": line.time.total_seconds(),
            "rate": line.rate and f"{line.rate.amount:f}",
            "currency": line.rate and line.rate.currency,
            "amount": None if line.amount is None else f"{line.amount:f}",
            "billed": line.is_billed,
        }
        for line in sheet.lines
    ]
    return {
        "client": sheet.client,
        "month": f"{sheet.month:%Y-%m}",
        "zone": sheet.zone,
        "day_begins": sheet.day_begins,
        "rounding": sheet.rounding and str(sheet.rounding),
        "lines": lines,
        "worked_seconds": sheet.worked.total_seconds(),
        "seconds": sheet.time.total_seconds(),
        "amounts": {currency: f"{amount:f}" for currency, amount in sheet.amounts().items()},
        "billed": sheet.is_billed,
        "not_billable_seconds": sheet.unbillable.total_seconds(),
        "open_sessions": sheet.open_sessions,
        "budgets": [{"kind": use.kind, "name": use.name} | budget_json(use) for use in sheet.budgets],
    }


def project_total_json(total: ProjectTotal, seconds: float, budget: BudgetUse | None) -> Json:
    """`id` and `name` are null for sessions without a project."""
    project = {name: total.project and getattr(total.project, name) for name in ("id", "name", "client", "repo")}
    worked = {"seconds": seconds} | _fields(total, "minutes", "sessions", "open", "last")
    return project | worked | {"budget": budget and budget_json(budget)}


def archive_json(archive: Archive) -> Json:
    told = (one.name for one in fields(archive) if one.name not in ("path", "digest", "problem"))
    return {"file": archive.path} | _fields(archive, *told) | {"sha256": archive.digest}


def comparison_json(comparison: Comparison) -> Json:
    """An archive and what restoring it would change."""
    kinds = {one.kind: _fields(one, "new", "newer", "older", "same", "only_here") for one in comparison.differences}
    about = _fields(comparison, "empty", "re_embed", "continues")
    return archive_json(comparison.archive) | about | {"differences": kinds}


def import_json(report: ImportReport, *, dry_run: bool) -> Json:
    """`broken`: why a source was not read to its end; `barren`: sources of which nothing could be imported."""
    numbers = ("memories", "created", "relations", "sessions", "clients", "projects", "unchanged", "retired")
    counts = _fields(report, *numbers)
    remarks = {name: remarks_json(getattr(report, name)) for name in ("failed", "kept", "missing", "notes")}
    samples = [_fields(one, "source", "record", "id", "type", "title", "is_new") for one in report.samples]
    return {"dry_run": dry_run} | counts | remarks | {"samples": samples} | _fields(report, "broken", "barren")


def remarks_json(remarks: Sequence[Remark]) -> list[Json]:
    return [
        _fields(one, "source", "record", "reason")
        | (dict(zip(("here", "in_source"), one.texts, strict=True)) if one.texts else {})
        for one in remarks
    ]


def daemon_json(daemon: DaemonStatus) -> Json:
    return {
        "pid": daemon.pid,
        "version": daemon.release,
        "age_seconds": round(daemon.age, 1),
        "memory_bytes": daemon.memory,
        "clients": [{"pid": pid, "program": name} for pid, name in daemon.clients],
    }


def store_json(store: StoreStatus) -> Json:
    latency = {"latency_ms": None if store.latency_ms is None else round(store.latency_ms, 2)}
    known = _fields(store, "ok", "label", "version") | latency | _fields(store, "counts")
    return known | {"estimated": sorted(store.estimated), "read_only": store.read_only or None}


def survey_json(survey: Survey) -> Json:
    found = {str(kind): [one.id for one in found] for kind, found in survey.found.items()}
    return _fields(survey, "memories", "relations") | {"found": found}


def _direction(outgoing: bool) -> str:
    return "out" if outgoing else "in"


def _content(memory: Memory | None) -> str | None:
    return None if memory is None else memory.content
