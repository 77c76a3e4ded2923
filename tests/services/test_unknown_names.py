"""What is said of a name that names nothing."""

from __future__ import annotations

import pytest

from services.unknown_names import instead

MANY = [f"client {number}" for number in range(30)]


@pytest.mark.parametrize(
    ("given", "known", "told"),
    [
        ("acm", ["birch", "acme"], "did you mean 'acme'?"),
        ("ACME", ["birch", "Acme"], "did you mean 'Acme'?"),
        ("nobody", ["birch", "acme"], "there are 'birch', 'acme'"),
        ("nobody", [], "there are none yet"),
        ("nobody", ["x" * 900], f"there are '{'x' * 59}…'"),
        ("zzz", MANY, f"there are {', '.join(map(repr, MANY[:10]))} and 20 more"),
    ],
)
def test_a_name_that_is_near_or_some_that_there_are_come_with_it(given: str, known: list[str], told: str) -> None:
    assert instead(given, known) == told
