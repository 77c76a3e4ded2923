"""A home's command server: `python -m memoria_tui.command_server FOLDER LINGER`, started by `starting.py`.

What is read of the environment while modules are imported is noted: only commands with the same there are served.
"""

from __future__ import annotations

import os
import sys
import time

if __name__ == "__main__":
    began = time.time_ns()
    from memoria_tui.command_server.loaded_files import Noted, noting
    from memoria_tui.garbage_collection import collect_seldom

    noted: Noted = {}
    with noting(noted):
        from memoria_tui.command_server.server_lock import sole_server

        if (lock := sole_server(sys.argv[1])) is None:
            os._exit(0)
        from memoria_tui.command_server.server import main
    collect_seldom()
    main(sys.argv[1], lock, float(sys.argv[2]), sys.stdin.read().split(), noted, began)
    os._exit(0)
