"""What the Inbox screen draws, and how it is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content

from memoria_tui.dialogs.difference_view import difference as drawn
from memoria_tui.dialogs.difference_view import excerpt
from memoria_tui.modes.notices import key
from memoria_tui.modes.registry import MEMORIES
from memoria_tui.text.present import ago, clip, labelled, line
from memoria_tui.text.text_difference import compare
from services.curation.curation_values import GroupBy
from services.curation.inbox import InboxGroup, InboxItem, Near, author
from services.model import Kind, counted
from services.ports import PendingReview

_MUTED = "$foreground 60%"
_TITLE = 200
"""Cells, of which a row shows as many as there is room for."""
_SHARED = 0.4
"""Share of their words from which two texts are compared word by word."""
_CONTRADICTS = "bold $warning"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits, group after group, and the memory that is looked at."""

    by: GroupBy
    groups: tuple[InboxGroup, ...] = ()
    item: InboxItem | None = None
    """None: nothing waits."""
    near: tuple[Near, ...] = ()
    secrets: str = ""
    """Of what kinds they are in its text: «a password»; "" where none is found."""
    done: int = 0
    """Memories that were decided on since the mode was opened."""
    more: int = 0
    """Memories that wait beyond those of the groups."""

    @property
    def order(self) -> tuple[PendingReview, ...]:
        return tuple(one for group in self.groups for one in group.pending)

    @property
    def group(self) -> InboxGroup | None:
        """That of the memory."""
        if self.item is None:
            return None
        return next((one for one in self.groups if self.item.pending in one.pending), None)


def progress(waiting: Waiting, now: datetime) -> Content:
    """«12 of 48 · claude-code · 3 h ago · 5 in this session»."""
    if waiting.item is None or waiting.group is None:
        return Content("")
    order, group = waiting.order, waiting.group
    place = waiting.done + order.index(waiting.item.pending) + 1
    total = waiting.done + len(order) + waiting.more
    name = group.name or "no project"
    left = f"{len(group.pending):,} {waiting.by.here}"
    return Content.assemble(
        (f" {place:,} of {total:,}", "bold"),
        (f" · {clip(line(name), 40)} · {ago(group.at, now)} · {left}", _MUTED),
    )


def compares(done: int, total: int) -> Content:
    """«comparing with all memories · 400 of 2,000»."""
    return Content.assemble((" comparing with all memories", "bold"), (f" · {done:,} of {total:,}", _MUTED))


def what(item: InboxItem, secrets: str, now: datetime) -> Content:
    """«changed · has a password, ( masks it · by claude-code · 3 h ago · in memoria-mcp · reviewed by anna 3 d ago»."""
    pending = item.pending
    style = {"new": "bold $success", "changed": "bold $warning", "deleted": "bold $error"}[item.change]
    by = author(pending)
    told = [by if pending.kind is Kind.IMPORT else f"by {by}", ago(pending.at, now), f"in {pending.program}"]
    if pending.reviewed_at is not None:
        told.append(f"reviewed by {pending.reviewed_by} {ago(pending.reviewed_at, now)}")
    found = [(f" · has {clip(secrets, 40)}", "bold $warning")] if secrets else []
    masks = [(", ", _MUTED), ("(", "bold $footer-key-foreground"), (" masks", _MUTED)] if secrets and item.now else []
    about = " · ".join(["", *(clip(line(one), 40) for one in told)])
    return Content.assemble((item.change, style), *found, *masks, (about if secrets else about[2:], _MUTED))


def difference(item: InboxItem) -> Content | None:
    """What was changed, word by word; None for what is new or gone."""
    if item.before is None or item.now is None:
        return None
    if item.before.content != item.now.content:
        return drawn(compare(item.before.content, item.now.content))
    changed = list(_changed_fields(item))
    return Content("\n").join(changed) if changed else Content.styled("the same as before", _MUTED)


def _changed_fields(item: InboxItem) -> Iterable[Content]:
    before, now = item.before, item.now
    assert before is not None
    assert now is not None
    for name in ("tags", "project", "importance", "type"):
        was, will = (getattr(one, name) for one in (before, now))
        if was != will:
            was, will = (", ".join(one) if isinstance(one, tuple) else str(one) for one in (was, will))
            yield Content.assemble(
                (f"{name}  ", _MUTED), (clip(line(was), 60), "$error"), " → ", (clip(line(will), 60), "$success")
            )


def near_row(near: Near, made: datetime | None = None) -> Content:
    """«97%  ◆ the first line», and below what differs; `made`: when the memory was that it is beside."""
    row = Content.assemble((f"{near.likeness:>4.0%}  ", _MUTED), labelled(near.memory, _TITLE))
    if not near.differing:
        return row
    facts = " · ".join(
        f"{clip(line(here), 20) or '—'} ≠ {clip(line(there), 20) or '—'}" for here, there in near.differing
    )
    said, style = ("contradicts", _CONTRADICTS) if near.contradicts else ("differs in", _MUTED)
    there = near.memory.created_at
    newer = " · it is newer" if made is not None and there is not None and there > made else ""
    below = (f"      {said}: {clip(facts, 30)}", style), (newer, _MUTED)
    return Content("\n").join([row, Content.assemble(*below)])


def compared(item: InboxItem, near: Near) -> Content:
    """In what the other text differs; what of it is alike where hardly a word is the same."""
    if near.shared < _SHARED:
        return excerpt(near.passage or near.memory.content)
    return drawn(compare(near.memory.content, item.memory.content))


def nothing_chosen() -> Content:
    """What stands in the place of the other text where the chosen one is not like this one any more, or not there."""
    return Content("\n").join([Content("The one that was chosen is here no more."), key("up, down", "choose another")])


def nothing_waits(waiting: Waiting) -> Content:
    """What an empty inbox says."""
    done = f"{counted(waiting.done)} reviewed." if waiting.done else "What agents and imports write appears here."
    return Content("\n").join(
        [
            Content.styled("Nothing waits for your review.", "bold $foreground"),
            Content(""),
            Content(done),
            Content(""),
            *([key("u", "undo the last decision")] if waiting.done else []),
            key(MEMORIES.key, "go to Memories"),
        ]
    )
