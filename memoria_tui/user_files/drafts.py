"""What was typed and not saved, kept in a private file for the next start, whatever ends the program."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from memoria_tui.terminal.external_editor import EditorFile
from services.errors import MemoriaError
from services.files import AtomicFile, make_private, remove_partials, storage_errors

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen
    from textual.timer import Timer

FILE = "file"
"""Under this name the values of a draft hold where the person's editor has the text."""
_ENDING = ".json"
_AFTER = 1.0
"""Seconds after which what was typed is in its file."""
_AGAIN = 2.0
"""Seconds after which it is tried again when it could not be written, as on a full disk."""


class DraftKind(StrEnum):
    """What a text was typed into."""

    NEW_MEMORY = "new memory"
    EDIT_MEMORY = "edit memory"
    MERGED_TEXT = "merged text"
    START_WORK = "start work"
    SWITCH_WORK = "switch work"
    ADD_WORK = "add work"
    STOP_WORK = "stop work"
    EDIT_SESSION = "edit session"
    NOTE = "note"
    PAUSE_REASON = "pause reason"
    WORK_SETTINGS = "work settings"
    CLIENT_RATES = "rates of a client"
    PROJECT_RATES = "rates of a project"
    TAGS = "tags"
    PROJECT = "project"
    IMPORTANCE = "importance"

    @property
    def is_of_memories(self) -> bool:
        """Whether it belongs to memories; else to work."""
        return self in _OF_MEMORIES


_OF_MEMORIES = frozenset(
    {DraftKind.NEW_MEMORY, DraftKind.EDIT_MEMORY, DraftKind.MERGED_TEXT}
    | {DraftKind.TAGS, DraftKind.PROJECT, DraftKind.IMPORTANCE}
)


@dataclass(frozen=True, slots=True)
class Draft:
    """What was typed into one editor or form and is not saved."""

    kind: DraftKind
    of: str = ""
    """Id of the memory or session that it belongs to; ids of memories with commas between them."""
    title: str = ""
    """What it was typed into, for a person."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What is in the fields, by their names."""
    saving: bool = False
    """Whether something was being saved, so that the stores may have it."""

    @property
    def may_be_stored(self) -> bool:
        """Whether the stores, or an editor that is still open, may have it when its program has ended."""
        return self.saving or FILE in self.values


