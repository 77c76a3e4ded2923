"""As whom the embedded PostgreSQL runs: it refuses to run as root, so root lends it a number that is no account.

Nothing is made for that and nothing is opened: the server is started inside its data folder and told that its data is
`HERE`, so that it needs no right on the folders above, however closed they are.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from services.errors import StoreUnavailable

HERE = "/proc/self/cwd"
"""The working folder of whoever reads it, on Linux."""
UNUSED = 65530
"""A user's number that systems neither give to accounts nor to services, and that containers know too."""


@dataclass(frozen=True, slots=True)
class ServerUser:
    """A user other than root; an account with that number need not exist."""

    uid: int
    gid: int


class ProcessUser(TypedDict, total=False):
    """Arguments of `subprocess` that say as whom to run."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Accounts:
    """What the machine knows of its users."""

    effective: Callable[[], int] = os.geteuid
    by_number: Callable[[int], pwd.struct_passwd] = pwd.getpwuid
    by_name: Callable[[str], pwd.struct_passwd] = pwd.getpwnam
    every: Callable[[], Sequence[pwd.struct_passwd]] = pwd.getpwall


THIS_MACHINE = Accounts()


def as_arguments(user: ServerUser | None) -> ProcessUser:
    return {"user": user.uid, "group": user.gid, "extra_groups": []} if user else {}


def server_user(folder: Path, accounts: Accounts) -> ServerUser | None:
    """The user of a server whose data is in `folder`; None when we are not root and run it ourselves.

    In a home of somebody's it is that person, as under sudo.
    """
    if accounts.effective() != 0:
        return None
    owned = next((status for parent in folder.parents if (status := parent.stat()).st_uid), None)
    if owned is None:
        return ServerUser(UNUSED, UNUSED)
    return ServerUser(owned.st_uid, owned.st_gid)


def creating_user(user: ServerUser, accounts: Accounts) -> ServerUser:
    """Who runs `initdb`, which refuses a number that is no account; what it made goes to `user` afterwards.

    Raises StoreUnavailable on a machine that has no account but root.
    """
    for entry in _candidates(user, accounts):
        if entry.pw_uid:
            return ServerUser(entry.pw_uid, entry.pw_gid)
    raise StoreUnavailable(
        "PostgreSQL refuses to run as root, and this machine has no other account: run the program as an ordinary "
        "user, or set MEMORIA_DATABASE_URL"
    )


def _candidates(user: ServerUser, accounts: Accounts) -> Iterator[pwd.struct_passwd]:
    with suppress(KeyError):
        yield accounts.by_number(user.uid)
    with suppress(KeyError):
        yield accounts.by_name("nobody")
    yield from accounts.every()


def give(tree: Path, user: ServerUser) -> None:
    """Gives the folder and all in it to the user, as after a move from a machine on which it had another number.

    Links are not followed, and a file with a second name, perhaps outside, is left alone.
    """
    if tree.lstat().st_uid != user.uid:
        os.chown(tree, user.uid, user.gid, follow_symlinks=False)
    for _, folders, files, descriptor in os.fwalk(tree):
        for name in (*folders, *files):
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if status.st_uid != user.uid and (stat.S_ISDIR(status.st_mode) or status.st_nlink == 1):
                os.chown(name, user.uid, user.gid, dir_fd=descriptor, follow_symlinks=False)
