"""The right side of the Health screen: facts of the chosen section, and the items that it lists."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, assert_never

from rich.cells import cell_len
from textual.content import Content

from memoria_tui.modes.health.state import MOST_TRASH, STORES, Checked, Health, HealthReport, Line, Section
from memoria_tui.text import present
from services.errors import MemoriaError
from services.files import readable_size
from services.integrity.check import Check
from services.integrity.defects import DescribedDefect
from services.model import AGENT, Memory, MemoryType, StoreStatus, counted
from services.times import duration

if TYPE_CHECKING:
    from services.backup.backup_values import Archive
    from services.curation.memory_health import HealthNumber, MemoryHealth
    from services.health import Waiting
    from services.model.database import DatabaseStatus
    from services.points import CollectionInfo
    from services.records.access_tokens import AccessToken
    from services.records.connected_agents import ConnectedAgent

_WIDE = 46
"""Cells from which on the figures of a collection stand in one line."""
_LABEL, _LABEL_IF_NARROW = 15, 12
_COUNT, _COUNT_IF_NARROW = 10, 7
"""Cells of a number with the blanks around it."""
_MUTED = "$foreground 60%"


@dataclass(frozen=True, slots=True)
class Page:
    """The right side."""

    title: str
    facts: Content
    rows: tuple[tuple[object, Content], ...] = ()
    """One for each thing that can be chosen, in the order of the values that the section has, with what it goes by."""


def page(section: Line, report: HealthReport, now: datetime, width: int) -> Page:
    """The details of a section, its rows for so many cells."""
    health = report.health
    if isinstance(section, Check):
        return _integrity(section, report, width)
    match section:
        case Section.QDRANT | Section.POSTGRES | Section.EMBEDDER:
            return Page(section.title, _store(section, report, width))
        case Section.QUEUE:
            return _queue(health.waiting, health.pending, now, width)
        case Section.AGENTS:
            return _agents(health.agents, now, width)
        case Section.TOKENS:
            return _tokens(health.tokens, now, width)
        case Section.TRASH:
            missing = report.checked.missing if isinstance(report.checked, Checked) else ""
            return Page(section.title, _trash(health.trash, missing))
        case Section.BACKUPS:
            return _backups(health, now, width)
        case Section.CARE:
            return _care(health.care, width)
        case Section.MODEL:
            return Page(section.title, _model(report, width))
    assert_never(section)


# stores


def _store(section: Line, report: HealthReport, width: int) -> Content:
    store = report.health.stores[STORES[section]]
    lines = [
        _fact("reached", _reached(store), width),
        _fact("where", store.label, width),
        _fact("version", store.version or "not known", width),
        *(_fact("writes", f"none: {store.read_only}", width, "$warning") for _ in range(bool(store.read_only))),
    ]
    if section is Section.QDRANT:
        lines += _collections(report.health.collections, store, width)
    elif section is Section.POSTGRES:
        lines += [_fact(name, f"{count:,}", width) for name, count in store.counts.items()]
        lines += [_fact("stamps", report.health.zones.line, width)]
        lines += _database(report.health.database, width)
    else:
        lines += [_fact(name, f"{count:,}", width) for name, count in store.counts.items()]
    told = {store.read_only}
    lines += [Content(""), *(_problem(one) for one in store.problems if one not in told)]
    return _joined(lines)


def _reached(store: StoreStatus) -> str:
    if not store.ok:
        return "no"
    return "yes" if store.latency_ms is None else f"yes, in {store.latency_ms:.1f} ms"


def _collections(
    info: Mapping[MemoryType, CollectionInfo] | MemoriaError, store: StoreStatus, width: int
) -> Iterable[Content]:
    if isinstance(info, MemoriaError):
        return
    yield _fact("memories", f"{store.counts.get('memories', 0):,}", width)
    yield _fact("points", f"{sum(one.points for one in info.values()):,}", width)
    sizes = ", ".join(f"{size:,}" for size in sorted({one.dimensions for one in info.values()}))
    yield _fact("dimensions", sizes or "none yet", width)
    yield Content("")
    wide = width >= _WIDE
    if wide and info:
        yield Content.styled(f"{'':{_LABEL}}{'memories':>10}{'points':>10}  indexes", _MUTED)
    for type_, one in info.items():
        missing = len(one.missing_indexes)
        name = (f"{present.glyph(type_)} {type_.value:{_LABEL - 2}}", present.colour(type_))
        memories = f"{store.counts.get(type_.value, 0):>10,}"
        if wide:
            told = (f"{missing} missing", "$warning") if missing else ("all there", _MUTED)
            yield Content.assemble(name, memories, f"{one.points:>10,}  ", told)
        else:
            yield Content.assemble(name, memories)
            yield Content.styled(f"  {counted(one.points, 'point')}", _MUTED)
            if missing:
                yield Content.styled(f"  indexes missing: {missing}", "$warning")


def _database(status: DatabaseStatus | MemoriaError, width: int) -> Iterable[Content]:
    if isinstance(status, MemoriaError):
        return
    version = status.schema_version or "none of ours yet"
    yield _fact("schema", version if status.current else f"{version}; the newest is {status.newest_version}", width)
    if status.upstream:
        yield _fact("shared with", "MCP Memoria", width)
    lacking = [*status.missing, *(f"indexes of {line}" for line in status.indexes)]
    if lacking:
        yield Content("")
        yield Content.assemble("Before the first write this is added; ", ("I", "bold $accent"), " shows it and asks:")
        yield from (Content.styled(f"  + {present.line(line)}", _MUTED) for line in lacking)


# the queue


def _queue(waiting: Sequence[Waiting] | MemoriaError, pending: int | MemoriaError, now: datetime, width: int) -> Page:
    title = Section.QUEUE.value
    if isinstance(waiting, MemoriaError) or isinstance(pending, MemoriaError):
        return Page(title, _refused(waiting if isinstance(waiting, MemoriaError) else pending))
    if not pending:
        return Page(title, _text("Nothing pending: every memory has its vectors."))
    told = (
        f"{pending:,} {'memory waits' if pending == 1 else 'memories wait'} for vectors. Keyword search finds them. "
        "They are retried automatically; E retries now."
    )
    return Page(title, _text(told), tuple((one.memory_id, _waits(one, now, width)) for one in waiting))


def _waits(one: Waiting, now: datetime, width: int) -> Content:
    missing = Content.assemble(("? ", "$warning"), one.memory_id)
    name = missing if one.memory is None else present.labelled(one.memory, width - 2)
    tried = "not tried yet" if not one.attempts else f"tried {counted(one.attempts, 'time')}"
    seconds = (one.next_attempt - now).total_seconds()
    again = "due now" if seconds <= 0 else f"again in {duration(seconds)}"
    lines = [name, _below(f"{tried} · {again}", width, _MUTED)]
    if one.last_error:
        lines.append(_below(present.clip(one.last_error, 300), width, "$warning"))
    return Content("\n").join(lines)


# integrity


def _integrity(check: Check, report: HealthReport, width: int) -> Page:
    by_command = [Content(""), _text(f"In a shell: {check.command}", _MUTED)] if check.repairable else []
    match report.checked:
        case None:
            looked = f" · {report.looking.what.lower()}, {report.looking.done:,} so far" if report.looking else ""
            return Page(check.title, _text(f"Checking everything{looked} …"))
        case MemoriaError():
            return Page(check.title, _refused(report.checked))
    checked = report.checked
    found = checked.survey.found[check]
    told = "Changed since this check: r checks again."
    old = [_text(told, "$warning"), Content("")] if report.stale else []
    if not found:
        over = f"{checked.survey.memories:,} memories and {checked.survey.relations:,} relations were checked."
        return Page(check.title, _joined([*old, _text(f"None. {over}"), *by_command]))
    lines = [*old, _text(check.about), *by_command]
    if len(found) > len(checked.findings[check]):
        lines += [Content(""), _text(f"The first {len(checked.findings[check])} of {len(found):,}:", _MUTED)]
    rows = tuple((one.defect.id, _finding(one, width)) for one in checked.findings[check])
    return Page(check.title, _joined(lines), rows)


def _finding(finding: DescribedDefect, width: int) -> Content:
    lines = [_about(finding, width), _below(finding.what, width, _MUTED)]
    if finding.repair:
        lines.append(_below(f"→ {finding.repair}", width))
    return Content("\n").join(lines)


def _about(finding: DescribedDefect, width: int) -> Content:
    """The memory with the beginning of its id, or both ends of the relation, on one line."""
    relation = finding.defect.relation
    if relation is None:
        return _name(finding.memories[0], width - 10) + Content.styled(f"  {finding.defect.id[:8]}", "$foreground 45%")
    arrow = f" → {relation.type.label} → "
    source, target = (_name(memory, (width - len(arrow)) // 2) for memory in finding.memories)
    return Content.assemble(source, (arrow, present.colour(relation.type)), target)


def _name(memory: Memory | None, cells: int) -> Content:
    if memory is None:
        return Content.styled("no memory", "$warning")
    return present.labelled(memory, cells - 2)


# agents


def _agents(agents: Sequence[ConnectedAgent] | MemoriaError, now: datetime, width: int) -> Page:
    title = "Connected agents"
    if isinstance(agents, MemoriaError):
        return Page(title, _refused(agents))
    if not agents:
        told = (
            "No agent works with these memories now. memoria-tui connect CLIENT connects one, memoria-tui serve serves "
            "any number."
        )
        return Page(title, _text(told))
    told = f"{counted(len(agents), 'agent')} at work, who called last first; H lists what was changed."
    return Page(title, _text(told), tuple(((one.name, one.program), _agent(one, now, width)) for one in agents))


def _agent(one: ConnectedAgent, now: datetime, width: int) -> Content:
    name = present.line(one.name.removeprefix(AGENT))
    head = Content.assemble((name, "bold"), (f"  {present.line(one.program)}", _MUTED))
    told = [
        f"first call {present.ago(one.since, now)}",
        f"last {present.ago(one.last_at, now)}: {present.line(one.last_call)}",
        counted(one.calls, "call"),
        *([counted(one.errors, "error")] if one.errors else []),
    ]
    return Content("\n").join([head, _below(" · ".join(told), width, "$warning" if one.errors else _MUTED)])


def _tokens(tokens: Sequence[AccessToken] | MemoriaError, now: datetime, width: int) -> Page:
    title = Section.TOKENS.value
    if isinstance(tokens, MemoriaError):
        return Page(title, _refused(tokens))
    if not tokens:
        told = "There are no access tokens: n makes one, for agents of memoria-tui serve."
        return Page(title, _text(told))
    valid = sum(one.is_valid(now) for one in tokens)
    told = f"{valid:,} of {len(tokens):,} {'is' if valid == 1 else 'are'} valid. n makes one, d revokes one for good."
    return Page(title, _text(told), tuple((one.name, _token(one, now, width)) for one in tokens))


def _token(one: AccessToken, now: datetime, width: int) -> Content:
    about = f"  {one.scope.value} · {present.clip(one.reach, 60)}"
    head = Content.assemble((present.line(one.name), "bold" if one.is_valid(now) else _MUTED), (about, _MUTED))
    if one.revoked_at is not None:
        end = f"revoked {present.ago(one.revoked_at, now)}"
    elif one.expires_at is None:
        end = "never expires"
    else:
        end = f"{'expired' if one.expires_at <= now else 'expires'} {one.expires_at.astimezone(now.tzinfo):%Y-%m-%d}"
    used = f"used {present.ago(one.used_at, now)}" if one.used_at else "never used"
    made = f"made {present.ago(one.created_at, now)} by {present.line(one.created_by)}"
    return Content("\n").join([head, _below(" · ".join((used, end, made)), width, _MUTED)])


# care


def _care(care: MemoryHealth | MemoriaError, width: int) -> Page:
    title = "Care for the memories"
    if isinstance(care, MemoriaError):
        return Page(title, _refused(care))
    told = f"Of {counted(care.total)}; enter lists what a number counts, in Memories."
    named = [(one, f"{care.share(one):>4.0%} {one.name}") for one in care.numbers]
    named += [(one, f"by {present.clip(present.line(one.name), 20)} in {care.growth_days} days") for one in care.growth]
    longest = max((cell_len(name) for _, name in named), default=0)
    below = any(_COUNT + longest + 2 + cell_len(present.line(one.query)) > width for one, _ in named)
    rows = [
        (one.query, _number_over_query(one, name, width) if below else _number(one, name, longest))
        for one, name in named
    ]
    return Page(title, _text(told), tuple(rows))


def _number(number: HealthNumber, name: str, cells: int) -> Content:
    """With its query behind the name, which has so many cells."""
    counted = (f"{number.count:>{_COUNT - 2},}  ", "bold")
    return Content.assemble(counted, present.fit(name, cells), (f"  {present.line(number.query)}", _MUTED))


def _number_over_query(number: HealthNumber, name: str, width: int) -> Content:
    cells = _COUNT if width >= _WIDE else _COUNT_IF_NARROW
    query = _indented(number.query, width, cells)
    return Content.assemble((f"{number.count:>{cells - 2},}  ", "bold"), f"{name}\n", (f"{'':{cells}}{query}", _MUTED))


# trash, backups, model


def _trash(count: int | MemoriaError, missing: str) -> Content:
    """`missing`: what other programs deleted, in one line."""
    if isinstance(count, MemoriaError):
        return _refused(count)
    gone = [_text(f"{missing}.", "$warning"), Content("")] if missing else []
    if not count:
        return _joined([*gone, _text("The trash is empty. d in Memories moves a memory there.")])
    what = (
        f"{MOST_TRASH} or more memories are"
        if count >= MOST_TRASH
        else f"{count:,} {'memory is' if count == 1 else 'memories are'}"
    )
    told = f"{what} in the trash, with the relations they had. enter or T opens it and restores any of them."
    return _joined([*gone, _text(told)])


def _backups(health: Health, now: datetime, width: int) -> Page:
    title, archives = Section.BACKUPS.value, health.archives
    if isinstance(archives, MemoriaError):
        return Page(title, _refused(archives))
    lines = [_fact("folder", health.folder, width), _fact("by itself", health.daily, width)]
    lines += [_text(f"{problem}.", "$warning") for problem in health.daily_problems]
    if not archives:
        return Page(title, _joined([*lines, Content(""), _text("There is no backup yet; B makes one.")]))
    lines += [
        _fact("backups", f"{len(archives):,}, {readable_size(sum(one.bytes for one in archives))} in all", width),
        Content(""),
    ]
    lines.append(_text("enter compares one with what is here, and asks before it restores.", _MUTED))
    return Page(title, _joined(lines), tuple((one.path, _archive(one, now)) for one in archives))


def _archive(one: Archive, now: datetime) -> Content:
    made = "not known when" if one.made_at is None else f"{one.made_at.astimezone(now.tzinfo):%Y-%m-%d %H:%M}"
    age = present.age(one.made_at, now)
    head = Content.assemble((f"{made}  ", "bold"), (f"{age:>6}  {readable_size(one.bytes):>9}", _MUTED))
    if one.problem is not None:
        return Content("\n").join([head, Content.styled(f"   {present.line(one.problem)}", "$warning")])
    told = ", ".join(
        f"{one.counts[kind]:,} {kind}" for kind in ("memories", "relations", "sessions") if kind in one.counts
    )
    return Content("\n").join([head, Content.styled(f"   {told}", _MUTED)])


def _model(report: HealthReport, width: int) -> Content:
    model, embedder = report.health.model, report.health.stores[STORES[Section.EMBEDDER]]
    if isinstance(model, MemoriaError):
        return _refused(model)
    lines = [
        _fact("vectors by", model.model or "another program, so it is not known", width),
        _fact("dimensions", f"{model.dimensions:,}" if model.dimensions else "none yet", width),
        _fact("embedder", " · ".join(part for part in (embedder.label, embedder.version) if part), width),
    ]
    if report.health.languages:
        lines += [Content(""), _problem(report.health.languages)]
    if model.draft is not None:
        lines += [
            Content(""),
            _text(
                f"A move to {model.draft.model} ({model.draft.dimensions} dimensions) was begun: "
                f"{model.done:,} of {model.memories:,} memories are done. The store stays usable.",
                "$warning",
            ),
        ]
    if model.former is not None:
        lines += [
            Content(""),
            _text(f"The old vectors, by {model.former.model}, are kept; Z deletes them and frees their space.", _MUTED),
        ]
    lines += [Content(""), _text("V embeds all memories again with the configured model.", _MUTED)]
    return _joined(lines)


# forms


def _fact(label: str, told: str, width: int, colour: str = "$foreground") -> Content:
    """The label, and behind it what is told, all its lines indented as far."""
    cells = _LABEL if width >= _WIDE else _LABEL_IF_NARROW
    return Content.assemble((f"{label:{cells}}", _MUTED), (_indented(told, width, cells), colour))


def _indented(text: str, width: int, cells: int) -> str:
    """A text that begins behind so many cells, and goes on below itself."""
    return f"\n{'':{cells}}".join(textwrap.wrap(present.line(text), max(10, width - cells)))


def _problem(text: str) -> Content:
    return Content.styled(present.line(text), "$warning")


def _text(text: str, colour: str = "$foreground") -> Content:
    return Content.styled(present.line(text), colour)


def _below(text: str, width: int, colour: str = "$foreground") -> Content:
    """A text under the name it belongs to, all its lines indented."""
    lines = textwrap.wrap(present.line(text), max(20, width - 3), initial_indent="   ", subsequent_indent="   ")
    return Content.styled("\n".join(lines), colour)


def _refused(error: object) -> Content:
    return Content.styled(present.line(str(error)), "$error")


def _joined(lines: Iterable[Content]) -> Content:
    return Content("\n").join(lines)
