"""Has a command server run the command of this process, which only passes on signals and ends as the command does.

All that is imported here costs every command, so it is next to nothing: not even `signal`, whose names come from
`enum`. What a process inherits and a command can tell is sent along, or must be the same there (`circumstances`); where
it is not, and wherever no server answers, the command runs in its own process. It begins only after this process said
so, so that none runs twice.
"""

import _signal as signals  # type: ignore[import-not-found]
import _socket
import os
import sys
import time
from _socket import AF_UNIX, SOCK_STREAM, SOL_SOCKET, socket

_OF_MEMORIES = (
    "add",
    "delete",
    "edit",
    "expire",
    "history",
    "lineage",
    "link",
    "list",
    "neighbors",
    "path",
    "pin",
    "projects",
    "purge",
    "relations",
    "search",
    "set",
    "show",
    "stats",
    "suggest",
    "tag",
    "tags",
    "verify",
    "views",
)
COMMANDS = frozenset(
    (*_OF_MEMORIES, "db", "doctor", "inbox", "mcp", "pending", "redo", "repair", "trash", "undo", "unlink", "work")
)
"""Those that a server may run: what holds a terminal, or takes long anyway, runs in its own process."""
COMPLETING = "_MEMORIA_TUI_COMPLETE"
"""Set by a shell that asks for completions."""
READY, GO, EXIT, SIGNAL, OWN = b"ready ", b"go", b"exit ", b"signal ", b"own"
"""From the server: that the process of this id waits for «go», how that ended, or that nothing is done because the
command needs a process of its own."""
SOCKET, LOCK, LOG = "commands.socket", "commands.lock", "commands.log"
LONGEST_SOCKET_PATH = 103
"""Bytes; macOS takes 103, Linux 107."""
SIZE = 4
"""Bytes that tell how long a request is."""
_PATIENCE = 5.0
"""Seconds for a server to be ready."""
_AGAIN = 0.1
"""Seconds after which a process in the background asks for the terminal again, should nothing have stopped it."""
PASSED_ON = (signals.SIGHUP, signals.SIGINT, signals.SIGQUIT, signals.SIGTERM, signals.SIGUSR1, signals.SIGUSR2)
_NAMESPACES = ("mnt", "net", "pid", "user")
_HERE = os.path.dirname(os.path.dirname(__file__))


def served(arguments: list[str]) -> int | None:
    """The exit status of the command; None when nothing was begun and it is to be run here."""
    if not may_be_served(arguments):
        return None
    try:
        if (connection := connected(place(os.environ))) is None or (child := _ready(connection)) is None:
            return None
    except OSError:
        return None
    return _waited(connection, child)


def may_be_served(arguments: list[str]) -> bool:
    """Whether it is one of the commands, or completes them, and has all streams and a terminal that it may read."""
    if sys.platform != "linux":
        return False
    if COMPLETING not in os.environ and (not arguments or arguments[0] not in COMMANDS):
        return False
    if None in (sys.stdin, sys.stdout, sys.stderr):
        return False
    return _has_terminal()


def _has_terminal() -> bool:
    """Whether this process may read its standard input now, which a terminal lets only what is in its foreground do."""
    try:
        return not os.isatty(0) or os.tcgetpgrp(0) == os.getpgrp()
    except OSError:  # a terminal that is not this session's
        return False


def place(environment: os._Environ[str]) -> str:
    """The folder of the server's socket: that of the home's daemon, unless the file of settings names another home."""
    home = environment.get("MEMORIA_HOME", "").strip()
    if not home:
        data = environment.get("XDG_DATA_HOME", "").strip() or "~/.local/share"
        home = f"{data}/memoria-tui"
    home = os.path.abspath(os.path.expanduser(home))
    if environment.get("MEMORIA_DEMO", "").strip().lower() in ("1", "true", "yes"):
        home += "-demo"
    return os.path.join(home, "daemon")


def connected(folder: str, name: str = SOCKET) -> socket | None:
    """A connection to a server of this user; None where there is none. Raises OSError."""
    made = socket(AF_UNIX, SOCK_STREAM)
    try:
        made.settimeout(_PATIENCE)
        with_short_path(folder, name, made.connect)
        if peer(made)[1] == os.geteuid():
            return made
    except (FileNotFoundError, ConnectionRefusedError):
        pass
    return None


def with_short_path(folder: str, name: str, act) -> None:  # type: ignore[no-untyped-def]  # `typing` would have to be imported
    """Binds or connects to the socket, however long the folder's name is. Raises OSError."""
    path = os.path.join(folder, name)
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        act(path)
        return
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        act(f"/proc/self/fd/{number}/{name}")
    finally:
        os.close(number)


