"""Formats that can be imported: one module a format, told apart by content, read as a stream of records."""
