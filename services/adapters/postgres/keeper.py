"""The parent of the embedded PostgreSQL: a small process that stops the server some time after its last user.

Started by path, with the standard library alone, by `embedded`, which hands over the lock that tells that a
keeper lives.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "io_method": "sync",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
}
"""For a laptop: no network, little memory, few processes, nothing for replicas, no statements in the log."""
_SINCE = {"io_method": 18}
"""Major version that brought a setting."""

_SECONDS_TO_STOP = 8.0
"""For the server to write everything down; then it stops at once, and the next one recovers.

PostgreSQL 18 never ends when it is asked to while it recovers from a killed process of its own.
"""


def main() -> None:
    binary, data, seen, socket_folder, temporary, keeper_lock, uid, gid, major = sys.argv[1:]
    if os.fork():
        os._exit(0)
    os.setsid()
    folder = Path(data).parent
    users = os.open(folder / "users.lock", os.O_RDWR)
    with _private(folder / "server.log") as log:
        server = subprocess.Popen(
            [binary, "-D", seen, "-k", socket_folder, *_settings(int(major))],
            cwd=data,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            umask=0o077,
            user=None if uid == "-1" else int(uid),
            group=None if gid == "-1" else int(gid),
            extra_groups=None if gid == "-1" else [],
        )
    threading.Thread(target=_stop_when_unused, args=(users, server), daemon=True).start()
    server.wait()
    if temporary == "1":
        shutil.rmtree(socket_folder, ignore_errors=True)
    os.close(int(keeper_lock))


def _settings(major: int) -> list[str]:
    return [f"--{name}={value}" for name, value in SETTINGS.items() if major >= _SINCE.get(name, 0)]


def _private(file: Path) -> IO[bytes]:
    """A new log for this user alone, or for the owner of its folder where root writes it for somebody."""
    file.unlink(missing_ok=True)
    log = open(file, "wb", opener=lambda path, flags: os.open(path, flags, 0o600))  # noqa: SIM115 - the caller closes it
    if os.geteuid() == 0:
        owner = file.parent.stat()
        os.fchown(log.fileno(), owner.st_uid, owner.st_gid)
    return log


def _stop_when_unused(users: int, server: subprocess.Popen[bytes]) -> None:
    """Waits until nobody uses or wants the server; each user leaves in the lock's file when it left, and until when it
    wants it: the dates of access and of change.

    The lock is kept to the end, so that a program that starts now waits until the server is down.
    Asked again and again: a server that has just been started may not hear the first signal.
    """
    while True:
        fcntl.flock(users, fcntl.LOCK_EX)
        kept, now = os.fstat(users), time.time()
        rest = kept.st_mtime - max(now, kept.st_atime)
        if rest <= 0:
            break
        if now < kept.st_atime:  # the clock was set back
            os.utime(users, (now, now + rest))
        fcntl.flock(users, fcntl.LOCK_UN)
        time.sleep(rest)
    asked = time.monotonic()
    while True:
        server.send_signal(signal.SIGINT if time.monotonic() - asked < _SECONDS_TO_STOP else signal.SIGQUIT)
        time.sleep(0.5)


if __name__ == "__main__":
    main()
