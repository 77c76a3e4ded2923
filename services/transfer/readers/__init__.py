"""The readers of all formats: one file a format, one row here. The first one that recognises a content reads it."""

from services.transfer.formats.reader import Reader
from services.transfer.readers import (
    basic_memory,
    claude_code,
    csv_table,
    json_records,
    markdown,
    mcp_memoria,
    mcp_memory_service,
    mem0,
    memory_server,
    own,
)

READERS: tuple[Reader, ...] = (
    own.READER,
    mcp_memoria.READER,
    memory_server.READER,
    mcp_memory_service.READER,
    mem0.READER,
    json_records.READER,
    csv_table.READER,
    basic_memory.READER,
    claude_code.READER,
    markdown.READER,
)
