"""The tree of a neighbourhood: groups, folding by key and by mouse, a cursor that finds what is hidden."""

from __future__ import annotations

from memoria_tui.text.neighbor_tree import branch_out
from memoria_tui.widgets.relation_tree import RelationTree
from services.model import RelationType
from tests.tui.widgets.scene import Scene
from tests.tui.widgets.test_relation_map import neighborhood

_FIXES, _OPPOSES = RelationType.FIXES, RelationType.OPPOSES
_AROUND = neighborhood([*[0] * 101, 1], [*[_FIXES] * 100, _OPPOSES, _FIXES], [True] * 102)
"""A centre with a group of 100, of which memory 1 has another one behind it, and with one that it opposes."""


async def test_what_is_folded_is_hidden_until_something_in_it_is_selected() -> None:
    scene = Scene(tree := RelationTree())
    async with scene.open(44, 20) as pilot:
        tree.show(branch_out(_AROUND))
        tree.focus()
        shown = [tree.render_line(line).text.rstrip() for line in range(5)]
        assert shown == [
            "▌▾ ◆ the centre",
            "   ▾ → fixes  100",
            "     ▾ ● memory 1 日本語 of some length",
            "         → fixes  ● memory 102 日本語 of s…",
            "       ● memory 10 日本語 of some length",
        ]
        await pilot.press("down", "space")
        assert (tree.total, tree.render_line(1).text.rstrip()) == (3, "▌  ▸ → fixes  100")
        tree.select("50")
        assert tree.current is not None
        assert (tree.total, tree.current.key) == (104, "50")
        assert not scene.posted(RelationTree.Highlighted)
        await pilot.press("g", "pagedown")
        assert tree.cursor == 20
        await pilot.press("G", "left", "left", "enter", "down")
        assert [one.memory_id for one in scene.posted(RelationTree.Walked)] == ["0"]


async def test_a_click_on_the_triangle_folds_and_one_beside_it_selects() -> None:
    scene = Scene(tree := RelationTree())
    async with scene.open(40, 20) as pilot:
        tree.show(branch_out(_AROUND))
        await pilot.click(tree, offset=(5, 2))
        assert tree.total == 103
        await pilot.click(tree, offset=(9, 3))
        assert tree.total == 103
        assert [one.memory_id for one in scene.posted(RelationTree.Highlighted)] == ["1", "10"]
