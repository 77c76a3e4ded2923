"""Entry point of `memoria-tui` and of `python -m memoria_tui`."""

from __future__ import annotations

import gc

from memoria_tui.cli import main as run

_YOUNG_OBJECTS = 5000
"""How many new ones Python looks through for garbage at once; its own 700 cost long work a tenth of its time."""


def main() -> int:
    """Runs the command of the process; gives its exit status."""
    collect_seldom()
    return run()


def collect_seldom() -> None:
    """Looking through all that is loaded stops the drawing for 50 ms, so it is done a seventh as often."""
    gc.set_threshold(_YOUNG_OBJECTS)


if __name__ == "__main__":
    raise SystemExit(main())
