"""One page to read and search in any browser: nothing is loaded, and no text of a memory can become markup or script.

The memories are JSON in an element that is data, in which every `<` is escaped, so that nothing ends it; the page's own
script, which is beside this file, sets them as text. The page's policy allows that one script and style, by their
digests, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

from services.model import Memory, Relation
from services.transfer.export_source import ExportSource
from services.transfer.writers.writer import FileWriter

_ESCAPED = str.maketrans({"<": r"\u003c", ">": r"\u003e", "&": r"\u0026"})
_STYLE, _SCRIPT = (f"\n{Path(__file__).with_suffix(suffix).read_text('utf-8')}" for suffix in (".css", ".js"))
_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '{style}'; script-src '{script}'; \
base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<title>Memories</title>
"""
_BODY = """</head>
<body>
<header>
<input id="query" type="search" placeholder="Search" aria-label="Search" autocomplete="off">
<select id="type" aria-label="Type"><option value="">all types</option></select>
<select id="project" aria-label="Project"><option value="">all projects</option></select>
<select id="tag" aria-label="Tag"><option value="">all tags</option></select>
<span id="count"></span>
</header>
<noscript>Reading needs JavaScript; this page has its own, and loads nothing.</noscript>
<main>
<nav aria-label="Memories"><div id="list"></div></nav>
<article><div id="text"></div><dl id="facts"></dl></article>
</main>
"""


async def _page(source: ExportSource) -> AsyncIterator[bytes]:
    yield _HEAD.format(style=_digest(_STYLE), script=_digest(_SCRIPT)).encode()
    yield f"<style>{_STYLE}</style>\n{_BODY}".encode()
    yield b'<script type="application/json" id="memories">['
    comma = ""
    async for page in source.memories():
        for memory in page:
            yield _data(comma, of_memory(memory))
            comma = ",\n"
    yield b']</script>\n<script type="application/json" id="relations">['
    comma = ""
    async for relations in source.relations():
        for one in relations:
            yield _data(comma, of_relation(one))
            comma = ",\n"
    yield f"]</script>\n<script>{_SCRIPT}</script>\n</body>\n</html>\n".encode()


def of_memory(memory: Memory) -> dict[str, object]:
    """What the script knows of a memory."""
    dates = {
        name: date and date.isoformat() for name in ("created_at", "updated_at") for date in [getattr(memory, name)]
    }
    about = {name: getattr(memory, name) for name in ("id", "type", "content", "tags", "project", "importance")}
    return {**about, **dates, "metadata": dict(memory.metadata)}


def of_relation(relation: Relation) -> dict[str, object]:
    """What the script knows of a relation."""
    return {"source": relation.source_id, "target": relation.target_id, "type": relation.type}


def _data(comma: str, value: object) -> bytes:
    """JSON that holds no sign of markup."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return (comma + text.translate(_ESCAPED)).encode("utf-8", "replace")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


WRITER = FileWriter(
    ".html",
    "weights, work time, history and vectors; it is for reading, an import does not take it",
    _page,
)
