"""Has another process fork what becomes the program of this one's command line: `client.py ADDRESS -m MODULE …`.

It hands over arguments, environment, folder and streams, passes signals on, and ends as the fork ends; when it is
killed, the fork is. All that is imported here each program pays for.
"""

import _signal as signals  # type: ignore[import-not-found]
import _socket
import os
import sys
from _socket import AF_UNIX, SOCK_STREAM, SOL_SOCKET, socket

_PASSED_ON = (signals.SIGHUP, signals.SIGINT, signals.SIGQUIT, signals.SIGTERM, signals.SIGUSR1, signals.SIGUSR2)
NUMBER = 8
"""Bytes of the size of a request, of a process, and of how it ended."""


def main(address: str, command: list[str]) -> None:
    """Ends this process."""
    signals.pthread_sigmask(signals.SIG_BLOCK, _PASSED_ON)  # until there is one to pass them on to
    connection = socket(AF_UNIX, SOCK_STREAM)
    connection.connect(f"\0{address}")
    mask = os.umask(0o077)
    names = "".join(str(number) for number, one in enumerate((sys.stdin, sys.stdout, sys.stderr)) if one is not None)
    told = [str(mask).encode(), names.encode(), str(len(command)).encode(), *map(os.fsencode, command)]
    request = b"\0".join([*told, *(name + b"=" + value for name, value in os.environb.items())])
    folder = os.open(".", os.O_PATH | os.O_DIRECTORY)
    passed = b"".join(number.to_bytes(4, sys.byteorder) for number in (folder, *map(int, names)))
    connection.sendmsg([len(request).to_bytes(NUMBER, "big")], [(SOL_SOCKET, _socket.SCM_RIGHTS, passed)])
    connection.sendall(request)
    child = int.from_bytes(connection.recv(NUMBER), "big")
    for number in (folder, *map(int, names)):
        os.close(number)
    for number in _PASSED_ON:
        signals.signal(number, lambda number, _: os.kill(child, number))
    signals.pthread_sigmask(signals.SIG_UNBLOCK, _PASSED_ON)
    status = int.from_bytes(connection.recv(NUMBER), "big")
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signals.SIGKILL:
            signals.signal(number, signals.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
