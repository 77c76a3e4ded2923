"""Whom root lets run the embedded PostgreSQL, and what it opens for that user."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from services.adapters.postgres import server_user

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root lends another user")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@as_root
def test_closed_homes_are_opened_for_passing_through_and_closed_packages_for_reading(tmp_path: Path) -> None:
    home = tmp_path / "home"
    binaries, folder = home / "venv" / "pginstall" / "bin", home / "data" / "postgres"
    library = binaries.parent / "lib" / "libpq.so"
    for made in (binaries, library.parent, folder):
        made.mkdir(parents=True)
    (binaries / "postgres").write_text("")
    library.write_text("")
    (binaries / "postgres").chmod(0o700)
    library.chmod(0o600)
    for closed in (home, home / "venv", binaries.parent, binaries, library.parent, home / "data", folder):
        closed.chmod(0o700)

    user = server_user.for_folder(folder, binaries)

    assert user is not None
    assert user.uid != 0
    assert folder.stat().st_uid == user.uid
    assert mode(home) == mode(home / "venv") == mode(home / "data") == 0o701
    assert mode(folder) == 0o700
    assert (mode(binaries / "postgres"), mode(library)) == (0o705, 0o604)
    assert mode(library.parent) == 0o705


@as_root
def test_in_a_home_of_somebody_that_person_runs_it(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    binaries = tmp_path / "pginstall" / "bin"
    for made in (tmp_path / "postgres", binaries):
        made.mkdir(parents=True)
    user = server_user.for_folder(tmp_path / "postgres", binaries)
    assert user is not None
    assert user.uid == 65534


@pytest.mark.skipif(os.geteuid() == 0, reason="root is not ordinary")
def test_an_ordinary_user_runs_it_himself(tmp_path: Path) -> None:
    assert server_user.for_folder(tmp_path, tmp_path) is None
