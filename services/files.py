"""Files on disk: complete or absent under their name, closed to other users of the machine, errors in one line."""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, Self

from services.errors import InvalidInput, MemoriaError, StorageFull
from services.storable_text import quoted

_REFUSED = (errno.EACCES, errno.EPERM)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, *_REFUSED)
"""Errors of the system that mean: the disk is full, read-only, or the folder may not be written."""
_PARTIAL = ".partial"
_LONGEST_PATH, _LONGEST_NAME = 4095, 255
"""Bytes."""
_LONGEST_PREFIX = 60
"""Characters of the name that the temporary file takes over, so that its own name is never too long."""


def storage_error(error: OSError, path: Path) -> MemoriaError:
    """StorageFull or InvalidInput, in one line that names the path."""
    reason = error.strerror or str(error)
    if error.errno in _REFUSED:
        return StorageFull(f"{path}: cannot be written: {reason}; {_refuser(path)}")
    if error.errno in FULL:
        return StorageFull(f"{path}: cannot be written: {reason}; free space or choose another place")
    if isinstance(error, FileNotFoundError) and path.parent.is_dir():
        return StorageFull(f"{path}: no file can be made there; choose another place")
    if isinstance(error, FileNotFoundError):
        return InvalidInput(f"{path}: the folder {path.parent} does not exist")
    if isinstance(error, IsADirectoryError):
        return InvalidInput(f"{path} is a folder; give the name of a file")
    return InvalidInput(f"{path}: cannot be used: {reason}")


def _refuser(path: Path) -> str:
    """Whose a path is that this user may not use: of the nearest one that can be seen, or of the folder it is in."""
    seen = []
    for one in (path, *path.parents):
        with suppress(OSError):
            seen.append((one, one.stat().st_uid))
    for one, owner in seen[:2]:
        if owner != os.geteuid():
            try:
                name = pwd.getpwuid(owner).pw_name
            except KeyError:
                name = str(owner)
            return f"{one} is of another user, {name}"
    return "change its rights, or choose another place"


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Around calls of the file system alone, never around a caller's body. Raises StorageFull, else InvalidInput."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path) from error


class AtomicFile:
    """A file that takes its name when it is complete: either all of it is there, also after a power cut, or nothing.

    It is written under a temporary name in the same folder, mode 0600; file and folder are synced before `commit`
    returns. A device or a pipe is written as it is. Every method raises StorageFull or InvalidInput.

        with AtomicFile(path) as file:
            file.write(b"...")  # commits at the end of the block, discards on an exception
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with storage_errors(path):
            self._target = Path(os.path.realpath(path))
            self._draft: Path | None = None
            self._file: IO[bytes]
            if self._target.exists() and not self._target.is_file():
                self._file = self._target.open("wb")
                return
            prefix = f".{self._target.name[:_LONGEST_PREFIX]}."
            remove_partials(self._target.parent, prefix)
            self._draft, self._file = _draft(self._target.parent, prefix)

    def write(self, data: bytes) -> None:
        with storage_errors(self.path):
            self._file.write(data)

    def tell(self) -> int:
        return self._file.tell()

    def commit(self, *, replace: bool = True, close: bool = True) -> None:
        """Gives the file its name. Without `replace`, raises FileExistsError when that name is taken.

        Without `close` it stays open and locked (flock), by which others see that its program lives, until `close`.
        """
        try:
            self._file.flush()
            if self._draft is not None:
                os.fsync(self._file.fileno())
                (os.replace if replace else move_without_replacing)(self._draft, self._target)
                sync_folder(self._target.parent)
            if close:
                self._file.close()
        except FileExistsError:
            raise
        except OSError as error:
            self.discard()
            raise storage_error(error, self.path) from error

    def close(self) -> None:
        """Ends the lock that `commit` left."""
        self._file.close()

    def rename(self, path: Path) -> None:
        """Changes the name that `commit` gives, in the same folder."""
        self.path = self._target = path

    def discard(self) -> None:
        """Leaves nothing behind."""
        with suppress(OSError):
            self._file.close()
        if self._draft is not None:
            with suppress(OSError):
                self._draft.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.commit()
        else:
            self.discard()


class AtomicFolder:
    """A folder of files that takes its name when all of them are there; mode 0700, on disk when `commit` returns.

    It is written beside, under a hidden name that ends in «.partial». Every method raises StorageFull or InvalidInput.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._names: set[str] = set()
        with storage_errors(path):
            if path.exists() and not path.is_dir():
                raise InvalidInput(f"{path} is a file; give the name of a folder")
            self._target = Path(os.path.realpath(path))
            prefix = f".{self._target.name[:_LONGEST_PREFIX]}."
            self._draft = Path(tempfile.mkdtemp(_PARTIAL, prefix, self._target.parent))

    def write(self, name: str, data: bytes) -> None:
        """Writes one file; `name` is its path below the folder."""
        with storage_errors(self.path):
            make_private((self._draft / name).parent)
            with open(self._draft / name, "wb", opener=private) as file:
                file.write(data)
        self._names.add(name)

    def commit(self, *, replace: bool = True) -> None:
        """Gives the folder its name; into one that is there, its files are moved one by one, over those so named.

        Without `replace`, raises FileExistsError when something is in one that is there. Nothing is moved through a
        link.
        """
        with storage_errors(self.path):
            os.sync()  # one wait for all files: waiting for each takes minutes for ten thousand
            if is_new(self._target):
                rename_folder(self._draft, self._target)
                return
        if not replace:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self.path))
        names = sorted(self._names)
        folders = {self._target / folder for name in names for folder in Path(name).parents}
        for folder in sorted(folders - {self._target}):
            if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
                raise InvalidInput(f"{folder} is no folder; nothing was written: move it away")
        for number, name in enumerate(names):
            try:
                make_private((self._target / name).parent)
                os.replace(self._draft / name, self._target / name)
            except OSError as error:
                written = f"only {number:,} of {len(names):,} files were written"
                raise StorageFull(f"{self.path / name}: {error.strerror or error}; {written}") from error
        with storage_errors(self.path):
            for folder in sorted(folders):
                sync_folder(folder)
            shutil.rmtree(self._draft)

    def discard(self) -> None:
        """Leaves nothing behind."""
        shutil.rmtree(self._draft, ignore_errors=True)


