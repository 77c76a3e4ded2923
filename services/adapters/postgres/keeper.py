"""The parent of the embedded PostgreSQL: a small process that stops the server some time after its last user.

Started by path, with the standard library alone, by `embedded`, which hands over the lock that tells that a
keeper lives. Everybody waits for the server, so it is started before anything but the least is imported.
"""

import _signal as signals  # type: ignore[import-not-found]  # `signal` takes long to import
import _thread
import fcntl
import os
import sys
import time

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
    os.set_inheritable(int(keeper_lock), False)
    folder = os.path.dirname(data)
    users = os.open(os.path.join(folder, "users.lock"), os.O_RDWR)
    command = [binary, "-D", seen, "-k", socket_folder, *_settings(int(major))]
    server = _started(command, data, os.path.join(folder, "server.log"), int(uid), int(gid))
    _thread.start_new_thread(_stop_when_unused, (users, server))
    os.waitpid(server, 0)
    if temporary == "1":
        import shutil

        shutil.rmtree(socket_folder, ignore_errors=True)
    os.close(int(keeper_lock))


def _started(command: list[str], data: str, log: str, uid: int, gid: int) -> int:
    """The process of the server, which works in its data, as the user if that is not -1."""
    written, nothing = _private(log), os.open(os.devnull, os.O_RDONLY)
    if server := os.fork():
        os.close(written)
        os.close(nothing)
        return server
    try:
        for number, stream in enumerate((nothing, written, written)):
            os.dup2(stream, number)
        os.chdir(data)
        os.umask(0o077)
        if uid != -1:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        for number in (signals.SIGPIPE, signals.SIGXFSZ):  # which Python ignores
            signals.signal(number, signals.SIG_DFL)
        os.execv(command[0], command)
    finally:
        os._exit(127)


def _settings(major: int) -> list[str]:
    return [f"--{name}={value}" for name, value in SETTINGS.items() if major >= _SINCE.get(name, 0)]


def _private(file: str) -> int:
    """A new log for this user alone, or for the owner of its folder where root writes it for somebody."""
    try:  # noqa: SIM105 - contextlib takes long to import
        os.unlink(file)
    except FileNotFoundError:
        pass
    log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    if os.geteuid() == 0:
        owner = os.stat(os.path.dirname(file))
        os.fchown(log, owner.st_uid, owner.st_gid)
    return log


def _stop_when_unused(users: int, server: int) -> None:
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
    try:
        while True:
            os.kill(server, signals.SIGINT if time.monotonic() - asked < _SECONDS_TO_STOP else signals.SIGQUIT)
            time.sleep(0.5)
    except ProcessLookupError:  # it has just ended
        return


if __name__ == "__main__":
    main()
