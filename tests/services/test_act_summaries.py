"""The history says of acts on several things what was done to them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.memories.act_summaries import described
from services.model import Act, Action, Change, Entity, Kind, UndoPreview

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def told(summaries: Sequence[str], kind: Kind = Kind.EDIT) -> str:
    """Of an act on one session a summary, each of the description that stands in it (else `tea`)."""
    changes = [
        Change(
            *(number, "g", Entity.SESSION, str(number), Action.UPDATED, "ada", "cli", NOON, None),
            {"description": summary.split('"')[1] if '"' in summary else "tea"},
            summary=summary,
        )
        for number, summary in enumerate(summaries)
    ]
    act = Act("g", 0, kind, "ada", "cli", NOON, "", {Entity.SESSION: len(changes)})
    return described(act, changes, {}).summary


@pytest.mark.parametrize(
    ("summaries", "summary"),
    [
        (['paused "login"', 'started "review"'], 'paused "login" and started "review"'),
        (['undone: paused "login"', 'undone: started "review"'], 'paused "login" and started "review"'),
        (['billed "a" for 2026-11', 'billed "b" for 2026-11'], "billed 2 sessions for 2026-11"),
        (['took an absence out of "a"', 'took an absence out of "b"'], "took an absence out of 2 sessions"),
        (['paused "a"', 'paused "b"', 'started "c"'], 'paused 2 sessions and started "c"'),
        (['paused "a"', 'stopped "b"', 'started "c"'], "changed 3 sessions"),
        (["imported"], 'imported "tea"'),
        (['split "login"', 'split off "login"'], 'split "login"'),
        (['undone: split "login"', 'undone: split off "login"'], 'split "login"'),
    ],
)
def test_an_act_on_sessions_says_what_was_done_to_them(summaries: Sequence[str], summary: str) -> None:
    assert told(summaries) == summary


@pytest.mark.parametrize("entity", [Entity.CLIENT, Entity.PROJECT])
def test_an_import_of_one_client_or_project_names_it(entity: Entity) -> None:
    row = {"row": {"name": "acme"}}
    change = Change(1, "g", entity, "1", Action.CREATED, "ada", "cli", NOON, None, row, summary="imported")
    act = Act("g", 0, Kind.IMPORT, "ada", "cli", NOON, "", {entity: 1})
    assert described(act, [change], {}).summary == f'imported {entity} "acme"'
    several = replace(act, counts={entity: 1, Entity.RELATION: 2})
    assert described(several, [change], {}).summary == f'imported {entity} "acme" and 2 relations'


def of_memories(states: Sequence[tuple[str, Sequence[str], Sequence[str]]], number: int, kind: Kind) -> str:
    """Of an act on memories, each of a summary, with its tags before and after."""

    def state(tags: Sequence[str]) -> dict[str, object]:
        return {"payload": {"content": "a", "tags": list(tags)}}

    changes = [
        Change(
            *(place, "g", Entity.MEMORY, str(place), Action.UPDATED, "ada", "cli", NOON),
            before=state(before),
            after=state(after),
            summary=summary,
        )
        for place, (summary, before, after) in enumerate(states)
    ]
    act = Act("g", 0, kind, "ada", "cli", NOON, "", {Entity.MEMORY: number})
    return described(act, changes, {}).summary


RENAMED = [("tags +auth −auths", ["auths"], ["auth"]), ("tags +auth −My auth", ["My auth"], ["auth"])]


@pytest.mark.parametrize(
    ("states", "number", "summary"),
    [
        (RENAMED, 2, "tags +auth −auths −My auth: 2 memories"),
        ([("undone: tags +a −b", ["a"], ["b"]), ("undone: tags −c", [], ["c"])], 2, "tags +a −b −c: 2 memories"),
        (RENAMED, 900, "tags +auth −auths −My auth …: 900 memories"),
        ([*RENAMED, ("pinned", [], [])], 3, "changed 3 memories"),
        ([("project a → c", [], []), ("project b → c", [], [])], 2, "project a → c, project b → c: 2 memories"),
        ([("tags −a", ["a"], []), ("tags −a", ["a"], [])], 2, "tags −a: 2 memories"),
    ],
)
def test_an_act_on_tags_or_projects_of_many_says_which(
    states: Sequence[tuple[str, Sequence[str], Sequence[str]]], number: int, summary: str
) -> None:
    assert of_memories(states, number, Kind.EDIT) == summary


def test_a_merge_counts_the_memories_that_went_and_those_that_stayed() -> None:
    act = Act("g", 0, Kind.MERGE, "ada", "cli", NOON, "", {Entity.MEMORY: 10, Entity.RELATION: 2}, merged=(6, 3))
    assert described(act, [], {}).summary == "merged 6 memories into 3, 1 forgotten, 2 relations"


@pytest.mark.parametrize(
    ("origin", "summary"),
    [
        (Kind.MERGE, "merged 2 memories"),
        (Kind.REPAIR, "repaired 2 memories"),
        (Kind.RESTORE, "restored from a backup: 2 memories"),
        (Kind.IMPORT, "imported 2 memories"),
        (Kind.EDIT, "changed 2 memories"),
    ],
)
@pytest.mark.parametrize("kind", [Kind.UNDO, Kind.REDO])
def test_an_undo_and_a_redo_are_told_as_what_they_undid_or_did_again(origin: Kind, summary: str, kind: Kind) -> None:
    changes = [
        Change(number, "g", Entity.MEMORY, str(number), action, "ada", "cli", NOON, None, {}, summary=summary)
        for number, (action, summary) in enumerate(
            ((Action.UPDATED, "redone: edited text"), (Action.DELETED, "redone: deleted"))
        )
    ]
    act = Act("g", 0, kind, "ada", "cli", NOON, "", {Entity.MEMORY: 2}, origin=origin)
    assert described(act, changes, {}).summary == summary


def test_what_was_imported_is_asked_about_also_after_it_was_done_again() -> None:
    again = Act("g", 0, Kind.REDO, "ada", "cli", NOON, "", {Entity.MEMORY: 2}, origin=Kind.IMPORT)
    assert UndoPreview(again, "g").reasons("ada", "cli") == ("it was an import",)
    undone = replace(again, kind=Kind.UNDO)
    assert UndoPreview(undone, "g", redo=True).reasons("ada", "cli") == ()
