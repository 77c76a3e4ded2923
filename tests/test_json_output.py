"""What `--json` prints tells all that is known of a value, but for what is left out on purpose."""

from __future__ import annotations

import enum
import json
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from memoria_tui.cli import json_output
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
    Hit,
    Memory,
    Query,
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

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Written:
    """A kind of value as one function writes it."""

    function: Callable[..., object]
    kind: type
    also: tuple[object, ...] = ()
    """Arguments besides the value."""
    left_out: frozenset[str] = frozenset()
    """Fields that only the program needs, that others tell, or that the command prints beside it."""


def _of(function: Callable[..., object], kind: type, *also: object, left_out: str = "") -> Written:
    return Written(function, kind, also, frozenset(left_out.split()))


WRITTEN = (
    _of(json_output.memory_json, Memory),
    _of(json_output.lineage_json, LineageStep),
    _of(json_output.provenance_json, Provenance),
    _of(json_output.token_json, AccessToken),
    _of(json_output.trashed_json, TrashedMemory, left_out="number"),
    _of(
        json_output.pending_json,
        InboxItem,
        left_out="pending.memory_id pending.action pending.kind pending.first_change pending.last_change",
    ),
    _of(json_output.cluster_json, Cluster),
    _of(json_output.waiting_json, Waiting),
    _of(json_output.hit_json, Hit, left_out="passage relations"),
    _of(
        json_output.found_json,
        SearchResult,
        left_out=" ".join(f"query.{one.name}" for one in fields(Query) if one.name not in ("raw", "mode")),
    ),
    _of(json_output.relation_json, Relation, left_out="created_at metadata"),
    _of(json_output.related_json, RelatedMemory),
    _of(json_output.neighbor_json, Node, left_out="chunk_of"),
    _of(json_output.step_json, PathStep),
    _of(json_output.suggestion_json, Suggestion, "id"),
    _of(json_output.act_json, Act, left_out="change_id undoes origin merged"),
    _of(
        json_output.change_json,
        Change,
        left_out="id entity entity_id before after content_hash undoes imported",
    ),
    _of(
        json_output.undo_preview_json,
        UndoPreview,
        (),
        left_out="group effects after_purge changed.title changed.forceable kept.entity_id kept.now kept.goal "
        "kept.forceable",
    ),
    _of(
        json_output.session_json,
        WorkSession,
        NOW,
        left_out="client_id project_id",
    ),
    _of(
        json_output.logged_session_json,
        WorkSession,
        NOW,
        (),
        (),
        left_out="client_id project_id",
    ),
    _of(json_output.warning_json, WorkWarning),
    _of(
        json_output.report_json,
        Report,
        left_out="as_of unit units.start units.seconds units.sessions units.days cells.start cells.name cells.seconds "
        "cells.sessions cells.days groups.number flawed",
    ),
    _of(json_output.client_total_json, ClientTotal, 0.0, None, left_out="client.metadata client.number"),
    _of(
        json_output.project_total_json,
        ProjectTotal,
        0.0,
        None,
        left_out="project.client_id project.metadata project.number",
    ),
    _of(json_output.budget_json, BudgetUse, left_out="kind id name month"),
    _of(json_output.terms_json, Terms),
    _of(json_output.timesheet_json, Timesheet, left_out="lines.rate.category lines.rate.since"),
    _of(json_output.archive_json, Archive, left_out="problem"),
    _of(json_output.comparison_json, Comparison),
    _of(lambda report: json_output.import_json(report, dry_run=False), ImportReport),
    _of(lambda remark: json_output.remarks_json([remark]), Remark, left_out="memory_id"),
    _of(json_output.daemon_json, DaemonStatus),
    _of(json_output.store_json, StoreStatus, left_out="kind problems silent failing_since answered_at"),
    _of(json_output.survey_json, Survey),
)
WHOLE = frozenset(one.kind for one in WRITTEN)
"""What is written by a function of its own: within another value it is told by its id alone, or by a part of it."""


def sample(hint: Any, number: int) -> Any:
    """A value of a type; another one for another number."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return sample(next(one for one in inner if one is not type(None)), number)
    if origin is Literal:
        return inner[number % len(inner)]
    if origin is tuple:
        return (sample(inner[0], number),) if inner[-1] is Ellipsis else tuple(sample(one, number) for one in inner)
    if origin is not None and issubclass(origin, Mapping):
        return {sample(inner[0], number): sample(inner[1], number)}
    if origin is not None and issubclass(origin, (set, frozenset)):
        return origin({sample(inner[0], number)})
    if origin is not None and issubclass(origin, Sequence):
        return [sample(inner[0], number)]
    if is_dataclass(hint) and isinstance(hint, type):
        hints = _hints(hint)
        return hint(**{one.name: sample(hints[one.name], number) for one in fields(hint) if one.init})
    if issubclass(hint, enum.Enum):
        return list(hint)[number % len(hint)]
    plain: dict[type, Any] = {
        bool: number % 2 == 0,
        int: number,
        float: number / 8,
        Decimal: Decimal(number),
        datetime: NOW - timedelta(days=number),
        date: NOW.date() - timedelta(days=40 * number),
        timedelta: timedelta(hours=number),
        Path: Path(f"file {number}"),
    }
    return plain.get(hint, f"text {number}")


def _hints(kind: Any) -> dict[str, Any]:
    """With the types that a module imports for its types alone."""
    return get_type_hints(kind, localns={"Check": str})


def changes(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The value with one field changed, by the name of the field; those of values within it too."""
    hints = _hints(type(value))
    for field in fields(value):
        now, name = getattr(value, field.name), f"{prefix}{field.name}"
        first = now[0] if isinstance(now, (tuple, list)) and now else now
        if is_dataclass(first) and type(first) not in WHOLE and not isinstance(first, type):
            for within, changed in changes(first, f"{name}."):
                yield within, replace(value, **{field.name: changed if first is now else type(now)((changed,))})
        else:
            yield name, replace(value, **{field.name: sample(hints[field.name], 2)})


@pytest.mark.parametrize("written", WRITTEN, ids=lambda written: written.kind.__name__)
def test_every_field_of_a_value_is_in_its_json_but_for_what_is_left_out(written: Written) -> None:
    value = sample(written.kind, 1)

    def told(of: object) -> str:
        return json.dumps(written.function(of, *written.also), default=str, sort_keys=True)

    silent = {name for name, changed in changes(value) if told(changed) == told(value)}
    assert silent == written.left_out


def test_every_function_that_writes_json_is_tried() -> None:
    tried = {one.function for one in WRITTEN} | {json_output.import_json, json_output.remarks_json}
    named = {name for name, one in vars(json_output).items() if name.endswith("_json") and one not in tried}
    assert named == {"overlaps_json"}, "which writes two values of a session"
