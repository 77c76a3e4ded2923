"""The readers of all formats: one file a format, one row here. The first one that recognises a content reads it."""

from services.transfer.reader_parts.reader import Reader
from services.transfer.readers import (
    archive,
    basic_memory,
    chatgpt,
    claude_code,
    claude_export,
    csv_table,
    icalendar_file,
    json_records,
    klog,
    markdown,
    mcp_memoria,
    mcp_memory_service,
    mem0,
    memory_server,
    own,
    slack,
    time_table,
    timewarrior,
    unpacked,
    watson,
)

_OF_JSON = (
    own.READER,
    mcp_memoria.READER,
    memory_server.READER,
    mcp_memory_service.READER,
    chatgpt.READER,
    claude_export.READER,
    mem0.READER,
)
_OF_TIME = (
    timewarrior.READER,
    watson.READER,
    time_table.TOGGL,
    time_table.CLOCKIFY,
    klog.READER,
    icalendar_file.READER,
)
READERS: tuple[Reader, ...] = (
    archive.reader((*_OF_JSON, json_records.READER)),
    *_OF_JSON,
    *_OF_TIME,
    json_records.READER,
    csv_table.READER,
    slack.READER,
    unpacked.reader((*_OF_JSON, json_records.READER)),
    basic_memory.READER,
    claude_code.READER,
    markdown.READER,
)
