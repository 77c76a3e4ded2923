"""What the formats of time trackers share: one piece of tracked time becomes the record of a session. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.model import SessionCategory
from services.storable_text import quoted
from services.transfer.reader_parts.imported_records import BadRecord, SessionRecord
from services.transfer.reader_parts.source_ids import id_of
from services.work.name_rules import cleaned_name
from services.work.rules import MOST_DESCRIPTION

CLIENT, PROJECT, CATEGORY, NOT_BILLABLE = "client", "project", "category", "not-billable"
"""Tags `client:acme` and so on: in formats that have tags alone, this program writes so what else it knows."""
NO_DESCRIPTION = "work"
"""What a session without any words is called."""
_TAGGED = re.compile(rf"({CLIENT}|{PROJECT}|{CATEGORY})[:=](.+)", re.DOTALL)
_LONGEST = timedelta(days=366)
_WIDEST = timedelta(hours=2)
"""By how much clocks go back at the most."""


@dataclass(slots=True)
class TrackedTimes:
    """Makes the records of one file."""

    program: str
    _seen: Counter[str] = field(default_factory=Counter)

    def record(
        self,
        where: str,
        key: str,
        start: datetime | None,
        end: datetime | None,
        description: str = "",
        *,
        own_id: str = "",
        session_id: str = "",
        client: str = "",
        project: str = "",
        tags: Iterable[str],
        billable: bool = True,
        notes: Sequence[str] = (),
        lasted: timedelta | None = None,
    ) -> SessionRecord | BadRecord:
        """A session, or why there is none.

        `own_id` is that of the program, which stays when its times change; without one `key` tells it from others, as
        their number does where several have one. `session_id` is a UUID of its own.
        """
        key = own_id or key
        self._seen[key] += 1
        if start is None or (start.tzinfo is None) != ((end or start).tzinfo is None):
            return BadRecord(where, "its times cannot be read")
        if end is None:
            return BadRecord(where, "it is still running")
        if not _can_last(start, end, lasted):
            return BadRecord(where, f"it cannot last from {_read(start)} to {_read(end)}")
        if (longest := max(map(len, (description, *notes)))) > MOST_DESCRIPTION:
            return BadRecord(where, f"a text of {longest:,} characters; a session takes {MOST_DESCRIPTION:,}")
        tagged, kept = _of_tags(tags)
        project = project or tagged.get(PROJECT, "")
        number = f"\0{self._seen[key]}" if self._seen[key] > 1 else ""
        return SessionRecord(
            where,
            session_id or id_of(f"{self.program}\0{key}{number}"),
            " ".join(description.split()) or ", ".join(kept) or project or NO_DESCRIPTION,
            start,
            end,
            cleaned_name(client or tagged.get(CLIENT, "")),
            cleaned_name(project),
            kept,
            SessionCategory(tagged.get(CATEGORY, SessionCategory.OTHER)),
            billable and NOT_BILLABLE not in tagged,
            tuple(note for note in notes if note.strip()),
            has_own_id=bool(own_id or session_id),
            lasted=lasted,
        )


def _can_last(start: datetime, end: datetime, lasted: timedelta | None) -> bool:
    """Whether a session can be that long; by the clock it may end before it begins, after an hour that is repeated."""
    repeated = lasted - (end - start) if lasted and start.tzinfo is None else timedelta()
    is_backwards = end <= start and not timedelta() < repeated <= _WIDEST
    return not is_backwards and end - start <= _LONGEST and 1 < start.year < 9998


def _of_tags(tags: Iterable[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """What tags of this program say, by what it is about, and the other tags."""
    said, others = dict[str, str](), list[str]()
    for tag in tags:
        found = _TAGGED.fullmatch(tag.strip())
        if tag.strip() == NOT_BILLABLE:
            said[NOT_BILLABLE] = tag
        elif found is None:
            others.append(cleaned_name(tag.replace(",", " ").removeprefix("#")))
        elif found[1] != CATEGORY:
            said.setdefault(found[1], found[2])
        elif found[2] in tuple(SessionCategory):
            said[CATEGORY] = found[2]
    return said, tuple(dict.fromkeys(filter(None, others)))


def _read(moment: datetime) -> str:
    """By the clock of the source."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def utc_stamp(text: object) -> datetime | None:
    """`20261120T093000Z`, None for what is none."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def since_1970(seconds: object) -> datetime | None:
    """Whole seconds since 1970, None for what is none."""
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def unreadable(value: object) -> str:
    return f"{quoted(value)} is not a tracked time"
