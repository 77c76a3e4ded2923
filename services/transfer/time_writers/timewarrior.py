"""JSON as `timew export` prints it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, tzinfo

from services.transfer.time_writers.writer import TimeWriter, WorkedPiece, tags_of


def _text(pieces: Sequence[WorkedPiece], zone: tzinfo) -> str:
    lines = [
        json.dumps(
            {
                "id": len(pieces) - number,
                "start": f"{one.start.astimezone(UTC):%Y%m%dT%H%M%SZ}",
                "end": f"{one.end.astimezone(UTC):%Y%m%dT%H%M%SZ}",
                "tags": tags_of(one.session),
                "annotation": one.description,
            },
            ensure_ascii=False,
        )
        for number, one in enumerate(pieces)
    ]
    return "[\n" + ",\n".join(lines) + "\n]\n"


WRITER = TimeWriter(
    "description as annotation; tags, with client, project and kind as `client:acme` and so on",
    "reasons of pauses, notes, issues, branches, what was billed",
    _text,
)
