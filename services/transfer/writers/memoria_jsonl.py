"""Memories in the form of MCP Memoria's export in lines."""

from services.transfer.writers import memoria_json

WRITER = memoria_json.lines()
