"""Access tokens on the command line."""

from __future__ import annotations

from tests.integration.test_cli import Run, run  # noqa: F401  # the fixture


def test_a_token_is_made_shown_once_listed_and_revoked(run: Run) -> None:  # noqa: F811
    assert run("token", "list").out == "there are no access tokens\n"
    made = run("token", "create", "ci", "--scope", "write", "--project", "pier", "--expires", "90d")
    assert made.out.startswith("memoria_")
    assert made.out.count("\n") == 1
    unused, told = made.err.splitlines()
    assert unused == "no memory is of the project pier yet"
    assert told == "ci may write: pier; this is its only copy:"
    run("add", "of the quay", "--project", "quay")
    wrong = run("token", "create", "other", "--scope", "read", "--project", "Quay").err.splitlines()[0]
    assert wrong == "no memory is of the project Quay; there is quay, which it does not see"
    run("token", "revoke", "other")
    listed = run("token", "list")
    assert made.out.strip() not in listed.out
    assert "pier" in listed.out
    *_, one = run("token", "list", "--json").json
    assert (one["name"], one["scope"], one["projects"], one["revoked_at"]) == ("ci", "write", ["pier"], None)
    assert run("token", "create", "ci", "--scope", "read").complaint.startswith("there is or was a token 'ci'")
    assert run("token", "revoke", "ci").out == "ci is revoked\n"
    assert all(one["revoked_at"] for one in run("token", "list", "--json").json)
    assert run("token", "revoke", "nobody").status == 1


def test_what_no_token_can_be_is_told(run: Run) -> None:  # noqa: F811
    assert run("token", "create", "x").status == 2
    assert run("token", "create", "x", "--scope", "all").status == 2
    assert "write 90d" in run("token", "create", "x", "--scope", "read", "--expires", "soon").complaint
    assert "would have expired" in run("token", "create", "x", "--scope", "read", "--expires", "2020-01-01").complaint
    assert "all projects" in run("token", "create", "x", "--scope", "admin", "--project", "p").complaint
