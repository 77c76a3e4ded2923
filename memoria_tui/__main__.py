"""Entry point of `memoria-tui` and of `python -m memoria_tui`."""

import _signal as signals  # type: ignore[import-not-found]  # `signal` takes long to import
import os
import sys

_INTERRUPTED = 130


def main() -> int:
    """Runs the command of the process; gives its exit status. ctrl+c ends it quietly, also while it is imported."""
    usual = signals.getsignal(signals.SIGINT)
    ends_it = usual is signals.default_int_handler  # else it is ignored, in a background without job control
    if ends_it:
        signals.signal(signals.SIGINT, _end)
    from memoria_tui.command_server.client import COMPLETING, may_be_served, served
    from memoria_tui.command_server.early_stores import start_daemon, start_postgres
    from memoria_tui.home_option import taken

    arguments, variables = taken(sys.argv[1:])
    sys.argv[1:] = arguments
    os.environ.update(variables)
    if (status := served(arguments)) is not None:
        os._exit(status)  # nothing is open here
    servable = may_be_served(arguments)
    short = servable and arguments[:1] != ["mcp"]
    if short and COMPLETING not in os.environ:
        start_daemon(arguments)
        start_postgres()
    from memoria_tui.cli import main as run
    from memoria_tui.cli.terminal import Terminal
    from memoria_tui.garbage_collection import collect_seldom

    collect_seldom()
    try:
        if ends_it:
            signals.signal(signals.SIGINT, usual)
        status = run(terminal=Terminal.of_process(_start_server) if servable else None)
        if ends_it:
            signals.signal(signals.SIGINT, _end)
    except KeyboardInterrupt:
        return _INTERRUPTED
    if not short:
        return status
    if status == 0:
        _start_server()
    import logging

    logging.shutdown()
    os._exit(status)  # all is written and closed: Python would take an eighth of a second to free what it imported


def _start_server() -> None:
    from memoria_tui.command_server.starting import start_server

    start_server()


def _end(*_: object) -> None:
    """Ends the process where it is: nothing that it has begun needs an end."""
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    raise SystemExit(main())
