"""Paths as a person types them into a dialog."""

from __future__ import annotations

from services.files import expanded


def why_not_new(text: str) -> str | None:
    """Why no file can be made there, None when it can: nothing that is there is written over."""
    file = expanded(text)
    try:
        if not text or file.is_dir():
            return "Name a file"
        if file.exists():
            return "That file exists already; name another one"
        return None if file.parent.is_dir() else f"There is no folder {file.parent}"
    except OSError as error:  # as of a name that is too long, or a folder that is closed
        return f"No file can be made there: {error.strerror}"
