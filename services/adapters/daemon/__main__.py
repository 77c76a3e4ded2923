"""The process of a home's store daemon: `python -m services.adapters.daemon HOME`, started by `starting.py`.

It detaches itself, and says on its standard output why it cannot serve, before it closes it.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    if os.fork():
        os._exit(0)
    os.chdir("/")
    os.umask(0o077)
    from services.adapters.daemon.process import main

    main(*sys.argv[1:])
