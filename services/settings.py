"""Where the stores are and how they are used: environment and file in, one frozen, validated value out.

The names of the variables are those of MCP Memoria, so that both programs read one environment.
"""

from __future__ import annotations

import contextlib
import getpass
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import platformdirs

from services.errors import InvalidInput
from services.files import expanded, read_regular
from services.storable_text import broken_text, quoted, shortened
from services.unknown_names import near_names

APP = "memoria-tui"
ONNX = "onnx:"
"""What the name of a model begins with that this program runs itself."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SECRET_POLICIES = ("warn", "refuse", "mask")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_LINGER, _BACKUP_KEEP = 60.0, 7
_TRUTH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}

Read = Callable[[str], object]
"""The value of a text. Raises ValueError with what is allowed."""


def _path(text: str) -> Path:
    if str(path := expanded(text)).startswith("~"):
        raise ValueError(f"a path, and nobody is called {quoted(path.parts[0][1:])} here")
    return path


def _number(kind: type[int] | type[float], low: float, high: float) -> Read:
    def read(text: str) -> float:
        with contextlib.suppress(ValueError):
            if low <= (number := kind(text)) <= high:
                return number
        raise ValueError(f"a number from {low:g} to {high:g}")

    return read


def _one_of(names: Sequence[str]) -> Read:
    def read(text: str) -> str:
        if found := next((name for name in names if name.lower() == text.lower()), None):
            return found
        raise ValueError(f"one of {', '.join(names)}")

    return read


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTH:
        raise ValueError("true or false")
    return _TRUTH[text.lower()]


def _zone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("a zone such as Europe/Rome") from error


def _text(text: str) -> str:
    if broken_text(text) is not None:
        raise ValueError("text in UTF-8")
    return text


_MEANINGS: Mapping[str, str] = {
    "MEMORIA_HOME": "where the embedded stores live, closed to other users",
    "MEMORIA_LINGER": "seconds for which a program wants the embedded stores to stay ready after it left",
    "MEMORIA_BACKUP_KEEP": "how many daily backups of the embedded stores are kept; 0: none is made",
    "MEMORIA_DEMO": "whether the stores are those of the demo, beside that folder, as with --demo",
    "MEMORIA_QDRANT_HOST": "a Qdrant server",
    "QDRANT_API_KEY": "sent to Qdrant",
    "MEMORIA_QDRANT_SHARDS": "for collections that are made",
    "MEMORIA_DATABASE_URL": "postgresql://user:password@host:5432/memoria; unset: embedded",
    "MEMORIA_OLLAMA_HOST": "an Ollama server; unset: the bundled model",
    "MEMORIA_EMBEDDING_MODEL": "the model to ask Ollama for; onnx:NAME or onnx:/folder: one that this program runs",
    "MEMORIA_LLM_MODEL": "the chat model of Ollama that answers when agents reflect or observe",
    "MEMORIA_CHUNK_SIZE": "characters of a chunk, and those that it shares with the next one",
    "MEMORIA_WORK_MAX_PARALLEL_SESSIONS": "most sessions that are open at once, and hours after which one is warned of",
    "MEMORIA_SECRETS": "what is done with keys, tokens, passwords, private keys, card and account numbers in texts",
    "MEMORIA_LOG_LEVEL": "what was done at length and what stores refused, never texts or passwords",
    "MEMORIA_TIMEZONE": "your zone: times are shown and days are cut in it",
    "MEMORIA_WRITER_TIMEZONE": "zone in which MCP Memoria runs (in Docker: UTC)",
    "MEMORIA_FIRST_WEEKDAY": "on which day a week begins",
    "MEMORIA_DAY_BEGINS": "hour, up to 12, at which a day of work begins",
    "MEMORIA_IDLE_MINUTES": "after so many minutes without a key in the app, or of sleep of the machine, while work "
    "runs, Work offers to make that time a pause",
    "MEMORIA_POMODORO_MINUTES": "after so many minutes of work at a stretch the header reminds of a break",
    "MEMORIA_ACTOR": "the name in the history",
}
"""What each variable is for, those without an entry with the one before them; the README says more of them."""


def _of(variable: str, read: Read = _text, *, of_stores: bool = False) -> Mapping[str, object]:
    """What a field of `Settings` has beside its default: the variable that sets it, and how its text is read.

    `of_stores`: it says where the stores or their backups are, so that the demo keeps to the default.
    """
    return {"variable": variable, "read": read, "of_stores": of_stores}


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of the services, checked."""

    home: Path = field(metadata=_of("MEMORIA_HOME", _path))
    """Folder of the embedded stores."""
    linger: float = field(default=0.0, metadata=_of("MEMORIA_LINGER", _number(float, 0, 86_400)))
    """Seconds for which the embedded stores stay ready after the last program; 0: they end with it.

    60 where nothing is set.
    """
    backup_keep: int = field(default=0, metadata=_of("MEMORIA_BACKUP_KEEP", _number(int, 0, 1000), of_stores=True))
    """Daily backups of a home that are kept; 0: none is made. 7 where nothing is set."""
    demo: bool = field(default=False, metadata=_of("MEMORIA_DEMO", _truth))
    """The stores are those of the demo, beside a home: embedded ones, which nobody backs up."""
    qdrant_host: str | None = field(default=None, metadata=_of("MEMORIA_QDRANT_HOST", of_stores=True))
    """None: Qdrant Edge, in process. A host name or a whole URL."""
    qdrant_port: int = field(default=6333, metadata=_of("MEMORIA_QDRANT_PORT", _number(int, 1, 65535)))
    qdrant_api_key: str | None = field(default=None, metadata=_of("QDRANT_API_KEY"))
    qdrant_shards: int = field(default=1, metadata=_of("MEMORIA_QDRANT_SHARDS", _number(int, 1, 1024)))
    qdrant_replicas: int = field(default=1, metadata=_of("MEMORIA_QDRANT_REPLICAS", _number(int, 1, 64)))
    qdrant_on_disk: bool = field(default=False, metadata=_of("MEMORIA_QDRANT_ON_DISK", _truth))
    database_url: str | None = field(default=None, metadata=_of("MEMORIA_DATABASE_URL", of_stores=True))
    """None: PostgreSQL from the wheel."""
    ollama_host: str | None = field(default=None, metadata=_of("MEMORIA_OLLAMA_HOST", of_stores=True))
    """None: the bundled model."""
    embedding_model: str = field(default="nomic-embed-text", metadata=_of("MEMORIA_EMBEDDING_MODEL"))
    embedding_dimensions: int = field(default=768, metadata=_of("MEMORIA_EMBEDDING_DIMENSIONS", _number(int, 1, 65536)))
    llm_model: str = field(default="llama3.2", metadata=_of("MEMORIA_LLM_MODEL"))
    """Chat model of Ollama that thinks about memories when an agent asks for it."""
    chunk_size: int = field(default=500, metadata=_of("MEMORIA_CHUNK_SIZE", _number(int, 20, 100_000)))
    """Characters."""
    chunk_overlap: int = field(default=50, metadata=_of("MEMORIA_CHUNK_OVERLAP", _number(int, 0, 50_000)))
    """Characters."""
    work_max_parallel_sessions: int = field(
        default=3, metadata=_of("MEMORIA_WORK_MAX_PARALLEL_SESSIONS", _number(int, 0, 1000))
    )
    """Active and paused together; 0: no limit."""
    work_session_warning_hours: float = field(
        default=8.0, metadata=_of("MEMORIA_WORK_SESSION_WARNING_HOURS", _number(float, 0, 10_000))
    )
    secrets: str = field(default="warn", metadata=_of("MEMORIA_SECRETS", _one_of(SECRET_POLICIES)))
    """What is done with secrets in texts that are written."""
    log_level: str = field(default="INFO", metadata=_of("MEMORIA_LOG_LEVEL", _one_of(LOG_LEVELS)))
    log_file: Path | None = field(default=None, metadata=_of("MEMORIA_LOG_FILE", _path))
    """None: `memoria-tui.log` in `home`."""
    zone: str | None = field(default=None, metadata=_of("MEMORIA_TIMEZONE", _zone))
    """IANA name of the person's zone, in which times are shown and days are cut; None: the system's."""
    writer_zone: str | None = field(default=None, metadata=_of("MEMORIA_WRITER_TIMEZONE", _zone))
    """IANA name of the zone in which stamps without one are written and read; None: as the data show, else `zone`."""
    first_weekday: str = field(default="monday", metadata=_of("MEMORIA_FIRST_WEEKDAY", _one_of(WEEKDAYS)))
    """On which day a week begins."""
    day_begins: int = field(default=0, metadata=_of("MEMORIA_DAY_BEGINS", _number(int, 0, 12)))
    """Hour at which a day of work begins: what was worked before is of the day before."""
    idle_minutes: int = field(default=0, metadata=_of("MEMORIA_IDLE_MINUTES", _number(int, 0, 1440)))
    """Minutes without a key, or of sleep of the machine, after which a pause of what runs is offered; 0: none is."""
    pomodoro_minutes: int = field(default=0, metadata=_of("MEMORIA_POMODORO_MINUTES", _number(int, 0, 1440)))
    """Minutes of work at a stretch after which the header reminds of a break; 0: it does not."""
    actor: str = field(default="user", metadata=_of("MEMORIA_ACTOR"))
    """Who the history names for changes made here."""
    program: str = APP
    """Which program the history names for them; no variable sets it."""
    runtime_dir: Path | None = None
    """`$XDG_RUNTIME_DIR`, where the system gives one: for what says of a running program how it is."""
    default_home: Path | None = None
    """The home where nothing names another one."""
    file_problem: str | None = None
    """Why the file of settings, which names no store, cannot be read; None: it can, or there is none."""

    @property
    def onnx_model(self) -> str | None:
        """Name or folder of the model in ONNX that makes the vectors; None where another embedder does."""
        return self.embedding_model.removeprefix(ONNX) if self.embedding_model.startswith(ONNX) else None

    @property
    def is_bundled(self) -> bool:
        """Whether the bundled model makes the vectors."""
        return self.ollama_host is None and self.onnx_model is None

    @property
    def vectors_dir(self) -> Path:
        return self.home / "qdrant"

    @property
    def postgres_dir(self) -> Path:
        return self.home / "postgres"

    @property
    def backups_dir(self) -> Path:
        """Where backups are written when no folder is given."""
        return self.home / "backups"

    @property
    def daily_backups_dir(self) -> Path:
        """Where those go that are made by themselves, so that they take no room from the others."""
        return self.backups_dir / "daily"

    @property
    def demo_mark(self) -> Path:
        """The file that a home has whose stores were filled by the demo."""
        return self.home / "demo-ready"


