"""Runs a backup or a restore again and again, killed before its first, second, third, … step, each in a new store.

`python -m tests.integration.killed_backup FOLDER URL ACT[:STRIDE]…` prints how many lives were killed, a line an act;
exit status 1 tells of damage. ACT is backup, fresh, merge or replace; with a stride of 5, every fifth step is tried. A
step is a write of points, a statement on the tables, or a change of a name in the file system (of an archive, of the
note of a restore under way); of a backup also each page of points that is read.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import psycopg

from services.adapters.postgres.database import CheckedDatabase, Database
from services.backup.restore_run import RestoreTarget
from services.backup.restore_service import RestoreService
from services.container import open_services
from services.model import MemoryChanges, MemoryDraft, RelationType
from services.records.backup_tables import BackupTables
from services.settings import Settings
from tests.integration.edge_here import EdgeHere
from tests.integration.forks import in_a_fork
from tests.integration.killed import LONG, OTHER, Steps
from tests.services.backup_world import Store
from tests.services.memory_world import TickingClock, WatchedEmbedder
from tests.services.servers import create_database, drop_database, query

MOST_STEPS = 80
_NAMES = ("os.rename", "os.link", "os.remove")


class SteppedStaged:
    """Rows beside the tables; what is done with them are steps."""

    def __init__(self, staged: Any, step: Callable[[], None]) -> None:
        self._staged = staged
        self._step = step

    def __getattr__(self, method: str) -> Any:
        self._step()
        return getattr(self._staged, method)


class SteppedTables(BackupTables):
    """The real tables; statements and the commit are steps."""

    step: Callable[[], None]

    async def keep_note(self, note: str) -> None:
        self.step()
        await super().keep_note(note)
        self.step()

    async def remove_note(self) -> None:
        self.step()
        await super().remove_note()
        self.step()

    @contextlib.asynccontextmanager
    async def staged(self, rows: Any, *, commit: bool = True) -> AsyncIterator[Any]:
        async with super().staged(rows, commit=commit) as staged:
            yield SteppedStaged(staged, self.step)
            self.step()
        self.step()


@contextlib.asynccontextmanager
async def life(folder: Path, url: str, steps: Steps) -> AsyncIterator[Store]:
    """One life of the program; changes of names under its folder are steps too."""

    def heard(event: str, arguments: tuple[object, ...]) -> None:
        if event in _NAMES and str(folder) in str(arguments[0]) and "qdrant" not in str(arguments[0]):
            steps()

    sys.addaudithook(heard)
    settings = Settings(
        home=folder, database_url=url, chunk_size=60, chunk_overlap=10, actor="tester", zone="Europe/Rome"
    )
    vectors, embedder, clock = EdgeHere(settings.vectors_dir, steps), WatchedEmbedder(), TickingClock()
    async with open_services(settings, vectors=vectors, embedder=embedder, clock=clock) as services:
        tables = SteppedTables(CheckedDatabase(Database(url)), settings)
        tables.step = steps
        into = RestoreTarget(vectors, tables, services.memories, settings)
        restoring = RestoreService(into, embedder, services.backup, settings, clock)
        services.restoring = restoring
        yield Store(services, url, embedder, folder)
        await tables.close()


async def fill(store: Store) -> None:
    """Two related memories, one deleted, one session."""
    memories = store.services.memories
    one, other, gone = [
        (await memories.create(MemoryDraft(text, id=f"00000000-0000-4000-8000-00000000000{number}"))).id
        for number, text in enumerate((LONG, OTHER, "gone"))
    ]
    await store.services.graph.link(one, other, RelationType.FIXES)
    await memories.delete([gone])
    run(store.url, "INSERT INTO work_sessions (description) VALUES ('archived')")


async def change(store: Store) -> None:
    """Makes the store another than the archive: one memory edited before, one only here, a relation less."""
    memories = store.services.memories
    older = await memories.get("00000000-0000-4000-8000-000000000000")
    await memories.update(older, MemoryChanges(content=OTHER + "here"))
    await store.services.vectors.set_payload(older.type, [older.id], {"updated_at": "2020-01-01T00:00:00"})
    await memories.create(MemoryDraft("only here", id="00000000-0000-4000-8000-000000000009"))
    run(store.url, "DELETE FROM memory_relations")
    run(store.url, "INSERT INTO work_sessions (description) VALUES ('only here')")


def run(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql)


async def seen(store: Store) -> str:
    """Everything that two restores must bring about alike."""
    everything = await store.everything()
    kinds = query(
        store.url,
        "SELECT entity, action, summary, undoes IS NULL, count(*) FROM memoria_tui.audit_log "
        "GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
    )
    points = {" ".join(place): point for place, point in (await store.points()).items()}
    public = {name: value for name, value in everything.items() if name.startswith("public.")}
    return json.dumps([public, kinds, points], sort_keys=True, default=str)


async def perform(store: Store, act: str, archive: Path, steps: Steps, step: int) -> None:
    if act == "backup":
        EdgeHere.reading = True  # of all in this life, which ends after it
        steps.kill_before(step)
        await store.services.backup.backup(store.folder / "backups", keep=1)
        return
    comparison = await store.services.restoring.compare(archive)
    steps.kill_before(step)
    await store.services.restoring.restore(comparison, replace=act == "replace")


async def held(store: Store) -> str:
    """What the store holds, without its history: what taking a restore back must bring again."""
    contents = sorted({str(payload["content"]) for payload, _ in (await store.points()).values()})  # type: ignore[index]
    relations = query(store.url, "SELECT source_id, target_id, relation_type FROM memory_relations ORDER BY 1, 2, 3")
    sessions = query(store.url, "SELECT description FROM work_sessions ORDER BY 1")
    return json.dumps([contents, relations, sessions], default=str)


async def check_taking_back(store: Store, before: str) -> None:
    """The store opens; what was begun is taken back, unless it was finished or had not begun."""
    restoring = store.services.restoring
    if await restoring.unfinished() is None:
        return
    await restoring.take_back()
    assert await held(store) == before, f"another store than before:\n{await held(store)}\n{before}"
    assert await restoring.unfinished() is None
    assert await store.services.vectors.draft() is None


async def check(store: Store, act: str, archive: Path, expected: str) -> None:
    """The store opens; the same command goes on, and ends as if nothing had happened."""
    services = store.services
    assert (await services.health.status())[0].ok
    for found in await services.backup.archives(store.folder / "backups"):
        await services.restoring.compare(found.path)
    if act != "backup":
        unfinished = await services.restoring.unfinished()
        assert unfinished is None or (unfinished.path, unfinished.replace) == (archive, act == "replace")
    await perform(store, act, archive, Steps(), 0)
    outcome = await seen(store)
    assert outcome == expected, f"another outcome than without a kill:\n{outcome}\n{expected}"
    assert await services.restoring.unfinished() is None
    assert await services.vectors.draft() is None
    assert not list(store.folder.rglob("*.partial"))
    assert await services.memories.recover() == 0
    if act in ("backup", "replace"):
        assert await services.backup.archives(store.folder / "backups")


class Trial:
    """The stores of one trial: a source with its archive, a template, and a copy of it for each life and death."""

    def __init__(self, act: str, folder: Path, url: str) -> None:
        self._act = act
        self._folder = folder
        self._name = url.rpartition("@/")[2].partition("?")[0]
        self._url = url
        self.archive = folder / "none"
        self.expected = ""
        self.before = ""
        self.steps = 0
        """Of the act."""

    def prepare(self) -> None:
        """Fills the source, backs it up, makes the template."""
        source = self._folder / "source"
        if self._act == "fresh":
            self._copy_database(self._name, "t")
        self._live(source, self._url, fill)
        self._live(source, self._url, lambda store: store.services.backup.backup(self._folder / "archive"))
        (self.archive,) = (self._folder / "archive").iterdir()
        if self._act == "fresh":
            (self._folder / "t").mkdir()
            return
        self._copy_database(self._name, "t")
        copy(source, self._folder / "t")
        if self._act != "backup":
            self._live(self._folder / "t", self._database("t"), change)

    def expect(self) -> None:
        """Carries the act out once without a kill, and keeps how many steps it has and how it ends."""
        told, before, taken = (self._folder / name for name in ("expected", "before", "steps"))

        async def act() -> None:
            steps = Steps()
            async with life(self._folder / "k", self._database("k"), steps) as store:
                before.write_text(await held(store), "utf-8")
                await perform(store, self._act, self.archive, steps, MOST_STEPS)
                taken.write_text(str(MOST_STEPS - steps.left))
                steps.kill_before(0)
                told.write_text(await seen(store), "utf-8")

        self._reset()
        assert in_a_fork(act) == 0
        self.expected = told.read_text("utf-8")
        self.before = before.read_text("utf-8")
        self.steps = int(taken.read_text())

    def killed_before(self, step: int) -> None:
        """Kills one life and checks the next one. Raises AssertionError."""
        self._reset()
        folder, url = self._folder / "k", self._database("k")

        async def live() -> None:
            steps = Steps()
            async with life(folder, url, steps) as store:
                await perform(store, self._act, self.archive, steps, step)

        ended = in_a_fork(live)
        assert ended == -signal.SIGKILL, f"step {step} ended with {ended}"
        if self._act != "backup":
            copy(folder, self._folder / "u")
            self._copy_database(f"{self._name}_k", "u")
            self._live(self._folder / "u", self._database("u"), lambda store: check_taking_back(store, self.before))
        self._live(folder, url, lambda store: check(store, self._act, self.archive, self.expected))

    def close(self) -> None:
        for suffix in ("t", "k", "u"):
            drop_database(self._url, f"{self._name}_{suffix}")

    def _live(self, folder: Path, url: str, act: Callable[[Store], Awaitable[object]]) -> None:
        async def live() -> None:
            async with life(folder, url, Steps()) as store:
                await act(store)

        assert in_a_fork(live) == 0

    def _reset(self) -> None:
        copy(self._folder / "t", self._folder / "k")
        self._copy_database(f"{self._name}_t", "k")

    def _copy_database(self, source: str, suffix: str) -> None:
        drop_database(self._admin, f"{self._name}_{suffix}")
        create_database(self._admin, f"{self._name}_{suffix}", source)

    @property
    def _admin(self) -> str:
        return self._url.replace(f"@/{self._name}?", "@/postgres?")

    def _database(self, suffix: str) -> str:
        return self._url.replace(f"@/{self._name}?", f"@/{self._name}_{suffix}?")


def copy(source: Path, target: Path) -> None:
    """Edge's files hold next to nothing: holes stay holes."""
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", "--sparse=always", source, target], check=True)


def tried(act: str, stride: int, folder: Path, url: str) -> int:
    """Kills the act before every step of the stride; gives 1 when something was damaged."""
    folder.mkdir()
    trial = Trial(act, folder, url)
    try:
        trial.prepare()
        trial.expect()
        killed = range(stride, trial.steps + 1, stride)
        for step in killed:
            trial.killed_before(step)
        print(len(killed))
        return 0
    except AssertionError as error:
        print(f"{act}: {error}", file=sys.stderr)
    finally:
        trial.close()
    return 1


def main(folder: Path, url: str, *acts: str) -> int:
    """Tries these acts one after the other, each on stores of its own; gives 1 when something was damaged."""
    name = url.rpartition("@/")[2].partition("?")[0]
    admin = url.replace(f"@/{name}?", "@/postgres?")
    for act, _, stride in (one.partition(":") for one in acts):
        own = create_database(admin, f"{name}_{act}", name)
        try:
            if tried(act, int(stride or 1), folder / act, own):
                return 1
        finally:
            drop_database(admin, f"{name}_{act}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
