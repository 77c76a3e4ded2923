"""Entry point of `memoria-tui` and of `python -m memoria_tui`."""

from __future__ import annotations

from memoria_tui.cli import main as run


def main() -> int:
    """Runs the command of the process; gives its exit status."""
    return run()


if __name__ == "__main__":
    raise SystemExit(main())
