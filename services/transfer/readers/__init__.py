"""The readers of all formats: one file a format, one row here. The first one that recognises a content reads it."""

from services.transfer.formats.reader import Reader
from services.transfer.readers import (
    archive,
    basic_memory,
    chatgpt,
    claude_code,
    claude_export,
    csv_table,
    json_records,
    markdown,
    mcp_memoria,
    mcp_memory_service,
    mem0,
    memory_server,
    own,
    slack,
    unpacked,
)

_OF_JSON = (
    own.READER,
    mcp_memoria.READER,
    memory_server.READER,
    mcp_memory_service.READER,
    chatgpt.READER,
    claude_export.READER,
    mem0.READER,
    json_records.READER,
)
READERS: tuple[Reader, ...] = (
    archive.reader(_OF_JSON),
    *_OF_JSON,
    csv_table.READER,
    slack.READER,
    unpacked.reader(_OF_JSON),
    basic_memory.READER,
    claude_code.READER,
    markdown.READER,
)
