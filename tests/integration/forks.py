"""Processes that are forks of one that has imported what they need: that takes longer than what they do."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import sys
import traceback
from collections.abc import Awaitable, Callable

_NEEDED = ("psycopg.conninfo", "services.work.work_service")
"""What each would import again, since programs import it when they first ask a database."""
_NEEDED_BY = {"MEMORIA_QDRANT_HOST": "services.adapters.server.server_store"}
"""Where that is set, also this."""
Work = Callable[[], Awaitable[None]]


def in_a_fork(work: Work) -> int:
    """Runs the work in a process of its own; gives how it ended, negative for a signal."""
    return in_forks(work)[0]


def in_forks(*works: Work) -> list[int]:
    """Runs each in a process of its own, all at once; gives how they ended."""
    for name in (*_NEEDED, *(module for variable, module in _NEEDED_BY.items() if variable in os.environ)):
        importlib.import_module(name)
    gc.freeze()  # what is here already is neither looked through in the fork nor copied for that
    sys.stdout.flush()  # or each fork would write it again
    children = [_forked(work) for work in works]
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def _forked(work: Work) -> int:
    if child := os.fork():
        return child
    try:
        asyncio.run(work())  # type: ignore[arg-type]  # a coroutine function
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
