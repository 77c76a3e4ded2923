"""Where the store daemon of a home is reached: a socket in a folder that only its user may enter.

The daemon holds `lock` for as long as it lives, so that there is one, and what a killed one left is known to be dead.
`start.lock` is held by the program that starts it; the others that want it then wait and connect.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path

from services.errors import StoreUnavailable
from services.file_locks import held_lock
from services.files import is_read_only, make_private, write_file
from services.temporary_folders import short_folder

LONGEST_SOCKET_PATH = 103
"""Bytes; macOS takes 103, Linux 107."""
_SOCKET = "socket"
_SECONDS_TO_END = 10.0
"""For a daemon to bring everything to disk, before it is killed."""
_LOOK_SECONDS = 0.1
"""Between two looks at a daemon that ends."""


class DaemonPaths:
    """The files of one home's daemon."""

    def __init__(self, home: Path) -> None:
        self.home = Path(os.path.realpath(home))  # however it is spelled, so that all look in one place
        self.folder = self.home / "daemon"
        self.lock = self.folder / "lock"
        self.start_lock = self.folder / "start.lock"
        self.log = self.folder / "daemon.log"
        self._note = self.folder / "socket.path"
        self._held: int | None = None
        self._elsewhere: Path | None = None

    @property
    def address(self) -> Path:
        """Where the daemon listens, if there is one. Raises FileNotFoundError where none ever listened."""
        path = self.folder / _SOCKET
        if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
            return path
        return Path(os.fsdecode(self._note.read_bytes()))

    def listen(self) -> socket.socket:
        """Listens, in the place of a dead daemon; the caller holds the lock. Raises OSError."""
        self.clear()
        if len(os.fsencode(self.folder / _SOCKET)) > LONGEST_SOCKET_PATH:
            self._elsewhere = short_folder()
            write_file(self._note, os.fsencode(self._elsewhere / _SOCKET))
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(self.address))
        listening.listen(128)
        listening.setblocking(False)
        return listening

    def own(self, lock: int) -> None:
        """This process is the home's daemon, by the file descriptor that holds the lock."""
        self._held = lock
        with suppress(OSError):  # on a full disk nothing is said
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(os.getpid()).encode(), 0)

    @property
    def is_ours(self) -> bool:
        """False for a daemon whose home was removed, whatever is in its place: that is another one's, and its files."""
        if self._held is None:
            return True
        with suppress(OSError):
            return os.path.samestat(os.fstat(self._held), self.lock.stat())
        return False

    def leave(self) -> None:
        """Removes the socket of this process, also where its home was removed."""
        if self.is_ours:
            self.clear()
        elif self._elsewhere is not None:
            shutil.rmtree(self._elsewhere, ignore_errors=True)

    def clear(self) -> None:
        """Removes the socket of a daemon that ends, or of one that died; the caller holds the lock."""
        with suppress(OSError):
            path = self.address
            path.unlink(missing_ok=True)
            if path.parent != self.folder:
                path.parent.rmdir()
        self._note.unlink(missing_ok=True)

    def connect(self) -> socket.socket | None:
        """A connection to whoever listens; None when nobody does. Raises StoreUnavailable for another user's."""
        try:
            path = self.address
            made = socket.socket(socket.AF_UNIX)
            made.settimeout(0)
            try:
                made.connect(str(path))
                self._require_ours(made)
            except BaseException:
                made.close()
                raise
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            return None
        except PermissionError as error:
            raise StoreUnavailable(f"the store daemon of {self.home} cannot be reached: {error.strerror}") from error
        return made

    def kill(self, patience: float = _SECONDS_TO_END) -> int | None:
        """Ends a daemon that does not end by itself; gives its process id, None when none lives.

        Raises StoreUnavailable when it runs where no signal reaches it.
        """
        if (connected := self.connect()) is None:
            return None
        with connected:
            pid, _ = peer_of(connected)
        if not pid:  # what the kernel says of a process in another container; 0 would end all of this group
            raise StoreUnavailable(f"the store daemon of {self.home} runs in another container: stop it there")
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, StoreUnavailable):
                os.kill(pid, number)
                self.wait_for_end(patience)
                return pid
        return None

    def wait_for_end(self, seconds: float = 60.0) -> None:
        """Blocks until the daemon that lives has ended, though the next one may have been started already.

        Raises StoreUnavailable when it has not after so many seconds.
        """
        if not self.folder.is_dir() or is_read_only(self.folder):
            return
        deadline, holder = time.monotonic() + seconds, self._holder()
        while True:
            with suppress(BlockingIOError), held_lock(self.lock, seconds=_LOOK_SECONDS):
                self.clear()  # what a killed one left
                return
            if self._holder() != holder:
                return
            if time.monotonic() > deadline:
                raise StoreUnavailable(f"the store daemon of {self.home} does not end; see {self.log}")

    def _holder(self) -> bytes:
        """The process that has, or had, the lock; b"" where it did not say so."""
        with suppress(FileNotFoundError):
            return self.lock.read_bytes()
        return b""

    def _require_ours(self, made: socket.socket) -> None:
        if not is_trusted(peer_of(made)[1], self.folder):
            raise StoreUnavailable(f"the store daemon of {self.home} is run by another user; stop it there")

    def make(self) -> None:
        """Makes the folder, closed to others, whatever it was before. Raises OSError."""
        make_private(self.folder)
        if self.folder.stat().st_mode & 0o077:
            self.folder.chmod(0o700)


def is_trusted(user: int, folder: Path) -> bool:
    """Whether a process of this user may be at the other end: ourselves, root, or whose home it is that root uses."""
    return user in (0, os.geteuid()) or (os.geteuid() == 0 and user == folder.stat().st_uid)


def peer_of(connected: socket.socket) -> tuple[int, int]:
    """Process and user at the other end, as the kernel knows them."""
    if sys.platform == "darwin":
        _, user = struct.unpack("Ii", connected.getsockopt(0, 1, 76)[:8])  # LOCAL_PEERCRED, as getpeereid asks it
        (pid,) = struct.unpack("i", connected.getsockopt(0, 2, 4))  # LOCAL_PEERPID
        return pid, user
    pid, user, _ = struct.unpack("3i", connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return pid, user
