"""What git knows about the folder one stands in, to be offered when work starts."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 2.0
_ISSUE = re.compile(r"(?:^|[/_-])(?:issues?|gh|fix|bug|feature|feat)?[/_#-]?(\d{1,7})(?=$|[/_-])", re.IGNORECASE)
_REMOTE = re.compile(r"[:/]([^/:]+/[^/]+?)(?:\.git)?/?$")


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """A git repository as far as a work session wants to know it."""

    branch: str | None
    """None when no branch is checked out."""
    repo: str | None
    """«owner/name» of the remote `origin`."""
    issue_number: int | None
    """The number that the branch's name carries."""


def working_copy(folder: Path) -> WorkingCopy | None:
    """The repository that holds `folder`; None without one, or without git."""
    branch = _git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    if branch is None and _git(folder, "rev-parse", "--git-dir") is None:
        return None
    remote = _git(folder, "remote", "get-url", "origin")
    return WorkingCopy(branch, repo_of(remote or ""), issue_of(branch or ""))


def issue_of(branch: str) -> int | None:
    """The issue that a branch's name speaks of: `fix/1234-crash` → 1234."""
    found = _ISSUE.search(branch)
    return int(found[1]) if found else None


def repo_of(remote: str) -> str | None:
    """«owner/name» of a remote's address."""
    found = _REMOTE.search(remote.strip())
    return found[1] if found else None


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
