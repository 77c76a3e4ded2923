"""Commands about the stores themselves."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from memoria_tui.cli.files import progress_bar
from memoria_tui.cli.terminal import Terminal

if TYPE_CHECKING:
    from services.container import Services
    from services.model import StoreStatus
    from services.work.stamps import Zones


def doctor(terminal: Terminal, *, as_json: bool) -> int:
    async def act(services: Services) -> int:
        await services.health.status()  # opens the stores, so that the second look tells their latency
        stores = await services.health.status()
        problems = [problem for store in stores for problem in store.problems]
        if all(store.ok for store in stores[:2]):
            with progress_bar(terminal) as advance:
                problems += await services.health.problems(advance)
        if as_json:
            zones = {"person": services.zones.person, "stamps": services.zones.writer}
            told = {str(store.kind): _store_json(store) for store in stores}
            terminal.print_json(told | {"zones": zones, "problems": problems})
        else:
            _print_stores(terminal, stores, problems, services.zones)
        broken = [store for store in stores if not store.ok]
        for store in broken:
            terminal.complain(f"{store.kind} does not work: {'; '.join(store.problems) or 'no reason is known'}")
        return 1 if broken else 0

    return terminal.run(act)


def database_status(terminal: Terminal, *, as_json: bool) -> int:
    async def act(services: Services) -> int:
        status = await services.database.status()
        if as_json:
            terminal.print_json(asdict(status) | {"current": status.current})
            return 0
        terminal.print(f"{status.place} · PostgreSQL {status.server_version}")
        terminal.print(f"schema {status.schema_version or 'none'} · newest {status.newest_version}")
        lacking = [*status.missing, *(f"indexes of {line}" for line in status.indexes)]
        for line in (*(f"missing: {one}" for one in lacking), *status.problems):
            terminal.print_text(line)
        if lacking and not status.read_only:
            terminal.print("add it with: memoria-tui db upgrade")
        return 0

    return terminal.run(act)


def database_upgrade(terminal: Terminal, *, dry_run: bool, sure: bool, as_json: bool) -> int:
    """On a terminal it shows what it adds and asks, unless the person is `sure`; in a script the command is enough."""

    async def act(services: Services) -> int:
        from memoria_tui.upgrading import lines

        plan = await services.database.plan()
        script = await services.database.upgrade(dry_run=True)
        if dry_run:
            shown = [script] if script else []
            shown += [f"-- Qdrant at {plan.vectors_place}: indexes of {line}" for line in plan.indexes]
            if as_json:
                terminal.print_json({"upgraded": False, "sql": script, "indexes": list(plan.indexes)})
            else:
                terminal.print_text("\n".join(shown) or "-- nothing to do")
            return 0
        if plan and terminal.converses and not sure:
            for line in lines(plan):
                terminal.remark(line)
            if not await terminal.agrees("Add this now?"):
                terminal.complain("nothing was changed")
                return 1
        await services.database.upgrade()
        if as_json:
            terminal.print_json({"upgraded": bool(plan), "sql": script, "indexes": list(plan.indexes)})
        else:
            terminal.print("the database was upgraded" if plan else "the database is up to date")
        return 0

    return terminal.run(act)


def _store_json(store: StoreStatus) -> dict[str, object]:
    return {
        "ok": store.ok,
        "label": store.label,
        "version": store.version,
        "latency_ms": None if store.latency_ms is None else round(store.latency_ms, 2),
        "counts": dict(store.counts),
        "read_only": store.read_only or None,
    }


def _print_stores(terminal: Terminal, stores: tuple[StoreStatus, ...], problems: list[str], zones: Zones) -> None:
    for store in stores:
        latency = "" if store.latency_ms is None else f"{store.latency_ms:.1f} ms"
        counts = ", ".join(
            f"{'about ' if name in store.estimated else ''}{count:,} {name}" for name, count in store.counts.items()
        )
        parts = [store.label, store.version, latency, counts, "read-only" if store.read_only else ""]
        terminal.print_text(
            f"{'ok ' if store.ok else 'NO '} {store.kind:<9} {' · '.join(part for part in parts if part)}"
        )
    terminal.print(f"zone {zones.person} · stamps of other programs: {zones.line}")
    terminal.print()
    for problem in problems:
        terminal.print_text(f"- {problem}")
    if not problems:
        terminal.print("no problems")
