"""Where the stores are and how they are used: environment and file in, one frozen, validated value out.

The names of the variables are those of MCP Memoria, so that both programs read one environment.
"""

from __future__ import annotations

import getpass
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import platformdirs

from services.errors import InvalidInput

APP = "memoria-tui"


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of the services, checked."""

    home: Path
    """Folder of the embedded stores."""
    qdrant_host: str | None = None
    """None: Qdrant Edge, in process. A host name or a whole URL."""
    qdrant_port: int = 6333
    qdrant_api_key: str | None = None
    qdrant_shards: int = 1
    qdrant_replicas: int = 1
    qdrant_on_disk: bool = False
    database_url: str | None = None
    """None: PostgreSQL from the wheel."""
    ollama_host: str | None = None
    """None: the bundled model."""
    embedding_model: str = "nomic-embed-text"
    embedding_dimensions: int = 768
    chunk_size: int = 500
    """Characters."""
    chunk_overlap: int = 50
    """Characters."""
    work_max_parallel_sessions: int = 3
    """Active and paused together; 0: no limit."""
    work_session_warning_hours: float = 8.0
    log_level: str = "INFO"
    log_file: Path | None = None
    """None: `memoria-tui.log` in `home`."""
    zone: str | None = None
    """IANA name of the person's zone, in which times are shown and days are cut; None: the system's."""
    writer_zone: str | None = None
    """IANA name of the zone in which stamps without one are written and read; None: as the data show, else `zone`."""
    first_weekday: str = "monday"
    """On which day a week begins."""
    actor: str = "user"
    """Who the history names for changes made here."""
    program: str = APP
    """Which program the history names for them; no variable sets it."""

    @property
    def vectors_dir(self) -> Path:
        return self.home / "qdrant"

    @property
    def postgres_dir(self) -> Path:
        return self.home / "postgres"

    @property
    def backups_dir(self) -> Path:
        """Where backups go that are not told where."""
        return self.home / "backups"


VARIABLES: Mapping[str, str] = {
    "home": "MEMORIA_HOME",
    "qdrant_host": "MEMORIA_QDRANT_HOST",
    "qdrant_port": "MEMORIA_QDRANT_PORT",
    "qdrant_api_key": "QDRANT_API_KEY",
    "qdrant_shards": "MEMORIA_QDRANT_SHARDS",
    "qdrant_replicas": "MEMORIA_QDRANT_REPLICAS",
    "qdrant_on_disk": "MEMORIA_QDRANT_ON_DISK",
    "database_url": "MEMORIA_DATABASE_URL",
    "ollama_host": "MEMORIA_OLLAMA_HOST",
    "embedding_model": "MEMORIA_EMBEDDING_MODEL",
    "embedding_dimensions": "MEMORIA_EMBEDDING_DIMENSIONS",
    "chunk_size": "MEMORIA_CHUNK_SIZE",
    "chunk_overlap": "MEMORIA_CHUNK_OVERLAP",
    "work_max_parallel_sessions": "MEMORIA_WORK_MAX_PARALLEL_SESSIONS",
    "work_session_warning_hours": "MEMORIA_WORK_SESSION_WARNING_HOURS",
    "log_level": "MEMORIA_LOG_LEVEL",
    "log_file": "MEMORIA_LOG_FILE",
    "zone": "MEMORIA_TIMEZONE",
    "writer_zone": "MEMORIA_WRITER_TIMEZONE",
    "first_weekday": "MEMORIA_FIRST_WEEKDAY",
    "actor": "MEMORIA_ACTOR",
}
"""Variable of each setting."""
_BOUNDS: Mapping[str, tuple[float, float]] = {
    "qdrant_port": (1, 65535),
    "qdrant_shards": (1, 1024),
    "qdrant_replicas": (1, 64),
    "embedding_dimensions": (1, 65536),
    "chunk_size": (20, 100_000),
    "chunk_overlap": (0, 50_000),
    "work_max_parallel_sessions": (0, 1000),
    "work_session_warning_hours": (0, 10_000),
}
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def config_dir() -> Path:
    """Folder of `config.toml`."""
    return Path(platformdirs.user_config_dir(APP, appauthor=False))


def load_settings(environment: Mapping[str, str], file: Path | None = None) -> Settings:
    """Reads the table `[services]` of the TOML file, then the environment, which wins.

    Raises InvalidInput naming the variable or key, its value and what is allowed.
    """
    values: dict[str, object] = {}
    for name, value in _from_file(file).items():
        if name not in VARIABLES:
            raise InvalidInput(f"{file}: [services] has no setting {name!r}; known are {', '.join(sorted(VARIABLES))}")
        values[name] = _checked(name, value, f"{file}: services.{name}")
    for name, variable in VARIABLES.items():
        if text := environment.get(variable, "").strip():
            values[name] = _checked(name, text, variable)
    values.setdefault("home", Path(platformdirs.user_data_dir(APP, appauthor=False)))
    values.setdefault("actor", _user_name())
    settings = Settings(**values)  # type: ignore[arg-type]  # each value was checked by name
    if settings.chunk_overlap >= settings.chunk_size:
        raise InvalidInput(
            f"MEMORIA_CHUNK_OVERLAP ({settings.chunk_overlap}) must be smaller than "
            f"MEMORIA_CHUNK_SIZE ({settings.chunk_size})"
        )
    return settings


def _from_file(file: Path | None) -> Mapping[str, object]:
    if file is None or not file.exists():
        return {}
    try:
        table = tomllib.loads(file.read_text("utf-8")).get("services", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"{file}: cannot be read as TOML: {error}") from error
    if not isinstance(table, dict):
        raise InvalidInput(f"{file}: `services` must be a table, written [services]")
    return table


def _checked(name: str, value: object, where: str) -> object:
    if name in ("home", "log_file"):
        return Path(str(value)).expanduser()
    if name in _BOUNDS:
        low, high = _BOUNDS[name]
        try:
            number = float(str(value)) if name == "work_session_warning_hours" else int(str(value))
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise InvalidInput(f"{where} is {value!r}; it must be a number from {low:g} to {high:g}")
        return number
    if name == "qdrant_on_disk":
        if str(value).lower() not in ("0", "1", "true", "false", "yes", "no"):
            raise InvalidInput(f"{where} is {value!r}; it must be true or false")
        return str(value).lower() in ("1", "true", "yes")
    if name == "log_level":
        if str(value).upper() not in _LOG_LEVELS:
            raise InvalidInput(f"{where} is {value!r}; it must be one of {', '.join(_LOG_LEVELS)}")
        return str(value).upper()
    if name == "first_weekday":
        if str(value).lower() not in WEEKDAYS:
            raise InvalidInput(f"{where} is {value!r}; it must be one of {', '.join(WEEKDAYS)}")
        return str(value).lower()
    if name in ("zone", "writer_zone"):
        try:
            ZoneInfo(str(value))
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InvalidInput(f"{where} is {value!r}; it must be a zone such as Europe/Rome") from error
    return str(value)


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "user"
