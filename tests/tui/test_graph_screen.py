"""The Graph screen: walking, linking, changing and undoing, paths, suggestions, calm when something is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

from textual import events
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from memoria_tui.app import MemoriaApp
from memoria_tui.dialogs.go_to_memory import WalkDialog
from memoria_tui.dialogs.line_prompt import PromptDialog
from memoria_tui.dialogs.suggestion_review import ReviewDialog, ReviewQueue
from memoria_tui.modes.graph.screen import GraphScreen
from memoria_tui.modes.graph.suggestions import Suggestions
from memoria_tui.modes.linking import titled_first
from memoria_tui.text.neighbor_tree import Surroundings
from memoria_tui.widgets.map_colours import ColourBy
from memoria_tui.widgets.map_picture import View
from memoria_tui.widgets.relation_tree import RelationTree
from memoria_tui.widgets.trail import Trail
from services.errors import StoreUnavailable
from services.model import Memory, MemoryType, Relation, RelationCreator, RelationType
from services.transfer.writers import Format
from tests.tui.conftest import make_app, press, running, screen_of, settle, toasts, until
from tests.tui.fakes import FakeExporting, FakeServices, Store, filled, many, memory_id
from tests.tui.graph_fakes import suggested

JWT, ANNA, ROTATE, DEPLOY, BILLING, RELEASE = (memory_id(number) for number in range(1, 7))
GONE = "99999999-9999-4999-8999-999999999999"


def graph_of(pilot: Pilot[None]) -> GraphScreen:
    """The Graph screen, also under a dialog."""
    screen = pilot.app.screen_stack[0]
    assert isinstance(screen, GraphScreen)
    return screen


def services_of(pilot: Pilot[None]) -> FakeServices:
    return cast("FakeServices", cast("MemoriaApp", pilot.app).services)


def around(pilot: Pilot[None]) -> tuple[str, list[str]]:
    """The centre and all that is shown around it."""
    shown = graph_of(pilot).around
    assert shown is not None
    return shown.center, [node.id for node in shown.nodes[1:]]


def drawn(store: Store) -> set[tuple[str, RelationType, str]]:
    return {(one.source_id, one.type, one.target_id) for one in store.relations}


def selected(pilot: Pilot[None]) -> str:
    """The memory that tree, map and preview agree on."""
    screen = graph_of(pilot)
    row = screen.relation_tree.current
    assert row is not None
    assert screen.preview.shown is not None
    (shown,) = {row.key, screen.relation_map.selected, screen.preview.shown.id}
    return shown


def current_of(pilot: Pilot[None]) -> str | None:
    """What the suggestion under the cursor of a review leads to."""
    assert isinstance(pilot.app.screen, ReviewDialog)
    current = pilot.app.screen.suggestions.current
    return None if current is None else current.target.id


async def test_it_opens_on_the_best_connected_memory_and_tree_map_and_preview_follow_who_walks_and_goes_back() -> None:
    async with running(filled(), mode="graph") as pilot:
        assert around(pilot) == (JWT, [ANNA, ROTATE])
        assert [box.id for box in graph_of(pilot).relation_map.boxes] == [JWT, ANNA, ROTATE]
        await press(pilot, "down", "enter")
        assert around(pilot) == (ANNA, [JWT, ROTATE])
        assert len(graph_of(pilot).query_one(Trail).steps) == 2
        await press(pilot, "alt+left")
        assert around(pilot)[0] == JWT
        assert selected(pilot) == ANNA
        assert len(graph_of(pilot).query_one(Trail).steps) == 1
        await press(pilot, "alt+right")
        assert around(pilot)[0] == ANNA
        assert len(graph_of(pilot).query_one(Trail).steps) == 2
        for _ in range(2):
            await press(pilot, "backspace")
            assert around(pilot)[0] == JWT
            assert selected(pilot) == ANNA
        await press(pilot, "tab", "left", "left")
        assert selected(pilot) == ROTATE
        await press(pilot, "home")
        assert selected(pilot) == JWT


async def test_depth_and_types_say_how_far_one_sees_and_tree_and_map_come_on_screen_at_once() -> None:
    store = filled()
    store.relations.append(Relation("r3", ANNA, DEPLOY, RelationType.CAUSES))
    async with running(store, mode="graph") as pilot:
        screen, together = graph_of(pilot), list[bool]()
        screen.watch(screen, "state", lambda _: together.append(screen.relation_map.shown is screen.around), init=False)
        await press(pilot, "minus")
        assert around(pilot) == (JWT, [ANNA, ROTATE])
        assert together[-1]
        await press(pilot, "plus")
        assert around(pilot) == (JWT, [ANNA, ROTATE, DEPLOY])
        await press(pilot, "f", "f", "enter")
        assert around(pilot) == (JWT, [ANNA])
        await press(pilot, "f", "backspace")
        assert len(around(pilot)[1]) == 3


async def test_weight_age_and_author_narrow_the_graph_and_colours_can_say_something_else() -> None:
    store = filled()
    store.relations = [replace(one, weight=0.4) if one.id == "r1" else one for one in store.relations]
    async with running(store, mode="graph") as pilot:
        await press(pilot, "f", "tab", "=2", "enter")
        assert "from 0 to 1" in " ".join(str(one.render()) for one in pilot.app.screen.query(".problem"))
        await press(pilot, "backspace", "=0.5", "enter")
        assert around(pilot) == (JWT, [ROTATE])
        assert "weight ≥ 0.5" in str(graph_of(pilot).query_one(Trail).render())
        services = graph_of(pilot).services
        services.settings = replace(services.settings, first_weekday="sunday")
        await press(pilot, "f", "tab")
        pilot.app.screen.query_one("#since", Input).value = "this-week"
        await press(pilot, "enter")
        assert "since 2026-11-15" in str(graph_of(pilot).query_one(Trail).render())
        await press(pilot, "f", "backspace")
        assert around(pilot) == (JWT, [ANNA, ROTATE])
        graph_of(pilot)._colour_by = ColourBy.PROJECT
        graph_of(pilot).changed()
        await settle(pilot)
        assert "■ api" in str(graph_of(pilot).query_one("#also").render())


async def test_a_relation_is_made_with_few_keys_taken_away_brought_back_and_changed_in_place() -> None:
    store = filled()
    before = drawn(store)
    async with running(store, mode="graph") as pilot:
        await press(pilot, "down", "l", "=release", "enter", "s")
        assert [kind for one, kind, other in drawn(store) if {one, other} == {ANNA, RELEASE}] == [RelationType.SUPPORTS]
        await press(pilot, "u")
        assert drawn(store) == before
        await press(pilot, "l", "down", "enter", "o")
        assert RelationType.OPPOSES in {kind for one, kind, other in drawn(store) if {one, other} == {ANNA, ROTATE}}
        await press(pilot, "u", "L")
        assert drawn(store) == {(ROTATE, RelationType.DERIVES, JWT)}
        assert "Unlinked fixes: " in toasts(pilot)[-1]
        await press(pilot, "u")
        assert drawn(store) == before
        assert ANNA in around(pilot)[1]
        await press(pilot, "home", "down", "equals_sign", "t", "tab", "c")
        assert (ANNA, RelationType.CAUSES, JWT) in drawn(store)
        assert selected(pilot) == ANNA
        await press(pilot, "equals_sign", "w", "backspace", "=2", "enter")
        assert "from 0 to 1" in str(pilot.app.screen.query_one("#hint").render())
        await press(pilot, "backspace", "=0.5", "enter")
        assert next(one.weight for one in store.relations if one.type is RelationType.CAUSES) == 0.5


async def test_relations_are_chosen_on_the_map_and_a_link_goes_from_the_marked_memory_to_the_selected_one() -> None:
    store = filled()
    store.relations.append(Relation("r3", ANNA, ROTATE, RelationType.SUPPORTS))
    async with running(store, mode="graph") as pilot:
        await press(pilot, "tab", "right", "]", "]")
        chosen = graph_of(pilot).relation_map.relation
        assert chosen is not None
        assert chosen.id == "r3"
        assert "supports 1" in str(graph_of(pilot).query_one("#also").render())
        await press(pilot, "equals_sign", "w", "backspace", "=0.5", "enter")
        assert next(one.weight for one in store.relations if one.id == "r3") == 0.5
        await press(pilot, "L")
        assert {one.id for one in store.relations} == {"r1", "r2"}
        await press(pilot, "space")
        assert "link from" in str(graph_of(pilot).query_one("#also").render())
        await press(pilot, "escape")
        assert "link from" not in str(graph_of(pilot).query_one("#also").render())
        await press(pilot, "space", "left", "left", "l", "o")
        assert (ANNA, RelationType.OPPOSES, ROTATE) in drawn(store)
        assert graph_of(pilot).relation_map.marked == ""


async def test_a_group_opens_with_enter_and_the_view_stays_where_it_is_when_a_relation_goes() -> None:
    store = many(40)
    store.relations += [
        Relation(f"r{number}", memory_id(0), memory_id(number), RelationType.FIXES) for number in range(1, 40)
    ]
    async with running(store, mode="graph") as pilot:
        await press(pilot, "tab", "right", "l")
        assert toasts(pilot)[-1] == "This is a group: enter opens it"
        await press(pilot, "…", "enter")
        shown = graph_of(pilot).relation_map
        assert len(shown.boxes) == 40
        await press(pilot, *["down"] * 14, *["up"] * 3)
        picture, offset = shown.picture, shown.scroll_offset
        assert picture is not None
        places = {box.id: (box.x, box.y) for box in picture.layout.boxes if box.id != shown.selected}
        assert offset.y > 0
        await press(pilot, "L")
        assert {box.id: (box.x, box.y) for box in shown.boxes} == places
        assert shown.scroll_offset == offset
        await press(pilot, "0")
        assert len(shown.boxes) == 39
        assert shown.view is View.OVERVIEW


async def test_of_several_relations_to_a_memory_and_of_the_centre_one_is_chosen_also_where_it_is_missing() -> None:
    store = filled()
    store.relations += [
        Relation("r3", ANNA, JWT, RelationType.RELATED),
        Relation("orphan", GONE, BILLING, RelationType.SUPERSEDES),
    ]
    async with running(store, mode="graph") as pilot:
        await press(pilot, "down", "L", "…", "2")
        assert {one.id for one in store.relations} == {"r1", "r2", "orphan"}
        await press(pilot, "up", "L", "…", "2")
        assert {one.id for one in store.relations} == {"r1", "orphan"}
        graph_of(pilot).stand_on(GONE)
        await settle(pilot)
        await press(pilot, "L", "…", "1")
        assert {one.id for one in store.relations} == {"r1"}


async def test_a_click_chooses_no_relation_that_is_gone_and_in_the_tree_selects_and_then_walks_as_in_the_map() -> None:
    async with running(filled(), mode="graph") as pilot:
        shown = graph_of(pilot).relation_map
        assert shown.picture is not None
        place = next(iter(shown.picture.canvas.relations))
        before, shown._shown = shown._shown, Surroundings.of(replace(shown.picture.around, edges=()))
        await pilot.click(shown, offset=place)
        await settle(pilot)
        assert shown.chosen == ""
        shown._shown = before
        for widget, offset in ((RelationTree, (12, 1)), (RelationTree, (12, 1))):
            assert around(pilot)[0] == JWT
            await pilot.click(widget, offset=offset)
            await settle(pilot)
        assert around(pilot)[0] == ANNA


async def test_the_mouse_chooses_opens_and_moves_the_map() -> None:
    store = many(40)
    store.relations += [
        Relation(f"r{number}", memory_id(0), memory_id(number), RelationType.FIXES) for number in range(1, 40)
    ]
    async with running(store, mode="graph") as pilot:
        shown = graph_of(pilot).relation_map
        group = shown.boxes[1]

        async def mouse(*kinds: type[events.MouseEvent], x: int, y: int) -> None:
            await pilot._post_mouse_events([*kinds], shown, Offset(x, y) - shown.scroll_offset, button=1)
            await settle(pilot)

        at = {"x": group.x + 3, "y": group.middle}
        await mouse(events.MouseDown, **at)
        await mouse(events.MouseMove, x=group.x + 4, y=group.middle)  # where all is seen, a hand may tremble
        await mouse(events.MouseUp, events.Click, **at)
        assert (shown.selected, len(shown.boxes)) == (group.id, 2)
        await mouse(events.MouseDown, events.MouseUp, events.Click, **at)
        assert len(shown.boxes) == 40
        selected, top = shown.selected, shown.scroll_offset.y
        await mouse(events.MouseDown, x=40, y=top + 15)
        await mouse(events.MouseMove, x=40, y=top + 5)
        await mouse(events.MouseUp, events.Click, x=40, y=top + 15)  # which is where the mouse is, ten lines on
        assert shown.scroll_offset.y == top + 10
        assert shown.selected == selected
        await mouse(events.MouseScrollDown, x=40, y=top + 15)
        assert shown.scroll_offset.y > top + 10


async def test_where_the_map_is_not_seen_l_removes_what_the_tree_shows() -> None:
    store = filled()
    store.relations.append(Relation("r3", ANNA, DEPLOY, RelationType.SUPPORTS))
    async with running(store, size=(60, 30), mode="graph") as pilot:
        await press(pilot, "down", "tab", "left_square_bracket")
        assert graph_of(pilot).relation_map.chosen == "r3"
        await press(pilot, "tab", "tab", "L")
        assert {one.id for one in store.relations} == {"r2", "r3"}


async def test_a_path_the_overview_a_search_and_a_memory_that_is_deleted_meanwhile_lead_to_another_centre() -> None:
    store = filled()
    async with running(store, mode="graph") as pilot:
        await press(pilot, "p", "=deploy since", "enter")
        assert "no path" in toasts(pilot)[-1]
        await press(pilot, "…", "down", "p", "=rotate", "enter")
        assert isinstance(pilot.app.screen, WalkDialog)
        assert pilot.app.screen.query_one(OptionList).option_count == 3
        await press(pilot, "enter")
        assert around(pilot)[0] == ROTATE
        await press(pilot, "O", "down", "enter")
        assert around(pilot)[0] == ANNA
        await press(pilot, "slash", "=billing", "enter")
        assert around(pilot) == (BILLING, [])
        del store.memories[BILLING]
        graph_of(pilot).changed()
        await settle(pilot)
        assert around(pilot)[0] == ANNA, "where it was before"
        await press(pilot, "ctrl+p", "=Nearer", "enter")
        shown = graph_of(pilot).around
        assert shown is not None
        assert shown.depth == 1, "the palette runs actions that carry a value"


def test_a_memory_that_is_called_exactly_as_typed_comes_first_and_the_others_stay_as_they_are() -> None:
    best, second, called = (
        Memory(str(place), MemoryType.SEMANTIC, text)
        for place, text in enumerate(
            ("Call with Anna.", "On-call rota", "# On-call **guide**\n\nWho is paged, and how.")
        )
    )
    found = [best, second, called]
    assert titled_first(" on-CALL  guide", found) == [called, best, second]
    assert titled_first("on-call", found) == found


async def test_suggestions_are_accepted_retyped_rejected_and_undone() -> None:
    store = filled()
    async with running(store, mode="graph") as pilot:
        service = services_of(pilot).suggestions
        service.given = [
            suggested(store.memories[JWT], store.memories[other], RelationType.RELATED)
            for other in (DEPLOY, BILLING, RELEASE)
        ]
        await press(pilot, "S", "enter", "t", "c", "d")
        assert {(JWT, RelationType.RELATED, DEPLOY), (JWT, RelationType.CAUSES, BILLING)} <= drawn(store)
        assert [one.target.id for one in service.rejected] == [RELEASE]
        made = [one for one in store.relations if one.target_id in (DEPLOY, BILLING)]
        assert {one.created_by for one in made} == {RelationCreator.AUTO}
        await press(pilot, "u", "u")
        assert service.rejected == []
        assert (JWT, RelationType.CAUSES, BILLING) not in drawn(store)
        await press(pilot, "escape")
        assert "1 relation accepted" in toasts(pilot)[-1]
        assert DEPLOY in around(pilot)[1]


async def test_a_review_accepts_nothing_by_itself_goes_on_where_it_was_left_and_decides_in_bulk() -> None:
    store = filled()
    async with running(store, mode="graph") as pilot:
        service = services_of(pilot).suggestions
        service.given = [
            suggested(store.memories[JWT], store.memories[other], RelationType.RELATED)
            for other in (DEPLOY, BILLING, RELEASE)
        ]
        service.pause = 0.15
        await pilot.press("Q")
        await pilot.pause(0.25)
        await pilot.press("escape")
        await settle(pilot)
        assert len(store.relations) == 2
        service.pause = 0.0
        await press(pilot, "Q")
        dialog = pilot.app.screen
        assert isinstance(dialog, ReviewDialog)
        assert len(dialog.suggestions.shown) == 3
        await press(pilot, "a", "enter", "escape")
        assert len(store.relations) == 5


async def test_a_review_decides_on_more_than_twenty_at_once_only_after_a_question() -> None:
    store = many(22)
    first, *others = store.memories.values()
    async with running(store, mode="graph") as pilot:
        services_of(pilot).suggestions.given = [suggested(first, other, RelationType.RELATED) for other in others]
        await press(pilot, "Q", "a", "enter")
        assert str(pilot.app.screen.query_one("#dialog").border_title) == "Accept 21 suggestions?"
        await press(pilot, "n")
        assert not store.relations
        await press(pilot, "d", "n", "d", "y")
        dialog = pilot.app.screen
        assert isinstance(dialog, ReviewDialog)
        assert not dialog.suggestions.shown


async def test_a_review_has_both_texts_a_threshold_and_a_project_and_accepts_the_sure_after_a_look() -> None:
    store = filled()
    async with running(store, mode="graph") as pilot:
        services_of(pilot).suggestions.given = [
            suggested(store.memories[JWT], store.memories[other], RelationType.RELATED, sure)
            for other, sure in ((BILLING, 0.85), (RELEASE, 0.55), (DEPLOY, 0.9))
        ]
        await press(pilot, "Q")
        dialog = cast("ReviewDialog", pilot.app.screen)
        assert [one.confidence for one in dialog.suggestions.shown] == [0.9, 0.85, 0.55]
        assert dialog.suggestions.current == services_of(pilot).suggestions.given[0]
        await press(pilot, "home")
        texts = [str(one.render()) for one in dialog.query(".sides Static").results(Static)]
        assert texts == [store.memories[JWT].content, store.memories[DEPLOY].content]
        await press(pilot, *["plus"] * 12)
        assert [one.confidence for one in dialog.suggestions.shown] == [0.9, 0.85]
        await press(pilot, "A")
        assert "2 of 80%" in str(pilot.app.screen.query_one("#dialog").border_title)
        assert len(store.relations) == 2
        await press(pilot, "y", "minus", "minus")
        assert len(store.relations) == 4
        assert [one.confidence for one in dialog.suggestions.shown] == [0.55]
        await press(pilot, "u")
        assert len(store.relations) == 2
        await press(pilot, "p", "down", "enter")
        assert {one.source.project for one in dialog.suggestions.shown} == {"api"}


async def test_undo_in_a_review_undoes_its_own_last_decision_and_the_cursor_is_on_what_came_back() -> None:
    store = filled()
    other = memory_id(7)
    async with running(store, mode="graph") as pilot:
        services = services_of(pilot)
        service = services.suggestions
        service.given = [
            suggested(store.memories[JWT], store.memories[other], RelationType.RELATED)
            for other in (DEPLOY, BILLING, RELEASE)
        ]
        await press(pilot, "Q", "down", "d", "u")
        dialog = pilot.app.screen
        assert isinstance(dialog, ReviewDialog)
        assert [one.target.id for one in dialog.suggestions.shown] == [DEPLOY, BILLING, RELEASE]
        assert current_of(pilot) == BILLING
        await press(pilot, "enter")
        assert (JWT, RelationType.RELATED, BILLING) in drawn(store)
        await services.memories.delete([other])
        await press(pilot, "u")
        assert (JWT, RelationType.RELATED, BILLING) not in drawn(store)
        assert current_of(pilot) == BILLING
        await press(pilot, "u")
        assert other not in store.memories, "no other act is undone"
        assert "Nothing was decided since this list was opened" in pilot.app.export_screenshot().replace("&#160;", " ")
        await press(pilot, "escape")
        assert service.place.at == (JWT, BILLING)
        graph_of(pilot)._suggestions = Suggestions(graph_of(pilot))  # as after the next start
        await press(pilot, "Q")
        assert current_of(pilot) == BILLING


def test_a_review_goes_on_before_the_first_found_that_is_undecided_whatever_the_order_of_the_list() -> None:
    memories = filled().memories
    first, second = (
        suggested(memories[JWT], memories[other], RelationType.RELATED, sure)
        for other, sure in ((DEPLOY, 0.6), (BILLING, 0.9))
    )
    found = {frozenset((JWT, DEPLOY)): "semantic:16:a", frozenset((JWT, BILLING)): "semantic:32:b"}
    queue = ReviewQueue([second, first], "semantic:48:c", found_from=dict(found))
    assert queue.place.resume_from == "semantic:16:a"
    queue.waiting = [second]
    assert queue.place.resume_from == "semantic:32:b"


async def test_ends_that_are_no_memory_are_shown_as_such() -> None:
    store = filled()
    chunk = "88888888-8888-4888-8888-888888888888"
    store.relations += [
        Relation("r3", JWT, GONE, RelationType.CAUSES),
        Relation("r4", JWT, chunk, RelationType.CAUSES),
    ]
    app = make_app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        services_of(pilot).graph.chunks[chunk] = DEPLOY
        await press(pilot, "3")
        shown = graph_of(pilot).relation_tree
        tree = "\n".join(shown.render_line(line).text for line in range(shown.size.height))
        assert "? missing memory" in tree
        assert "chunk of Sessions" in tree


async def test_without_relations_and_without_memories_it_is_calm() -> None:
    store = filled()
    store.relations = []
    async with running(store, mode="graph") as pilot:
        assert "No memory is related" in str(graph_of(pilot).query_one("#notice").render())
        await press(pilot, "L", "plus", "enter", "tab")
    async with running(Store(), mode="graph") as pilot:
        assert "No memories yet" in str(graph_of(pilot).query_one("#notice").render())


async def test_a_store_that_fails_is_told_and_asked_again() -> None:
    store = filled()
    async with running(store) as pilot:
        store.failure = StoreUnavailable("PostgreSQL does not answer")
        await press(pilot, "3")
        assert "does not answer" in str(graph_of(pilot).query_one("#notice").render())
        store.failure = None
        await press(pilot, "r")
        assert around(pilot)[0] == JWT
        store.failure = StoreUnavailable("PostgreSQL does not answer")
        await press(pilot, "f", "tab", "=0.5", "enter")
        assert "does not answer" in str(graph_of(pilot).query_one("#notice").render())


async def test_hostile_text_stays_text() -> None:
    store = filled()
    hostile = "\x1b]52;c;eA==\x07[red]x[/] \u202ereversed\x9b2J 日本語 [@click=app.quit]"
    store.memories[ANNA] = replace(store.memories[ANNA], content=hostile)
    async with running(store, size=(80, 24), mode="graph") as pilot:
        await press(pilot, "down", "tab")
        for keys in ((), ("l",), ("O",), ("p", "2")):
            await press(pilot, *keys)
            for size in ((200, 50), (80, 24)) if keys in ((), ("O",)) else ((80, 24),):
                await pilot.resize_terminal(*size)
                await settle(pilot)
                assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(pilot.app.export_screenshot()), (keys, size)
            await press(pilot, *["escape"] * (2 if keys else 0))


# from the Memories screen


async def test_marked_and_visible_memories_are_linked_with_few_keys_the_fix_pointing_to_the_problem() -> None:
    store = filled()
    store.relations = []
    store.memories[DEPLOY] = replace(
        store.memories[DEPLOY], content="Fixed the sign-outs: sessions survive a deploy now"
    )
    async with running(store) as pilot:
        memories = screen_of(pilot).memory_list
        memories.mark_all({ANNA, DEPLOY})
        await press(pilot, "l", "f")
        assert drawn(store) == {(DEPLOY, RelationType.FIXES, ANNA)}
        assert memories.marked == {ANNA, DEPLOY}
        await press(pilot, "l", "f")
        assert len(store.relations) == 1
        assert "This relation exists" in toasts(pilot)[-1]
        await press(pilot, "u")
        assert not store.relations
        await press(pilot, "escape", "space", "l", "r")
        (made,) = store.relations
        assert made.type is RelationType.RELATED
        await press(pilot, "escape", "l", "down", "enter", "r")
        assert len(store.relations) == 2
        before = drawn(store)
        memories.mark_all({JWT, ANNA, ROTATE})
        await press(pilot, "l", "=billing", "enter", "P")
        assert drawn(store) - before == {(one, RelationType.PART_OF, BILLING) for one in (JWT, ANNA, ROTATE)}


async def test_a_key_shows_a_memory_in_the_graph() -> None:
    async with running(filled()) as pilot:
        await press(pilot, "down", "ctrl+g")
        assert around(pilot)[0] == JWT
        await press(pilot, "1", "down", "ctrl+g")
        assert around(pilot)[0] == ANNA
        await press(pilot, "backspace")
        assert around(pilot)[0] == JWT


async def test_what_is_seen_is_exported_in_the_format_that_the_name_says(tmp_path: Path) -> None:
    file = tmp_path / "seen.graphml"
    async with running(filled(), mode="graph") as pilot:
        shown = graph_of(pilot).around
        assert shown is not None
        await press(pilot, "x")
        for wrong in ("", str(tmp_path), str(tmp_path / "seen.xyz")):
            pilot.app.screen.query_one(Input).value = wrong
            await press(pilot, "enter")
            assert isinstance(pilot.app.screen, PromptDialog)
        pilot.app.screen.query_one(Input).value = str(file)
        await press(pilot, "enter")
        await until(pilot, file.exists)
        await settle(pilot)
        assert file.read_text().split() == [node.id for node in shown.nodes if node.memory is not None]
        exporting = cast("FakeExporting", services_of(pilot).exporting)
        assert exporting.asked is not None
        assert exporting.asked[0] == Format.GRAPHML.writer
        assert "not exported: metadata" in "".join(toasts(pilot))