_WITH_PASSWORDS = ("qdrant_host", "qdrant_api_key", "database_url", "ollama_host")
"""Settings that no message shows."""
VARIABLES: Mapping[str, str] = {one.name: one.metadata["variable"] for one in fields(Settings) if one.metadata}
"""Variable of each setting."""


def meanings() -> Iterator[tuple[list[str], str]]:
    """Variables, and what they are for: several where they belong together."""
    names: list[str] = []
    meaning = ""
    for variable in VARIABLES.values():
        if names and variable in _MEANINGS:
            yield names, meaning
            names = []
        names.append(variable)
        meaning = _MEANINGS.get(variable, meaning)
    yield names, meaning


_OF_STORES: Mapping[str, Any] = {one.name: one.default for one in fields(Settings) if one.metadata.get("of_stores")}
"""What the demo has in place of what is set."""
_READ: Mapping[str, Read] = {one.name: one.metadata["read"] for one in fields(Settings) if one.metadata}


def config_dir() -> Path:
    """Folder of `config.toml`."""
    return Path(platformdirs.user_config_dir(APP, appauthor=False))


def load_settings(environment: Mapping[str, str], file: Path | None = None) -> Settings:
    """Reads the table `[services]` of the TOML file, then the environment, which wins.

    Raises InvalidInput naming the variable or key, its value and what is allowed, also of a file that cannot be read
    and may name stores: what is written must not go to others.
    """
    values: dict[str, object] = {}
    places = dict(VARIABLES)
    services, values["file_problem"] = _from_file(file)
    for name, value in services.items():
        if name not in VARIABLES:
            near = f"did you mean {near[0]}? " if (near := near_names(name, VARIABLES)) else ""
            known = ", ".join(sorted(VARIABLES))
            raise InvalidInput(f"{file}: [services] has no setting {quoted(name)}; {near}known are {known}")
        places[name] = f"{file}: services.{name}"
        values[name] = _checked(name, value, places[name])
    for name, variable in VARIABLES.items():
        if text := environment.get(variable, "").strip():
            places[name] = variable
            values[name] = _checked(name, text, variable)
    values["default_home"] = Path(platformdirs.user_data_dir(APP, appauthor=False))
    values.setdefault("home", values["default_home"])
    if (runtime := Path(environment.get("XDG_RUNTIME_DIR", ""))).is_absolute():
        values["runtime_dir"] = runtime
    values.setdefault("actor", _user_name())
    values.setdefault("linger", _LINGER)
    values.setdefault("backup_keep", _BACKUP_KEEP)
    settings = Settings(**values)  # type: ignore[arg-type]  # each value was checked by name
    if settings.demo:
        home = Path(f"{os.path.abspath(settings.home)}-demo")
        settings = replace(settings, home=home, **_OF_STORES)
    _require_folder(settings.home, places["home"])
    if settings.chunk_overlap >= settings.chunk_size:
        raise InvalidInput(
            f"{places['chunk_overlap']} ({settings.chunk_overlap}) must be smaller than "
            f"{places['chunk_size']} ({settings.chunk_size})"
        )
    return settings


