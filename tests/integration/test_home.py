"""Nobody but its owner can read a home, whatever the umask, and also one that an earlier version made."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from pathlib import Path

from services.files import close_home
from tests.forking import forked
from tests.services.memory_world import quick_folder


def open_to_others(home: Path) -> list[str]:
    """What in a home others may read, write or enter."""
    return [
        f"{path.relative_to(home.parent)} {stat.S_IMODE(status.st_mode):o}"
        for path in (home, *home.rglob("*"))
        if (status := path.lstat()).st_mode & 0o077 and not stat.S_ISLNK(status.st_mode)
    ]


def run(home: Path, *arguments: str) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MEMORIA_", "QDRANT_"))}
    subprocess.run(
        forked("-m", "memoria_tui", *arguments),
        env={**environment, "MEMORIA_HOME": str(home), "MEMORIA_LINGER": "9", "MEMORIA_LOG_LEVEL": "DEBUG"},
        umask=0,
        check=True,
        capture_output=True,
    )


def make_one_due(home: Path) -> None:
    """Lets there be a daily backup of long ago; a home without any gets its first one after an hour."""
    (home / "backups" / "daily").mkdir(parents=True)
    (home / "backups" / "daily" / "memoria-2020-01-01T000000Z.tar").touch()


def until_backed_up(home: Path) -> None:
    """A command has the daily backup made beside it."""
    deadline = time.monotonic() + 60
    while not (home / "backups" / "daily" / "newest").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert len(list((home / "backups" / "daily").glob("memoria-*.tar"))) == 2


def test_everything_in_a_home_is_closed_to_others() -> None:
    with quick_folder() as folder:
        home = Path(folder) / "home"
        make_one_due(home)
        run(home, "add", "a memory")
        until_backed_up(home)
        run(home, "backup")
        (Path(folder) / "a.json").write_text('[{"content": "another"}]')
        run(home, "import", str(Path(folder) / "a.json"))
        assert (home / "machine").exists(), "an import is known by it"
        for name in ("searches", "restore.json"):
            (home / name).touch(mode=0o600)
        for name in ("models", "qdrant-0.8"):
            (home / name).mkdir(mode=0o700)
        assert open_to_others(home) == []
        for path in (*home.glob("*"), *home.glob("backups/*"), home):
            if path.name not in ("postgres", "daemon", "qdrant"):
                path.chmod(0o755 if path.is_dir() else 0o644)
        run(home, "search", "memory")
        assert open_to_others(home) == []
        run(home, "stop")


def test_a_folder_of_somebodys_that_was_named_as_home_keeps_its_rights(tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    (tmp_path / "thesis").mkdir()
    (tmp_path / "models").mkdir()
    for path in (tmp_path, *tmp_path.iterdir()):
        path.chmod(0o755)
    close_home(tmp_path)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"backups": 0o700, "thesis": 0o755, "models": 0o755}
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
