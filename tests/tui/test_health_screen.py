"""The Health screen: what it learns, what its keys repair, and that long work leaves hands and eyes free."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from textual.pilot import Pilot
from textual.widgets import Static

from memoria_tui.dialogs.confirm import ConfirmDialog
from memoria_tui.dialogs.new_token import TokenDialog
from memoria_tui.dialogs.restore_backup import RestoreDialog
from memoria_tui.dialogs.trash import TrashDialog
from memoria_tui.dialogs.upgrade_database import UpgradeDialog
from memoria_tui.modes.graph.screen import GraphScreen
from memoria_tui.modes.health.screen import HealthScreen
from memoria_tui.modes.health.state import Line, Pace, Section
from memoria_tui.modes.memories.screen import MemoriesScreen
from memoria_tui.modes.mode import Failed
from memoria_tui.user_files.config import Config
from services.errors import StoreInUse, StoreUnavailable
from services.integrity import checks
from services.integrity.defects import Defect, Keep
from services.model import Subject
from tests.tui.conftest import press, settle, toasts, until
from tests.tui.fakes import clock, memory_id
from tests.tui.health_fakes import HealthServices, waiting
from tests.tui.passing_time import passes
from tests.tui.plain_app import plain_app
from tests.tui.quick import quick


@asynccontextmanager
async def health(
    services: HealthServices, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[Pilot[None], HealthScreen]]:
    """The screen after its first look."""
    app = quick(plain_app(services.opened, config=Config(mode="health"), clock=clock))
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, HealthScreen)
        yield pilot, screen


async def go_to(pilot: Pilot[None], screen: HealthScreen, section: Line) -> None:
    screen.sections.focus()
    screen.sections.highlighted = screen.sections.get_option_index(section.name)
    await settle(pilot)


def facts(screen: HealthScreen) -> str:
    return str(screen.query_one("#facts", Static).render())


def rows(screen: HealthScreen) -> list[str]:
    return [str(option.prompt) for option in screen.rows.options]


def sections(screen: HealthScreen) -> str:
    return "\n".join(str(option.prompt) for option in screen.sections.options)


async def test_a_defect_is_seen_repaired_and_undone() -> None:
    services = HealthServices()
    async with health(services) as (pilot, screen):
        assert "Nested metadata 2" in " ".join(sections(screen).split())
        await go_to(pilot, screen, checks.NESTED)
        assert len(rows(screen)) == 2
        assert "\x1b" not in "".join(rows(screen))
        assert "[bold]red[/]" in rows(screen)[1]
        await press(pilot, "enter", "down", "exclamation_mark")
        assert toasts(pilot) == ["Repaired 1 memory · u to undo"]
        assert len(rows(screen)) == 1
        await press(pilot, "F", "y")
        assert services.integrity.found[checks.NESTED] == ()
        assert not screen.rows.display
        assert screen.sections.has_focus
        assert "none" in sections(screen)
        await press(pilot, "u")
        assert len(rows(screen)) == 2


async def test_where_chunks_differ_the_person_sees_what_each_choice_would_give() -> None:
    services = HealthServices()
    async with health(services) as (pilot, screen):
        await go_to(pilot, screen, checks.UNEVEN)
        await press(pilot, "enter", "exclamation_mark")
        shown = pilot.app.export_screenshot().replace("&#160;", " ")
        for part in ("one (chunk 1), two (chunks 2, 3, 4)", "of the newest chunk", "tags: one, two"):
            assert part in shown
        await press(pilot, "escape")
        assert services.integrity.keeps == []
        await press(pilot, "exclamation_mark", "n")
        assert services.integrity.keeps == [Keep.NEWEST]
        assert services.integrity.found[checks.UNEVEN] == ()


async def test_of_a_memory_that_is_older_than_its_history_the_person_chooses_the_state() -> None:
    services = HealthServices()
    async with health(services) as (pilot, screen):
        for key, keep in (("h", Keep.NEWEST), ("s", Keep.STORED)):
            services.integrity.found[checks.STALE] = (Defect(checks.STALE, memory_id(4)),)
            await press(pilot, "r")
            await go_to(pilot, screen, checks.STALE)
            await press(pilot, "enter", "exclamation_mark")
            shown = pilot.app.export_screenshot().replace("&#160;", " ")
            assert all(part in shown for part in ("the newer text", "as it is stored", "the older text"))
            await press(pilot, key)
            assert services.integrity.keeps[-1] is keep
        services.integrity.found[checks.STALE] = (Defect(checks.STALE, memory_id(4)),)
        await press(pilot, "r", "F")
        asked = " ".join(pilot.app.export_screenshot().replace("&#160;", " ").split())
        assert "newest state of the history" in asked


async def test_everything_is_repaired_by_one_key_and_looked_at_again_only_when_something_changed() -> None:
    services = HealthServices()
    async with health(services) as (pilot, screen):
        assert services.integrity.surveys == 1
        await press(pilot, "1", "6")
        assert services.integrity.surveys == 1
        await press(pilot, "X")
        shown = pilot.app.export_screenshot().replace("&#160;", " ")
        assert "This would repair 4 memories" in shown
        assert "all tags, highest importance" in shown
        await press(pilot, "a")
        assert services.integrity.keeps == [Keep.UNION]
        assert not any(services.integrity.found.values())
        assert services.integrity.surveys == 2
        await press(pilot, "r")
        assert services.integrity.surveys == 3
        assert screen.check_action("repair_everything", ()) is False
        for key, told in {
            "X": "There is nothing to repair",
            "V": "This key does something on Model only",
            "s": "Nothing is under way",
            "ctrl+g": "No memory is under the cursor",
        }.items():
            await press(pilot, key, key)
            assert toasts(pilot) == [told]
        services.integrity.found[checks.SECRETS] = (Defect(checks.SECRETS, memory_id(4)),)
        services.daily_backups.problems = lambda: ["2 daily backups are dated in the future"]  # type: ignore[method-assign]
        await press(pilot, "r", "X", "X")
        assert toasts(pilot) == ["Only what is under Secrets can be repaired, by F there"]
        services.integrity.found[checks.SECRETS] = ()
        await press(pilot, "r")
        await go_to(pilot, screen, Section.BACKUPS)
        assert "once a day when something changed, 7 kept" in facts(screen)
        assert "2 daily backups are dated in the future." in facts(screen)
        await press(pilot, "G", "j")
        assert screen.section is Section.CARE, "a list ends at its last line"
        await go_to(pilot, screen, checks.UNEVEN)
        assert "memoria-tui repair uneven" in facts(screen)
        await press(pilot, "enter")
        assert toasts(pilot) == ["Nothing is listed here"]


async def test_long_work_goes_on_in_other_modes_and_can_be_stopped() -> None:
    services = HealthServices()
    services.integrity.may_repair.clear()
    async with quick(plain_app(services.opened, clock=clock)).run_test(notifications=True) as pilot:
        await settle(pilot)
        await press(pilot, "6")
        screen = pilot.app.screen
        assert isinstance(screen, HealthScreen)
        await press(pilot, "X")
        await pilot.press("f")
        await pilot.pause()
        assert "1 of 6" in str(screen.query_one("#progress", Static).render())
        await pilot.press("B")
        await pilot.pause()
        assert toasts(pilot) == ["Repair is under way; s stops it"]
        await pilot.press("1")
        await pilot.pause()
        services.integrity.may_repair.set()
        await settle(pilot)
        assert toasts(pilot) == ["Repaired 6 memories · u to undo"]
        services.integrity.may_repair.clear()
        services.integrity.found = services.memories.before
        await press(pilot, "6", "r")
        await press(pilot, "X")
        await pilot.press("f")
        await pilot.pause()
        await press(pilot, "s")
        assert toasts(pilot) == ["Repair was stopped; what is done stays"]
        assert screen.running is None
        assert any(services.integrity.found.values())


async def test_what_others_write_is_counted_and_the_long_look_is_only_said_to_be_older() -> None:
    services = HealthServices()
    services.store.others = asyncio.Queue()
    async with health(services) as (pilot, screen):
        await go_to(pilot, screen, checks.NESTED)
        await press(pilot, "tab", "down")
        assert "Queue nothing pending" in " ".join(sections(screen).split())
        late = waiting("away")
        services.health_look.waits = (late,)
        assert late.memory is not None
        services.store.memories[late.memory_id] = late.memory
        services.store.latest += 1
        services.store.others.put_nowait(frozenset({Subject.MEMORIES}))
        await services.store.others.join()
        await settle(pilot)
        assert "Queue 1" in " ".join(sections(screen).split())
        assert "r checks again" in sections(screen)
        assert "Changed since this check" in facts(screen)
        assert (services.integrity.surveys, screen.rows.highlighted, screen.rows.has_focus) == (1, 1, True)
        await press(pilot, "r")
        assert services.integrity.surveys == 2
        assert "r checks again" not in sections(screen)
        assert screen.rows.highlighted == 1


def test_progress_is_drawn_a_few_times_a_second_however_often_it_comes() -> None:
    slow, quick = Pace(every=1000), Pace(every=0)
    assert [slow.due, slow.due, slow.due] == [True, False, False]
    assert [quick.due, quick.due] == [True, True]


async def test_what_waits_tells_why_and_leads_to_its_memory() -> None:
    services = HealthServices()
    services.health_look.waits = (waiting("Ollama at gpu:11434 does not answer"),)
    services.store.memories[waiting("").memory_id] = waiting("").memory  # type: ignore[assignment]
    async with health(services) as (pilot, screen):
        await go_to(pilot, screen, Section.QUEUE)
        (row,) = rows(screen)
        assert "tried 3 times · again in 0:04:00" in row
        assert "Ollama at gpu:11434 does not answer" in row
        await press(pilot, "E")
        assert "1 still wait" in toasts(pilot)[0]
        await press(pilot, "enter")
        above = replace(services.health_look.waits[0], memory_id=memory_id(61), memory=None)
        services.health_look.waits = (above, *services.health_look.waits)
        await press(pilot, "r")
        assert (len(rows(screen)), screen.rows.highlighted) == (2, 1)
        await press(pilot, "ctrl+g")
        assert isinstance(pilot.app.screen, GraphScreen)


async def test_backups_are_made_listed_compared_and_restored() -> None:
    services = HealthServices()
    async with health(services) as (pilot, screen):
        await go_to(pilot, screen, Section.BACKUPS)
        assert "the archive is cut off" in rows(screen)[1]
        await press(pilot, "B")
        assert len(rows(screen)) == 3
        assert "Backed up 311 records, 1.5 MB, to /home/anna" in toasts(pilot)[0]
        await press(pilot, "enter", "enter")
        assert isinstance(pilot.app.screen, RestoreDialog)
        await press(pilot, "escape")
        assert services.restoring.restored == []
        await press(pilot, "enter", "p")
        assert services.restoring.restored == [True]
        assert "what was here before: /home/anna" in toasts(pilot)[0]
        await press(pilot, "enter", "m")
        assert services.restoring.restored == [True, False]


async def test_what_one_store_lacks_is_told_beside_the_others_and_added_after_a_yes() -> None:
    services = HealthServices()
    services.health_look.away = True
    services.health_look.others = "a third is not in English"
    services.database.upgraded = False
    async with health(services) as (pilot, screen):
        assert "2 missing" in facts(screen)
        await go_to(pilot, screen, Section.POSTGRES)
        assert "is it running?" in facts(screen)
        assert "+ table memoria_tui.audit_log" in facts(screen)
        await press(pilot, "I")
        assert isinstance(pilot.app.screen, UpgradeDialog)
        await press(pilot, "y")
        assert services.database.upgraded
        assert "audit_log" not in facts(screen)
        await services.memories.delete([next(iter(services.store.memories))])
        await go_to(pilot, screen, Section.TRASH)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, TrashDialog)
        await press(pilot, "enter")
        assert services.store.trash == {}
        await go_to(pilot, screen, Section.MODEL)
        assert "a third is not in English" in facts(screen)
        assert "V embeds" in facts(screen)
        await press(pilot, "V", "y")
        assert toasts(pilot) == ["8 memories have vectors by another, 384 dimensions"]
        assert "old vectors, by wordllama, are kept; Z deletes" in " ".join(facts(screen).split())
        await press(pilot, "Z")
        asked = pilot.app.screen.query_one(".text", Static).content
        assert "The vectors by wordllama, 256 dimensions, which were in use before, are deleted" in str(asked)
        await press(pilot, "y")
        assert "old vectors" not in facts(screen)


async def test_each_number_of_care_leads_to_the_memories_that_it_counts() -> None:
    async with health(HealthServices()) as (pilot, screen):
        await go_to(pilot, screen, Section.CARE)
        assert [" ".join(row.split()) for row in rows(screen)] == [
            "8 100% reviewed is:reviewed",
            "2 25% stale is:stale",
            '3 by codex in 30 days by:"codex" since:30d',
        ]
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "\n" in rows(screen)[0])  # below, not cut
        assert rows(screen)[-1].split("\n")[1].strip() == 'by:"codex" since:30d'
        await press(pilot, "enter", "down", "enter")
        memories = pilot.app.screen
        assert isinstance(memories, MemoriesScreen)
        assert memories.search_bar.text == "is:stale"


async def test_agents_at_work_are_listed_and_looked_at_again_while_they_are_on_screen() -> None:
    services = HealthServices()
    async with health(services) as (pilot, screen):
        await go_to(pilot, screen, Section.AGENTS)
        first, served, hostile = rows(screen)
        assert "claude-code  memoria-tui mcp" in first
        assert "last now: memoria_recall · 128 calls" in " ".join(first.split())
        assert "1,204 calls · 3 errors" in " ".join(served.split())
        assert "\x1b" not in hostile
        services.agents.found = services.agents.found[:1]
        await passes(5)
        await until(pilot, lambda: len(rows(screen)) == 1)
        services.agents.failure = StoreUnavailable("postgres: away")
        await passes(5)
        await until(pilot, lambda: "postgres: away" in facts(screen))


async def test_an_access_token_is_revoked_after_a_question_and_only_one_that_is_valid() -> None:
    services = HealthServices()
    async with health(services) as (pilot, screen):
        await go_to(pilot, screen, Section.TOKENS)
        assert facts(screen).startswith("2 of 4 are valid")
        await press(pilot, "enter", "d")
        assert isinstance(pilot.app.screen, ConfirmDialog)
        await press(pilot, "escape")
        assert facts(screen).startswith("2 of 4 are valid")
        await press(pilot, "d", "y")
        assert toasts(pilot) == ["ci is revoked"]
        assert facts(screen).startswith("1 of 4 is valid")
        assert "revoked now" in rows(screen)[0]
        assert not screen.check_action("revoke", ())


def dialog_text(pilot: Pilot[None]) -> str:
    return "\n".join(str(one.render()) for one in pilot.app.screen.query("#dialog Static").results(Static))


async def test_an_access_token_is_made_shown_once_and_copied_when_that_is_asked_for() -> None:
    services = HealthServices()
    async with health(services) as (pilot, screen):
        await go_to(pilot, screen, Section.TOKENS)
        await press(pilot, "n", "=ci", "enter")
        assert "there is or was a token 'ci'" in dialog_text(pilot)
        await press(pilot, "=2", "tab", "tab", "=pier, dock", "tab", "=soon", "enter")
        assert "soon" in dialog_text(pilot)
        await press(pilot, *["backspace"] * 4, "=90d", "enter")
        assert isinstance(pilot.app.screen, TokenDialog)
        assert "It may write: dock, pier." in dialog_text(pilot)
        assert pilot.app.clipboard == ""
        await press(pilot, "y")
        assert pilot.app.clipboard.startswith("memoria_")
        await press(pilot, "escape")
        assert "ci2  write · dock, pier" in rows(screen)[0]
        assert "memoria_" not in facts(screen) + "".join(rows(screen))


async def test_stores_that_cannot_be_opened_are_told_and_tried_again() -> None:
    services = HealthServices()
    services.store.failure = StoreInUse("in use by memoria-tui (process 4711): quit it, or wait")
    async with health(services) as (pilot, screen):
        assert isinstance(screen.state, Failed)
        services.store.failure = None
        await press(pilot, "r")
        assert "Nested metadata" in sections(screen)
