"""Runs one benchmark: `python -m tests.benchmarks NAME [--json] [options of the benchmark]`.

A benchmark is a module of this package with `run(args) -> list[Figure]`, which may be a coroutine, and, where it has
options, `arguments(parser)`. Ends with 1 when a figure misses its goal.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import inspect
import json
import pkgutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

from memoria_tui.garbage_collection import collect_seldom
from tests.benchmarks.figures import Figure


def names() -> list[str]:
    """Modules of this package that define a `run`."""
    folder = Path(__file__).parent
    found = (module.name for module in pkgutil.iter_modules([str(folder)]) if not module.name.startswith("_"))
    return sorted(name for name in found if "def run(" in (folder / f"{name}.py").read_text("utf-8"))


def figures_of(benchmark: ModuleType, args: argparse.Namespace) -> list[Figure]:
    answer = benchmark.run(args)
    figures: list[Figure] = asyncio.run(answer) if inspect.iscoroutine(answer) else answer
    return figures


def table(figures: Sequence[Figure]) -> str:
    """The figures as aligned lines."""
    rows = [("figure", "value", "compared with", "goal", "")]
    for figure in figures:
        ratio = f"{figure.ratio:.2f} × {figure.baseline}" if figure.ratio is not None else figure.baseline or ""
        reached = {True: "ok", False: "MISSED", None: ""}[figure.ok]
        rows.append((figure.what, f"{figure.value:.4g} {figure.unit}".strip(), ratio, figure.goal or "", reached))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("name", choices=names())
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    known, rest = parser.parse_known_args()
    collect_seldom()
    benchmark = importlib.import_module(f"tests.benchmarks.{known.name}")
    options = argparse.ArgumentParser(prog=f"{parser.prog} {known.name}", description=benchmark.__doc__)
    if hasattr(benchmark, "arguments"):
        benchmark.arguments(options)
    figures = figures_of(benchmark, options.parse_args(rest))
    if known.json:
        print(json.dumps({"name": known.name, "figures": [asdict(figure) for figure in figures]}, ensure_ascii=False))
    else:
        print(table(figures))
    return 1 if any(figure.ok is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