def expanded(path: str | Path) -> Path:
    """`~` as the person's own folder; `~who` stays where nobody is called so."""
    return Path(os.path.expanduser(path))  # that of Path raises RuntimeError


def require_path(path: str | Path) -> None:
    """Raises InvalidInput for what is longer than any file system takes."""
    name = os.fsencode(path)
    if len(name) > _LONGEST_PATH or any(len(part) > _LONGEST_NAME for part in name.split(b"/")):
        raise InvalidInput(f"{quoted(str(path))} is too long for the name of a file")


def other_name(path: Path, named: str, written: str) -> str:
    """What is told of a file whose name ends as those of another format do."""
    return f"{path.suffix} says {named}, and it is written as {written}, as --format says"


def readable_size(of: float) -> str:
    """Bytes as «812 B», «12.3 MB»."""
    number, units = float(of), iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while number >= 1000 and unit != "TB":
        number, unit = number / 1000, next(units)
    return f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"


def given_path(path: str | Path) -> Path:
    """As `expanded`, for what is read or made there. Raises InvalidInput where `~who` is neither there nor anybody."""
    found = expanded(path)
    require_path(found)
    if str(found).startswith("~") and not os.path.lexists(found):
        raise InvalidInput(f"{path}: nobody is called {found.parts[0][1:]} here; write ./{path} for a name like that")
    return found


def is_new(folder: Path) -> bool:
    """Whether a folder can be made there: nothing is there, or an empty one."""
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def write_file(path: Path, content: str | bytes, *, replace: bool = True) -> None:
    """Writes a file in one step, text as UTF-8. Raises StorageFull, InvalidInput; FileExistsError as `commit`."""
    file = AtomicFile(path)
    try:
        file.write(content.encode() if isinstance(content, str) else content)
        file.commit(replace=replace)
    except BaseException:
        file.discard()
        raise


