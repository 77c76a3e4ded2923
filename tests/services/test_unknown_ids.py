"""What is said of an id that names nothing, or several things."""

from __future__ import annotations

import pytest

from services.errors import Ambiguous, NotFound
from services.unknown_ids import MEMORY_ID, SESSION_ID, TRASHED_ID, IdKind, only_id, unknown_id

ONE, OTHER = "4c16f1b4-76bc-4663-83b9-63ac84e038f9", "4c000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        (MEMORY_ID, "nope", "'nope' is no id; `memoria-tui list` shows those of memories"),
        (MEMORY_ID, "", "'' is no id; `memoria-tui list` shows those of memories"),
        (MEMORY_ID, "z" * 900, f"'{'z' * 59}…' is no id; `memoria-tui list` shows those of memories"),
        (TRASHED_ID, f"{ONE}a", f"'{ONE}a' is no id; `memoria-tui trash list` shows those in the trash"),
        (
            MEMORY_ID,
            " 4D ",
            "no memory has an id that begins with 4D; `memoria-tui list` shows those of memories",
        ),
        (
            SESSION_ID,
            ONE,
            f"no session has the id {ONE}; it may have been deleted, `memoria-tui undo --list` shows by whom",
        ),
    ],
)
def test_an_unknown_id_is_told_from_what_is_none_and_from_a_beginning(kind: IdKind, given: str, told: str) -> None:
    assert str(unknown_id(kind, given)) == told
    with pytest.raises(NotFound):
        only_id(kind, given, [OTHER])


def test_a_beginning_with_or_without_dashes_means_the_only_id_that_has_it() -> None:
    assert only_id(MEMORY_ID, "4C16F1B476", [ONE, OTHER]) == only_id(MEMORY_ID, ONE, [ONE, OTHER]) == ONE
    with pytest.raises(Ambiguous) as raised:
        only_id(MEMORY_ID, "4c", [ONE, OTHER])
    assert str(raised.value) == f"several memories have ids that begin with 4c: {OTHER}, {ONE}; give more of it"
