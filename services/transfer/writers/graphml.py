"""The graph in GraphML, as yEd, Gephi and networkx read it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from xml.sax.saxutils import escape

from services.transfer.export_source import ExportSource
from services.transfer.writers.unique_names import short_title
from services.transfer.writers.writer import FileWriter

_NODE = ("label", "type", "text", "project", "tags", "importance", "created")
_EDGE = ("type", "weight")
_NUMBERS = ("importance", "weight")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for, however it is escaped."""


async def _elements(source: ExportSource) -> AsyncIterator[bytes]:
    keys = [_key("node", name) for name in _NODE] + [_key("edge", name) for name in _EDGE]
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
    yield f'{head}{"".join(keys)}<graph id="memories" edgedefault="directed">\n'.encode()
    async for page in source.memories():
        for memory in page:
            about = {"label": short_title(memory), "type": memory.type, "text": memory.content}
            more = {"project": memory.project, "tags": ", ".join(memory.tags), "importance": memory.importance}
            values = {**about, **more, "created": memory.created_at and memory.created_at.isoformat()}
            yield f'<node id="{memory.id}">{_data("node", values)}</node>\n'.encode()
    async for relations in source.relations():
        for one in relations:
            values = {"type": one.type, "weight": one.weight}
            ends = f'source="{one.source_id}" target="{one.target_id}"'
            yield f'<edge id="{one.id}" {ends}>{_data("edge", values)}</edge>\n'.encode()
    yield b"</graph>\n</graphml>\n"


def _key(kind: str, name: str) -> str:
    number = "double" if name in _NUMBERS else "string"
    return f'<key id="{kind}-{name}" for="{kind}" attr.name="{name}" attr.type="{number}"/>\n'


def _data(kind: str, values: Mapping[str, object]) -> str:
    return "".join(
        f'<data key="{kind}-{name}">{xml_text(str(value))}</data>'
        for name, value in values.items()
        if value not in (None, "")
    )


def xml_text(text: str) -> str:
    """A text as XML 1.0 can hold it; a control character becomes �."""
    return escape(_NO_XML.sub("\ufffd", text), {"\r": "&#13;"})


WRITER = FileWriter(
    ".graphml",
    "metadata, work time, history and vectors; control characters become �",
    _elements,
)
