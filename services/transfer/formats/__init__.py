"""Formats that can be imported: one module a format, told apart by content, read as a stream of records."""

KNOWN = "an export of this program, an export or backup of MCP Memoria, JSON lines, Markdown or text, or a folder of it"
"""What `Source` reads, as help, hints and errors name it."""
