"""Who runs the embedded PostgreSQL: it refuses to run as root, so root lends it another user."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from services.errors import StoreUnavailable

NAME = "pgserver"


@dataclass(frozen=True, slots=True)
class ServerUser:
    """A user other than root."""

    uid: int
    gid: int


class ProcessUser(TypedDict, total=False):
    """Arguments of `subprocess` that say as whom to run."""

    user: int
    group: int
    extra_groups: list[int]


def as_arguments(user: ServerUser | None) -> ProcessUser:
    return {"user": user.uid, "group": user.gid, "extra_groups": []} if user else {}


def for_folder(folder: Path, binaries: Path) -> ServerUser | None:
    """The user for the data in `folder`, which exists; None when we are not root and run the server ourselves.

    In a folder of somebody's, that person (as under sudo); else the system user `pgserver`, made when missing. The
    folder is given to the user; closed folders on the way to it and to the binaries are opened for passing through, not
    for listing. Raises StoreUnavailable.
    """
    if os.geteuid() != 0:
        return None
    entry = _owner(folder) or _system_user()
    user = ServerUser(entry.pw_uid, entry.pw_gid)
    os.chown(folder, user.uid, user.gid)
    _let_pass(folder, user)
    _let_pass(binaries, user)
    if not binaries.stat().st_mode & stat.S_IXOTH:
        _let_read(binaries.parent)
    return user


def _owner(folder: Path) -> pwd.struct_passwd | None:
    uid = next((uid for path in (folder, *folder.parents) if (uid := path.stat().st_uid)), 0)
    try:
        return pwd.getpwuid(uid) if uid else None
    except KeyError:
        return None


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
        return pwd.getpwnam(NAME)
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        raise StoreUnavailable(
            f"PostgreSQL refuses to run as root and the user {NAME} could not be made ({error}): "
            "run the program as an ordinary user, or set MEMORIA_DATABASE_URL"
        ) from error


def _let_pass(path: Path, user: ServerUser) -> None:
    for folder in path.parents:
        status = folder.stat()
        if not status.st_mode & stat.S_IXOTH and status.st_uid != user.uid:
            folder.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)


def _let_read(tree: Path) -> None:
    """For packages that were installed under a umask that closes them."""
    for path in (tree, *tree.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        path.chmod(mode | (0o005 if path.is_dir() or mode & stat.S_IXUSR else 0o004))
