"""What was searched for: the last texts of the search box, in a private file of the home."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from services.errors import MemoriaError
from services.file_locks import only_writer
from services.files import write_file

_MOST = 100


class SearchHistory:
    """Texts, oldest first, and where a person is who goes back in them."""

    def __init__(self, file: Path | None = None) -> None:
        """Without a file they end with the program."""
        self._file = file
        self._texts: list[str] = []
        self._texts = self._read()
        self._unwritten: list[str] = []
        self._writing = threading.Lock()
        self._at = 0
        self._typed = ""
        """What stood in the box when the person went back."""

    def remember(self, text: str) -> None:
        """Adds what was searched for; once more, it is the newest. `write` puts it into the file."""
        if text.strip():
            self._texts = _with(self._texts, [text])
            self._unwritten.append(text)

    def write(self) -> None:
        """Adds to the file what is not there yet, beside what other programs added; waits for the disk.

        A file that cannot be written is let be.
        """
        if self._file is None:
            return
        with self._writing:
            added, self._unwritten = self._unwritten, []
            if added:
                with suppress(OSError, MemoriaError), only_writer(self._file):
                    write_file(self._file, json.dumps(_with(self._read(), added), ensure_ascii=False))

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


def _with(texts: Sequence[str], added: Sequence[str]) -> list[str]:
    """The newest of both, each once."""
    return list(dict.fromkeys(reversed([*texts, *added])))[::-1][-_MOST:]
