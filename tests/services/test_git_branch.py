"""The branch of the git repository around a folder."""

from __future__ import annotations

from pathlib import Path

from services.work.git_branch import current_branch


def _file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def test_the_branch_is_found_from_a_folder_below(tmp_path: Path) -> None:
    _file(tmp_path / ".git/HEAD", "ref: refs/heads/fix/login\n")
    (tmp_path / "src/deep").mkdir(parents=True)
    assert current_branch(tmp_path / "src/deep") == "fix/login"


def test_a_worktree_has_a_branch_of_its_own(tmp_path: Path) -> None:
    _file(tmp_path / "main/.git/HEAD", "ref: refs/heads/main\n")
    _file(tmp_path / "main/.git/worktrees/other/HEAD", "ref: refs/heads/other\n")
    _file(tmp_path / "other/.git", "gitdir: ../main/.git/worktrees/other\n")
    assert current_branch(tmp_path / "other") == "other"


def test_a_detached_head_is_no_branch(tmp_path: Path) -> None:
    _file(tmp_path / ".git/HEAD", "8a44e10c5d0b3f0f0b1a\n")
    assert current_branch(tmp_path) is None


def test_what_is_no_text_is_no_branch(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").write_bytes(b"\xff\xfe\x00")
    assert current_branch(tmp_path) is None
