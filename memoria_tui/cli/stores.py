"""Commands about the stores themselves."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING

from memoria_tui.cli.terminal import Terminal

if TYPE_CHECKING:
    from services.container import Services
    from services.model import StoreStatus


def doctor(terminal: Terminal, *, as_json: bool) -> int:
    async def act(services: Services) -> int:
        await services.health.status()  # opens the stores, so that the second look tells their latency
        stores = await services.health.status()
        problems = [problem for store in stores for problem in store.problems]
        problems += await services.health.problems() if all(store.ok for store in stores[:2]) else []
        if as_json:
            terminal.print_json({str(store.kind): _store_json(store) for store in stores} | {"problems": problems})
        else:
            _print_stores(terminal, stores, problems)
        broken = [store for store in stores if not store.ok]
        for store in broken:
            terminal.complain(f"{store.kind} does not work: {'; '.join(store.problems) or 'no reason is known'}")
        return 1 if broken else 0

    return terminal.run(act)


def database_status(terminal: Terminal, *, as_json: bool) -> int:
    async def act() -> int:
        from services.database import DatabaseService

        database = DatabaseService.of(terminal.settings)
        try:
            status = await database.status()
        finally:
            await database.close()
        if as_json:
            terminal.print_json(asdict(status) | {"current": status.current})
            return 0
        terminal.print(f"{status.place} · PostgreSQL {status.server_version}")
        terminal.print(f"schema {status.schema_version or 'none'} · newest {status.newest_version}")
        for line in (*(f"missing: {one}" for one in status.missing), *status.problems):
            terminal.print(line)
        if status.missing:
            terminal.print("add it with: memoria-tui db upgrade")
        return 0

    return asyncio.run(act())


def database_upgrade(terminal: Terminal, *, dry_run: bool, as_json: bool) -> int:
    async def act() -> int:
        from services.database import DatabaseService

        database = DatabaseService.of(terminal.settings)
        try:
            script = await database.upgrade(dry_run=dry_run)
        finally:
            await database.close()
        if as_json:
            terminal.print_json({"upgraded": bool(script) and not dry_run, "sql": script})
        elif dry_run:
            terminal.print(script or "-- nothing to do")
        else:
            terminal.print("the database is up to date" if not script else "the database was upgraded")
        return 0

    return asyncio.run(act())


def _store_json(store: StoreStatus) -> dict[str, object]:
    return {
        "ok": store.ok,
        "label": store.label,
        "version": store.version,
        "latency_ms": None if store.latency_ms is None else round(store.latency_ms, 2),
        "counts": dict(store.counts),
    }


def _print_stores(terminal: Terminal, stores: tuple[StoreStatus, ...], problems: list[str]) -> None:
    for store in stores:
        latency = "" if store.latency_ms is None else f"{store.latency_ms:.1f} ms"
        counts = ", ".join(f"{count:,} {name}" for name, count in store.counts.items())
        parts = [store.label, store.version, latency, counts]
        terminal.print_text(
            f"{'ok ' if store.ok else 'NO '} {store.kind:<9} {' · '.join(part for part in parts if part)}"
        )
    terminal.print()
    for problem in problems:
        terminal.print_text(f"- {problem}")
    if not problems:
        terminal.print("no problems")