def peer(connection: socket) -> tuple[int, int]:
    """Process (for a server: the one that listens) and user at the other end."""
    told = connection.getsockopt(SOL_SOCKET, _socket.SO_PEERCRED, 12)
    return int.from_bytes(told[:4], sys.byteorder), int.from_bytes(told[4:8], sys.byteorder)


def circumstances() -> bytes:
    """What must be the same in the server: the program, and what a process inherits that cannot be sent along."""
    root, python = os.stat("/"), os.stat(sys.executable)
    places = (root.st_dev, root.st_ino, python.st_dev, python.st_ino, sys.prefix, _HERE)
    program = (sys.version, sys.getfilesystemencoding(), sys.warnoptions)
    options = (repr(sys.flags).replace("safe_path=True", "safe_path=False"), sys._xoptions)
    variables = sorted(item for item in os.environ.items() if item[0].startswith("PYTHON"))
    rights = (os.getresuid(), os.getresgid(), os.getgroups(), os.getpriority(os.PRIO_PROCESS, 0))
    spaces = [os.readlink(f"/proc/self/ns/{name}") for name in _NAMESPACES]
    limits = os.open("/proc/self/limits", os.O_RDONLY)
    try:
        told = repr((places, program, options, variables, rights, spaces))
        return told.encode("utf-8", "backslashreplace").replace(b"\0", b"") + os.read(limits, 10_000)
    finally:
        os.close(limits)


def _ready(connection: socket) -> int | None:
    """The process that waits to run the command; None when the server refuses it. Raises OSError."""
    mask = os.umask(0o077)
    os.umask(mask)
    ignored = " ".join(str(int(one)) for one in PASSED_ON if signals.getsignal(one) == signals.SIG_IGN)
    streams = [text for one in (sys.stdin, sys.stdout, sys.stderr) for text in (str(one.encoding), str(one.errors))]
    told = [circumstances(), *(text.encode() for text in (str(mask), ignored, *streams, str(len(sys.argv))))]
    told += map(os.fsencode, sys.argv)
    told += [name + b"=" + value for name, value in os.environb.items()]
    request = b"\0".join(told)
    connection.sendall(len(request).to_bytes(SIZE, "big") + request)
    answer = connection.recv(64)
    return int(answer.removeprefix(READY)) if answer.startswith(READY) else None


def _waited(connection: socket, child: int) -> int | None:
    """Lets the command begin, and waits for its end."""
    before = _passing_signals_on(child)
    connection.settimeout(None)
    try:
        _go(connection)
    except OSError:
        answer = OWN
    else:
        answer = _answer(connection)
    if answer.startswith(EXIT):
        return int(answer.removeprefix(EXIT))
    for number, handler in before.items():
        signals.signal(number, handler)
    if answer == OWN:
        return None
    if answer.startswith(SIGNAL):
        number = int(answer.removeprefix(SIGNAL))
        if number != signals.SIGKILL:
            signals.signal(number, signals.SIG_DFL)
        os.kill(os.getpid(), number)
    sys.stderr.write(
        "the process that ran this command was ended; see what it did before you repeat it: memoria-tui undo --list\n"
    )
    return 1


def _go(connection: socket) -> None:
    """Passes folder and streams. Not before a server is there: what is under way to one that is held up stays open."""
    folder = os.open(".", getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY)
    try:
        passed = b"".join(number.to_bytes(4, sys.byteorder) for number in (folder, 0, 1, 2))
        connection.sendmsg([GO], [(SOL_SOCKET, _socket.SCM_RIGHTS, passed)])
    finally:
        os.close(folder)


def _answer(connection: socket) -> bytes:
    try:
        return connection.recv(64)
    except OSError:
        return b""


def _passing_signals_on(child: int) -> dict:  # type: ignore[type-arg]
    """Signals go to the command; gives how they were handled before."""

    def pass_on(number: int, _: object) -> None:
        try:  # noqa: SIM105 - contextlib takes long to import
            os.kill(child, number)
        except ProcessLookupError:
            pass

    def suspend(number: int, _: object) -> None:
        pass_on(signals.SIGSTOP, None)  # nobody hears SIGTSTP in a session without a terminal
        signals.signal(number, signals.SIG_DFL)
        os.kill(os.getpid(), number)
        while (
            not _has_terminal()
        ):  # the command, which is of no session with a terminal, would read what is typed there
            os.kill(os.getpid(), signals.SIGTTIN)
            time.sleep(_AGAIN)
        signals.signal(number, suspend)
        pass_on(signals.SIGCONT, None)

    handlers = dict.fromkeys((*PASSED_ON, signals.SIGWINCH), pass_on) | {signals.SIGTSTP: suspend}
    return {
        number: signals.signal(number, handler)
        for number, handler in handlers.items()
        if signals.getsignal(number) != signals.SIG_IGN
    }
