"""The question before the first write to stores that other programs made: no keeps all, yes goes on with the act."""

from __future__ import annotations

from typing import cast

from textual.pilot import Pilot
from textual.widgets import Static

from memoria_tui.app import MemoriaApp
from memoria_tui.dialogs.new_memory import NewMemoryDialog
from memoria_tui.dialogs.upgrade_database import UpgradeDialog, ask_in_app
from services.errors import MemoriaError, SchemaMissing, StoreUnavailable
from services.memories.saving import TransactionHook
from services.memories.trash import Check
from services.model import Memory, MemoryChanges, MemoryDraft, StoreKind, StoreStatus
from services.model.database import UpgradePlan
from tests.tui.conftest import answer, screen_of, settle, toasts, type_text, until
from tests.tui.fakes import FakeMemories, FakeServices, Store, clock, filled, memory_id
from tests.tui.plain_app import plain_app
from tests.tui.quick import quick

PLAN = UpgradePlan(
    "db.example:5432/memoria",
    ("table memoria_tui.audit_log", "functions memoria_tui.[b]bold[/b]"),
    ("view public.client_statistics: counts each minute once",),
    "qdrant.example:6333",
    ("semantic: content, created_at",),
)
NEWEST = memory_id(7)


class GuardedMemories(FakeMemories):
    """Writes only after a yes, as the real ones do on stores of other programs."""

    failures: list[MemoriaError]
    upgraded = False

    async def upgrade(self) -> None:
        if self.failures:
            raise self.failures.pop()
        self.upgraded = True

    async def permit(self) -> None:
        if not self.upgraded and not await ask_in_app(self.app, PLAN, self.upgrade):
            raise SchemaMissing("nothing was written")

    async def update(self, base: Memory, changes: MemoryChanges, *, check: Check | None = None) -> Memory:
        await self.permit()
        return await super().update(base, changes)

    async def create(self, draft: MemoryDraft, *, also: TransactionHook | None = None) -> Memory:
        await self.permit()
        return await super().create(draft)

    app: MemoriaApp


def guarded(store: Store, *failures: MemoriaError) -> tuple[MemoriaApp, GuardedMemories]:
    services = FakeServices(store)
    memories = services.memories = GuardedMemories(store)
    memories.failures = list(failures)
    memories.app = quick(plain_app(services.opened, clock=clock))
    return memories.app, memories


async def pressed(pilot: Pilot[None], *keys: str) -> None:
    """A worker that waits for the answer is at rest, so this waits for the screen alone."""
    for key in keys:
        if isinstance(pilot.app.screen, UpgradeDialog):
            await answer(pilot, key)
            await until(pilot, lambda: not cast("MemoriaApp", pilot.app).keys_under_way)
        else:
            await pilot.press(key)
        for _ in range(5):
            await pilot.pause()


def shown(pilot: Pilot[None]) -> str:
    """What stands in the dialog."""
    return "\n".join(str(part.render()) for part in pilot.app.screen.query(Static))


async def test_no_leaves_the_edit_in_the_editor_and_yes_saves_it() -> None:
    store = filled()
    app, memories = guarded(store, StoreUnavailable("the database went away"))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        await pressed(pilot, "e")
        await type_text(pilot, "X")
        await pressed(pilot, "ctrl+s")
        assert isinstance(app.screen, UpgradeDialog)
        text = shown(pilot)
        for part in (PLAN.place, *PLAN.added, *PLAN.replaced, PLAN.vectors_place, *PLAN.indexes):
            assert part in text
        assert app.screen.query_one("#keys").region.bottom <= 24
        await pressed(pilot, "n")
        assert screen_of(pilot).preview.editing is not None
        assert store.memories[NEWEST].content[0] != "X"
        assert toasts(pilot) == ["Not saved: nothing was written"]

        await pressed(pilot, "ctrl+s", "y")
        assert "Nothing was added: the database went away" in shown(pilot)
        await pressed(pilot, "y")
        await settle(pilot)
        assert memories.upgraded
        assert screen_of(pilot).is_current
        assert store.memories[NEWEST].content[0] == "X"


async def test_a_new_memory_that_is_refused_stays_in_its_form() -> None:
    store = Store()
    app, _ = guarded(store)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        await pressed(pilot, "n")
        await type_text(pilot, "a long thought")
        await pressed(pilot, "ctrl+s", "n")
        assert isinstance(app.screen, NewMemoryDialog)
        assert app.screen.text.text == "a long thought"
        assert "Not saved: nothing was written" in shown(pilot)
        await pressed(pilot, "ctrl+s", "y")
        await settle(pilot)
        assert [one.content for one in store.memories.values()] == ["a long thought"]


async def test_the_header_tells_stores_that_only_read() -> None:
    services = FakeServices(filled())

    async def status() -> tuple[StoreStatus, ...]:
        return (StoreStatus(StoreKind.POSTGRES, ok=True, label="db", read_only="read-only for the role reader"),)

    services.health.status = status  # type: ignore[assignment,method-assign]  # a fake of a fake
    app = quick(plain_app(services.opened, clock=clock))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        line = screen_of(pilot).header.render_line(0).text
        assert "read-only" in line