class Drafts:
    """The file of this program; a lock of the kernel tells others that the program lives.

    Files of programs that ended are taken over by `adopt`.
    """

    def __init__(self, folder: Path, typed: Callable[[], Iterable[Draft]]) -> None:
        """`typed` gives what is not saved now."""
        self._folder = folder
        self._typed = typed
        self._path = folder / f"{uuid.uuid4()}{_ENDING}"
        self._file: AtomicFile | None = None
        self._wanted: tuple[Draft, ...] = ()
        self._written: tuple[Draft, ...] = ()
        self._writing = threading.Lock()
        self.left: list[Draft] = []
        """Of programs that ended, until they are opened or discarded."""

    def note(self) -> bool:
        """Takes what is typed now; whether `write` has something to do."""
        self._wanted = (*self.left, *self._typed())
        return self._wanted != self._written

    def write(self) -> None:
        """Writes what was noted last, in any thread. Raises StorageFull, InvalidInput."""
        with self._writing:
            wanted, before = self._wanted, self._file
            if wanted == self._written:
                return
            if wanted:
                with storage_errors(self._folder):
                    make_private(self._folder)
                self._file = AtomicFile(self._path)
                self._file.write(json.dumps([asdict(one) for one in wanted]).encode())
                self._file.commit(close=False)
            else:
                self._path.unlink(missing_ok=True)
                self._file = None
            self._written = wanted
            if before is not None:
                before.close()

    def keep(self) -> None:
        """Notes and writes at once. Raises as `write`."""
        self.note()
        self.write()

    def release(self) -> None:
        """Leaves what is written to the next program."""
        if self._file is not None:
            self._file.close()

    def adopt(self) -> None:
        """Takes over what programs left that ended. Raises StorageFull, InvalidInput."""
        if not self._folder.is_dir():
            return
        remove_partials(self._folder, ".")
        with ExitStack() as locks:
            taken = [path for path in sorted(self._folder.glob(f"*{_ENDING}")) if self._take(path, locks)]
            self.keep()
            for path in taken:
                path.unlink(missing_ok=True)

    def _take(self, path: Path, locks: ExitStack) -> bool:
        """Not when its program lives, another one takes it now, or it is none of ours."""
        with suppress(OSError, ValueError, TypeError):
            file = locks.enter_context(path.open("rb"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_nlink:
                self.left += _read(json.load(file))
                return True
        return False


class Keeping(Protocol):
    """What screens need of the app."""

    drafts: DraftKeeper


def keeper_of(app: App[object]) -> DraftKeeper:
    """The one of the app."""
    return cast("Keeping", app).drafts


class DraftKeeper:
    """Keeps what is typed in an app: soon after each key, and at once when the app ends."""

    def __init__(
        self,
        app: App[None],
        folder: Path | None,
        screens: Callable[[], Iterable[object]],
        say: Callable[..., None],
        saves: Callable[[], bool],
        types: Callable[[], bool],
    ) -> None:
        """`screens` are asked for their `draft`; `say` tells why one cannot be kept. Without a folder none is.

        `saves`: whether something is being saved; `types`: whether keys that were pressed are still on their way.
        """
        self._app = app
        self._saves = saves
        self._types = types
        self._screens = screens
        self._say = say
        self._drafts = Drafts(folder, self._typed) if folder is not None else None
        self._set_aside: list[Draft] = []
        self._untold = False
        """Whether something was set aside that was not told yet."""
        self._timer: Timer | None = None
        self._fails = False
        """Whether it could not be written, which was told then."""

    def _typed(self) -> list[Draft]:
        drafts = (getattr(screen, "draft", None) for screen in self._screens())
        return [replace(draft, saving=self._saves()) for draft in drafts if isinstance(draft, Draft)]

    @property
    def left(self) -> list[Draft]:
        """Of programs that ended, and of editors that were left; until they are opened or discarded."""
        return self._drafts.left if self._drafts is not None else self._set_aside

    async def offer(self, draft: Draft, dialog: Screen[bool | None]) -> bool | None:
        """Asks a person about one of them: True to open it, False: it is gone, None: later."""
        if (opens := await self._app.push_screen_wait(dialog)) is not None:
            self.drop(draft)
        return opens

    def look_again(self) -> None:
        """Takes what editors saved since that outlived their programs."""
        self.left[:] = _read([asdict(one) for one in self.left])

    def drop(self, draft: Draft) -> None:
        """It is open, discarded or stored."""
        self.left.remove(draft)
        self.keep_soon()

    def adopt(self) -> None:
        """Takes over what programs left that ended."""
        if self._drafts is not None:
            self._try(self._drafts.adopt)

    def keep(self) -> None:
        """At once, for the program ends."""
        if self._drafts is not None:
            self._try(self._drafts.keep)

    async def keep_before_a_write(self) -> None:
        """What is about to be saved, as it is saved: the next start compares it with the stores."""
        if self._drafts is not None and self._notes(self._drafts):
            await asyncio.to_thread(self._try, self._drafts.write)

    def set_aside(self, draft: Draft) -> None:
        """Leaves what was typed and went nowhere to the next start, which is told once it is written."""
        self.left.append(draft)
        self._untold, self._fails = True, False
        self.keep_soon()
        if self._drafts is None:
            self._tell()

    def _tell(self) -> None:
        if self._untold:
            self._untold = False
            self._say("What was typed meanwhile is kept: the next start offers it")

    def keep_soon(self) -> None:
        """In a moment, once for many keys."""
        if self._drafts is not None and self._timer is None:
            self._timer = self._app.set_timer(_AGAIN if self._fails else _AFTER, self._write, name="drafts")

    async def _write(self) -> None:
        self._timer = None
        if self._types():
            self.keep_soon()
        if self._drafts is not None and self._notes(self._drafts):
            # As a function: of a worker that is cancelled before it begins, no coroutine is left.
            self._app.run_worker(self._put, group="drafts")  # type: ignore[arg-type]
        else:
            self._tell()

    async def _put(self) -> None:
        assert self._drafts is not None
        await asyncio.to_thread(self._try, self._drafts.write)
        if self._fails or self._drafts.note():
            self.keep_soon()
        else:
            self._tell()

    def _notes(self, drafts: Drafts) -> bool:
        """Not once the app ends: what was typed was kept before its screens were closed, which hold it no more."""
        return self._app.is_running and drafts.note()

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
            self._fails = False
        except MemoriaError as error:
            if not self._fails:
                what = "What was typed meanwhile is not kept yet" if self._untold else "Drafts cannot be saved"
                self._say(f"{what}: {error}", wrong=True)
            self._fails = True

    def release(self) -> None:
        """Leaves what is written to the next program."""
        if self._drafts is not None:
            self._drafts.release()


def _read(drafts: object) -> list[Draft]:
    """What `write` wrote. Raises TypeError, ValueError."""
    if not isinstance(drafts, list) or not all(isinstance(one, dict) for one in drafts):
        raise TypeError
    return [_draft(**one) for one in drafts]


def _draft(kind: str, of: str, title: str, values: Mapping[str, str], saving: bool = True) -> Draft:
    """With what an editor saved that was open when its program ended, and while it still may."""
    known = {str(name): str(value) for name, value in dict(values).items()}
    if FILE in known:
        saved = EditorFile.left(known[FILE], known.get("text", ""))
        known = {name: value for name, value in known.items() if name != FILE or saved is not None}
        known |= {"text": saved} if saved is not None else {}
    return Draft(DraftKind(kind), str(of), str(title), known, bool(saving))
