"""What was searched for: the last texts of the search box, in a private file of the home."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from services.errors import MemoriaError
from services.files import write_file

_MOST = 100


class SearchHistory:
    """Texts, oldest first, and where a person is who goes back in them."""

    def __init__(self, file: Path | None = None) -> None:
        """Without a file they end with the program."""
        self._file = file
        self._texts: list[str] = []
        self._texts = self._read()
        self._at = 0
        self._typed = ""
        """What stood in the box when the person went back."""

    def remember(self, text: str) -> None:
        """Adds what was searched for; once more, it is the newest. A file that cannot be written is let be."""
        if not text.strip():
            return
        self._texts = [*(one for one in self._read() if one != text), text][-_MOST:]
        if self._file is not None:
            with suppress(OSError, MemoriaError):
                write_file(self._file, json.dumps(self._texts, ensure_ascii=False))

    def older(self, text: str) -> str | None:
        """What was searched for before `text`, which stands in the box; None at the oldest."""
        if not self._is_at(text):
            self._at, self._typed = len(self._texts), text
        while self._at > 0:
            self._at -= 1
            if self._texts[self._at] != text:
                return self._texts[self._at]
        return None

    def newer(self, text: str) -> str | None:
        """What was searched for after it, at last what was typed before going back; None where nobody went back."""
        if not self._is_at(text):
            return None
        self._at += 1
        return self._texts[self._at] if self._at < len(self._texts) else self._typed

    def _is_at(self, text: str) -> bool:
        return self._at < len(self._texts) and self._texts[self._at] == text

    def _read(self) -> list[str]:
        if self._file is None:
            return self._texts
        with suppress(OSError, ValueError):
            read = json.loads(self._file.read_text("utf-8"))
            return [one for one in read if isinstance(one, str)] if isinstance(read, list) else []
        return []
