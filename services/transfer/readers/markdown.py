"""Markdown and plain text: a file, a folder, a vault of Obsidian."""

from __future__ import annotations

from services.transfer.reader_parts.notes import read_notes
from services.transfer.reader_parts.opened_source import TEXT_SUFFIXES, Opened
from services.transfer.reader_parts.reader import Reader


def recognises(opened: Opened) -> bool:
    if opened.path is None or opened.is_folder or opened.suffix in TEXT_SUFFIXES:
        return opened.path is not None
    return not opened.suffix and opened.shape.form is None and b"\0" not in opened.head


READER = Reader(
    "markdown",
    "Markdown or text: a file, a folder, an Obsidian vault",
    "text, title, properties, tags (also inline), dates; links, embeds and links in properties as relations, typed by "
    "`- requires [[X]]`, `requires:: [[X]]` and the name of the property",
    "attachments, canvases; links to neither a note nor a file of the folder (reported); templates, unless "
    "`--templates`",
    recognises,
    read_notes,
)
