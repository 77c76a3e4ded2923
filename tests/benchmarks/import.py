"""Imports seeded memories into empty embedded stores, of a file and of a vault: rate, hold of the event loop, memory.

The baseline is what no import can leave out: embedding the same texts, upserting the points and COPY of their history.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import psycopg

from services.adapters.postgres.database import Database
from services.container import open_services
from services.model import Query
from services.settings import Settings
from tests.benchmarks.figures import Figure, LoopWatch, compared, held, limited, memory_mb, ratio_figure, redraw_ms
from tests.benchmarks.seeded import memories
from tests.benchmarks.stores import empty_stores

_COPY = "COPY history (id, before, after) FROM STDIN"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--memories", type=int, default=20_000, help="how many to import (default: %(default)s)")


async def run(args: argparse.Namespace) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="memoria-bench-") as folder:
        file = Path(folder, "memories.jsonl")
        _write(file, args.memories)
        first, watch = await _import(Path(folder, "home"), file)
        again, _ = await _import(Path(folder, "home"), file)
        vault = Path(folder, "vault")
        _write_vault(vault, args.memories)
        notes, _ = await _import(Path(folder, "vault-home"), vault)
        notes_again, _ = await _import(Path(folder, "vault-home"), vault)
        same = Path(folder, "same.jsonl")
        await _write_as_lines(Path(folder, "vault-home"), same)
        plain, _ = await _import(Path(folder, "same-home"), same)
        memory = memory_mb()
        alone = await _alone(args.memories)
    return [
        ratio_figure(
            f"import of {args.memories:,} memories",
            args.memories / first,
            "memories/s",
            "embedding, upsert and COPY alone, in time",
            first / alone,
            2,
        ),
        compared("the same import once more", again, "s", "the first", first, 0.1),
        compared(
            f"import of a vault of {args.memories:,} linked notes",
            notes,
            "s",
            "JSON lines of the same memories and relations",
            plain,
            1 / 0.7,
        ),
        compared("the same vault once more", notes_again, "s", "the first", notes, 0.1),
        held("while importing", watch.longest_ms, await redraw_ms()),
        limited("memory of the processes", memory, "MB", 600),
    ]


async def _alone(count: int) -> float:
    """Seconds."""
    async with empty_stores() as stores:
        await stores.embedder.embed_documents(["load the weights"])
        database = Database.of(stores.settings)
        url = (await database.url()).set(drivername="postgresql").render_as_string(hide_password=False)
        start = time.perf_counter()
        await stores.write(memories(count))
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE history (id uuid, before json, after json)")
            with connection.cursor().copy(_COPY) as copy:
                for draft in memories(count):
                    copy.write_row((draft.id, None, json.dumps({"content": draft.content, "tags": draft.tags})))
        seconds = time.perf_counter() - start
        await database.close()
    return seconds


async def _import(home: Path, file: Path) -> tuple[float, LoopWatch]:
    """Seconds of one import, stores open."""
    async with open_services(Settings(home=home, zone="UTC")) as services, LoopWatch() as watch:
        await services.health.status()
        watch.longest_ms = 0.0
        start = time.perf_counter()
        report = await services.importing.import_files([file])
        seconds = time.perf_counter() - start
        assert not report.failed, report.failed[:3]
    return seconds, watch


def _write_vault(folder: Path, count: int) -> None:
    """A note a memory, with properties and three links, in twenty folders."""
    for number, draft in enumerate(memories(count)):
        place = folder / f"part {number % 20}"
        place.mkdir(parents=True, exist_ok=True)
        links = " ".join(f"[[Note {(number + step) % count}]]" for step in (1, 7, 40))
        front = f"tags: [{', '.join(draft.tags)}]\ncreated: {draft.created_at}\nproject: {draft.project}\nstatus: open"
        text = f"---\n{front}\n---\n{draft.content}\n\nSee {links}\n"
        (place / f"Note {number}.md").write_text(text, encoding="utf-8")


async def _write_as_lines(home: Path, file: Path) -> None:
    """The memories of a home and what relates them, to be embedded again."""
    whole = file.with_suffix(".export")
    async with open_services(Settings(home=home, zone="UTC")) as services:
        await services.exporting.export(whole, await services.search.ids(Query()))
    with whole.open(encoding="utf-8") as lines, file.open("w", encoding="utf-8") as written:
        for line in map(json.loads, lines):
            line.get("memory", {}).pop("vectors", None)
            written.write(json.dumps(line) + "\n")


def _write(file: Path, count: int) -> None:
    with file.open("w", encoding="utf-8") as lines:
        for draft in memories(count):
            payload = {
                "content": draft.content,
                "memory_type": str(draft.type),
                "tags": list(draft.tags),
                "importance": draft.importance,
                "project": draft.project,
                "created_at": draft.created_at.replace(tzinfo=None).isoformat() if draft.created_at else None,
            }
            lines.write(json.dumps({"id": draft.id, "payload": payload, "_collection": str(draft.type)}) + "\n")
