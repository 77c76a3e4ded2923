"""What the readers of formats share: how a file is opened, and how dates, tags, ids and types are read."""

READABLE_SOURCES = (
    "an export of this program, of MCP Memoria, of ChatGPT, Claude or another program with memories, of a time "
    "tracker, JSON, JSON lines, CSV, Markdown or text, or a folder of it"
)
"""What `Source` reads, as help, hints and errors name it."""
FIELDS = ("content", "id", "type", "tags", "project", "importance", "created_at", "updated_at")
"""What can be mapped from JSON and CSV of any program."""