def _require_folder(home: Path, place: str) -> None:
    """Raises InvalidInput naming the place where the home was set, when it can be no folder."""
    for folder in (home, *home.parents):
        try:
            there = folder.exists()
        except OSError as error:
            raise InvalidInput(f"{place}: {shortened(str(folder))}: {error.strerror}; choose another folder") from error
        if there and not folder.is_dir():
            raise InvalidInput(f"{place}: {folder} is a file; it takes a folder, which is made where it lacks")
        if there:
            break


def settings_text(file: Path) -> str:
    """What is in the file of settings; "" where there is none. Raises InvalidInput, in one line that names it."""
    try:
        return read_regular(file).decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file}: cannot be read: it is no text in UTF-8 (byte {error.start + 1})") from error


def settings_table(text: str, file: Path) -> dict[str, object]:
    """What the text of that file says. Raises InvalidInput, in one line that names it."""
    if not text:
        return {}
    import tomllib  # takes longer than all else here, and hardly anybody has the file

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{file}: cannot be read as TOML: {error}") from error


def _from_file(file: Path | None) -> tuple[Mapping[str, object], str | None]:
    """The table of the services, and why there is none, of a file that cannot be read and names no store."""
    if file is None:
        return {}, None
    try:
        table = settings_table(settings_text(file), file).get("services", {})
    except InvalidInput as error:
        if b"services" in read_regular(file).replace(b"\0", b""):  # in UTF-16, too
            raise
        return {}, f"{error}; the defaults are used"
    if not isinstance(table, dict):
        raise InvalidInput(f"{file}: `services` must be a table, written [services]")
    return table, None


def _checked(name: str, value: object, where: str) -> object:
    try:
        return _READ[name](str(value))
    except ValueError as error:
        told = "" if name in _WITH_PASSWORDS else f" is {quoted(value)}; it"
        raise InvalidInput(f"{where}{told} must be {error}") from error


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "user"