def read_regular(path: Path) -> bytes:
    """What is in a file, and never in a pipe or a device, for which a reader may wait without end: but in /dev/null.

    Raises FileNotFoundError, NotADirectoryError where there is none; else InvalidInput, which names the path.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InvalidInput(f"{path} is a folder, no file")
        if not stat.S_ISREG(mode) and not path.samefile(os.devnull):
            raise InvalidInput(f"{path} is a pipe, a socket or a device, no file")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error.strerror or error}") from error


def remove_partials(folder: Path, prefix: str) -> None:
    """Removes temporary files that killed programs left; a living program holds a lock on its own."""
    for name in glob.glob(f"{glob.escape(prefix)}*{_PARTIAL}", root_dir=folder, include_hidden=True):
        with suppress(OSError), (folder / name).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (folder / name).unlink()


def is_read_only(folder: Path) -> bool:
    """Whether it is on a file system that nobody may write, so that no server can run there. Raises OSError."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def make_private(folder: Path) -> None:
    """Makes the folder, and those above it that are missing, for this user alone (mode 0700). Raises OSError.

    They are on disk when it returns: what is written into a folder that a power cut takes away is gone with it.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        with suppress(FileExistsError):
            one.mkdir(mode=0o700)
            one.chmod(0o700)  # whatever the umask
            with suppress(PermissionError):  # a folder in which files may be made, and that may not be read
                sync_folder(one.parent)


def private(path: str, flags: int) -> int:
    """An `opener` for `open`: the file is for this user alone, also when it was there and others could read it."""
    number = os.open(path, flags, 0o600)
    status = os.fstat(number)
    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) != 0o600:
        os.fchmod(number, 0o600)
    return number


def close_to_others(path: Path) -> None:
    """Takes all rights of the group and of others from what lies under the path, as far as it is this user's."""
    for place in (path, *path.rglob("*")):
        with suppress(FileNotFoundError):
            status = place.lstat()
            if status.st_uid == os.geteuid() and not stat.S_ISLNK(status.st_mode) and status.st_mode & 0o077:
                place.chmod(stat.S_IMODE(status.st_mode) & ~0o077)


def copy_sparsely(source: str, target: str) -> None:
    """Copies a file whose holes stay holes, as those of Qdrant Edge, which are long and hold next to nothing."""
    with open(source, "rb") as read, open(target, "wb", opener=private) as write:
        size, place = os.fstat(read.fileno()).st_size, 0
        write.truncate(size)
        while place < size:
            try:
                start = os.lseek(read.fileno(), place, os.SEEK_DATA)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                return  # there is only a hole from here on
            place = os.lseek(read.fileno(), start, os.SEEK_HOLE)
            while start < place:
                start += os.pwrite(write.fileno(), os.pread(read.fileno(), place - start, start), start)


def rename_folder(folder: Path, target: Path) -> None:
    """Gives a folder that is complete its name; on disk under it when this returns. Raises OSError."""
    folder.rename(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Waits until the names in the folder are on disk."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _draft(folder: Path, prefix: str) -> tuple[Path, IO[bytes]]:
    """A temporary file that this process holds locked, so that nobody takes it for a leftover."""
    while True:
        number, name = tempfile.mkstemp(_PARTIAL, prefix, folder)
        file = os.fdopen(number, "wb")
        os.fchmod(number, 0o600)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(number, fcntl.LOCK_EX)
        if os.fstat(number).st_nlink:
            return Path(name), file
        file.close()  # taken for a leftover before it was locked


def move_without_replacing(draft: Path, target: Path) -> None:
    """Renames, but never over a file that is there."""
    try:
        os.link(draft, target)
    except FileExistsError:
        raise
    except OSError as error:  # a file system without hard links
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
        draft.rename(target)
        return
    draft.unlink()


_OURS = (
    *("qdrant", "postgres", "daemon", "backups", "drafts", "memoria-tui.log*", "demo-ready", ".*.partial"),
    *("sync-writing", "sync*.lock", "writer-zone"),
)
"""Names of what this program puts into a home."""
_OURS_ALONE = ("machine", "searches", "models", "restore.json", "qdrant-*")
"""Those that others use too: in a folder with other things they are left alone."""


def close_home(home: Path) -> None:
    """Closes a home that an earlier version left readable for others. Raises OSError.

    A folder in which other things are too, as when somebody's own folder was named, stays open itself.
    """
    try:
        status = home.stat()
    except FileNotFoundError:
        return
    if status.st_uid != os.geteuid() or not status.st_mode & 0o077 or is_read_only(home):
        return
    everything = list(home.iterdir())
    ours = [entry for entry in everything if any(fnmatch(entry.name, pattern) for pattern in _OURS)]
    is_ours = all(any(fnmatch(one.name, pattern) for pattern in (*_OURS, *_OURS_ALONE)) for one in everything)
    for entry in everything if is_ours else ours:
        close_to_others(entry)
    if is_ours:
        home.chmod(0o700)
